"""What each frame adds to the logits of a network with attention pooling."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from scipy.special import softmax

from skheart.neural.graphs import Forward
from skheart.neural.layers import AttentionPooling, Calibration

# Layers before the pooling in which each frame of the output has its place in time.
_LOCAL = (
    *(layers.Conv2D, layers.DepthwiseConv2D, layers.MaxPooling2D),
    *(layers.BatchNormalization, layers.ReLU, layers.Reshape),
)


class NotCompactError(ValueError):
    """Raised for a network whose logits are not a sum over frames."""


class FrameShares:
    """The logits of a network as sums over frames.

    After attention pooling and a dense layer, a logit is a sum of what the frames add,
    each weighted by its attention, and of a number that is the same for all windows,
    `bias` of shape (n_outputs,). Networks may be averaged, and calibrated.
    Raise NotCompactError if the network is not of this kind.
    """

    def __init__(self, model: keras.Model) -> None:
        heads, self.bias = _heads(model.outputs[0])
        self.parts = [
            (
                Forward(keras.Model(model.inputs, _input(pooling))),
                _frames_in_one(_input(pooling)),
                pooling.get_weights()[0].astype(np.float64),
                kernel,
            )
            for pooling, kernel in heads
        ]

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Return what each frame adds to the logits, (n, n_frames, n_outputs), float64.

        `windows` are (n, n_bands, n_frames, n_channels), float32. What the network sees
        as one frame is spread over those it consists of.
        """
        n_frames = windows.shape[2]
        shares: Any = 0.0
        for forward, step, score, kernel in self.parts:
            features = forward(windows).astype(np.float64)
            values = softmax(features @ score, axis=1) * (features @ kernel)
            owner = np.arange(n_frames) // step
            sizes = np.bincount(owner, minlength=values.shape[1])
            shares = shares + (values / sizes[:, np.newaxis])[:, owner]
        return shares


def _heads(tensor: Any) -> tuple[list[tuple[Any, np.ndarray]], np.ndarray]:
    """Return the poolings whose features make up logits, with the kernels; the bias."""
    layer = tensor._keras_history.operation
    if isinstance(layer, Calibration):
        scale, offset = (part.astype(np.float64) for part in layer.get_weights())
        heads, bias = _heads(_input(layer))
        return [(pooling, scale * k) for pooling, k in heads], scale * bias + offset
    if isinstance(layer, layers.Average):
        members = [_heads(member) for member in _input(layer)]
        share = 1 / len(members)
        heads = [(pooling, share * k) for part, _ in members for pooling, k in part]
        return heads, share * np.sum([bias for _, bias in members], axis=0)
    linear = keras.activations.linear
    if not isinstance(layer, layers.Dense) or layer.activation is not linear:
        raise NotCompactError(f"it ends in the layer {layer.name!r}")
    pooling = _input(layer)._keras_history.operation
    if isinstance(pooling, layers.Dropout):
        pooling = _input(pooling)._keras_history.operation
    if not isinstance(pooling, AttentionPooling):
        raise NotCompactError(f"{layer.name!r} follows {pooling.name!r}")
    kernel, *biases = (weight.astype(np.float64) for weight in layer.get_weights())
    return [(pooling, kernel)], biases[0] if biases else np.zeros(kernel.shape[1])


def _frames_in_one(tensor: Any) -> int:
    """Return how many frames of the spectrogram become one before the pooling."""
    n_pooled, step = tensor.shape[1], 1
    while not isinstance(layer := tensor._keras_history.operation, layers.InputLayer):
        size = getattr(layer, "kernel_size", getattr(layer, "pool_size", (1, 1)))
        aligned = size[-1] == 1 or layer.padding == "same"
        if not isinstance(layer, _LOCAL) or not aligned:
            raise NotCompactError(f"{layer.name!r} comes before the pooling")
        step *= getattr(layer, "strides", (1, 1))[-1]
        tensor = _input(layer)
    if n_pooled != -(-tensor.shape[2] // step):
        raise NotCompactError(
            f"{n_pooled} values are pooled, not one for {step} frames"
        )
    return step


def _input(layer: Any) -> Any:
    """Return the input of a layer; Keras has none of one that is used twice."""
    try:
        return layer.input
    except (AttributeError, ValueError) as error:
        raise NotCompactError(f"the layer {layer.name!r} is used twice") from error
