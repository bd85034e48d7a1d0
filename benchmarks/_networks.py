"""Networks that were tried but are not part of the package."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from skheart.neural import AttentionPooling, compact


def temporal(
    *,
    n_bands: int,
    n_frames: int,
    n_channels: int = 1,
    n_outputs: int = 1,
    dropout: float = 0.3,
    width: int = 128,
) -> keras.Model:
    """Build a residual network that convolves over time only; bands are channels."""
    inputs = keras.Input((n_bands, n_frames, n_channels), name="spectrogram")
    x = layers.Reshape((n_bands, n_frames))(inputs)
    x = layers.Permute((2, 1))(x)
    x = _convolution(x, width, 5, 2)
    for block, size in enumerate((5, 5, 3, 3)):
        x = layers.Add()([x, _convolution(x, width, size, 1)])
        if block == 0:
            x = layers.MaxPooling1D(2, padding="same")(x)
    x = AttentionPooling(name="attention")(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(n_outputs, name="logits")(x))


def _convolution(x: Any, width: int, size: int, strides: int) -> Any:
    x = layers.Conv1D(width, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


@keras.saving.register_keras_serializable(package="benchmarks")
class ResidualNormalization(layers.Layer):
    """Add to a spectrogram the same with each band normalised over time."""

    def call(self, inputs: Any) -> Any:
        """Return the sum, divided by two."""
        mean = ops.mean(inputs, axis=2, keepdims=True)
        deviation = ops.std(inputs, axis=2, keepdims=True)
        return (inputs + (inputs - mean) / (deviation + 1e-2)) / 2


def residual_compact(**settings: Any) -> keras.Model:
    """Build the compact network with residual normalisation at the input."""
    network = compact(**settings)
    inputs = keras.Input(network.input_shape[1:], name="spectrogram")
    return keras.Model(inputs, network(ResidualNormalization()(inputs)))
