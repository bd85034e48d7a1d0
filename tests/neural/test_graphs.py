"""Test that networks which differ only in their weights share one compiled graph."""

import functools
import gc
import importlib.util
import itertools
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import weakref
from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from skheart import CNNClassifier
from skheart.neural import AUROCLoss, graphs
from skheart.neural.calibration import calibrated
from skheart.neural.graphs import Forward, Trainer, architecture
from skheart.neural.networks import build_network
from skheart.neural.training import (
    learning_rates,
    make_optimizer,
    training_key,
)

SHAPE = {"n_bands": 16, "n_frames": 40, "n_channels": 1, "n_outputs": 1}


def compact(**settings):
    return build_network("compact", **{**SHAPE, "dropout": 0.3, "l2": 0.0, **settings})


WIDTHS = itertools.count(3)


def light_network(n_bands, n_frames, n_channels, n_outputs, dropout, *, width):
    """Build a network with one dense layer."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Conv2D(width, 3, activation="relu")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(dropout)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def new_network():
    """Return a function that builds a network unlike those of other tests."""
    return functools.partial(light_network, width=next(WIDTHS))


@pytest.fixture
def compiled(monkeypatch):
    """Count the graphs compiled for training (True) and for prediction (False)."""
    counter = Counter()
    call = keras.layers.Dense.call

    def counted(self, inputs, training=None):
        counter[training] += 1
        return call(self, inputs, training)

    monkeypatch.setattr(keras.layers.Dense, "call", counted)
    return counter


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = random.normal(size=(40, 16, 60)).astype(np.float32)
    X[y == 1, 5:9, ::8] += 2
    return X, y


def classifier(**parameters):
    settings = {"epochs": 2, "crop_frames": 40, "random_state": 0}
    return CNNClassifier(**settings | parameters)


def test_names_do_not_make_another_architecture():
    def dense(width, name=None):
        inputs = keras.Input((3,), name=name)
        hidden = keras.layers.Dense(width, activation="relu")(inputs)
        return keras.Model(inputs, keras.layers.Dense(1)(hidden))

    assert architecture(dense(4)) == architecture(dense(4, "other"))
    assert architecture(dense(4)) != architecture(dense(5))
    assert architecture(compact()) == architecture(compact())
    assert architecture(compact()) != architecture(compact(dropout=0.2))


def test_what_cannot_be_described_is_not_shared():
    inputs = keras.Input((3,))
    outputs = keras.layers.Lambda(lambda x: 2 * x)(inputs)
    assert architecture(keras.Model(inputs, outputs)) is None

    class Own(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.abs(y_true - y_pred)

    model = compact()
    assert training_key(model, Own(), "adamw", ()) is None
    mine = training_key(model, AUROCLoss(), "adamw", ())
    assert mine == training_key(compact(), AUROCLoss(), "adamw", ())
    assert mine != training_key(model, AUROCLoss(), "sgd", ())
    assert mine != training_key(model, AUROCLoss(margin=2.0), "adamw", ())
    fast, slow = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.01)
    assert training_key(model, "mse", fast, ()) != training_key(model, "mse", slow, ())


def test_fits_share_a_graph(data, compiled):
    X, y = data
    fit = functools.partial(classifier, network=new_network())
    fit().fit(X, y)
    assert compiled[True] == 1
    fit(random_state=1, learning_rate=1e-4, epochs=3, batch_size=7).fit(X, y)
    fit(schedule=None, augment=1.0, class_weight="balanced").fit(X[:20], y[:20])
    assert compiled[True] == 1
    fit(dropout=0.1).fit(X, y)
    fit(weight_decay=0.0).fit(X, y)
    fit(loss="auroc").fit(X, y)
    assert compiled[True] == 4


@pytest.mark.parametrize("parameters", [{}, {"patience": 1}, {"optimizer": "sgd"}])
def test_a_graph_used_before_makes_no_difference(data, compiled, parameters):
    X, y = data
    groups = np.arange(40)
    fit = functools.partial(classifier, network=new_network(), **parameters)
    first = fit().fit(X, y, groups=groups)
    expected = first.predict_proba(X)
    other = fit(random_state=1).fit(X, 1 - y, groups=groups)
    assert not np.allclose(other.predict_proba(X), expected, atol=1e-4)
    # The weights of the first network are not changed, and the same seed repeats them.
    np.testing.assert_array_equal(first.predict_proba(X), expected)
    again = fit().fit(X, y, groups=groups)
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert again.history_ == first.history_
    assert compiled[True] == 1


def test_an_optimizer_instance_starts_without_state(data):
    X, y = data
    adam = keras.optimizers.Adam(1e-3)
    fit = functools.partial(classifier, network=new_network(), optimizer=adam)
    expected = fit().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(fit().fit(X, y).predict_proba(X), expected)


def test_a_failed_fit_changes_nothing(data):
    X, y = data
    fit = functools.partial(classifier, network=new_network())
    expected = fit().fit(X, y).predict_proba(X)
    with pytest.raises(ValueError, match="Training diverged"):
        fit(learning_rate=1e30, schedule=None).fit(1e18 * X, y)
    np.testing.assert_array_equal(fit().fit(X, y).predict_proba(X), expected)


def test_fits_at_the_same_time(data):
    X, y = data
    fit = functools.partial(classifier, network=new_network())
    expected = [fit(random_state=i).fit(X, y).predict_proba(X) for i in range(3)]
    found = {}

    def fit_one(i):
        found[i] = fit(random_state=i).fit(X, y).predict_proba(X)

    threads = [threading.Thread(target=fit_one, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(3):
        np.testing.assert_array_equal(found[i], expected[i])


def test_networks_of_one_architecture_keep_their_weights(compiled):
    X = np.random.default_rng(0).normal(size=(3, 16, 40, 1)).astype(np.float32)
    build = functools.partial(new_network(), **SHAPE)
    models = [build(dropout=0.3), build(dropout=0.1), build(dropout=0.3)]
    found = [Forward(model)(X) for model in models]
    assert compiled[False] == 2
    codes, logits = np.array([0, 1, 1]), np.array([[-1.0], [1.0], [2.0]])
    for factor in (1, 5):  # calibrated networks have one architecture, too
        models.append(calibrated(models[0], factor * logits, codes, np.ones(3)))
        found.append(Forward(models[-1])(X))
    assert not np.allclose(found[-1], found[-2])
    assert compiled[False] == 3
    for model, output in zip(models, found, strict=True):
        np.testing.assert_allclose(output, model(X).numpy(), rtol=1e-5, atol=1e-6)
    forward = Forward(models[0])
    models[0].layers[-1].bias.assign_add([1.0])
    np.testing.assert_allclose(forward(X), found[0] + 1, rtol=1e-5)


def test_a_network_built_in_advance_is_not_shared(data):
    X, y = data
    network = new_network()
    model = network(**SHAPE, dropout=0.3)
    fitted = classifier(network=lambda **settings: model).fit(X, y)
    expected = fitted.predict_proba(X)
    classifier(network=network, dropout=0.3).fit(X, 1 - y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_few_graphs_are_kept(data, compiled):
    X, y = data
    networks = [new_network() for _ in range(9)]
    for network in networks:
        classifier(epochs=1, network=network).fit(X, y).predict(X)
    assert compiled[True] == compiled[False] == 9
    classifier(epochs=1, network=networks[-1]).fit(X, y).predict(X)
    assert compiled[True] == compiled[False] == 9
    classifier(epochs=1, network=networks[0]).fit(X, y).predict(X)
    assert compiled[True] == compiled[False] == 10


def test_a_step_is_that_of_keras():
    random = np.random.default_rng(0)
    X = random.normal(size=(8, 16, 40, 1)).astype(np.float32)
    y = (np.arange(8) % 2).astype(np.float32)[:, np.newaxis]
    weights = random.random(8).astype(np.float32)
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        model = compact(l2=0.01)
        optimizer = make_optimizer("adamw", learning_rate=1e-3, weight_decay=0.01)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
        models.append(model)
    mine, theirs = models
    trainer = Trainer(mine, 1)
    for _ in range(3):
        found = float(trainer.step(X, y, weights))
        expected = theirs.train_on_batch(X, y, sample_weight=weights)
        theirs.reset_metrics()
        assert found == pytest.approx(float(expected), rel=1e-4)
    for a, b in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.parametrize("n_steps", [1, 5, 100])
def test_learning_rates_are_those_of_keras(n_steps):
    warm_up = round(0.1 * n_steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else 0.01,
        decay_steps=max(1, n_steps - warm_up),
        warmup_target=0.01 if warm_up else None,
        warmup_steps=warm_up,
    )
    expected = [float(schedule(step)) for step in range(n_steps)]
    found = learning_rates(0.01, "cosine", n_steps)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)
    np.testing.assert_array_equal(learning_rates(0.01, None, 3), [0.01] * 3)


def test_spectrograms_are_released(data):
    X, y = data
    X = X.copy()
    seen = weakref.ref(X)
    fitted = classifier().fit(X, y)
    fitted.predict(X)
    del X
    gc.collect()
    assert seen() is None


def numbered(n_bands, n_frames, n_channels, n_outputs, dropout):
    """Build a network whose layers have the names that Keras counts up."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Flatten()(keras.layers.SpatialDropout2D(dropout)(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def test_a_graph_is_freed_with_its_trainer():
    model = compact()
    model.compile("adamw", "mse", jit_compile=False)
    trainer = Trainer(model, 1)
    graph = weakref.ref(trainer.graph.graph)
    assert graph() is not None
    del trainer
    gc.collect()
    assert graph() is None


