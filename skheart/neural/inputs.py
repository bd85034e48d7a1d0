"""Check the spectrograms, labels and weights that a classifier gets."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    column_or_1d,
    validate_data,
)

from skheart._core.checks import check_number
from skheart.spectrogram.lazy import CachedSpectrograms

# Read row by row from the disk, not copied into memory.
_ON_DISK = (CachedSpectrograms, np.memmap)
_OPTIONS = {"dtype": np.float32, "allow_nd": True, "ensure_all_finite": False}


class SpectrogramsOnDisk:
    """Spectrograms with four dimensions that are read in batches, as float32.

    Parameters
    ----------
    source : CachedSpectrograms or memmap of three or four dimensions
    rows : ndarray of int, default=None
        Rows of the source. By default all.
    n_frames : int, default=None
        Frames after repetition. By default as many as the source has.
    """

    def __init__(
        self, source: Any, rows: np.ndarray | None = None, n_frames: int | None = None
    ) -> None:
        self.source = source
        self.rows = np.arange(len(source)) if rows is None else rows
        _, n_bands, stored, *channels = source.shape
        self.shape = (
            len(self.rows), n_bands, n_frames or stored, channels[0] if channels else 1
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Read some recordings, (n, n_bands, n_frames, n_channels)."""
        chosen = self.rows[rows]
        X = np.asarray(self.source[chosen], dtype=np.float32)
        X = _four_dimensions(X, chosen)
        if X.shape[2] != self.shape[2]:
            X = np.take(X, np.arange(self.shape[2]) % X.shape[2], axis=2)
        return X

    def only(self, rows: np.ndarray) -> SpectrogramsOnDisk:
        """Return some of the recordings, without reading them."""
        return SpectrogramsOnDisk(self.source, self.rows[rows], self.shape[2])

    def repeated(self, n_frames: int) -> SpectrogramsOnDisk:
        """Return them repeated to a number of frames, without reading them."""
        return SpectrogramsOnDisk(self.source, self.rows, n_frames)


Spectrograms = np.ndarray | SpectrogramsOnDisk


def only(X: Spectrograms, rows: np.ndarray) -> Spectrograms:
    """Return some of the recordings; those on disk stay there."""
    return X.only(rows) if isinstance(X, SpectrogramsOnDisk) else X[rows]


def repeated(X: Spectrograms, n_frames: int) -> Spectrograms:
    """Repeat spectrograms to a number of frames; those on disk stay there."""
    if isinstance(X, SpectrogramsOnDisk):
        return X.repeated(n_frames)
    return np.take(X, np.arange(n_frames) % X.shape[2], axis=2)


def check_spectrograms_and_labels(
    estimator: Any, X: Any, y: Any
) -> tuple[Spectrograms, np.ndarray]:
    """Check the arguments of `fit`; `X` gets four dimensions, float32."""
    if _is_on_disk(X):
        if y is None:
            raise ValueError("y cannot be None: it holds the label of each recording.")
        estimator.n_features_in_ = X.shape[1]
        return SpectrogramsOnDisk(X), _labels(y)
    _refuse_text(X)
    X, y = validate_data(estimator, X, y, **_OPTIONS)
    return _four_dimensions(X), _labels(y)


def _labels(y: Any) -> np.ndarray:
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    return y


def _is_on_disk(X: Any) -> bool:
    return isinstance(X, _ON_DISK) and X.ndim in (3, 4)


def check_spectrograms(estimator: Any, X: Any) -> Spectrograms:
    """Check `X` for a fitted estimator; it gets four dimensions, float32."""
    on_disk = _is_on_disk(X)
    if not on_disk:
        _refuse_text(X)
    n_bands, _, n_channels = estimator.input_shape_
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) > 2 and shape[1] != n_bands:
        raise ValueError(
            f"X must hold spectrograms of {n_bands} bands as in fit, got shape {shape}."
        )
    if shape == (n_bands, estimator.input_shape_[1]) and n_bands != shape[1] > 1:
        raise ValueError(
            f"X must hold several spectrograms, got one of shape {shape}; pass "
            "X[np.newaxis], or X[:1] of an array of them."
        )
    if on_disk:
        X = SpectrogramsOnDisk(X)
    else:
        X = _four_dimensions(validate_data(estimator, X, reset=False, **_OPTIONS))
    if X.shape[3] != n_channels:
        raise ValueError(
            f"X must have {n_channels} channels as in fit, got {X.shape[3]}."
        )
    return X


