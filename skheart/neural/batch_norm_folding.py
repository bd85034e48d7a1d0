"""Batch normalisation folded into the convolutions before it, for faster prediction."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from skheart.neural.seeds import fill_seeds


def without_norms(
    model: keras.Model,
) -> tuple[keras.Model, Callable[[list[Any]], dict[int, Any]]]:
    """Fold batch normalisation into the two-dimensional convolutions before it.

    Normalisation with fixed averages multiplies and shifts each channel, which the
    kernel and the bias of a convolution do at no cost. The result is a network that
    predicts the same (`model` itself where nothing can be folded), and a function from
    the values of `model.variables` to those of its variables, by their ``id``.
    """
    places = {id(v): place for place, v in enumerate(model.variables)}
    norms = _norms_after_convolutions(model)
    if not norms:
        return model, lambda values: {key: values[i] for key, i in places.items()}
    folded_in = {norm.name for norm in norms.values()}

    def copied(layer: layers.Layer) -> layers.Layer:
        if layer.name in folded_in:
            # Not of the type that Keras has as its default now.
            return _Unchanged(name=layer.name, dtype=layer.dtype_policy)
        # Without a number Keras would draw from Python's global random numbers.
        config = fill_seeds(layer.get_config(), itertools.repeat(0))
        if layer.name in norms:
            config["use_bias"] = True
        return type(layer).from_config(config)

    # Not `model` itself: Keras would also copy its loss, which can be the user's own.
    plain = keras.Model(model.inputs[0], model.outputs[0])
    folded = keras.models.clone_model(plain, clone_function=copied)

    def values_of(values: list[Any]) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for layer in folded.layers:
            if not layer.variables:
                continue
            source = model.get_layer(layer.name)
            if layer.name in norms:
                norm = norms[layer.name]
                old, of_norm = (
                    {v.name: values[places[id(v)]] for v in part.variables}
                    for part in (source, norm)
                )
                found |= _folded(layer, old, of_norm, norm.epsilon)
            else:
                pairs = zip(layer.variables, source.variables, strict=True)
                found |= {id(new): values[places[id(v)]] for new, v in pairs}
        return found

    return folded, values_of


class _Unchanged(layers.Layer):
    """In the place of a normalisation."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return inputs


def _norms_after_convolutions(model: keras.Model) -> dict[str, layers.Layer]:
    """Return the normalisation that follows a convolution, by the convolution's name.

    None in a network with layers of the user's, or with a layer that is used twice.
    """
    users: dict[int, list[Any]] = {}
    for layer in model.layers:
        if not type(layer).__module__.startswith(("keras.", "skheart.")):
            return {}
        if isinstance(layer, layers.InputLayer):
            continue
        try:
            inputs = keras.tree.flatten(layer.input)
        except (AttributeError, ValueError):  # Keras says so of one used twice
            return {}
        for tensor in inputs:
            users.setdefault(id(tensor), []).append(layer)
    outputs = {id(tensor) for tensor in model.outputs}
    norms = {}
    for layer in model.layers:
        if type(layer) is not layers.Conv2D or id(layer.output) in outputs:
            continue
        after = users.get(id(layer.output), [])
        if len(after) == 1 and type(after[0]) is layers.BatchNormalization:
            plain = layer.activation is keras.activations.linear
            last = layer.data_format == "channels_last" and after[0].axis in (-1, 3)
            if plain and last:
                norms[layer.name] = after[0]
    return norms


def _folded(
    layer: layers.Layer, conv: dict[str, Any], norm: dict[str, Any], epsilon: float
) -> dict[int, Any]:
    """Return the values of the kernel and the bias of a convolution, by their id."""
    scale = ops.rsqrt(norm["moving_variance"] + epsilon) * norm.get("gamma", 1.0)
    bias = (conv.get("bias", 0.0) - norm["moving_mean"]) * scale + norm.get("beta", 0.0)
    return {id(layer.kernel): conv["kernel"] * scale, id(layer.bias): bias}
