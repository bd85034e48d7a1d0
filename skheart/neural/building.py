"""Build Keras networks: new ones, and from the record of a trained one."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scikeras.wrappers
from sklearn.utils.validation import check_is_fitted

from skheart._core.decisions import Decision
from skheart._core.fitted import plain_model
from skheart.neural.graphs import plain_names
from skheart.neural.losses import n_outputs
from skheart.neural.network_record import StoredNetwork
from skheart.neural.networks import build_network
from skheart.neural.packaged_networks import read_network
from skheart.neural.parameters import check_keras
from skheart.neural.seeds import fill_seeds, seed_numbers, with_seeds
from skheart.neural.training import make_optimizer

_HEAD = "logits"  # layers whose name starts so compute the logits
# Arguments that Keras after 3.6 has added, with the values that change nothing.
_NEWER = {"renorm": False, "renorm_momentum": 0.99}


def compiled_network(
    network: Any,
    *,
    input_shape: tuple[int, int, int],
    classes: list[Any],
    dropout: float,
    l2: float | None,
    loss: Any,
    optimizer: Any,
    learning_rate: float,
    weight_decay: float,
    seed: int,
) -> keras.Model:
    """Build and compile a network for training.

    `network` is the parameter of a classifier, or the record of a trained network to
    start from; `input_shape` is ``(n_bands, n_crop, n_channels)``.
    """
    n_logits = n_outputs(loss, len(classes))
    if isinstance(network, StoredNetwork):
        model = _started_network(network, classes, n_logits, dropout, seed)
    else:
        n_bands, n_crop, n_channels = input_shape
        model = build_network(
            network,
            seed=seed,
            n_bands=n_bands,
            n_frames=n_crop,
            n_channels=n_channels,
            n_outputs=n_logits,
            dropout=dropout,
            l2=l2,
        )
        model = with_seeds(model, seed)
    made = make_optimizer(
        optimizer, learning_rate=learning_rate, weight_decay=weight_decay
    )
    # XLA makes these networks slower on processors without an accelerator.
    model.compile(optimizer=made, loss=loss, jit_compile=False)
    return model


def held_by_scikeras(
    build: Callable[[], keras.Model], loss: Any, shape: tuple[int, ...]
) -> scikeras.wrappers.KerasClassifier:
    """Build a compiled network with SciKeras, by calling `build`.

    Of the data it sees `shape` only: ``(n_classes, n_bands, n_crop, n_channels)``.
    """
    holder = scikeras.wrappers.KerasClassifier(model=build, loss=loss)
    return holder.initialize(np.zeros(shape, np.float32), np.arange(shape[0]))


@plain_names()
def record_of(
    model: keras.Model,
    *,
    classes: list[Any],
    n_crop: int,
    training: dict[str, Any],
    decision: Decision | None = None,
) -> StoredNetwork:
    """Return the record of a network, from which it can be built again."""
    # A new model of the same layers has no compile settings.
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    try:
        description = json.loads(model.to_json())
        _built(description)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            "The network of this CNNClassifier cannot be saved, because it could not "
            "be built again: layers of your own must be decorated with "
            "keras.saving.register_keras_serializable, and keras.layers.Lambda must be "
            f"replaced by one. Keras said: {error}"
        ) from error
    _, n_bands, _, n_channels = model.inputs[0].shape
    return StoredNetwork(
        description=description,
        weights=model.get_weights(),
        classes=classes,
        n_bands=n_bands,
        n_crop=n_crop,
        n_channels=n_channels,
        training=training,
        decision=decision or Decision(),
    )


@plain_names()
def restored_network(record: StoredNetwork) -> keras.Model:
    """Build the network of a record. It is not compiled."""
    check_keras()
    try:
        model = _built(readable(record.description))
        model.set_weights(record.weights)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The network of this CNNClassifier cannot be built with Keras "
            f"{keras.__version__}. Layers of your own must be decorated with "
            "keras.saving.register_keras_serializable and imported first; the network "
            f"of a newer Keras needs that version. Keras said: {error}"
        ) from error
    return model


def _built(description: dict[str, Any]) -> keras.Model:
    """Build a described network, whose weights are set or not used."""
    # Without a number Keras would draw from Python's global random numbers.
    seeded = fill_seeds(description, itertools.repeat(0))
    return keras.models.model_from_json(json.dumps(seeded))


def _started_network(
    record: StoredNetwork, classes: list[Any], n_logits: int, dropout: float, seed: int
) -> keras.Model:
    """Build a network that starts from the weights of a record.

    The layer of the logits keeps its weights where the classes are the same; otherwise
    it is new.
    """
    seeds = seed_numbers(seed)
    config = fill_seeds(readable(record.description), seeds, anew=True)
    heads = []
    for layer in config["config"]["layers"]:
        arguments = layer["config"]
        if arguments["name"].startswith(_HEAD):
            heads.append(arguments["name"])
            arguments["units"] = n_logits
        elif layer["class_name"] == "Dropout":
            arguments["rate"] = dropout
    model = keras.models.model_from_json(json.dumps(config))
    same = list(classes) == record.classes
    if not heads and not (same and model.output_shape == (None, n_logits)):
        raise ValueError(
            f"weights must hold a network whose last dense layer is named {_HEAD!r} "
            f"when the classes are others ({record.classes} before), so that this "
            "layer can be replaced by a new one."
        )
    for variable, weight in zip(model.weights, record.weights, strict=True):
        if not same and variable.path.split("/")[0] in heads:
            continue
        if variable.shape != weight.shape:
            raise ValueError(
                f"weights must fit the network: {variable.path} has shape "
                f"{tuple(variable.shape)}, got {weight.shape}; use a loss that needs "
                "as many logits as the one before."
            )
        variable.assign(weight)
    return model


def start_from(weights: Any) -> StoredNetwork:
    """Return the record that the parameter `weights` of a classifier means."""
    if isinstance(weights, str):
        return read_network(weights, parameter="weights").network
    fitted = plain_model(weights)
    if hasattr(fitted, "steps"):
        fitted = fitted.steps[-1][1]
    if not hasattr(fitted, "crop_frames"):
        raise ValueError(
            "weights must be None, the name of a pretrained model, or a fitted "
            f"CNNClassifier or a Pipeline that ends with one, got {weights!r}."
        )
    try:
        check_is_fitted(fitted)
    except ValueError:
        raise ValueError(
            "weights must be a fitted CNNClassifier, got one that is not fitted; "
            "cloning, as in GridSearchCV, removes what was learned: pass "
            "sklearn.frozen.FrozenEstimator(classifier)."
        ) from None
    model = fitted.model_
    if model.layers[-1].name == "calibration":
        model = keras.Model(model.inputs, model.layers[-1].input, name=model.name)
    return record_of(
        model,
        classes=fitted.classes_.tolist(),
        n_crop=fitted.n_crop_,
        training=fitted.training_,
    )


def readable(config: Any) -> Any:
    """Remove from a description the arguments that this Keras does not know.

    That is those that a newer Keras has added, with values that change nothing.
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
    arguments = kept.get("config")
    if isinstance(known, type) and isinstance(arguments, dict):
        names = _arguments_of(known)
        kept["config"] = {
            key: value
            for key, value in arguments.items()
            if key in names or value not in (None, _NEWER.get(key))
        }
    return kept


@functools.cache
def _arguments_of(kind: type) -> frozenset[str]:
    """Return the parameters of a class and of its base classes."""
    inits = [
        vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base)
    ]
    names = [inspect.signature(init).parameters for init in inits[:-1]]  # not object's
    return frozenset({"dtype", "name", "trainable"}.union(*names))
