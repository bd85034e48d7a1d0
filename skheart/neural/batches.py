"""Training batches: which recordings, which part of them, and how they are varied."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import keras
import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold


def split_patients(
    codes: np.ndarray,
    groups: Any,
    *,
    fraction: float,
    seed: int,
    name: str = "validation_fraction",
    way_out: str = "patience=None",
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a validation part: whole patients, with every class on both sides.

    Parameters
    ----------
    codes : ndarray of shape (n_recordings,)
        Number of the class of each recording.
    groups : array-like of shape (n_recordings,) or None
        Patients; without them each recording is one.
    fraction : float
        Share of the patients to split off, up to a half; the nearest that some of at
        most ten folds make.
    seed : int
    name, way_out : str
        What messages call `fraction`, and how to do without.

    Returns
    -------
    train, held_out : ndarray of int
        Indices.
    """
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    share = Fraction(fraction).limit_denominator(10)
    if share == 0:
        share = Fraction(1, round(1 / fraction))
    splitter = kind(share.denominator, shuffle=True, random_state=seed)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated", UserWarning)
            folds = [held for _, held in splitter.split(codes, codes, groups)]
    except ValueError as error:
        raise ValueError(
            f"{name}={fraction:g} cannot be set apart ({error}); raise it or use "
            f"{way_out}."
        ) from None
    classes = set(codes)
    for first in range(len(folds)):
        chosen = [(first + step) % len(folds) for step in range(share.numerator)]
        held_out = np.sort(np.concatenate([folds[fold] for fold in chosen]))
        train = np.setdiff1d(np.arange(len(codes)), held_out)
        if set(codes[train]) == set(codes[held_out]) == classes:
            return train, held_out
    raise ValueError(
        f"{name}={fraction:g} cannot be set apart with patients of every class on both "
        f"sides: some class has too few patients; use {way_out}."
    )


class TrainingBatches(keras.utils.PyDataset):
    """Random crops of spectrograms in random order, the same for the same seed.

    Each batch has a random generator of its own, made from the seed, the epoch and the
    number of the batch: what Keras asks for, how often and from which thread makes no
    difference.

    Parameters
    ----------
    X : ndarray or SpectrogramsOnDisk of shape \
            (n_recordings, n_bands, n_frames, n_channels)
    targets : ndarray of shape (n_recordings, n_outputs)
    sample_weight : ndarray of shape (n_recordings,) or None
    codes : ndarray of shape (n_recordings,) or None
        Class of each recording, if each batch shall hold every class.
    batch_size : int
    n_crop : int
        Frames in a crop.
    augment : float
        Strength of the augmentation, 0 for none.
    seed : int
    """

    def __init__(
        self, X, targets, *, sample_weight, codes, batch_size, n_crop, augment, seed
    ) -> None:
        super().__init__()
        self.X, self.targets, self.sample_weight = X, targets, sample_weight
        self.codes, self.n_crop, self.augment = codes, n_crop, augment
        self.n_batches = -(-len(X) // batch_size)
        self.seed, self.epoch = seed, 0
        self.batches = self._draw()

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows = self.batches[index]
        random = np.random.default_rng([self.seed, self.epoch, index + 1])
        X = crop(self.X, rows, self.n_crop, random)
        if self.augment:
            X = augment(X, self.augment, random)
        batch = (X, self.targets[rows])
        return (
            batch if self.sample_weight is None else (*batch, self.sample_weight[rows])
        )

    def on_epoch_end(self) -> None:
        """Draw the batches of the next epoch."""
        self.go_to(self.epoch + 1)

    def go_to(self, epoch: int) -> None:
        """Draw the batches of an epoch, as if those before it had been."""
        self.epoch = epoch
        self.batches = self._draw()

    def _draw(self) -> list[np.ndarray]:
        random = np.random.default_rng([self.seed, self.epoch, 0])
        if self.codes is None:
            return np.array_split(random.permutation(len(self.X)), self.n_batches)
        return stratified_batches(self.codes, self.n_batches, random)


def stratified_batches(
    codes: np.ndarray, n_batches: int, random: np.random.Generator
) -> list[np.ndarray]:
    """Deal the recordings of each class out evenly, so that every batch has each.

    A class with fewer recordings than there are batches appears more than once.
    """
    parts: list[list[np.ndarray]] = [[] for _ in range(n_batches)]
    for code in np.unique(codes):
        rows = random.permutation(np.flatnonzero(codes == code))
        if len(rows) < n_batches:
            rows = np.concatenate([rows, random.choice(rows, n_batches - len(rows))])
        for part, dealt in zip(parts, np.array_split(rows, n_batches), strict=True):
            part.append(dealt)
    return [random.permutation(np.concatenate(part)) for part in parts]


def crop(
    X: Any, rows: np.ndarray, n_crop: int, random: np.random.Generator
) -> np.ndarray:
    """Take `n_crop` frames from a random place of each of `rows` of `X`."""
    spare = X.shape[2] - n_crop
    if spare == 0:
        return X[rows]
    starts = random.integers(0, spare + 1, len(rows))
    if not isinstance(X, np.ndarray):  # read from the disk
        X, rows = X[rows], np.arange(len(rows))
    cropped = np.empty((len(rows), X.shape[1], n_crop, X.shape[3]), dtype=X.dtype)
    for target, row, start in zip(cropped, rows, starts, strict=True):
        target[...] = X[row, :, start : start + n_crop]
    return cropped


def augment(X: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Vary a batch: a smooth gain over the bands, masked bands and masked frames.

    At strength 1 the gain has a standard deviation of half the spectrogram's, and up to
    a sixth of the bands and two times a tenth of the frames become the mean. The array
    is changed in place.
    """
    n, n_bands, n_frames, _ = X.shape
    knots = random.normal(0, 0.5 * strength, (n, 5))
    place = np.linspace(0, 4, n_bands)
    left = np.minimum(place.astype(int), 3)
    share = place - left
    gain = knots[:, left] * (1 - share) + knots[:, left + 1] * share
    deviation = X.std(axis=(1, 2, 3), keepdims=True)
    mean = X.mean(axis=(1, 2, 3))
    X += (gain[:, :, np.newaxis, np.newaxis] * deviation).astype(X.dtype)
    for _ in range(2):
        _mask(np.swapaxes(X, 1, 2), mean, 0.1 * strength * n_frames, random)
    _mask(X, mean, strength * n_bands / 6, random)
    return X


def _mask(
    X: np.ndarray, mean: np.ndarray, widest: float, random: np.random.Generator
) -> None:
    """Set a random stretch of axis 1 of each spectrogram to its mean."""
    widths = random.integers(0, int(min(widest, X.shape[1] - 1)) + 1, len(X))
    starts = random.integers(0, X.shape[1] - widths + 1)
    for spectrogram, start, width, value in zip(X, starts, widths, mean, strict=True):
        spectrogram[start : start + width] = value
