"""Test that too large sizes in model files are refused before memory is allocated."""

from __future__ import annotations

import copy
import tracemalloc

import pytest

from skheart import SpectrogramTransformer
from skheart._core.files import ModelFileError
from skheart.deployment.sizes import check_sizes
from skheart.neural.packaged_networks import read_network


@pytest.fixture(scope="module")
def good():
    saved = read_network("murmur")
    network = saved.network
    transformer = SpectrogramTransformer(**saved.spectrogram)
    return {
        "spectrogram": transformer.get_params(deep=False),
        "classes": network.classes,
        "input_shape": [network.n_bands, network.n_crop, 1],
        "n_crop": network.n_crop,
        "network": network.description,
        "shapes": [list(weight.shape) for weight in network.weights],
    }


def test_a_shipped_model_is_accepted(good):
    check_sizes(good)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("spectrogram", "n_fft"), 1 << 28),
        (("spectrogram", "window"), 1e6),
        (("spectrogram", "window"), 1e4),
        (("spectrogram", "hop"), 1e-9),
        (("spectrogram", "sample_rate"), 1e-300),
        (("spectrogram", "duration"), 1e6),
        (("spectrogram", "n_bands"), 1 << 30),
        (("n_crop",), 10**12),
        (("input_shape",), [40, 10**12, 1]),
        (("classes",), list(range(10**6))),
        (("shapes",), [[1 << 20, 1 << 20]]),
        (("shapes",), [["a", 1 << 28]]),
        (("shapes",), [[[0], 1 << 28]]),
        (("shapes",), [[1 << 28] * 1000]),
        (("network", "config", "layers", -1, "config", "units"), 1 << 20),
    ],
)
def test_each_size_has_a_bound(good, place, value):
    text = copy.deepcopy(good)
    target = text
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=r"\w"):
            check_sizes(text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
