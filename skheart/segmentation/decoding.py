"""From probabilities of frames to segments: a hidden semi-Markov model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skheart.segmentation.frames import CLASSES, FRAME_RATE, NONE, PHASES
from skheart.segmentation.kernels import best_path
from skheart.segmentation.periodicity import Period, period

__all__ = ["Segmentation", "decode_phases"]

_FLOOR = 1e-4  # of a probability, so that no frame decides alone
_IMPOSSIBLE = -1e9
_DURATIONS = np.arange(1, 261) / FRAME_RATE  # seconds
_SOUNDS = {"s1": (0.12, 0.025), "s2": (0.10, 0.025)}  # mean and sd, in seconds
# The shortest and the longest of each class, in seconds.
_SECONDS = {
    "s1": (0.03, 0.6),
    "systole": (0.02, 0.6),
    "s2": (0.03, 0.6),
    "diastole": (0.04, 2.6),
    "none": (0.6, 2.6),
}
_UNSURE = (0.20, 0.34)  # systole and beat where the recording tells nothing: log-mean
_ENTERING = -6.0  # logarithm of the odds of a stretch without a heartbeat
_RARE = -7.0  # logarithm of the share of durations that no mean explains
CERTAIN = 0.2  # certainty of a period from which on it is one
# Where more than this share of a recording may be no heartbeat, its period must be this
# certain. Of the recordings that the network was trained on, this empties none as they
# are, and 7 % with noise at 10 dB; of simulated speech, it empties about 9 in 10.
_DOUBTFUL, _UNDOUBTED = 0.05, 0.35
_FEWEST = 3  # phases in a stretch with a heartbeat
_SHORT = 2.0  # seconds
_AGREEMENT, _AGREEMENT_OF_SHORT = 0.5, 0.7  # mean probability of the phases found


class Segmentation(NamedTuple):
    """The phases of a recording, one after the other.

    Attributes
    ----------
    start, end : ndarray of shape (n_segments,)
        In seconds.
    phase : ndarray of shape (n_segments,)
        ``"s1"``, ``"systole"``, ``"s2"`` or ``"diastole"``.
    """

    start: np.ndarray
    end: np.ndarray
    phase: np.ndarray


def decode_phases(probability: np.ndarray) -> Segmentation:
    """Find the most likely sequence of phases, with durations like the recording's own.

    Parameters
    ----------
    probability : ndarray of shape (n_frames, 5)
        From :meth:`HeartSoundSegmenter.predict_proba`.

    Returns
    -------
    segmentation : Segmentation
        Empty if there is no heartbeat: no period is found in what may be noise, or
        there is no stretch with a whole beat whose phases are likely.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import decode_phases, load_segmenter
    >>> sounds = make_heart_sounds(1, classes="normal", duration=4.0, random_state=0)
    >>> probability = load_segmenter().predict_proba(sounds.data)[0]
    >>> sorted(set(decode_phases(probability).phase.tolist()))
    ['diastole', 's1', 's2', 'systole']
    """
    probability = check_probability(probability)
    n_frames = len(probability)
    found = period(probability)
    if found.certainty < _UNDOUBTED and probability[:, NONE].mean() > _DOUBTFUL:
        return segments(np.full(n_frames, NONE, dtype=np.int8))
    states = most_likely(probability, *durations(found))
    return segments(without_fragments(states, probability))


def most_likely(
    probability: np.ndarray, duration: np.ndarray, survival: np.ndarray
) -> np.ndarray:
    """Return the most likely state of each frame; there is no heartbeat in NaN."""
    if np.isnan(probability).any():
        return np.full(len(probability), NONE, dtype=np.int8)
    logarithm = np.log(np.maximum(probability, _FLOOR))
    emission = np.zeros((len(probability) + 1, len(CLASSES)))
    np.cumsum(logarithm, axis=0, out=emission[1:])
    states = np.empty(len(probability), dtype=np.int8)
    best_path(emission, duration, survival, transitions(), states)
    return states


def check_probability(probability: np.ndarray) -> np.ndarray:
    """Return probabilities as float64, or raise if they are not a recording's."""
    array = np.asarray(probability, dtype=float)
    if array.ndim != 2 or array.shape[1] != len(CLASSES) or len(array) == 0:
        raise ValueError(
            f"probability must have the shape (n_frames, {len(CLASSES)}) of one "
            f"recording's predict_proba, got {array.shape}."
        )
    return array


