"""Test that results depend on random_state only, not on global random numbers."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager

import keras
import numpy as np
import pytest

from skheart import CNNClassifier
from skheart.neural.networks import NETWORKS, compact
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


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((24, 12, 30)).astype(np.float32), np.arange(24) % 2


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
