"""A network as plain data, for pickles that any process can load."""

from __future__ import annotations

from typing import Any

import keras
import scikeras.wrappers

from skheart.networks import NETWORKS

_KERAS_OBJECTS = ("model", "model_", "loss", "_fit_callbacks", "_predict_callbacks")


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
        model = keras.models.model_from_json(state["config"])
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
