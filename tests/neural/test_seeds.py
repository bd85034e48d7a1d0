"""Test that results depend on random_state only, not on global random numbers."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import keras
import numpy as np
import pytest

from skheart import CNNClassifier
from skheart.neural.building import restored_network
from skheart.neural.networks import NETWORKS, compact
from skheart.neural.packaged_networks import read_network
from skheart.neural.seeds import with_seeds


@contextmanager
def threads_that_draw(number=2):
    """Draw global random numbers in other threads, without a pause."""
    stop, started = threading.Event(), threading.Barrier(number + 1)

    def draw():
        started.wait()
        while not stop.is_set():
            random.random()
            np.random.random()

    threads = [threading.Thread(target=draw) for _ in range(number)]
    for thread in threads:
        thread.start()
    started.wait()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def network_of_ones_own(n_bands, n_frames, n_channels, n_outputs, dropout):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Conv2D(4, 3, kernel_initializer="he_uniform")(inputs)
    x = keras.layers.SpatialDropout2D(dropout)(x)
    x = keras.layers.Reshape((n_frames - 2, -1))(x)
    x = keras.layers.Bidirectional(keras.layers.GRU(3, dropout=0.2))(x)
    x = keras.layers.GaussianNoise(0.1)(x)
    normal = keras.initializers.RandomNormal(stddev=0.2)
    outputs = keras.layers.Dense(n_outputs, kernel_initializer=normal)(x)
    return keras.Model(inputs, outputs)


def light_network(n_bands, n_frames, n_channels, n_outputs, dropout):
    """Build a network that is much faster to compile than the built-in ones."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((1, n_frames))(inputs))
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def quick(**parameters):
    settings = {"epochs": 4, "batch_size": 8, "crop_frames": 20, "random_state": 0}
    settings |= {"network": light_network, "learning_rate": 0.1}
    return CNNClassifier(**settings | parameters)


def weights_of(classifier):
    return classifier.model_.get_weights()


BUILT_IN = [pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS]


@pytest.mark.parametrize("network", [*BUILT_IN, network_of_ones_own])
def test_identical_while_other_threads_draw(data, network):
    X, y = data

    def results(seed=0):
        classifier = CNNClassifier(
            network=network,
            epochs=2,
            crop_frames=20,
            augment=0.5,
            patience=2,
            loss="auroc",
            random_state=seed,
        ).fit(X, y)
        return [*classifier.model_.get_weights(), classifier.predict_proba(X)]

    alone = results()
    with threads_that_draw():
        together = results()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(alone[-1], results(seed=1)[-1])


def test_global_random_numbers_are_not_used(data):
    random.seed(3)
    np.random.seed(3)
    one = with_seeds(compact(n_bands=12, n_frames=20), 5).get_weights()
    random.seed(4)
    np.random.seed(4)
    two = with_seeds(compact(n_bands=12, n_frames=20), 5).get_weights()
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_loaded_weights_are_kept():
    inputs = keras.Input((4,))
    loaded, new = keras.layers.Dense(3), keras.layers.Dense(2)
    model = keras.Model(inputs, new(loaded(inputs)))
    values = [np.full((4, 3), 0.5, "float32"), np.ones(3, "float32")]
    loaded.set_weights(values)
    first, *_, last = with_seeds(model, 0).layers[1:]
    for found, expected in zip(first.get_weights(), values, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(last.get_weights()[0], new.get_weights()[0])


class Undescribed(keras.layers.Layer):
    """Use an initializer that the configuration does not contain."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2))

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)


def test_what_cannot_be_seeded_is_named_once():
    inputs = keras.Input((4,))
    x = keras.layers.Lambda(lambda x: 2 * x, name="doubled")(inputs)
    model = keras.Model(inputs, Undescribed(name="own")(x))
    with pytest.warns(UserWarning, match="the layers doubled, own") as caught:
        seeded = with_seeds(model, 0)
    assert len(caught) == 1
    assert seeded.output_shape == (None, 2)


@pytest.mark.parametrize("network", ["compact", light_network])
def test_same_seed_same_weights_other_seed_other_weights(data, network):
    one, again, other = (
        weights_of(quick(network=network, random_state=seed).fit(*data))
        for seed in (0, 0, 1)
    )
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], other[0])


@pytest.mark.slow
def test_same_weights_in_two_processes(tmp_path):
    program = (
        "import numpy as np, sys\n"
        "from skheart import CNNClassifier\n"
        "X = np.random.default_rng(0).standard_normal((20, 8, 30))\n"
        "c = CNNClassifier(epochs=2, crop_frames=16, augment=0.5, random_state=3)\n"
        "c.fit(X, np.arange(20) % 2)\n"
        "np.savez(sys.argv[1], *c.model_.get_weights())\n"
    )
    for name in ("one", "two"):
        subprocess.run(
            [sys.executable, "-c", program, tmp_path / f"{name}.npz"],
            check=True,
            capture_output=True,
        )
    one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
    assert one.files == two.files
    assert len(one.files) > 10
    for name in one.files:
        np.testing.assert_array_equal(one[name], two[name])


def test_random_state_instance(data):
    X, codes = data
    weights = [
        quick(random_state=np.random.RandomState(5), epochs=1)
        .fit(X, codes)
        .model_.get_weights()[0]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*weights)


def test_global_random_numbers_are_neither_drawn_nor_restored(data, monkeypatch):
    X, codes = data
    # Restored, they would come a second time in other threads.
    monkeypatch.setattr(random, "setstate", None)
    before = random.getstate(), np.random.get_state()[1:3]
    start = quick(network="compact", epochs=1, patience=1, augment=1)
    start.fit(X, codes, groups=np.arange(48))
    tuned = CNNClassifier(weights=start, epochs=1, random_state=0).fit(X, codes)
    loaded = pickle.loads(pickle.dumps(tuned))
    np.testing.assert_array_equal(loaded.predict_proba(X), tuned.predict_proba(X))
    restored_network(read_network("murmur").network)
    quick(network="deep_stethoscope", epochs=1).fit(X, codes)
    np.testing.assert_equal((random.getstate(), np.random.get_state()[1:3]), before)


def test_numbers_drawn_while_a_network_is_built_do_not_come_again(data):
    drawn = []

    def network(n_bands, n_frames, n_channels, n_outputs, dropout):
        drawn.append(random.random())
        return light_network(n_bands, n_frames, n_channels, n_outputs, dropout)

    before = np.random.get_state()[1:3]
    quick(network=network, epochs=1).fit(*data)
    assert random.random() not in drawn
    np.testing.assert_equal(np.random.get_state()[1:3], before)


def test_fits_in_threads_are_identical(data):
    X, codes = data

    def weights(_):
        return weights_of(quick(epochs=2).fit(X, codes))

    alone = weights(None)
    with ThreadPoolExecutor(2) as pool:
        for together in pool.map(weights, range(2)):
            for a, b in zip(alone, together, strict=True):
                np.testing.assert_array_equal(a, b)
