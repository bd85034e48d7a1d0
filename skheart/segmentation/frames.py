"""From a waveform to what the network sees, and from phases to labels of frames."""

from __future__ import annotations

from functools import cache

import numpy as np

from skheart.spectrogram.bands import SpectrogramSettings

SAMPLE_RATE = 2000.0  # Hz
FRAME_RATE = 100.0  # frames per second
WINDOW = 0.025  # seconds
N_BANDS = 40
F_MIN, F_MAX = 25.0, 800.0  # Hz
PHASES = ("s1", "systole", "s2", "diastole")
CLASSES = (*PHASES, "none")
NONE = CLASSES.index("none")
IGNORED = -1  # label of frames that nobody has annotated
_FLOOR = 1e-6  # of the power, against that of the recording
_DECIBELS = 10.0  # what the network sees as 1


@cache
def settings() -> SpectrogramSettings:
    """Return the settings of the spectrogram."""
    return SpectrogramSettings(
        SAMPLE_RATE, WINDOW, 1 / FRAME_RATE, N_BANDS, F_MIN, F_MAX, "mel", None, _FLOOR
    )


def decibels(waveform: np.ndarray) -> np.ndarray:
    """Compute the power in bands over time, for a recording of unit power.

    The waveform is at `SAMPLE_RATE`. Frames, (n_frames, n_bands), are centred on
    multiples of 10 ms.
    """
    waveform = waveform - waveform.mean()
    loudness = np.sqrt(np.mean(np.square(waveform)))
    if loudness > 0:
        waveform = waveform / loudness
    return np.ascontiguousarray(settings().compute(waveform).T)


def levelled(decibels: np.ndarray) -> np.ndarray:
    """Subtract the mean of each band, (..., n_frames, n_bands), in units of 10 dB.

    Gain and tone of the stethoscope vanish. The contrast stays: noise that covers the
    beats is a small contrast.
    """
    x = decibels.astype(np.float32)
    x -= x.mean(axis=-2, keepdims=True)
    x /= np.float32(_DECIBELS)
    return x


def frame_labels(
    start: np.ndarray, end: np.ndarray, phase: np.ndarray, n_frames: int
) -> np.ndarray:
    """Return the number in `CLASSES` of the phase at each frame's centre.

    It is -1 where there is no phase, or another word.
    """
    labels = np.full(n_frames, IGNORED, dtype=np.int8)
    for code, word in enumerate(CLASSES):
        rows = np.flatnonzero(phase == word)
        first = np.ceil(start[rows] * FRAME_RATE - 1e-6).astype(int)
        last = np.ceil(end[rows] * FRAME_RATE - 1e-6).astype(int)
        for i, j in zip(first, last, strict=True):
            labels[max(i, 0) : max(j, 0)] = code
    return labels
