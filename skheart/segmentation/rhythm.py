"""Heart rate, intervals between beats, and figures of their rhythm.

Intervals and figures are computed from where the network's probabilities have their
peaks. The decoding expects durations like those of the other beats, and moves an early
beat towards where it would have come: here every duration is equally likely. The heart
rate, a mean, comes from the decoded segments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skheart.segmentation.decoding import (
    CERTAIN,
    Segmentation,
    any_durations,
    check_probability,
    decode_phases,
    most_likely,
    segments,
    without_fragments,
)
from skheart.segmentation.frames import CLASSES, FRAME_RATE, NONE
from skheart.segmentation.periodicity import LONGEST, SHORTEST, period

__all__ = [
    "RHYTHM_FEATURES",
    "HeartRate",
    "beat_intervals",
    "beat_times",
    "heart_rate",
    "no_heartbeat_reason",
    "rhythm_features",
]

_DOUBLED = 0.3  # how near to two median intervals
_REGULAR, _FEW = 0.2, 3  # intervals that tell the heart rate: how near, how many
_MOSTLY = 0.5  # mean probability of no heartbeat that is the reason for no rate
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
    "faintest_s1",
    "faintest_s2",
    "longest_unbroken",
    "typical_deviation",
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

    See Also
    --------
    no_heartbeat_reason : Say why it is NaN.

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
    return rate_of(probability, decode_phases(probability))[0]


def no_heartbeat_reason(probability: np.ndarray) -> str:
    """Return why the heart rate of a recording is NaN.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    reason : str
        "" if there is a heart rate.

    See Also
    --------
    heart_rate : Estimate the heart rate.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.segmentation import load_segmenter, no_heartbeat_reason
    >>> probability = load_segmenter().predict_proba([np.zeros(10_000)])[0]
    >>> no_heartbeat_reason(probability)
    'it is silent'
    """
    probability = check_probability(probability)
    return rate_of(probability, decode_phases(probability))[1]


def rate_of(
    probability: np.ndarray, segmentation: Segmentation
) -> tuple[HeartRate, str]:
    """Return the heart rate, and the reason if it is NaN."""
    found = period(probability)
    rate = HeartRate(np.nan, found.certainty)
    none = probability[:, NONE]
    if np.isnan(none).any():
        return rate, "it cannot be used"
    if (none == 1).all():
        return rate, "it is silent"
    if len(probability) < SHORTEST * FRAME_RATE:
        return rate, f"it is shorter than a beat, {SHORTEST:g} s"
    start, _, phase = segmentation
    if len(start) == 0 and none.mean() > _MOSTLY:
        return rate, "most of it does not sound like a heart"
    if found.certainty < CERTAIN:
        return rate, "its sounds do not repeat regularly"
    if len(start) == 0:
        return rate, "too few of its sounds are like those of a heart"
    intervals = np.diff(start[phase == "s1"])
    near = intervals[np.abs(intervals / found.beat - 1) < _REGULAR]
    beat = float(near.mean()) if len(near) >= _FEW else found.beat
    return HeartRate(60 / beat, found.certainty), ""


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
    features : ndarray of shape (18,)
        Named by `RHYTHM_FEATURES`: heart rate in beats per minute and its certainty;
        number of intervals; their standard deviation, the shortest and the longest; the
        largest change from one to the next; the largest product of how much one is too
        short and the next too long; shares of intervals below 0.85 and above 1.15;
        median change from one to the next; the least of the probabilities of first and
        of second sounds; the longest interval and the 80th percentile of deviations,
        where those near two median intervals count as two; standard deviation of the
        systoles; mean probability of no heartbeat; mean entropy of the phases. NaN
        where there are fewer than three intervals, and all NaN for a recording that
        cannot be used.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import load_segmenter, rhythm_features
    >>> sounds = make_heart_sounds(1, classes="normal", duration=6.0, random_state=0)
    >>> rhythm_features(load_segmenter().predict_proba(sounds.data)[0]).shape
    (18,)
    """
    probability = check_probability(probability)
    if np.isnan(probability).any():
        return np.full(len(RHYTHM_FEATURES), np.nan)
    rate = heart_rate(probability)
    times, heights = _peaks(probability, "s1")
    seconds, second_heights = _peaks(probability, "s2")
    unbroken = _unbroken(times, probability)
    intervals = np.diff(times)
    found = dict.fromkeys(RHYTHM_FEATURES, np.nan)
    found["heart_rate"], found["certainty"] = rate
    found["n_intervals"] = float(unbroken.sum())
    found["noise"] = float(probability[:, NONE].mean())
    logarithm = np.log(np.maximum(probability, 1e-9))
    found["entropy"] = -float((probability * logarithm).sum(axis=1).mean())
    if unbroken.sum() >= 3:
        middle = np.median(intervals[unbroken])
        relative = intervals / middle
        kept = relative[unbroken]
        pairs = unbroken[:-1] & unbroken[1:]
        # An interval of two beats is that of a sound that was missed.
        doubled = np.abs(kept - 2) < _DOUBLED
        single = np.where(doubled, kept / 2, kept)
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
            "faintest_s1": float(heights.min()),
            "faintest_s2": float(second_heights.min(initial=1)),
            "longest_unbroken": float(single.max()),
            "typical_deviation": float(np.quantile(np.abs(single - 1), 0.8)),
            "systole_spread": float(known.std()) if len(known) > 1 else 0.0,
        }
    return np.array([found[name] for name in RHYTHM_FEATURES])


def _peaks(probability: np.ndarray, phase: str) -> tuple[np.ndarray, np.ndarray]:
    """Return times and heights of the sounds of a phase.

    Phases follow each other, but all durations are equally likely. The time is the
    centre of gravity of the probability in the segment, which is finer than a frame.
    """
    states = most_likely(probability, *any_durations())
    start, end, phases = segments(without_fragments(states, probability))
    own = probability[:, CLASSES.index(phase)]
    times, heights = [], []
    for first, last in zip(start[phases == phase], end[phases == phase], strict=True):
        frames = np.arange(
            int(np.ceil(first * FRAME_RATE)), int(np.ceil(last * FRAME_RATE))
        )
        part = own[frames] + 1e-9
        times.append(float(np.sum(frames * part) / part.sum()) / FRAME_RATE)
        heights.append(float(part.max()))
    return np.array(times), np.array(heights)


def _unbroken(times: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return whether each interval is one of a heart that is heard all along."""
    silent = np.r_[0, np.cumsum(probability[:, NONE] > _SILENT)]
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
