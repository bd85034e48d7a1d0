"""All indices of one recording."""

from __future__ import annotations

import numpy as np

from skheart.audio.waveform import resample
from skheart.quality import envelope, phases, spectrum
from skheart.segmentation.frames import SAMPLE_RATE, decibels
from skheart.segmentation.packaged import packaged
from skheart.segmentation.periodicity import period
from skheart.segmentation.segmenter import probabilities

__all__ = ["QUALITY_INDICES"]

#: Names of the indices, in the order of the columns of :class:`QualityTransformer`.
QUALITY_INDICES = (
    "periodicity",
    "sample_entropy",
    "autocorrelation",
    "envelope_deviation",
    "contrast",
    "bursts",
    "kurtosis",
    "band_share",
    "tonality",
    "clipped",
    "order_violations",
    "heartbeat_share",
    "no_heartbeat",
    "doubt",
    "beat_certainty",
)


def unit_peak(waveform: np.ndarray) -> np.ndarray:
    """Return the waveform without offset, between -1 and 1."""
    waveform = waveform - waveform.mean()
    return waveform / max(float(np.abs(waveform).max()), 1e-30)


def indices_of(
    waveform: np.ndarray,
    sample_rate: float,
    weights: list[np.ndarray] | None = None,
) -> dict[str, float]:
    """Compute all indices of at least a second, finite and not silent.

    `weights` are those of another segmenter than that of the package.
    """
    clipped = spectrum.clipped_share(waveform)
    waveform = unit_peak(resample(waveform, sample_rate, SAMPLE_RATE))
    power = spectrum.power_spectrum(waveform)
    bands = decibels(waveform)
    loudness = envelope.envelope_of(bands)
    probability = probabilities(packaged()[0] if weights is None else weights, bands)
    values = (
        envelope.periodicity(loudness),
        envelope.sample_entropy(loudness),
        envelope.autocorrelation(loudness),
        envelope.deviation(loudness),
        envelope.contrast(loudness),
        envelope.bursts(loudness),
        spectrum.log_kurtosis(waveform),
        spectrum.band_share(*power),
        spectrum.tonality(*power),
        clipped,
        phases.order_violations(probability),
        phases.heartbeat_share(probability),
        phases.no_heartbeat(probability),
        phases.doubt(probability),
        period(probability).certainty,
    )
    return dict(zip(QUALITY_INDICES, map(float, values), strict=True))