def without_fragments(states: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return states without the stretches of phases that are no heartbeat.

    A stretch counts if it holds both sounds and the systole between them, and if the
    network agrees with its phases: more so where it is short, since noise resembles a
    beat or two by chance.
    """
    kept = states.copy()
    change = np.flatnonzero(np.diff(states == NONE)) + 1
    for part in np.split(np.arange(len(states)), change):
        phases = states[part][np.r_[True, np.diff(states[part]) != 0]]
        agreement = probability[part, states[part]].mean()
        least = _AGREEMENT if len(part) >= _SHORT * FRAME_RATE else _AGREEMENT_OF_SHORT
        whole = len(phases) >= _FEWEST and {0, 2} <= set(phases.tolist())
        if not whole or agreement < least:
            kept[part] = NONE
    return kept


def segments(states: np.ndarray) -> Segmentation:
    """Return the runs of phases in states; stretches without a heartbeat are left out.

    A frame counts for the 10 ms around its centre.
    """
    change = np.flatnonzero(np.diff(states)) + 1
    first, last = np.r_[0, change], np.r_[change, len(states)]
    kept = states[first] != NONE
    start = np.maximum(first[kept] - 0.5, 0) / FRAME_RATE
    end = (last[kept] - 0.5) / FRAME_RATE
    return Segmentation(start, end, np.array(PHASES)[states[first[kept]]])


def checked_segments(segmentation: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, end and phase as arrays, sorted by time, or raise."""
    try:
        start, end, phase = (np.asarray(part) for part in segmentation)
        start, end = start.astype(float), end.astype(float)
        ok = start.shape == end.shape == phase.shape and start.ndim == 1
    except (TypeError, ValueError):
        ok = False
    if not ok:
        raise ValueError(
            "segmentation must be a tuple (start, end, phase) of three arrays of one "
            f"length, as HeartSoundSegmenter.predict returns, got {segmentation!r}."
        )
    order = np.argsort(start, kind="stable")
    return start[order], end[order], phase[order].astype(str)


def transitions() -> np.ndarray:
    """Return the logarithms of the odds of one state after another."""
    odds = np.full((len(CLASSES), len(CLASSES)), _IMPOSSIBLE)
    for state in range(len(PHASES)):
        odds[state, (state + 1) % len(PHASES)] = 0
        # Noise may begin at any time, and end before any phase.
        odds[state, NONE] = _ENTERING
        odds[NONE, state] = 0
    odds[NONE, NONE] = 0
    return odds


def any_durations() -> tuple[np.ndarray, np.ndarray]:
    """Return durations of which all that a heart can have are equally likely.

    Durations and survival have the shape (n_classes, n_durations).
    """
    low, high = np.array(list(_SECONDS.values())).T[:, :, np.newaxis]
    possible = (low <= _DURATIONS) & (high >= _DURATIONS)
    duration = np.where(possible, 0, _IMPOSSIBLE)
    return duration, np.zeros_like(duration)


def durations(found: Period) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of the durations' probabilities, and of longer ones'.

    Means are those of the recording's own period. A share of other durations stays
    possible: beats that come early or late. Both have the shape (n_classes,
    n_durations).
    """
    duration, _ = any_durations()
    means = dict(_SOUNDS)
    if found.certainty >= CERTAIN:
        systole = max(found.systole - _SOUNDS["s1"][0], 0.03)
        diastole = max(found.beat - found.systole - _SOUNDS["s2"][0], 0.05)
        means["systole"] = (systole, 0.025)
        means["diastole"] = (diastole, 0.02 + 0.08 * diastole)
    for state, phase in enumerate(PHASES):
        if phase in means:
            mean, sd = means[phase]
            density = np.exp(-0.5 * ((_DURATIONS - mean) / sd) ** 2) / sd
        else:  # broad, on a logarithmic scale
            mean = _UNSURE[0] if phase == "systole" else _UNSURE[1]
            density = np.exp(-0.5 * (np.log(_DURATIONS / mean) / 0.5) ** 2) / _DURATIONS
        density /= density.sum()
        possible = duration[state] == 0
        density = density + np.exp(_RARE) / possible.sum()
        duration[state, possible] = np.log(density[possible])
    probability = np.exp(np.maximum(duration, _IMPOSSIBLE))
    at_least = np.cumsum(probability[:, ::-1], axis=1)[:, ::-1]
    survival = np.log(np.maximum(np.minimum(at_least, 1), 1e-12))
    survival[NONE] = 0
    return duration, survival
