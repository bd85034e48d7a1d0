"""Heart rate, intervals between beats, and figures of their rhythm.

Intervals and figures are computed from the peaks of the network's probabilities. The
decoding expects durations like those of the other beats, and moves an early beat
towards where it would have come; the peaks stay where the sound is. The heart rate, a
mean, comes from the decoded segments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import find_peaks

from skheart.segmentation.decoding import CERTAIN, check_probability, decode_phases
from skheart.segmentation.frames import CLASSES, FRAME_RATE
from skheart.segmentation.periodicity import LONGEST, SHORTEST, period

__all__ = [
    "RHYTHM_FEATURES",
    "HeartRate",
    "beat_intervals",
    "beat_times",
    "heart_rate",
    "rhythm_features",
]

_SMOOTHING = 0.05  # seconds over which probabilities are averaged before peaks are read
_LOW, _HIGH = 0.15, 0.5  # height of a peak that may be, and that surely is a sound
_REGULAR, _FEW = 0.2, 3  # intervals that tell the heart rate: how near, how many
_SILENT = 0.5  # probability of no heartbeat above which an interval does not count

#: Names of the columns of :func:`rhythm_features`.
RHYTHM_FEATURES = (
    "heart_rate",
    "certainty",
    "n_intervals",
    "spread",
    "shortest",
    "longest",
    "largest_jump",
    "short_long",
    "early_share",
    "late_share",
    "local_irregularity",
    "missing_s2",
    "faintest_s1",
    "systole_spread",
    "noise",
    "entropy",
)


class HeartRate(NamedTuple):
    """A heart rate and how certain it is.

    Attributes
    ----------
    bpm : float
        In beats per minute; NaN if no heartbeat was found.
    certainty : float
        0 to 1: how well the phases agree with those of one beat later.
    """

    bpm: float
    certainty: float


def heart_rate(probability: np.ndarray) -> HeartRate:
    """Estimate the heart rate of a recording.

    It is that of the mean interval between the first sounds that were found, without
    intervals that differ by a fifth from the recording's period.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    rate : HeartRate
        ``bpm`` is NaN if there is no heartbeat.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import heart_rate, load_segmenter
    >>> sounds = make_heart_sounds(
    ...     1, classes="normal", duration=8.0, heart_rate=72.0, random_state=0
    ... )
    >>> probability = load_segmenter().predict_proba(sounds.data)[0]
    >>> 68 < heart_rate(probability).bpm < 76
    True
    """
    probability = check_probability(probability)
    found = period(probability)
    if found.certainty < CERTAIN or _share_of_beats(probability) < 0.1:
        return HeartRate(np.nan, found.certainty)
    start, _, phase = decode_phases(probability)
    intervals = np.diff(start[phase == "s1"])
    near = intervals[np.abs(intervals / found.beat - 1) < _REGULAR]
    beat = float(near.mean()) if len(near) >= _FEW else found.beat
    return HeartRate(60 / beat, found.certainty)


def beat_times(probability: np.ndarray) -> np.ndarray:
    """Find the first heart sounds, without expecting a rhythm.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    times : ndarray of shape (n_beats,)
        Middles of the first sounds, in seconds.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import beat_times, load_segmenter
    >>> sounds = make_heart_sounds(1, classes="normal", duration=5.0, random_state=0)
    >>> probability = load_segmenter().predict_proba(sounds.data)[0]
    >>> len(beat_times(probability)) == len(sounds.beats[0])
    True
    """
    return _peaks(check_probability(probability), "s1")[0]


def beat_intervals(probability: np.ndarray) -> np.ndarray:
    """Compute the times from each first heart sound to the next.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    intervals : ndarray of shape (n_intervals,)
        In seconds. Intervals across a stretch without a heartbeat, or longer than 2.5
        seconds, are left out.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import beat_intervals, load_segmenter
    >>> sounds = make_heart_sounds(
    ...     1, classes="normal", duration=6.0, heart_rate=60.0, random_state=0
    ... )
    >>> probability = load_segmenter().predict_proba(sounds.data)[0]
    >>> bool(abs(beat_intervals(probability) - 1).max() < 0.2)
    True
    """
    probability = check_probability(probability)
    times = beat_times(probability)
    return np.diff(times)[_unbroken(times, probability)]


def rhythm_features(probability: np.ndarray) -> np.ndarray:
    """Compute figures of the rhythm of a recording.

    Intervals are those between first sounds, against their median.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    features : ndarray of shape (16,)
        Named by `RHYTHM_FEATURES`: heart rate in beats per minute and its certainty;
        number of intervals; their standard deviation, the shortest and the longest; the
        largest change from one to the next; the largest product of how much one is too
        short and the next too long; shares of intervals below 0.85 and above 1.15;
        median change from one to the next; share of beats without a second sound; the
        least of the probabilities of first sounds; standard deviation of the systoles;
        mean probability of no heartbeat; mean entropy of the phases. NaN where there
        are fewer than three intervals.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import load_segmenter, rhythm_features
    >>> sounds = make_heart_sounds(1, classes="normal", duration=6.0, random_state=0)
    >>> rhythm_features(load_segmenter().predict_proba(sounds.data)[0]).shape
    (16,)
    """
    probability = check_probability(probability)
    rate = heart_rate(probability)
    times, heights = _peaks(probability, "s1")
    seconds, _ = _peaks(probability, "s2")
    unbroken = _unbroken(times, probability)
    intervals = np.diff(times)
    found = dict.fromkeys(RHYTHM_FEATURES, np.nan)
    found["heart_rate"], found["certainty"] = rate
    found["n_intervals"] = float(unbroken.sum())
    found["noise"] = float(probability[:, CLASSES.index("none")].mean())
    logarithm = np.log(np.maximum(probability, 1e-9))
    found["entropy"] = -float((probability * logarithm).sum(axis=1).mean())
    if unbroken.sum() >= 3:
        middle = np.median(intervals[unbroken])
        relative = intervals / middle
        kept = relative[unbroken]
        pairs = unbroken[:-1] & unbroken[1:]
        jumps = np.diff(relative)[pairs]
        early, late = 1 - relative[:-1][pairs], relative[1:][pairs] - 1
        short_long = np.maximum(early, 0) * np.maximum(late, 0)
        systoles = _systoles(times[:-1], times[1:], seconds)[unbroken]
        known = systoles[~np.isnan(systoles)]
        found |= {
            "spread": float(kept.std()),
            "shortest": float(kept.min()),
            "longest": float(kept.max()),
            "largest_jump": float(np.abs(jumps).max(initial=0)),
            "short_long": float(short_long.max(initial=0)),
            "early_share": float(np.mean(kept < 0.85)),
            "late_share": float(np.mean(kept > 1.15)),
            "local_irregularity": float(np.median(np.abs(jumps))) if pairs.any() else 0,
            "missing_s2": float(np.isnan(systoles).mean()),
            "faintest_s1": float(heights.min()),
            "systole_spread": float(known.std()) if len(known) > 1 else 0.0,
        }
    return np.array([found[name] for name in RHYTHM_FEATURES])


def _share_of_beats(probability: np.ndarray) -> float:
    return float(np.mean(probability[:, CLASSES.index("none")] < _SILENT))


def _peaks(probability: np.ndarray, phase: str) -> tuple[np.ndarray, np.ndarray]:
    """Return times and heights of the sounds of a phase.

    A faint peak counts if the other sound has been heard since the last one.
    """
    n = round(_SMOOTHING * FRAME_RATE)
    kernel = np.ones(n) / n
    own, other = (
        np.convolve(probability[:, CLASSES.index(name)], kernel, "same")
        for name in (phase, "s2" if phase == "s1" else "s1")
    )
    distance = round(SHORTEST * 0.8 * FRAME_RATE)
    places, facts = find_peaks(own, height=_LOW, distance=distance)
    heights = facts["peak_heights"]
    kept: list[int] = []
    for row in np.argsort(-heights):
        place = places[row]
        if heights[row] < _HIGH:
            near = [places[k] for k in kept if abs(places[k] - place) < 200]
            between = (
                own[min(place, p) : max(place, p)].max() > 0
                and other[min(place, p) : max(place, p)].max() > _LOW
                for p in near
            )
            if not all(between):
                continue
        kept.append(int(row))
    rows = np.sort(np.array(kept, dtype=int))
    return _middles(own, places[rows]), heights[rows]


def _middles(own: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the centre of gravity around each peak, in seconds: it is finer."""
    reach = 6  # frames
    times = []
    for place in places:
        first = max(0, place - reach)
        part = own[first : place + reach + 1]
        times.append(first + float(np.sum(np.arange(len(part)) * part) / part.sum()))
    return np.array(times) / FRAME_RATE


def _unbroken(times: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return whether each interval is one of a heart that is heard all along."""
    silent = np.r_[0, np.cumsum(probability[:, CLASSES.index("none")] > _SILENT)]
    frames = np.round(times * FRAME_RATE).astype(int)
    lengths = np.diff(times)
    quiet = np.diff(silent[frames]) / np.maximum(lengths * FRAME_RATE, 1)
    return (lengths <= 1.25 * LONGEST) & (quiet < 0.3)


def _systoles(
    first: np.ndarray, following: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Return the time from each first sound to the second one before the next; NaN."""
    if len(second) == 0:
        return np.full(len(first), np.nan)
    places = np.searchsorted(second, first)
    after = second[np.minimum(places, len(second) - 1)]
    return np.where((after > first) & (after < following), after - first, np.nan)
