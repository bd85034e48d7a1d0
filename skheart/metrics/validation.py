"""One-sentence checks of labels, scores, groups and weights."""

from __future__ import annotations

import reprlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning


def check_labels(name: str, values: ArrayLike) -> np.ndarray:
    """Return `values` as a 1-D array of sortable labels, one a recording."""
    labels = np.asarray(values)
    if labels.ndim != 1:
        raise ValueError(
            f"{name} must have shape (n_recordings,), one entry a recording, got "
            f"shape {labels.shape}."
        )
    if len(labels) == 0:
        raise ValueError(f"{name} must hold at least one entry, got none.")
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise ValueError(
            f"{name} must have no missing entry, got NaN at row "
            f"{np.flatnonzero(np.isnan(labels))[0]}."
        )
    sorted_labels(name, labels)
    return labels


def sorted_labels(name: str, *arrays: np.ndarray) -> np.ndarray:
    """Return the distinct labels of all `arrays`, sorted."""
    values = [value for array in arrays for value in array.tolist()]
    try:
        return np.array(sorted(set(values)), dtype=np.result_type(*arrays))
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise ValueError(
            f"{name} must hold labels of one kind, got {' and '.join(kinds)}."
        ) from None


def check_scores(name: str, values: ArrayLike) -> np.ndarray:
    """Return `values` as a float array of one or two axes without NaN."""
    try:
        scores = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be an array of numbers, got {reprlib.repr(values)}."
        ) from None
    if scores.ndim not in (1, 2):
        raise ValueError(
            f"{name} must have shape (n_recordings,) or (n_recordings, n_classes), "
            f"got shape {scores.shape}."
        )
    n_missing = np.isnan(scores).any(axis=tuple(range(1, scores.ndim))).sum()
    if n_missing:
        raise ValueError(
            f"{name} must have no NaN, got NaN for {n_missing} of {len(scores)} "
            "recordings; a network whose training diverged gives NaN."
        )
    return scores


def check_same_length(**arrays: Any) -> None:
    """Raise unless all `arrays` have one entry a recording.

    None, and what has no axis, is left to other checks.
    """
    found = {name: _length(array) for name, array in arrays.items()}
    lengths = {name: length for name, length in found.items() if length is not None}
    if len(set(lengths.values())) > 1:
        *names, last_name = lengths
        *counts, last_count = map(str, lengths.values())
        raise ValueError(
            f"{', '.join(names)} and {last_name} must have the same length, got "
            f"{', '.join(counts)} and {last_count}."
        )


def _length(values: Any) -> int | None:
    """Return the number of entries along the first axis; None if there is no axis."""
    if hasattr(values, "shape"):
        return values.shape[0] if values.shape else None
    return len(values) if hasattr(values, "__len__") else None


def check_sample_weight(values: ArrayLike | None, n_recordings: int) -> np.ndarray:
    """Return one weight a recording, 1 where `values` is None."""
    if values is None:
        return np.ones(n_recordings)
    weight = np.asarray(values, dtype=float)
    if weight.shape != (n_recordings,):
        raise ValueError(
            f"sample_weight must have shape ({n_recordings},), one weight a "
            f"recording, got shape {weight.shape}."
        )
    wrong = weight[~(np.isfinite(weight) & (weight >= 0))]
    if wrong.size:
        raise ValueError(
            f"sample_weight must be finite and not negative, got {wrong[0]:g}."
        )
    return weight


def encode(name: str, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each of `values` its index in `labels`."""
    index = {label: i for i, label in enumerate(labels.tolist())}
    codes = np.array([index.get(value, -1) for value in values.tolist()], dtype=int)
    if (codes < 0).any():
        raise ValueError(
            f"{name} must hold only the labels {labels.tolist()}, got "
            f"{values.tolist()[int(np.argmin(codes))]!r}."
        )
    return codes


def warn_undefined(sentence: str, *, stacklevel: int = 3) -> None:
    """Warn that the score is undefined; the caller returns NaN."""
    warnings.warn(sentence, UndefinedMetricWarning, stacklevel=stacklevel)


def label_list(labels: Any) -> str:
    """Return labels as they stand in a message."""
    return ", ".join(repr(label) for label in np.asarray(labels).tolist())
