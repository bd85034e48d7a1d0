"""Training batches: which recordings, which part of each, and how it is varied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skheart.neural.inputs import TrainingData


@dataclass
class TrainingBatches:
    """Random crops of spectrograms in random order, the same for the same seed.

    Each batch has a random generator of its own, made from the seed, the epoch and the
    number of the batch.
    """

    data: TrainingData
    targets: np.ndarray  # (n_recordings, n_outputs)
    batch_size: int
    n_crop: int  # frames in a crop
    augment: float  # strength of the augmentation, 0 for none
    seed: int
    stratified: bool  # whether each batch must hold every class

    def __post_init__(self) -> None:
        self.n_batches = -(-len(self.data.X) // self.batch_size)
        self.go_to(0)

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the crops, the targets and the weights of a batch."""
        rows = self.batches[index]
        random = np.random.default_rng([self.seed, self.epoch, index + 1])
        X = crop(self.data.X, rows, self.n_crop, random)
        if self.augment:
            X = augment(X, self.augment, random)
        return X, self.targets[rows], self.data.weights[rows]

    def go_to(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.epoch = epoch
        random = np.random.default_rng([self.seed, epoch, 0])
        codes = self.data.codes
        if self.stratified:
            self.batches = stratified_batches(codes, self.n_batches, random)
        else:
            rows = random.permutation(len(codes))
            self.batches = np.array_split(rows, self.n_batches)


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
    places = zip(rows, starts, strict=True)
    return np.stack([X[row, :, start : start + n_crop] for row, start in places])


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
