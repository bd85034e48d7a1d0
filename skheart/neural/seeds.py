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


def with_seeds(model: keras.Model, seed: int) -> keras.Model:
    """Build a network again with all of its seeds derived from one number.

    Parameters
    ----------
    model : keras.Model
        Functional or sequential. Its weights are not kept.
    seed : int

    Returns
    -------
    model : keras.Model
        The same network with new initial weights.
    """
    seeds = seed_numbers(seed)

    def seeded(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if _is_random_without_seed(layer, config):
            warnings.warn(
                f"The layer {layer.name!r} draws random weights that its get_config "
                "does not describe, so random_state does not determine them; give it "
                "an initializer as an argument and put it into get_config.",
                UserWarning,
                stacklevel=2,
            )
        return type(layer).from_config(fill_seeds(config, seeds))

    return keras.models.clone_model(model, clone_function=seeded, recursive=True)


def fill_seeds(config: Any, seeds: Iterator[int]) -> Any:
    """Return a description by Keras with a number for each seed that is None."""
    if isinstance(config, list | tuple):
        return type(config)(fill_seeds(part, seeds) for part in config)
    if not isinstance(config, dict):
        return config
    return {
        key: next(seeds)
        if key == "seed" and value is None
        else fill_seeds(value, seeds)
        for key, value in config.items()
    }


def seed_numbers(seed: int) -> Iterator[int]:
    """Yield one number after the other, the same for the same seed."""
    random = np.random.default_rng(seed)
    while True:
        yield int(random.integers(1, 2**31 - 1))


def _is_random_without_seed(layer: keras.layers.Layer, config: dict[str, Any]) -> bool:
    """Return whether a layer of the user's draws weights from an unknown seed."""
    if type(layer).__module__.split(".")[0] in ("keras", "skheart"):
        return False
    return bool(layer.weights) and not _holds_seed(config)


def _holds_seed(config: Any) -> bool:
    if isinstance(config, dict):
        return "seed" in config or any(map(_holds_seed, config.values()))
    return isinstance(config, list | tuple) and any(map(_holds_seed, config))
