"""Explicit seeds: the random numbers of a network depend on `random_state` alone.

Without a seed, Keras draws one for each initializer and each dropout from Python's
global random numbers, from which any other thread can draw in between.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from skheart.neural.network_record import tables_in


def with_seeds(model: keras.Model, seed: int) -> keras.Model:
    """Build a network again with all of its seeds derived from one number.

    The network is functional or sequential, and not compiled. Weights that are not
    drawn at random, or were loaded into a layer, are kept.
    """
    seeds = seed_numbers(seed)
    unknown: list[str] = []
    loaded: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def seeded(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer):  # an operation of keras.ops
            return layer
        try:
            config = layer.get_config()
            if isinstance(layer, keras.layers.Lambda) or _draws_unknown(layer, config):
                unknown.append(layer.name)
            made = type(layer).from_config(fill_seeds(config, seeds))
        except (TypeError, ValueError, NotImplementedError):
            unknown.append(layer.name)  # raised by Keras for what it cannot describe
            return layer
        if None not in _seeds_in(config) or _was_loaded(layer):
            loaded.append((made, layer))
        return made

    seeded_model = keras.models.clone_model(
        model, clone_function=seeded, recursive=True
    )
    for made, layer in loaded:
        made.set_weights(layer.get_weights())
    if unknown:
        warnings.warn(
            "random_state may not determine the layers "
            f"{', '.join(dict.fromkeys(unknown))}: what "
            "they draw at random is not in their get_config. Replace a Lambda by a "
            "layer, and pass initializers of Keras as arguments that get_config "
            "returns.",
            UserWarning,
            stacklevel=2,
        )
    return seeded_model


def fill_seeds(config: Any, seeds: Iterator[int], *, anew: bool = False) -> Any:
    """Return a description by Keras with a number for each seed that is None.

    With `anew`, seeds that are numbers are replaced too.
    """
    if isinstance(config, list | tuple):
        return type(config)(fill_seeds(part, seeds, anew=anew) for part in config)
    if not isinstance(config, dict):
        return config
    return {
        key: next(seeds)
        if key == "seed" and (anew or value is None)
        else fill_seeds(value, seeds, anew=anew)
        for key, value in config.items()
    }


def seed_numbers(seed: int) -> Iterator[int]:
    """Yield one number after the other, the same for the same seed."""
    numbers = np.random.default_rng(seed)
    while True:
        yield int(numbers.integers(1, 2**31 - 1))


def _draws_unknown(layer: keras.layers.Layer, config: dict[str, Any]) -> bool:
    """Return whether a layer of the user's has weights and names no seed."""
    if type(layer).__module__.split(".")[0] in ("keras", "skheart"):
        return False
    return bool(layer.weights) and not _seeds_in(config)


def _was_loaded(layer: keras.layers.Layer) -> bool:
    """Return whether the weights of a simple layer are not those it has drawn."""
    drawn = [
        part
        for part in vars(layer).values()
        if isinstance(part, keras.initializers.Initializer)
        and isinstance(getattr(part, "seed", None), int)
    ]
    if not drawn or not layer.weights or list(layer._flatten_layers())[1:]:
        return False
    weights = [(weight.shape, weight.numpy()) for weight in layer.weights]
    for initializer in drawn:
        for shape, value in weights:
            try:
                if np.array_equal(initializer(shape), value):
                    return False
            except (TypeError, ValueError):  # not a shape that it can fill
                continue
    return True


def _seeds_in(config: Any) -> list[Any]:
    """Return the values of the seeds in a description by Keras."""
    return [table["seed"] for table in tables_in(config) if "seed" in table]
