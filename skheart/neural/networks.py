"""Keras networks for spectrograms, all built with the same keyword arguments.

Each builder takes ``n_bands, n_frames, n_channels, n_outputs, dropout, l2`` and returns
an uncompiled functional :class:`keras.Model` from a batch of spectrograms of shape
``(n, n_bands, n_frames, n_channels)`` to logits of shape ``(n, n_outputs)``.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers, regularizers
from keras.initializers import GlorotUniform, HeNormal

from skheart.neural.layers import AttentionPooling
from skheart.neural.seeds import seed_numbers

__all__ = ["NETWORKS", "compact", "deep_stethoscope"]

# Small data sets give few steps, in which Keras's default of 0.99 would leave the
# averages of batch normalisation near where they started.
_MOMENTUM = 0.9


def compact(
    *,
    n_bands: int,
    n_frames: int,
    n_channels: int = 1,
    n_outputs: int = 1,
    dropout: float = 0.3,
    l2: float = 0.0,
    seed: int | None = None,
) -> keras.Model:
    """Build a small convolutional network that averages over time by attention.

    A 5×5 convolution with stride 2 and three 3×3 convolutions of 32, 64 and 128
    channels, each with batch normalisation, ReLU and, for the first two, pooling; a
    weighted sum over the remaining bands for each channel; attention pooling over
    time, dropout and a dense layer that computes the logits. About 99 000
    parameters for 40 bands.

    Parameters
    ----------
    n_bands, n_frames : int
        Bands and frames of a spectrogram.
    n_channels : int, default=1
        Channels of a spectrogram.
    n_outputs : int, default=1
        Number of logits: 1 for two classes.
    dropout : float, default=0.3
        Share of the features before the last layer that is dropped in training.
    l2 : float, default=0.0
        Weight of the squared kernels in the loss.
    seed : int, default=None
        Determines the first weights and dropout. By default Keras draws them with
        Python's :mod:`random`.

    Returns
    -------
    model : keras.Model
        Not compiled.

    Examples
    --------
    >>> from skheart.neural import compact
    >>> compact(n_bands=40, n_frames=250).output_shape
    (None, 1)
    """
    penalty = regularizers.L2(l2) if l2 else None
    seeds = _seeds(seed)
    inputs = keras.Input((n_bands, n_frames, n_channels), name="spectrogram")
    x = _convolution(inputs, 16, 5, 2, penalty, "stem", seeds)
    for block, (channels, pooled) in enumerate([(32, True), (64, True), (128, False)]):
        x = _convolution(x, channels, 3, 1, penalty, f"block{block}", seeds)
        if pooled:
            x = layers.MaxPooling2D(2, padding="same", name=f"block{block}_pool")(x)
    x = layers.DepthwiseConv2D(
        (x.shape[1], 1),
        depthwise_initializer=GlorotUniform(next(seeds)),
        depthwise_regularizer=penalty,
        name="bands",
    )(x)
    x = layers.Reshape((-1, x.shape[-1]), name="frames")(x)
    x = AttentionPooling(
        kernel_initializer=GlorotUniform(next(seeds)), name="attention"
    )(x)
    x = layers.Dropout(dropout, seed=next(seeds), name="dropout")(x)
    logits = _logits(x, n_outputs, penalty, seeds)
    return keras.Model(inputs, logits, name="compact")


def deep_stethoscope(
    *,
    n_bands: int,
    n_frames: int,
    n_channels: int = 1,
    n_outputs: int = 1,
    dropout: float = 0.3,
    l2: float = 0.0,
    seed: int | None = None,
) -> keras.Model:
    """Build the kind of network of the *Deep Stethoscope* study (2018).

    Two 5×5 convolutions with batch normalisation and pooling, then dense layers of 100,
    50 and 8 units with dropout and an L2 penalty on their kernels. It has about 467 000
    parameters for 40 bands and 250 frames, most of them in the first dense layer.

    Parameters
    ----------
    n_bands, n_frames : int
        Bands and frames of a spectrogram.
    n_channels : int, default=1
        Channels of a spectrogram.
    n_outputs : int, default=1
        Number of logits: 1 for two classes.
    dropout : float, default=0.3
        Share of the units of each dense layer that is dropped in training.
    l2 : float, default=0.0
        Weight of the squared kernels in the loss.
    seed : int, default=None
        Determines the first weights and dropout. By default Keras draws them with
        Python's :mod:`random`.

    Returns
    -------
    model : keras.Model
        Not compiled.

    Notes
    -----
    The study reports the shape and number of its layers; the channels of the
    convolutions (16, 32) and their pooling (3×3) are our choice.

    Examples
    --------
    >>> from skheart.neural import deep_stethoscope
    >>> deep_stethoscope(n_bands=40, n_frames=250, n_outputs=3).output_shape
    (None, 3)
    """
    penalty = regularizers.L2(l2) if l2 else None
    seeds = _seeds(seed)
    x = inputs = keras.Input((n_bands, n_frames, n_channels), name="spectrogram")
    for block, channels in enumerate((16, 32)):
        x = _convolution(x, channels, 5, 1, penalty, f"block{block}", seeds)
        x = layers.MaxPooling2D(3, padding="same", name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for units in (100, 50, 8):
        x = layers.Dense(
            units,
            activation="relu",
            kernel_initializer=HeNormal(next(seeds)),
            kernel_regularizer=penalty,
            name=f"dense{units}",
        )(x)
        x = layers.Dropout(dropout, seed=next(seeds), name=f"dropout{units}")(x)
    logits = _logits(x, n_outputs, penalty, seeds)
    return keras.Model(inputs, logits, name="deep_stethoscope")


NETWORKS: dict[str, Callable[..., keras.Model]] = {
    "compact": compact,
    "deep_stethoscope": deep_stethoscope,
}


def build_network(
    network: Any, *, seed: int | None = None, **words: Any
) -> keras.Model:
    """Build the network that a `network` parameter means: a name or a function.

    A function is called with those of the words ``n_bands, n_frames, n_channels,
    n_outputs, dropout, l2`` that it takes. An `l2` of None is the network's own. The
    networks of the package are built with `seed`.
    """
    if isinstance(network, keras.Model):
        raise ValueError(
            "network must be a name or a function that builds a Keras model, got a "
            f"{type(network).__name__}: each fit needs a new one, so pass a function "
            "that makes and returns it."
        )
    build = NETWORKS.get(network) if isinstance(network, str) else network
    if not callable(build):
        names = ", ".join(repr(name) for name in NETWORKS)
        raise ValueError(
            f"network must be one of {names} or a function that builds a Keras model, "
            f"got {network!r}."
        )
    if words["l2"] is None:
        words["l2"] = 1e-3 if build is deep_stethoscope else 0.0
    if build in NETWORKS.values():
        words["seed"] = seed
    parameters = inspect.signature(build).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    model = build(**{k: v for k, v in words.items() if takes_all or k in parameters})
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"network must build a keras.Model, got {type(model).__name__}; return the "
            "model, without compiling it."
        )
    if not getattr(model, "inputs", None):
        raise ValueError(
            "network must build a functional Keras model, or a Sequential that starts "
            f"with keras.Input, got a {type(model).__name__} without known inputs."
        )
    expected = (None, words["n_outputs"])
    if tuple(model.output_shape) != expected:
        raise ValueError(
            f"network must build a model whose output has shape {expected}, one logit "
            f"for each output, got {model.output_shape}."
        )
    last = _probability_function(model)
    if last:
        raise ValueError(
            f"network must end in logits, got a model that ends in a {last}; remove "
            "it: the loss and the classifier apply it themselves."
        )
    return model


def _probability_function(model: keras.Model) -> str | None:
    """Return the name of the sigmoid or softmax that a model ends in, or None."""
    last = model.outputs[0]._keras_history.operation
    if isinstance(last, keras.Model):
        return _probability_function(last)
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    names = (activation, type(last).__name__.lower())
    found = ("sigmoid", "hard_sigmoid", "log_sigmoid", "softmax", "log_softmax")
    return next((name for name in names if name in found), None)


def _seeds(seed: int | None) -> Iterator[Any]:
    """Yield a seed for each layer that draws; None without a `seed`."""
    return itertools.repeat(None) if seed is None else seed_numbers(seed)


def _logits(x: Any, n_outputs: int, penalty: Any, seeds: Iterator[Any]) -> Any:
    return layers.Dense(
        n_outputs,
        kernel_initializer=GlorotUniform(next(seeds)),
        kernel_regularizer=penalty,
        name="logits",
    )(x)


def _convolution(
    x: Any,
    channels: int,
    size: int,
    strides: int,
    penalty: Any,
    name: str,
    seeds: Iterator[Any],
) -> Any:
    """Convolve, normalise over the batch and rectify."""
    x = layers.Conv2D(
        channels,
        size,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=HeNormal(next(seeds)),
        kernel_regularizer=penalty,
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
