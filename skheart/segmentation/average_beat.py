"""The average heartbeat of a recording, and how loud its phases are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import butter, get_window, sosfiltfilt

from skheart._core.checks import check_number
from skheart.audio.waveform import check_waveform
from skheart.segmentation.decoding import checked_segments
from skheart.segmentation.frames import F_MAX, F_MIN, PHASES

__all__ = ["AverageBeat", "average_beat", "phase_loudness"]

_SMOOTHING = 0.02  # seconds over which the power is averaged
_STEP = 0.005  # seconds from one value of the beat to the next
_MARGIN = 0.03  # seconds at the ends of systole and diastole, where sounds reach in
_FLOOR = 1e-6  # of the amplitude: -120 dB
_RATIOS = (("systole", "s1"), ("diastole", "s2"), ("systole", "diastole"))
_SPREAD = (10, 90)  # percentiles over the beats
_GAP = 0.005  # seconds between segments that still follow each other
_EDGE = 0.015  # seconds before the end of a recording where it cuts a phase


@dataclass(frozen=True)
class AverageBeat:
    """The loudness over one heartbeat, averaged over the beats of a recording.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
        From the start of the first sound, in seconds; every phase has its median
        duration.
    mean : ndarray of shape (n_times,)
        Mean level over the beats, in dB; 0 is a sine wave of full scale.
    low, high : ndarray of shape (n_times,)
        The level that a tenth of the beats stay below, and that a tenth exceed.
    boundaries : ndarray of shape (5,)
        Starts of S1, systole, S2 and diastole, and the end, in seconds.
    n_beats : int
        Number of complete beats. If it is 0, the arrays are empty.
    """

    times: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    boundaries: np.ndarray
    n_beats: int


def average_beat(
    waveform: np.ndarray, segmentation: Any, *, sample_rate: float
) -> AverageBeat:
    """Average the loudness over all complete beats of a recording.

    Each phase of each beat is stretched to the median duration of that phase, so that
    beats of unequal length lie on each other.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        One recording.
    segmentation : Segmentation or tuple of (start, end, phase)
        Its phases, from :meth:`HeartSoundSegmenter.predict`.
    sample_rate : float
        Of the waveform, in Hz; above 100.

    Returns
    -------
    beat : AverageBeat
        With ``n_beats=0`` and empty arrays if no beat is complete.

    Raises
    ------
    ValueError
        If `waveform` is not a usable waveform, `segmentation` does not consist of three
        arrays of one length, or `sample_rate` is out of range.

    See Also
    --------
    phase_loudness : One number for each phase.
    skheart.inspection.AverageBeatDisplay : Draws it.

    Notes
    -----
    The level is that of the power from 25 to 800 Hz, smoothed over 20 ms. What is
    louder than the rest in every beat, such as a murmur, stays; noise that comes now
    and then widens the spread.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import average_beat, load_segmenter
    >>> sounds = make_heart_sounds(1, classes="normal", duration=8.0, random_state=0)
    >>> (segmentation,) = load_segmenter().predict(sounds.data)
    >>> beat = average_beat(sounds.data[0], segmentation, sample_rate=2000)
    >>> beat.n_beats > 5, beat.boundaries.shape
    (True, (5,))
    """
    power = _power(waveform, sample_rate)
    start, end, phase = checked_segments(segmentation)
    beats = _complete_beats(start, end, phase, len(power) / sample_rate)
    if len(beats) == 0:
        none = np.empty(0)
        return AverageBeat(none, none, none, none, none, 0)
    durations = np.median(end[beats] - start[beats], axis=0)
    moments, times, before = [], [], 0.0
    for column, duration in enumerate(durations):
        n_values = max(1, round(duration / _STEP))
        shares = (np.arange(n_values) + 0.5) / n_values
        first, last = start[beats[:, column]], end[beats[:, column]]
        moments.append(first[:, np.newaxis] + np.outer(last - first, shares))
        times.append(before + duration * shares)
        before += duration
    places = np.arange(len(power)) / sample_rate
    levels = np.interp(np.concatenate(moments, axis=1), places, _decibels(power))
    low, high = np.percentile(levels, _SPREAD, axis=0)
    return AverageBeat(
        np.concatenate(times),
        levels.mean(axis=0),
        low,
        high,
        np.r_[0, np.cumsum(durations)],
        len(beats),
    )


def phase_loudness(
    waveform: np.ndarray, segmentation: Any, *, sample_rate: float
) -> dict[str, float]:
    """Compute how loud each phase of the heartbeat is.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        One recording.
    segmentation : Segmentation or tuple of (start, end, phase)
        Its phases, from :meth:`HeartSoundSegmenter.predict`.
    sample_rate : float
        Of the waveform, in Hz; above 100.

    Returns
    -------
    loudness : dict of str to float
        ``"s1"``, ``"systole"``, ``"s2"`` and ``"diastole"``: the level in dB, 0 being a
        sine wave of full scale; the median over the beats. ``"systole/s1"``,
        ``"diastole/s2"`` and ``"systole/diastole"``: their ratios in dB, which do not
        depend on the gain of the stethoscope. NaN for phases that do not occur.

    Raises
    ------
    ValueError
        If `waveform` is not a usable waveform, `segmentation` does not consist of three
        arrays of one length, or `sample_rate` is out of range.

    See Also
    --------
    average_beat : The level over time.

    Notes
    -----
    It is the mean power from 25 to 800 Hz. Of systole and diastole, 30 ms at each end
    (at most a quarter of the phase) do not count, because the heart sounds reach in. A
    loud systole can be a murmur, but also noise or an error of the segmentation.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import load_segmenter, phase_loudness
    >>> sounds = make_heart_sounds(
    ...     1, classes="murmur", murmurs="holosystolic", murmur_level=-14.0,
    ...     duration=8.0, random_state=0
    ... )
    >>> (segmentation,) = load_segmenter().predict(sounds.data)
    >>> loudness = phase_loudness(sounds.data[0], segmentation, sample_rate=2000)
    >>> loudness["systole/diastole"] > 3
    True
    """
    power = _power(waveform, sample_rate)
    start, end, phase = checked_segments(segmentation)
    sums = np.r_[0, np.cumsum(power)]
    levels = {}
    for name in PHASES:
        rows = phase == name
        first, last = start[rows], end[rows]
        if name in ("systole", "diastole"):
            margin = np.minimum(_MARGIN, (last - first) / 4)
            first, last = first + margin, last - margin
        i, j = (
            np.clip(np.round(edge * sample_rate).astype(int), 0, len(power))
            for edge in (first, last)
        )
        i, j = i[i < j], j[i < j]
        each = _decibels((sums[j] - sums[i]) / np.maximum(j - i, 1))
        levels[name] = float(np.median(each)) if len(each) else np.nan
    for above, below in _RATIOS:
        levels[f"{above}/{below}"] = levels[above] - levels[below]
    return levels


def _power(waveform: np.ndarray, sample_rate: float) -> np.ndarray:
    """Return the smoothed power from 25 to 800 Hz, (n_times,); 1 is a full sine."""
    check_number("sample_rate", sample_rate, unit="Hz", low=4 * F_MIN)
    array = check_waveform(waveform, allow_silence=True).astype(np.float64)
    limits: Any = (F_MIN, F_MAX)
    kind = "bandpass"
    if sample_rate / 2 <= F_MAX:
        limits, kind = F_MIN, "highpass"
    filters = butter(2, limits, btype=kind, fs=sample_rate, output="sos")
    padding = min(len(array) - 1, round(sample_rate / F_MIN))
    array = sosfiltfilt(filters, array, padlen=padding)
    taper = get_window("hann", max(3, round(_SMOOTHING * sample_rate)))
    power = np.convolve(2 * array**2, taper / taper.sum(), mode="full")
    return power[len(taper) // 2 :][: len(array)]


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, _FLOOR**2))


def _complete_beats(
    start: np.ndarray, end: np.ndarray, phase: np.ndarray, duration: float
) -> np.ndarray:
    """Return the rows of the four phases of each beat, (n_beats, 4).

    Beats at the edges of the recording, whose first or last phase may be cut off, are
    left out.
    """
    first = np.arange(max(0, len(start) - 3))
    rows = first[:, np.newaxis] + np.arange(4)
    whole = (phase[rows] == np.array(PHASES)).all(axis=1)
    whole &= (start[rows[:, 1:]] - end[rows[:, :-1]] < _GAP).all(axis=1)
    whole &= (start[first] > 0) & (end[first + 3] < duration - _EDGE)
    return rows[whole]
