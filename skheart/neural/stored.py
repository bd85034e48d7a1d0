"""A network as plain data, for pickles that any process can load."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

import keras
import scikeras.wrappers

from skheart.neural.networks import NETWORKS

_KERAS_OBJECTS = ("model", "model_", "loss", "_fit_callbacks", "_predict_callbacks")


# What Keras after 3.6 says of layers that earlier ones do not know, where it is as it
# was always.
_NEWER = {"renorm": False, "renorm_momentum": 0.99}


def readable(config: Any) -> Any:
    """Leave out of a network's description what this Keras does not know.

    That is words that a newer Keras has added, with values that change nothing.
    """
    if isinstance(config, list):
        return [readable(part) for part in config]
    if not isinstance(config, dict):
        return config
    kept = {key: readable(part) for key, part in config.items()}
    places = {"keras.initializers": keras.initializers, "keras.layers": keras.layers}
    module = kept.get("module")
    place = places.get(module) if isinstance(module, str) else None
    known = getattr(place, str(kept.get("class_name")), None)
    words = kept.get("config")
    if isinstance(known, type) and isinstance(words, dict):
        names = _words_of(known)
        kept["config"] = {
            key: value
            for key, value in words.items()
            if key in names or value not in (None, _NEWER.get(key))
        }
    return kept


@functools.cache
def _words_of(kind: type) -> frozenset[str]:
    """Give the parameters of a class and of those that it is made from."""
    inits = [
        vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base)
    ]
    names = [inspect.signature(init).parameters for init in inits[:-1]]  # not object's
    return frozenset({"dtype", "name", "trainable"}.union(*names))


def pack_network(
    model: keras.Model, holder: scikeras.wrappers.KerasClassifier
) -> dict[str, Any]:
    """Describe a network and what SciKeras knows of it without Keras objects.

    The optimizer and its slots, which prediction does not need, stay behind.
    """
    model = keras.Model(model.inputs, model.outputs, name=model.name)
    if model.name not in NETWORKS:
        _check_can_be_built(model)
    return {
        "config": model.to_json(),
        "weights": model.get_weights(),
        "keras_version": keras.__version__,
        "holder": {k: v for k, v in vars(holder).items() if k not in _KERAS_OBJECTS},
    }


def _check_can_be_built(model: keras.Model) -> None:
    """Raise now what loading would: after hours of training it is too late."""
    try:
        keras.models.model_from_json(model.to_json())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            "The network of this CNNClassifier cannot be saved, because it could not "
            "be built again: layers of your own must be decorated with "
            "keras.saving.register_keras_serializable, and keras.layers.Lambda must be "
            f"replaced by one. Keras said: {error}"
        ) from error


def unpack_network(
    state: dict[str, Any],
) -> tuple[keras.Model, scikeras.wrappers.KerasClassifier]:
    """Build what :func:`pack_network` described."""
    try:
        config = json.dumps(readable(json.loads(state["config"])))
        model = keras.models.model_from_json(config)
        model.set_weights(state["weights"])
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The network of this CNNClassifier cannot be built again with Keras "
            f"{keras.__version__} (it was saved with {state['keras_version']}). Layers "
            "of your own must be decorated with "
            "keras.saving.register_keras_serializable and imported first; the network "
            f"of a newer Keras needs that one. Keras said: {error}"
        ) from error
    holder = scikeras.wrappers.KerasClassifier(model=model)
    vars(holder).update(state["holder"])
    return model, holder
