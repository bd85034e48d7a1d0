"""The network: dilated convolutions over time, forward and backward, in numpy.

Two frames of 10 ms are one step. A first convolution leads to `n_channels`; each
residual block adds a convolution of its rectified input, with a dilation twice that of
the block before; a last layer gives the logits of the two frames of each step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart.segmentation.frames import CLASSES, N_BANDS

STEP = 2  # frames
DILATIONS = (1, 2, 4, 8, 16, 32)  # steps
N_CHANNELS = 80
_TAPS = 3  # steps that a convolution combines

Weights = list[np.ndarray]


def new_weights(
    random: np.random.Generator,
    *,
    n_channels: int = N_CHANNELS,
    dilations: tuple[int, ...] = DILATIONS,
) -> Weights:
    """Draw the weights of an untrained network: a matrix and an offset a layer."""
    n_first = _TAPS * STEP * N_BANDS
    n_last = STEP * len(CLASSES)
    blocks = [(_TAPS * n_channels, n_channels)] * len(dilations)
    shapes = [(n_first, n_channels), *blocks, (n_channels, n_last)]
    weights = []
    for number, (n_in, n_out) in enumerate(shapes):
        scale = np.sqrt(2 / n_in)
        if 0 < number <= len(dilations):
            scale /= np.sqrt(len(dilations))
        weights.append(random.normal(0, scale, (n_in, n_out)).astype(np.float32))
        weights.append(np.zeros(n_out, dtype=np.float32))
    return weights


def logits(weights: Weights, x: np.ndarray) -> np.ndarray:
    """Return the logits, (n_recordings, n_frames, n_classes)."""
    return forward(weights, x)[0]


def forward(weights: Weights, x: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Return the logits, and what :func:`backward` needs."""
    n_rows, n_frames, n_bands = x.shape
    odd = n_frames % STEP
    if odd:
        x = np.concatenate([x, np.repeat(x[:, -1:], STEP - odd, axis=1)], axis=1)
    steps = x.reshape(n_rows, -1, STEP * n_bands)
    kept = [around(steps, 1)]
    h = kept[0] @ weights[0] + weights[1]
    for number, dilation in enumerate(dilations_of(weights)):
        taps = around(np.maximum(h, 0), dilation)
        kept += [h, taps]
        h = h + (taps @ weights[2 + 2 * number] + weights[3 + 2 * number])
    active = np.maximum(h, 0)
    kept += [h, active]
    y = active @ weights[-2] + weights[-1]
    return y.reshape(n_rows, -1, len(CLASSES))[:, :n_frames], kept


def backward(weights: Weights, kept: list[Any], gradient: np.ndarray) -> Weights:
    """Return the gradient of each of the weights, from that of the logits.

    `kept` is from :func:`forward`, with an even number of frames.
    """
    n_rows = gradient.shape[0]
    dy = gradient.reshape(n_rows, -1, STEP * len(CLASSES))
    h, active = kept[-2:]
    found = [dy.sum(axis=(0, 1)), _product(active, dy)]
    dh = (dy @ weights[-2].T) * (h > 0)
    for number, dilation in reversed(list(enumerate(dilations_of(weights)))):
        h, taps = kept[1 + 2 * number : 3 + 2 * number]
        found += [dh.sum(axis=(0, 1)), _product(taps, dh)]
        dh = dh + together(dh @ weights[2 + 2 * number].T, dilation) * (h > 0)
    found += [dh.sum(axis=(0, 1)), _product(kept[0], dh)]
    return found[::-1]


def dilations_of(weights: Weights) -> tuple[int, ...]:
    """Return the dilation of each block of a network."""
    return tuple(2**number for number in range(len(weights) // 2 - 2))


def around(x: np.ndarray, dilation: int) -> np.ndarray:
    """Put the values `dilation` steps before and after beside each step's own.

    From (n_recordings, n_steps, n_channels) to (n_recordings, n_steps, 3 * n_channels);
    zeros where there is nothing before or after.
    """
    n_rows, n_steps, n = x.shape
    taps = np.zeros((n_rows, n_steps, _TAPS * n), dtype=x.dtype)
    taps[:, :, n : 2 * n] = x
    if dilation < n_steps:
        taps[:, dilation:, :n] = x[:, :-dilation]
        taps[:, :-dilation, 2 * n :] = x[:, dilation:]
    return taps


def together(taps: np.ndarray, dilation: int) -> np.ndarray:
    """Add values of `taps` at the steps that they came from: the adjoint of around."""
    n = taps.shape[2] // _TAPS
    x = taps[:, :, n : 2 * n].copy()
    if dilation < taps.shape[1]:
        x[:, :-dilation] += taps[:, dilation:, :n]
        x[:, dilation:] += taps[:, :-dilation, 2 * n :]
    return x


def _product(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    return x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])


def softmax(values: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities along the last axis."""
    values = np.exp(values - values.max(axis=-1, keepdims=True))
    return values / values.sum(axis=-1, keepdims=True)
