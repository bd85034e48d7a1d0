"""Compiled graphs of networks, kept for networks of the same structure.

Tracing a graph takes TensorFlow seconds. Networks that differ in their weights only
share one graph: prediction passes the weights to it, training copies them into a kept
network and back.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from skheart.neural.batch_norm_folding import without_norms
from skheart.neural.network_record import tables_in

_KEPT = 8  # architectures whose graphs are kept

_lock = threading.Lock()
_forwards: OrderedDict[Hashable, Any] = OrderedDict()
_trainers: OrderedDict[Hashable, list[Trainer]] = OrderedDict()


_used = threading.Event()  # a network of this process, or of the one it is forked from
_forked = threading.Event()  # set in processes forked from one that used a network
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(
        after_in_child=lambda: _forked.set() if _used.is_set() else None
    )


def _refuse_fork() -> None:
    """Raise in a forked process, in which TensorFlow would wait for ever."""
    if _forked.is_set():
        raise RuntimeError(
            "TensorFlow cannot be used in a process forked from one that has used "
            "it; load or fit the model in the worker itself, start workers with "
            '"spawn", or use OnnxClassifier.'
        )
    _used.set()


@contextmanager
def plain_names() -> Iterator[None]:
    """Name variables of TensorFlow without their layers, which Keras numbers.

    TensorFlow keeps 36 kB in memory for ever for each new name.
    """
    with tf.variable_creator_scope(_plainly_named):
        yield


def _plainly_named(make: Callable[..., Any], **arguments: Any) -> Any:
    name = re.sub(r"_\d+", "", arguments.get("name") or "variable")
    # A name with a slash at its end has no scope before it.
    return make(**arguments | {"name": f"{name}/"})


def architecture(model: keras.Model) -> Hashable | None:
    """Return a key of the structure of a network, or None if it cannot be described.

    Names, which Keras numbers, make no difference; the classes of the layers do.
    """
    layers = getattr(model, "layers", [])
    functional = type(model) in (_functional(), keras.Sequential)
    if not functional or any(isinstance(x, keras.layers.Lambda) for x in layers):
        return None
    try:
        config = {**model.get_config(), "name": ""}
        tables = list(tables_in(config))
        if any(map(_is_function, tables)):
            return None
        found = [t["name"] for t in tables if isinstance(t.get("name"), str)]
        names = {name: f"layer {i}" for i, name in enumerate(filter(None, found))}
        # Seeds are variables in layers of Keras; in others they can be in the graph.
        known = all(
            type(x).__module__.startswith(("keras.", "skheart.")) for x in layers
        )
        text = json.dumps(_renamed(config, names, seeds=not known), sort_keys=True)
    except (TypeError, ValueError, NotImplementedError):
        return None  # Keras says so of layers that cannot be described
    return text, tuple(type(layer) for layer in layers)


def _is_function(config: dict[str, Any]) -> bool:
    """Return whether this is a function of the user, known by its name only."""
    module = str(config.get("module"))
    return config.get("class_name") == "function" and not module.startswith("keras.")


@functools.cache
def _functional() -> type:
    """Return the type of functional networks, for which Keras has no public name."""
    inputs = keras.Input((1,))
    return type(keras.Model(inputs, inputs))


def _renamed(value: Any, names: dict[str, str], *, seeds: bool) -> Any:
    """Replace names in the description of a network; drop seeds if not `seeds`."""
    if isinstance(value, dict):
        kept = {k: part for k, part in value.items() if seeds or k != "seed"}
        return {k: _renamed(part, names, seeds=seeds) for k, part in kept.items()}
    if isinstance(value, list | tuple):
        return [_renamed(part, names, seeds=seeds) for part in value]
    return names.get(value, value) if isinstance(value, str) else value


class Forward:
    """A network compiled for prediction: one graph for any number of spectrograms.

    The graph is made at the first call of a network of its architecture, and computes
    with the network's variables as they are at each call.
    """

    def __init__(self, model: keras.Model) -> None:
        _refuse_fork()
        self.model = model
        self.graph: Any = None
        self.variables: list[Any] = []

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        _refuse_fork()
        if self.graph is None:
            self.variables = self.model.variables
            self.graph = _forward_graph(self.model)
        values = [variable.value for variable in self.variables]
        return self.graph(values, tf.constant(batch)).numpy()


@plain_names()
def _forward_graph(model: keras.Model) -> Callable[..., Any]:
    key = architecture(model)
    with _lock:
        if key in _forwards:
            _forwards.move_to_end(key)
            return _forwards[key]
        folded, values_of = without_norms(model)

        def forward(values: list[Any], batch: Any) -> Any:
            known = values_of(values)
            output, _ = folded.stateless_call(
                [known[id(v)] for v in folded.trainable_variables],
                [known[id(v)] for v in folded.non_trainable_variables],
                batch,
                training=False,
            )
            return output

        variables = [tf.TensorSpec(v.shape, v.dtype) for v in model.variables]
        shape = (None, *model.inputs[0].shape[1:])
        graph = tf.function(
            forward, input_signature=[variables, tf.TensorSpec(shape, tf.float32)]
        ).get_concrete_function()
        if key is not None:
            _keep(_forwards, key, graph)
        return graph


class Trainer:
    """Runs training steps of a compiled network as one TensorFlow graph.

    `n_targets` is the number of columns of the targets.
    """

    def __init__(self, model: keras.Model, n_targets: int) -> None:
        _refuse_fork()
        self.model, self.optimizer = model, model.optimizer
        self.optimizer.build(model.trainable_variables)
        self.fresh = [variable.numpy() for variable in self.optimizer.variables]
        shape = (None, *model.inputs[0].shape[1:])
        signature = [
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec((None, n_targets), tf.float32),
            tf.TensorSpec((None,), tf.float32),
        ]
        self.function = tf.function(self._step, input_signature=signature)
        # Called as it is: TensorFlow warns when many networks have traced a step.
        self.graph = self.function.get_concrete_function()

    def step(self, X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        """Train on a batch and return its loss."""
        return self.graph(*(tf.constant(part) for part in (X, targets, weights)))

    def _step(self, X: Any, targets: Any, weights: Any) -> Any:
        model = self.model
        with tf.GradientTape() as tape:
            output = model(X, training=True)
            loss = model.compute_loss(
                x=X, y=targets, y_pred=output, sample_weight=weights, training=True
            )
        variables = model.trainable_weights
        gradients = tape.gradient(loss, variables)
        pairs = list(zip(gradients, variables, strict=True))
        # As one replica, TensorFlow would sum the gradients over all of them, with a
        # gradient function that it registers, with this graph, for ever.
        tf.distribute.get_replica_context().merge_call(
            lambda _: self.optimizer.apply_gradients(pairs)
        )
        return loss

    def load(self, model: keras.Model) -> None:
        """Copy the weights of another network, and reset the optimizer."""
        _refuse_fork()
        for mine, theirs in zip(self.model.variables, model.variables, strict=True):
            if mine is not theirs:
                mine.assign(theirs)
        for variable, value in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)

    def unload(self, model: keras.Model) -> None:
        """Copy the weights to another network."""
        for mine, theirs in zip(self.model.variables, model.variables, strict=True):
            if mine is not theirs:
                theirs.assign(mine)


@contextmanager
def trainer_of(
    key: Hashable | None, model: keras.Model, make: Callable[[], Trainer]
) -> Iterator[Trainer]:
    """Yield a trainer with the weights of `model`, and copy them back afterwards.

    `key` is what the trainer depends on; None for one that is used once. `make` makes a
    trainer; one of `model` itself is not kept.
    """
    trainer = None
    if key is not None:
        with _lock:
            idle = _trainers.get(key)
            trainer = idle.pop() if idle else None
    if trainer is None:
        trainer = make()
    trainer.load(model)
    yield trainer
    trainer.unload(model)
    if key is None or trainer.model is model:
        return
    with _lock:
        _keep(_trainers, key, [*_trainers.get(key, []), trainer])


def _keep(kept: OrderedDict[Hashable, Any], key: Hashable, value: Any) -> None:
    """Keep a value as the last used one, and drop those not used for longest."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _KEPT:
        kept.popitem(last=False)