@pytest.mark.parametrize("network", ["compact", numbered])
def test_no_fit_makes_a_new_name_of_a_variable(data, network):
    X, y = data

    def names_made(dropout):
        names = set()

        def create(make, **arguments):
            variable = make(**arguments)
            names.add(variable.name)
            return variable

        with tf.variable_creator_scope(create):
            fitted = classifier(network=network, epochs=1, dropout=dropout).fit(X, y)
            pickle.loads(pickle.dumps(fitted)).predict(X)
        return names

    known = names_made(0.11)
    assert known >= {"kernel:0", "seed_generator_state:0"}
    assert names_made(0.11) <= known  # with the same graph, and with another one
    assert names_made(0.21) <= known


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "n_warm_up", "n_fits", "limit"),
    [("dropout=0.01 * i", 10, 60, 60), ("", 200, 1200, 20)],
    ids=["other dropouts", "small fits"],
)
def test_many_fits_do_not_fill_the_memory(words, n_warm_up, n_fits, limit):
    code = f"""
import gc
import numpy as np
from skheart import CNNClassifier

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

X = np.random.default_rng(0).normal(size=(8, 16, 40)).astype(np.float32)
y = np.arange(8) % 2
for i in range({n_fits}):
    CNNClassifier(epochs=1, random_state=i, {words}).fit(X, y).predict(X)
    if i == {n_warm_up}:
        before = resident()
print(resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < limit


def test_networks_with_different_functions_share_nothing():
    def network(factor):
        def act(x):
            return factor * x

        inputs = keras.Input((3,))
        return keras.Model(inputs, keras.layers.Dense(2, activation=act)(inputs))

    one, other = network(1.0), network(-3.0)
    other.set_weights(one.get_weights())
    X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert architecture(one) is architecture(other) is None
    np.testing.assert_allclose(Forward(one)(X), np.asarray(one(X)), rtol=1e-5)
    np.testing.assert_allclose(Forward(other)(X), -3 * Forward(one)(X), rtol=1e-5)


def test_import_where_processes_cannot_fork(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    spec = importlib.util.spec_from_file_location("graphs_again", graphs.__file__)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_says_what_to_do(data):
    X, y = data
    fitted = classifier(epochs=1).fit(X, y)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            fitted.predict(X)
        except RuntimeError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            assert "load or fit the model in the worker itself" in pipe.read()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("use_bias", [False, True])
def test_folding_batch_normalization_changes_nothing(use_bias):
    inputs = keras.Input((12, 9, 2))
    x = keras.layers.Conv2D(4, 3, use_bias=use_bias, bias_initializer="ones")(inputs)
    x = keras.layers.BatchNormalization(scale=not use_bias)(x)
    both = keras.layers.Conv2D(4, 3, padding="same")(x)  # also used without folding
    x = keras.layers.Add()([both, keras.layers.BatchNormalization()(both)])
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 2, w.shape) for w in model.get_weights()])
    X = rng.normal(size=(3, 12, 9, 2)).astype(np.float32)
    state = random.getstate()
    found = Forward(model)(X)
    assert random.getstate() == state
    np.testing.assert_allclose(found, model(X).numpy(), rtol=1e-5, atol=1e-5)
