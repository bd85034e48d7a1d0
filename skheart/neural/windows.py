"""From the windows of recordings to probabilities, whatever runs the network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax

from skheart.neural.inputs import repeated

_BATCH = 128  # windows per call in prediction


def windowed_logits(
    forward: Callable[[np.ndarray], np.ndarray], X: Any, n_crop: int
) -> np.ndarray:
    """Average a network's logits over half-overlapping windows of each recording.

    `forward` computes logits, (n, n_outputs), from windows of `n_crop` frames, (n,
    n_bands, n_crop, n_channels). `X` holds spectrograms, (n_recordings, n_bands,
    n_frames, n_channels); those shorter than a window are repeated. The result is of
    shape (n_recordings, n_outputs), float32.
    """
    X = repeated(X, max(X.shape[2], n_crop))
    starts = window_starts(X.shape[2], n_crop)
    n_recordings = max(1, _BATCH // len(starts))
    logits = []
    for first in range(0, len(X), n_recordings):
        part = X[first : first + n_recordings]
        windows = np.stack([part[:, :, s : s + n_crop] for s in starts], axis=1)
        windows = windows.reshape(-1, *windows.shape[2:])
        # Few sizes of batch, since sums may be rounded otherwise in another.
        size = 1 << (len(windows) - 1).bit_length()
        filled = np.zeros((size, *windows.shape[1:]), dtype=np.float32)
        filled[: len(windows)] = windows
        output = forward(filled)[: len(windows)]
        logits.append(output.reshape(len(part), len(starts), -1).mean(axis=1))
    return np.concatenate(logits)


def window_starts(n_frames: int, n_crop: int) -> list[int]:
    """Return the first frames of half-overlapping windows that reach both ends.

    At most a tenth of a window is left out: 5.02 s are one window of 5 s.
    """
    spare = n_frames - n_crop
    steps = max(0, math.ceil((spare - n_crop / 10) / (n_crop / 2)))
    if steps == 0:
        return [spare // 2]
    return [round(step * spare / steps) for step in range(steps + 1)]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return class probabilities, (n_recordings, n_classes), of logits."""
    if logits.shape[1] == 1:
        positive = expit(logits)
        return np.hstack([1 - positive, positive])
    return np.exp(log_softmax(logits, axis=1))
