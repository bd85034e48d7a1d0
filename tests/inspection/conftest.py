"""Fitted pipelines that several tests of inspection use. Tests must not change them."""

from __future__ import annotations

import keras
import matplotlib
import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import make_heart_sounds

matplotlib.use("Agg")


def linear(n_bands, n_frames, n_outputs):
    """Build a network whose logits are a weighted sum of the spectrogram."""
    return keras.Sequential(
        [
            keras.Input((n_bands, n_frames, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(n_outputs, name="logits"),
        ]
    )


def fit(sounds, y=None, **parameters):
    """Return a pipeline that was trained for an epoch on 12 bands."""
    parameters = {"epochs": 1, "crop_frames": 60, "random_state": 0} | parameters
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=3.0, n_bands=12)),
            ("cnn", CNNClassifier(**parameters)),
        ]
    )
    return pipeline.fit(sounds.data, sounds.target if y is None else y)


@pytest.fixture(scope="session")
def fitted_pipeline():
    """Return the function that trains a pipeline."""
    return fit


@pytest.fixture(scope="session")
def sounds():
    """Return simulated recordings of 1 to 4 s, half of them with a murmur."""
    return make_heart_sounds(16, duration=(1.0, 4.0), random_state=0)


@pytest.fixture(scope="session")
def of_compact(sounds):
    return fit(sounds)


@pytest.fixture(scope="session")
def of_three(sounds):
    """Return a compact network of three classes, a, b and c."""
    return fit(sounds, np.array(list("abcabcabcabcabca")))


@pytest.fixture(scope="session")
def of_linear(sounds):
    return fit(sounds, network=linear)


@pytest.fixture
def close_figures():
    """Close all figures after a test."""
    from matplotlib import pyplot as plt

    yield
    plt.close("all")
