"""Test plots of spectrograms with labelled axes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import soundfile

from skheart import (
    RecordingError,
    SpectrogramDisplay,
    SpectrogramTransformer,
)

matplotlib.use("Agg")

from matplotlib import pyplot as plt

HINT = "needs matplotlib; install it with \"pip install 'skheart[plot]'\"."


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def tone_file(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(100, sample_rate=4000), 4000)
    return path


def peak_frequency(display):
    return display.frequencies[display.spectrogram.mean(axis=1).argmax()]


def test_waveform(tone):
    display = SpectrogramDisplay.from_recording(tone(100))
    assert display.spectrogram.shape == (40, 101)
    assert display.frequencies.shape == (40,)
    np.testing.assert_allclose(display.times, np.arange(101) * 0.02)
    assert peak_frequency(display) == pytest.approx(100, abs=15)
    assert (display.name, display.unit) == (None, "dB")


@pytest.mark.parametrize("kind", [str, Path])
def test_path(tone_file, kind):
    display = SpectrogramDisplay.from_recording(kind(tone_file))
    assert display.spectrogram.shape == (40, 101)
    assert peak_frequency(display) == pytest.approx(100, abs=15)
    assert display.name == "tone.wav"


@pytest.mark.parametrize("scale", ["mel", "linear"])
@pytest.mark.parametrize("frequency", [200, 500, 1500])
def test_frequencies_are_those_of_the_bands(tone, scale, frequency):
    settings = SpectrogramTransformer(
        sample_rate=4000.0, duration=None, normalize=None, scale=scale, f_max=1900.0
    )
    waveform = tone(frequency, sample_rate=4000)
    display = SpectrogramDisplay.from_recording(waveform, transformer=settings)
    spacing = np.diff(display.frequencies).max()
    assert peak_frequency(display) == pytest.approx(frequency, abs=spacing)


def test_settings_of_the_transformer_are_used_and_not_changed(tone):
    settings = SpectrogramTransformer(
        duration=1.0, n_bands=16, hop=0.01, flatten=True, on_error="nan"
    )
    before = settings.get_params()
    display = SpectrogramDisplay.from_recording(
        tone(100), transformer=settings, name="a tone"
    )
    assert settings.get_params() == before
    assert display.spectrogram.shape == (16, 101)
    np.testing.assert_allclose(display.times[-1], 1.0)
    assert (display.name, display.unit) == ("a tone", "standard deviations")


def test_plot_has_labels_with_units(tone_file):
    display = SpectrogramDisplay.from_recording(tone_file)
    assert display.plot() is display
    assert display.ax_.get_xlabel() == "Time (s)"
    assert display.ax_.get_ylabel() == "Frequency (Hz)"
    assert display.ax_.get_title() == "tone.wav"
    colour_bar = next(ax for ax in display.figure_.axes if ax is not display.ax_)
    assert colour_bar.get_ylabel() == "dB"
    np.testing.assert_array_equal(display.image_.get_array(), display.spectrogram)
    low, high = display.ax_.get_ylim()
    assert 0 < low < 50
    assert 850 < high < 950
    display.figure_.canvas.draw()  # must not warn


def test_plot_draws_on_given_axes(tone):
    figure, axes = plt.subplots(1, 2)
    display = SpectrogramDisplay.from_recording(tone(100)).plot(axes[1], cmap="gray")
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.image_ in axes[1].collections
    assert display.image_.get_cmap().name == "gray"
    assert not axes[0].has_data()
    assert plt.get_fignums() == [figure.number]
    assert axes[1].get_title() == ""


def test_plot_passes_options_on(tone):
    display = SpectrogramDisplay.from_recording(tone(100)).plot(vmin=-50, vmax=0)
    assert display.image_.get_clim() == (-50, 0)


def test_waveform_and_phases(tone):
    phases = (
        np.array([0.0, 0.25, 0.75, 1.5]),
        np.array([0.25, 0.75, 1.5, 2.0]),
        np.array(["s1", "systole", "s1", "unlabelled"]),
    )
    display = SpectrogramDisplay.from_recording(
        (4000, tone(100, sample_rate=4000) + 0.25), segmentation=phases, name="a tone"
    )
    figure, (above, below) = plt.subplots(2, sharex=True)
    assert display.plot(below, colorbar=False) is display
    assert len(figure.axes) == 2
    assert below.get_xlim()[1] == pytest.approx(2, abs=0.02)
    low, high = below.get_ylim()
    assert 0 < low < 50
    assert 850 < high < 950
    assert display.plot_waveform(above) is display
    times, values = display.line_.get_data()
    assert times[-1] == pytest.approx(2, abs=1e-3)
    np.testing.assert_allclose(values[9:-9], tone(100)[9:-9], atol=0.02)
    assert above.get_xlim() == (0, 2)
    assert above.get_ylim() == pytest.approx((-0.525, 0.525), abs=0.02)
    assert above.get_title() == "a tone"
    assert list(display.phases_) == ["s1", "systole", "s2", "diastole"]
    spans = [path.get_extents().intervalx for path in display.phases_["s1"].get_paths()]
    np.testing.assert_allclose(spans, [(0, 0.25), (0.75, 1.5)])
    assert len(display.phases_["s2"].get_paths()) == 0
    figure.canvas.draw()  # must not warn


def test_plot_waveform_needs_a_waveform():
    display = SpectrogramDisplay(
        np.zeros((4, 9)), times=np.arange(9), frequencies=np.arange(4)
    )
    with pytest.raises(ValueError, match="needs a display with a waveform"):
        display.plot_waveform()


def test_a_display_can_be_plotted_again(tone):
    display = SpectrogramDisplay.from_recording(tone(100))
    first = display.plot().ax_
    assert display.plot().ax_ is not first


def test_display_of_a_recording_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        SpectrogramDisplay.from_recording(tmp_path / "absent.wav")
    with pytest.raises(RecordingError, match="is silent"):
        SpectrogramDisplay.from_recording(np.zeros(5000))


def test_plot_without_matplotlib_says_what_to_install(tone, monkeypatch):
    display = SpectrogramDisplay.from_recording(tone(100))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    expected = re.escape(f"SpectrogramDisplay.plot {HINT}")
    with pytest.raises(ImportError, match=expected):
        display.plot()
    expected = re.escape(f"SpectrogramDisplay.plot_waveform {HINT}")
    with pytest.raises(ImportError, match=expected):
        display.plot_waveform()
