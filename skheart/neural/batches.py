"""Training batches: which recordings, and which part of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skheart.neural.augment import augment


@dataclass
class TrainingBatches:
    """Random crops of spectrograms in random order, the same for the same seed.

    Each batch has a random generator of its own, made from the seed, the epoch and the
    number of the batch.
    """

    X: Any  # spectrograms, (n_recordings, n_bands, n_frames, n_channels)
    targets: np.ndarray  # (n_recordings, n_outputs)
    weights: np.ndarray  # of each recording in the loss
    codes: np.ndarray | None  # class of each, if each batch must hold every class
    batch_size: int
    n_crop: int  # frames in a crop
    augment: float  # strength of the augmentation, 0 for none
    seed: int

    def __post_init__(self) -> None:
        self.n_batches = -(-len(self.X) // self.batch_size)
        self.go_to(0)

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the crops, the targets and the weights of a batch."""
        rows = self.batches[index]
        random = np.random.default_rng([self.seed, self.epoch, index + 1])
        X = crop(self.X, rows, self.n_crop, random)
        if self.augment:
            X = augment(X, self.augment, random)
        return X, self.targets[rows], self.weights[rows]

    def go_to(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.epoch = epoch
        random = np.random.default_rng([self.seed, epoch, 0])
        if self.codes is None:
            rows = random.permutation(len(self.X))
            self.batches = np.array_split(rows, self.n_batches)
        else:
            self.batches = stratified_batches(self.codes, self.n_batches, random)


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
