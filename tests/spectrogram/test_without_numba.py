"""The functions in numpy, against the compiled ones."""

import numpy as np
import pytest

from skheart.spectrogram import kernels, without_numba
from skheart.spectrogram.bands import SpectrogramSettings


@pytest.mark.parametrize("window", [0.025, 0.0255, 0.05])
@pytest.mark.parametrize("n_times", [1, 60, 4001, 25_000])  # the last: several blocks
@pytest.mark.parametrize("normalize", [None, "recording", "band"])
def test_spectrograms_are_equal(n_times, window, normalize, monkeypatch):
    random = np.random.default_rng(n_times)
    waveform = random.normal(size=n_times).astype(np.float32)
    settings = SpectrogramSettings(
        2000.0, window, 0.01, 20, 25.0, 800.0, "mel", None, 1e-6
    )
    expected = settings.compute(waveform, normalize=normalize)
    for name in ("band_power", "standardize"):
        monkeypatch.setattr(kernels, name, getattr(without_numba, name))
    found = settings.compute(waveform, normalize=normalize)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_power_is_at_least_the_floor_and_nan_stays():
    settings = SpectrogramSettings(
        2000.0, 0.025, 0.01, 20, 25.0, 800.0, "mel", None, 1e-6
    )
    values = {}
    for module in (kernels, without_numba):
        waveform = np.zeros(4000, dtype=np.float32)
        waveform[2000] = np.nan
        padded = np.pad(waveform, 100)
        bands = np.empty((20, 200), dtype=np.float32)
        module.band_power(
            *(bands, padded, settings.n_window, settings.n_hop),
            *(*settings._transform, settings._used_filters, np.float32(1e-6)),
        )
        values[module] = bands
        assert (bands[:, :80] == np.float32(1e-6)).all()
        assert np.isnan(bands).any()
    np.testing.assert_array_equal(values[kernels], values[without_numba])


def test_a_deviation_of_rounding_is_not_divided_by():
    values = np.full(100, 3, dtype=np.float32)
    without_numba.standardize(values, np.float32(1e-6))
    np.testing.assert_array_equal(values, 0)
