"""Check the spectrograms, labels and weights that a classifier gets."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y, validate_data

from skheart._core.checks import check_number
from skheart.metrics.validation import check_same_length
from skheart.neural.network_record import StoredNetwork
from skheart.spectrogram.lazy import CachedSpectrograms

# Read in batches, never copied as a whole: from the disk, or at half precision.
_ON_DISK = (CachedSpectrograms, np.memmap)
_OPTIONS = {"dtype": np.float32, "allow_nd": True, "ensure_all_finite": False}


class SpectrogramsInBatches:
    """Spectrograms with four dimensions that are read in batches, as float32.

    They are on the disk, or in memory at half precision.

    `source` has three or four dimensions. By default all of its rows are used, and as
    many frames as it has; with more `n_frames` they are repeated.
    """

    def __init__(
        self, source: Any, rows: np.ndarray | None = None, n_frames: int | None = None
    ) -> None:
        self.source = source
        self.rows = np.arange(len(source)) if rows is None else rows
        _, n_bands, stored, *channels = source.shape
        n_channels = channels[0] if channels else 1
        self.shape = (len(self.rows), n_bands, n_frames or stored, n_channels)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Read some recordings, (n, n_bands, n_frames, n_channels)."""
        chosen = self.rows[rows]
        X = np.asarray(self.source[chosen], dtype=np.float32)
        X = _four_dimensions(X, chosen)
        return repeated(X, self.shape[2])

    def only(self, rows: np.ndarray) -> SpectrogramsInBatches:
        """Return some of the recordings, without reading them."""
        return SpectrogramsInBatches(self.source, self.rows[rows], self.shape[2])


Spectrograms = np.ndarray | SpectrogramsInBatches


@dataclass(frozen=True)
class TrainingData:
    """Spectrograms, with the number of the class and the weight of each recording."""

    X: Spectrograms
    codes: np.ndarray
    weights: np.ndarray

    def only(self, rows: np.ndarray) -> TrainingData:
        """Return some of the recordings; those on disk stay there."""
        X: Any = self.X
        X = X.only(rows) if isinstance(X, SpectrogramsInBatches) else X[rows]
        return TrainingData(X, self.codes[rows], self.weights[rows])


def repeated(X: Any, n_frames: int) -> Any:
    """Repeat spectrograms to a number of frames; those on disk stay there."""
    if X.shape[2] == n_frames:
        return X
    if isinstance(X, SpectrogramsInBatches):
        return SpectrogramsInBatches(X.source, X.rows, n_frames)
    return np.take(X, np.arange(n_frames) % X.shape[2], axis=2)


def check_training_data(
    estimator: Any, X: Any, y: Any, weight: Any, *, groups: Any, class_weight: Any
) -> tuple[TrainingData, np.ndarray]:
    """Check the arguments of `fit`, and return them as one, with the classes."""
    check_same_length(X=X, y=y, sample_weight=weight, groups=groups)
    X = _checked(estimator, X, reset=True)
    if y is None:
        raise ValueError("y cannot be None: y should be a 1d array of the labels.")
    y = _check_y(y, estimator=estimator)
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least two classes, got one class: {classes.tolist()[0]!r}."
        )
    weights = _combined_weights(X, y, weight, class_weight)
    return TrainingData(X, codes, weights), classes


def check_spectrograms(
    estimator: Any, X: Any, input_shape: tuple[int, int, int]
) -> Spectrograms:
    """Check `X` for a fitted estimator; it gets four dimensions, float32.

    `input_shape` is that of a spectrogram in `fit`: bands, frames and channels.
    """
    n_bands, n_frames, n_channels = input_shape
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) > 2 and shape[1] != n_bands:
        raise ValueError(
            f"X must hold spectrograms of {n_bands} bands as in fit, got shape {shape}."
        )
    if shape == (n_bands, n_frames) and n_bands != n_frames > 1:
        raise ValueError(
            f"X must hold several spectrograms, got one of shape {shape}; pass "
            "X[np.newaxis], or X[:1] of an array of them."
        )
    X = _checked(estimator, X, reset=False)
    if X.shape[3] != n_channels:
        raise ValueError(
            f"X must have {n_channels} channels as in fit, got {X.shape[3]}."
        )
    return X


def _checked(estimator: Any, X: Any, *, reset: bool) -> Spectrograms:
    half = isinstance(X, np.ndarray) and X.dtype == np.float16
    if (half or isinstance(X, _ON_DISK)) and X.ndim in (3, 4):
        if reset:
            estimator.n_features_in_ = X.shape[1]
        return SpectrogramsInBatches(X)
    _refuse_text(X)
    return _four_dimensions(validate_data(estimator, X, reset=reset, **_OPTIONS))


def fitted_to(start: StoredNetwork, data: TrainingData) -> TrainingData:
    """Check spectrograms against a start, and repeat those shorter than a crop."""
    X = data.X
    if (X.shape[1], X.shape[3]) != (start.n_bands, start.n_channels):
        raise ValueError(
            f"X must hold spectrograms of {start.n_bands} bands and "
            f"{start.n_channels} channels, as the network of weights was trained on, "
            f"got {X.shape[1]} bands and {X.shape[3]} channels; compute them with the "
            "transformer that belongs to it."
        )
    n_frames = max(X.shape[2], start.n_crop)
    return replace(data, X=repeated(X, n_frames))


def _combined_weights(
    X: Any, y: np.ndarray, sample_weight: Any, class_weight: Any
) -> np.ndarray:
    """Multiply sample weights and class weights, (n_recordings,), float32."""
    if isinstance(class_weight, dict):
        for label, weight in class_weight.items():
            check_number(f"class_weight of {label!r}", weight, closed="left")
    elif class_weight not in (None, "balanced"):
        raise ValueError(
            f'class_weight must be a dict, "balanced" or None, got {class_weight!r}.'
        )
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float32, copy=True, ensure_non_negative=True
    )
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
