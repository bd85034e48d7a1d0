"""Crops to train on: other rhythms, added noise, and noise alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skheart.segmentation.frames import CLASSES, FRAME_RATE, IGNORED, NONE

_S1, _S2, _DIASTOLE = CLASSES.index("s1"), CLASSES.index("s2"), 3
_SHARE_OF_NOISE = 0.12  # of the crops
_NOISY = 0.85  # share of the crops of heartbeats with noise added
_LEVELS = (-6.0, 30.0)  # of the heart sounds against the noise, in dB
_OTHER_RHYTHM = 0.5  # share of crops with longer diastoles or early beats
_SHORTEST_DIASTOLE = 5  # frames


@dataclass(frozen=True)
class Frames:
    """Frames of many recordings, one recording after the other."""

    decibels: np.ndarray  # (n_frames, n_bands); half precision suffices
    labels: np.ndarray  # (n_frames,), int8
    first: np.ndarray  # of each recording, and the number of frames

    @property
    def beating(self) -> np.ndarray:
        """Mask of the frames in a heartbeat, (n_frames,): labelled, not as "none"."""
        return (self.labels != IGNORED) & (self.labels != NONE)

    def take(self, rows: np.ndarray) -> Frames:
        """Return some of the recordings."""
        parts = [slice(self.first[row], self.first[row + 1]) for row in rows]
        return joined(
            [self.decibels[part] for part in parts],
            [self.labels[part] for part in parts],
        )


def joined(decibels: list[np.ndarray], labels: list[np.ndarray]) -> Frames:
    """Join the frames of recordings."""
    lengths = [len(part) for part in labels]
    return Frames(
        np.concatenate(decibels), np.concatenate(labels), np.cumsum([0, *lengths])
    )


class CropDrawer:
    """Draws batches of crops of `n_crop` frames with their labels.

    Recordings of the phase "none" alone are noise, like the frames in `noise`.
    """

    def __init__(self, frames: Frames, noise: np.ndarray, *, n_crop: int) -> None:
        self._decibels, self._labels = frames.decibels, frames.labels
        self._n_crop = n_crop
        # The crops' middles: any annotated frame is as likely as another.
        self._middles = np.flatnonzero(frames.beating)
        self._row_of = np.repeat(
            np.arange(len(frames.first) - 1), np.diff(frames.first)
        )
        self._first = frames.first
        silent = [
            self._decibels[i:j]
            for i, j in zip(frames.first[:-1], frames.first[1:], strict=True)
            if j - i > 0 and (frames.labels[i:j] == NONE).all()
        ]
        self._noise = np.concatenate([noise, *silent]) if silent else noise
        self._n_synthetic, self._n_noise = len(noise), len(self._noise)

    @property
    def n_annotated(self) -> int:
        """Number of frames with a phase."""
        return len(self._middles)

    def draw(
        self, random: np.random.Generator, n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw crops, (n, n_crop, n_bands), and their labels, (n, n_crop)."""
        decibels = np.empty((n, self._n_crop, self._decibels.shape[1]), np.float32)
        labels = np.full((n, self._n_crop), NONE, dtype=np.int8)
        for row in range(n):
            if random.random() < _SHARE_OF_NOISE:
                decibels[row] = self._noise_crop(random)
                continue
            decibels[row], labels[row] = self._beating_crop(random)
            if random.random() < _NOISY:
                decibels[row] = with_noise(
                    decibels[row], self._noise_crop(random), random.uniform(*_LEVELS)
                )
        return decibels, labels

    def _beating_crop(
        self, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        middle = self._middles[random.integers(len(self._middles))]
        row = self._row_of[middle]
        begin, end = self._first[row], self._first[row + 1]
        start = middle - int(random.integers(self._n_crop))
        start = int(np.clip(start, begin, max(begin, end - self._n_crop)))
        stop = min(end, start + self._n_crop)
        labels = self._labels[start:stop]
        if random.random() < _OTHER_RHYTHM:
            places = other_rhythm(labels, random)[: self._n_crop]
        else:
            places = np.arange(len(labels))
        # What is too short is filled with itself; where it is joined, no label holds.
        fill = np.resize(places, self._n_crop)
        labels = labels[fill].copy()
        labels[len(places) :] = IGNORED
        # An annotation ends somewhere: its first and last phases may be cut.
        return self._decibels[start:stop][fill], labels

    def _noise_crop(self, random: np.random.Generator) -> np.ndarray:
        real = self._n_noise > self._n_synthetic and random.random() < 0.3
        low, high = (
            (self._n_synthetic, self._n_noise) if real else (0, self._n_synthetic)
        )
        start = random.integers(low, max(low + 1, high - self._n_crop))
        part = self._noise[start : min(high, start + self._n_crop)]
        if random.random() < 0.5:
            part = part[::-1]
        return np.resize(part, (self._n_crop, part.shape[1])).astype(np.float32)


def with_noise(decibels: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Add the power of noise, so that the sound is `level` dB above it on average."""
    power = 10 ** (decibels / np.float32(10))
    other = 10 ** (noise / np.float32(10))
    gain = power.mean() / max(float(other.mean()), 1e-9) * 10 ** (-level / 10)
    return 10 * np.log10(power + np.float32(gain) * other)


def other_rhythm(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw frames in an order that gives longer diastoles, or early beats.

    The frames of a longer diastole go forth and back, a shorter one loses those in its
    middle.
    """
    change = np.flatnonzero(np.diff(labels)) + 1
    starts, ends = np.r_[0, change], np.r_[change, len(labels)]
    codes = labels[starts]
    whole = np.zeros(len(codes), dtype=bool)
    whole[1:-1] = (codes[1:-1] == _DIASTOLE) & (codes[:-2] == _S2) & (codes[2:] == _S1)
    rows = np.flatnonzero(whole)
    lengths = ends - starts
    if random.random() < 0.6:
        longest = 0.8 * FRAME_RATE / max(lengths[rows].mean(), 1) if len(rows) else 0
        longer = random.uniform(1, 1 + longest)
        wobble = random.choice([0, 0.05, 0.25])
        factor = longer * np.exp(random.normal(0, wobble, len(rows)))
        lengths[rows] = np.maximum(lengths[rows] * factor, _SHORTEST_DIASTOLE)
    else:
        share = random.uniform(0.05, 0.3)
        for row in rows[random.random(len(rows)) < share]:
            room = lengths[row] - _SHORTEST_DIASTOLE
            beat = lengths[max(0, row - 3) : row + 1].sum()
            early = int(min(room, random.uniform(0.15, 0.45) * beat))
            if early <= 0:
                continue
            lengths[row] -= early
            if row + 4 < len(codes) and whole[row + 4]:
                lengths[row + 4] += early
    parts = [
        _resized(start, end - start, length)
        for start, end, length in zip(starts, ends, lengths, strict=True)
    ]
    return np.concatenate(parts)


def _resized(start: int, n: int, length: int) -> np.ndarray:
    """Return `length` of `n` frames: the middle is left out, or walked to and fro."""
    head = min(n, length) // 2
    tail = min(n, length) - head
    extra = max(0, length - n)
    reach = max(n - head - 1, 1)
    walk = reach - np.abs(np.arange(extra) % (2 * reach) - reach)
    return start + np.r_[0:head, np.minimum(head + walk, n - 1), n - tail : n]
