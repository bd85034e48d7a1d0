"""Test the built-in networks and their layers."""

import keras
import numpy as np
import pytest

from skheart.neural import AttentionPooling
from skheart.neural.networks import NETWORKS, build_network

SHAPES = [(40, 250, 1), (64, 101, 1), (13, 7, 2), (2, 1, 1), (1, 1, 3)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_shapes(network, shape, n_outputs):
    n_bands, n_frames, n_channels = shape
    model = build_network(
        network,
        n_bands=n_bands,
        n_frames=n_frames,
        n_channels=n_channels,
        n_outputs=n_outputs,
        dropout=0.2,
        l2=1e-3,
    )
    assert model.input_shape == (None, *shape)
    logits = np.asarray(model(np.zeros((2, *shape), np.float32)))
    assert logits.shape == (2, n_outputs)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_dropout_and_l2_have_an_effect(network):
    def build(dropout, l2):
        return build_network(
            network,
            n_bands=20,
            n_frames=30,
            n_channels=1,
            n_outputs=1,
            dropout=dropout,
            l2=l2,
        )

    rates = {
        layer.rate
        for layer in build(0.45, 0.0).layers
        if isinstance(layer, keras.layers.Dropout)
    }
    assert rates == {0.45}
    assert not build(0.1, 0.0).losses
    penalised = build(0.1, 0.01)
    kernels = [
        layer.kernel
        for layer in penalised.layers
        if hasattr(layer, "kernel") and not layer.name.startswith("bands")
    ]
    assert len(penalised.losses) >= len(kernels)
    expected = sum(0.01 * float(np.square(kernel).sum()) for kernel in kernels)
    if network == "compact":
        expected += 0.01 * float(
            np.square(penalised.get_layer("bands").get_weights()[0]).sum()
        )
    assert float(sum(penalised.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_serialises(network):
    model = build_network(
        network,
        n_bands=20,
        n_frames=30,
        n_channels=1,
        n_outputs=2,
        dropout=0.1,
        l2=1e-3,
    )
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    X = np.random.default_rng(0).normal(size=(3, 20, 30, 1)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(model(X)), np.asarray(again(X)))


def test_compact_has_about_100_000_parameters():
    model = NETWORKS["compact"](n_bands=40, n_frames=250)
    assert 90_000 < model.count_params() < 110_000


def test_deep_stethoscope_has_the_layers_of_the_study():
    model = NETWORKS["deep_stethoscope"](n_bands=40, n_frames=250)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 2
    assert kinds.count("BatchNormalization") == 2
    sizes = [
        layer.kernel_size
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert sizes == [(5, 5), (5, 5)]
    units = [
        layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)
    ]
    assert units == [100, 50, 8, 1]


def test_a_function_gets_the_arguments_that_it_accepts():
    def network(n_bands, n_frames, n_outputs):
        inputs = keras.Input((n_bands, n_frames, 1))
        x = keras.layers.Flatten()(inputs)
        return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))

    settings = {"n_bands": 4, "n_frames": 5, "n_channels": 1, "n_outputs": 2}
    settings |= {"dropout": 0.1, "l2": 0.0}
    assert build_network(network, **settings).output_shape == (None, 2)
    seen = {}

    def greedy(**given):
        seen.update(given)
        return network(given["n_bands"], given["n_frames"], given["n_outputs"])

    build_network(greedy, **settings)
    assert seen == settings


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            "resnet",
            "network must be one of 'compact', 'deep_stethoscope' or a function",
        ),
        (lambda: 3, "network must build a keras.Model, got int"),
        (
            lambda: keras.Sequential([keras.layers.Dense(1)]),
            "got a Sequential without known inputs",
        ),
        (
            lambda: keras.Sequential([keras.Input((3, 4, 1)), keras.layers.Flatten()]),
            r"output has shape \(None, 1\), one logit",
        ),
    ],
)
def test_wrong_networks(network, message):
    settings = {"n_bands": 3, "n_frames": 4, "n_channels": 1, "n_outputs": 1}
    with pytest.raises(ValueError, match=message):
        build_network(network, dropout=0.1, l2=0.0, **settings)


def test_attention_pooling_by_formula():
    X = np.random.default_rng(0).normal(size=(2, 9, 4)).astype(np.float32)
    layer = AttentionPooling()
    pooled = np.asarray(layer(X))
    score = X @ layer.get_weights()[0]
    weight = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pooled, (weight * X).sum(axis=1), atol=1e-6)
    assert layer.compute_output_shape((None, None, 4)) == (None, 4)