def combined_weights(
    X: np.ndarray, y: np.ndarray, sample_weight: Any, class_weight: Any
) -> np.ndarray | None:
    """Multiply sample weights and class weights; None where all are 1."""
    if not isinstance(class_weight, dict) and class_weight not in (None, "balanced"):
        raise ValueError(
            f'class_weight must be a dict, "balanced" or None, got {class_weight!r}.'
        )
    if isinstance(class_weight, dict):
        for label, weight in class_weight.items():
            check_number(f"class_weight of {label!r}", weight, closed="left")
    if sample_weight is None and class_weight is None:
        return None
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float32, copy=True, ensure_non_negative=True
    )
    if class_weight is not None:
        weights *= compute_sample_weight(class_weight, y).astype(np.float32)
    names = np.unique(y).tolist()
    heeded = [name for name in names if weights[y == name].any()]
    ignored = [name for name in names if name not in heeded]
    if ignored and len(heeded) < 2:
        raise ValueError(
            "sample_weight and class_weight must leave at least two classes with a "
            f"weight, got one class at most: {heeded}."
        )
    if ignored:
        warnings.warn(
            f"All recordings of class {ignored[0]!r} have weight 0, so nothing is "
            "learned about it; leave the class out or set a weight above 0.",
            UserWarning,
            stacklevel=4,
        )
    return weights


def check_lengths(X: Any, **others: Any) -> None:
    """Raise unless each of `others` has as many entries as `X`."""
    n_recordings = _length(X)
    for name, values in others.items():
        n_values = _length(values)
        if n_recordings is None or n_values is None or n_values == n_recordings:
            continue
        raise ValueError(
            f"{name} must hold one entry a recording: X has {n_recordings} recordings, "
            f"{name} has {n_values}."
        )


def _length(values: Any) -> int | None:
    """Return the number of entries along the first axis; None if there is no axis."""
    shape = getattr(values, "shape", None)
    if shape is not None:
        return shape[0] if shape else None
    return len(values) if hasattr(values, "__len__") else None


def _four_dimensions(X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Check spectrograms, and add the axis of channels.

    `rows` are their numbers in the user's array, for messages.
    """
    if X.ndim > 4:
        raise ValueError(
            "X must have the shape (n_recordings, n_bands, n_frames) or (n_recordings, "
            f"n_bands, n_frames, n_channels), got {X.shape}."
        )
    # The sum is finite unless a value is not, or values are absurdly large.
    if not np.isfinite(X.sum()):
        finite = np.isfinite(X.reshape(len(X), -1)).all(axis=1)
        if not finite.all():
            first = int(np.argmin(finite) if rows is None else rows[np.argmin(finite)])
            raise ValueError(
                f"X holds NaN or infinite (inf) values in {int((~finite).sum())} "
                f"recordings, first in recording {first}; leave these recordings out."
            )
    return X.reshape(X.shape + (1,) * (4 - X.ndim))


def _refuse_text(X: Any) -> None:
    """Raise if `X` holds paths or waveforms in place of spectrograms."""
    if hasattr(X, "iloc") and X.ndim == 1:
        X = X.to_numpy()
    rows = X if isinstance(X, list | tuple) or getattr(X, "ndim", 0) == 1 else []
    paths = any(isinstance(row, str | os.PathLike) for row in rows)
    waveforms = len({np.size(row) for row in rows if np.ndim(row) == 1}) > 1
    if paths or waveforms:
        raise ValueError(
            f"X must hold spectrograms, got {'paths' if paths else 'waveforms'}; put a "
            "SpectrogramTransformer before the classifier."
        )
