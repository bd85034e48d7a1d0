"""Premature beats made from real recordings, for testing rhythm analysis."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skheart._core.checks import check_number

__all__ = ["splice_ectopic_beats"]

_FADE = 0.015  # seconds of the cross-fade at a splice
_SHORTEST = 0.06  # seconds that are left of a diastole


def splice_ectopic_beats(
    waveform: np.ndarray,
    segmentation: Any,
    *,
    sample_rate: float,
    early: tuple[float, float] = (0.2, 0.45),
    share: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make some beats of a recording premature, each followed by a pause.

    Part of the diastole before such a beat is removed. The diastole after it is
    lengthened by as much with its own sound, played backward and forward, so that the
    next beat keeps its time. Pieces are cross-faded. At least one beat is premature, if
    one can be.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
    segmentation : tuple of (start, end, phase)
        Of the recording, such as from `read_segmentation`, in seconds.
    sample_rate : float
        In Hz.
    early : tuple of float, default=(0.2, 0.45)
        Minimum and maximum shortening of the interval before the beat, as a share of
        it. A beat whose diastole is too short for the minimum is not changed.
    share : float, default=0.1
        Share of the beats that come early; never two in a row.
    random_state : int, RandomState instance or None, default=None
        Which beats, and how early.

    Returns
    -------
    waveform : ndarray of shape (n_times,), float32
    onsets : ndarray of shape (n_early,)
        When the first sounds of the early beats begin, in seconds.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    read_segmentation : Read the phases of a recording of CirCor.
    make_heart_sounds : Simulated recordings, some with early beats.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.datasets import splice_ectopic_beats
    >>> start = np.arange(16) * 0.25
    >>> phase = np.tile(["s1", "systole", "s2", "diastole"], 4)
    >>> noise = np.random.default_rng(0).normal(size=8000)
    >>> waveform, onsets = splice_ectopic_beats(
    ...     noise, (start, start + 0.25, phase), sample_rate=2000,
    ...     early=(0.1, 0.15), random_state=0
    ... )
    >>> len(waveform), len(onsets)
    (8000, 1)
    """
    check_number("sample_rate", sample_rate, unit="Hz")
    check_number("share", share, high=1.0)
    for name, value in zip(("early[0]", "early[1]"), early, strict=True):
        check_number(name, value, high=1.0)
    if early[0] > early[1]:
        raise ValueError(f"early must rise from least to largest, got {early!r}.")
    random = check_random_state(random_state)
    array = np.asarray(waveform, dtype=np.float32)
    beats = _beats(segmentation)
    able = [
        row
        for row in range(len(beats) - 1)
        if beats[row][3] and early[0] * beats[row][2] <= _room(beats[row])
    ]
    chosen: list[int] = []
    for row in random.permutation(able).astype(int).tolist():
        if len(chosen) >= max(1, round(share * len(beats))):
            break
        if not {row - 1, row + 1} & set(chosen):
            chosen.append(row)
    onsets = []
    for row in sorted(chosen):
        diastole_start, onset, interval, _ = beats[row]
        least, largest = early[0], min(early[1], _room(beats[row]) / interval)
        piece = random.uniform(least, largest) * interval
        array = _moved(
            array,
            round(sample_rate * (diastole_start + onset) / 2),
            round(sample_rate * piece),
            round(sample_rate * beats[row + 1][0]),
            round(sample_rate * beats[row + 1][1]),
            max(2, round(_FADE * sample_rate)),
        )
        onsets.append(onset - piece)
    return array, np.array(onsets)


def _beats(segmentation: Any) -> list[tuple[float, float, float, bool]]:
    """Return each diastole that a first sound follows.

    Its start, that sound's onset, the time since the first sound before, and whether
    the next diastole in the list is that of the beat that follows.
    """
    start, end, phase = (np.asarray(part) for part in segmentation)
    order = np.argsort(start, kind="stable")
    start, end, phase = start[order], end[order], phase[order]
    found = []
    cycle = ["s1", "systole", "s2", "diastole", "s1"]
    for row in range(len(phase) - 4):
        whole = phase[row : row + 5].tolist() == cycle
        if whole and np.all(start[row + 1 : row + 5] - end[row : row + 4] < 0.005):
            found.append((start[row + 3], start[row + 4], start[row + 4] - start[row]))
    following = [
        row + 1 < len(found) and found[row + 1][1] - found[row + 1][2] < beat[1] + 0.005
        for row, beat in enumerate(found)
    ]
    return [(*beat, next_) for beat, next_ in zip(found, following, strict=True)]


def _room(beat: tuple[float, float, float, bool]) -> float:
    """Return how much of a diastole can be cut out, in seconds."""
    return max(0.0, beat[1] - beat[0] - _SHORTEST)


def _moved(
    x: np.ndarray, cut: int, n: int, pause_start: int, pause_end: int, n_fade: int
) -> np.ndarray:
    """Cut `n` values around `cut`, and put as many into the pause after the beat."""
    first, middle = cut - n // 2, (pause_start + pause_end) // 2
    pause = x[pause_start:pause_end]
    filling = np.resize(np.concatenate([pause[::-1], pause]), n + n_fade)
    # Each join overlaps by the fade, so that the length stays.
    joined = _crossfaded(x[:first], x[first + n - n_fade : middle], n_fade)
    joined = _crossfaded(joined, filling, n_fade)
    return _crossfaded(joined, x[middle - n_fade :], n_fade)


def _crossfaded(one: np.ndarray, other: np.ndarray, n_fade: int) -> np.ndarray:
    """Join two pieces, the end of one over the beginning of the other."""
    rise = np.linspace(0, 1, n_fade, dtype=np.float32)
    both = one[-n_fade:] * (1 - rise) + other[:n_fade] * rise
    return np.concatenate([one[:-n_fade], both, other[n_fade:]])
