"""Compare segmentations with annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skheart._core.checks import check_number, check_option
from skheart.segmentation.frames import PHASES

__all__ = ["PhaseScore", "phase_score"]


@dataclass(frozen=True)
class PhaseScore:
    """How well the segments of one phase were found; scores can be added.

    Attributes
    ----------
    n_matched : int
        Pairs of an annotated and a predicted segment.
    n_true : int
        Annotated segments.
    n_predicted : int
        Predicted segments in the annotated part of the recordings.
    """

    n_matched: int
    n_true: int
    n_predicted: int

    @property
    def sensitivity(self) -> float:
        """Share of the annotated segments that were found; NaN if there are none."""
        return self.n_matched / self.n_true if self.n_true else np.nan

    @property
    def precision(self) -> float:
        """Share of the predicted segments that are right; NaN if there are none."""
        return self.n_matched / self.n_predicted if self.n_predicted else np.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of both; NaN if there are no segments at all."""
        both = self.n_true + self.n_predicted
        return 2 * self.n_matched / both if both else np.nan

    def __add__(self, other: PhaseScore) -> PhaseScore:
        return PhaseScore(
            self.n_matched + other.n_matched,
            self.n_true + other.n_true,
            self.n_predicted + other.n_predicted,
        )


def phase_score(
    y_true: Any,
    y_pred: Any,
    *,
    phase: str,
    tolerance: float = 0.06,
    at: str = "start",
) -> PhaseScore:
    """Count the segments of a phase that were found within a tolerance.

    Each annotated segment is matched with at most one predicted one. Predicted segments
    outside the annotated part of the recording are not counted.

    Parameters
    ----------
    y_true : tuple of (start, end, phase)
        Annotated segments, as of :func:`skheart.datasets.read_segmentation`. Labels
        that are not a phase, such as ``"unlabelled"``, mark parts without annotation.
    y_pred : Segmentation or tuple of (start, end, phase)
    phase : {"s1", "systole", "s2", "diastole"}
    tolerance : float, default=0.06
        Maximum distance between matched segments, in seconds.
    at : {"start", "centre"}, default="start"
        What is compared: the segments' starts, or the middles between start and end.

    Returns
    -------
    score : PhaseScore

    Raises
    ------
    ValueError
        If a parameter is not one of its choices.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.segmentation import phase_score
    >>> truth = np.array([0.0, 1.0]), np.array([0.1, 1.1]), np.array(["s1", "s1"])
    >>> found = np.array([0.02]), np.array([0.12]), np.array(["s1"])
    >>> phase_score(truth, found, phase="s1").sensitivity
    0.5
    """
    check_option("phase", phase, PHASES)
    check_option("at", at, ("start", "centre"))
    check_number("tolerance", tolerance, unit="seconds")
    true = _times(y_true, phase, at)
    found = _times(y_pred, phase, at)
    matched_true, matched_found = matches(true, found, tolerance)
    starts, ends = annotated_parts(y_true)
    inside = np.zeros(len(found), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        inside |= (found >= start) & (found < end)
    inside[matched_found] = True
    return PhaseScore(len(matched_true), len(true), int(inside.sum()))


def matches(
    true: np.ndarray, found: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Match sorted times one to one; return the indices of each pair in both arrays.

    Times match if they differ by at most `tolerance`; all are in seconds.
    """
    pairs = []
    i = j = 0
    while i < len(true) and j < len(found):
        gap = found[j] - true[i]
        if abs(gap) <= tolerance + 1e-9:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif gap < 0:
            j += 1
        else:
            i += 1
    rows = np.array(pairs, dtype=int).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def annotated_parts(segmentation: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends of the parts of a recording with phases."""
    start, end, phase = (np.asarray(part) for part in segmentation)
    rows = np.flatnonzero(np.isin(phase, PHASES))
    rows = rows[np.argsort(start[rows], kind="stable")]
    starts, ends = start[rows].astype(float), end[rows].astype(float)
    new = np.r_[True, starts[1:] > ends[:-1] + 0.005][: len(rows)]
    last = np.r_[new[1:], True][: len(rows)]
    return starts[new], ends[last]


def _times(segmentation: Any, phase: str, at: str) -> np.ndarray:
    start, end, phases = (np.asarray(part) for part in segmentation)
    rows = phases == phase
    times = start[rows] if at == "start" else (start[rows] + end[rows]) / 2
    return np.sort(times.astype(float))
