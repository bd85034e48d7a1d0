"""Training batches: which recordings, and which part of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart.neural.augment import augment


class TrainingBatches:
    """Random crops of spectrograms in random order, the same for the same seed.

    Each batch has a random generator of its own, made from the seed, the epoch and the
    number of the batch.

    Parameters
    ----------
    X : ndarray or SpectrogramsOnDisk of shape \
            (n_recordings, n_bands, n_frames, n_channels)
    targets : ndarray of shape (n_recordings, n_outputs)
    sample_weight : ndarray of shape (n_recordings,) or None
    codes : ndarray of shape (n_recordings,) or None
        Class of each recording, if each batch must hold every class.
    batch_size : int
    n_crop : int
        Frames in a crop.
    augment : float
        Strength of the augmentation, 0 for none.
    seed : int
    """

    def __init__(
        self,
        X: Any,
        targets: np.ndarray,
        *,
        sample_weight: np.ndarray | None,
        codes: np.ndarray | None,
        batch_size: int,
        n_crop: int,
        augment: float,
        seed: int,
    ) -> None:
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

    def go_to(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
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
    """Distribute the recordings of each class evenly over the batches.

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
    """Cut `n_crop` frames from a random place of each of `rows` of `X`."""
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
