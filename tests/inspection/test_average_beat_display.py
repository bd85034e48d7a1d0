"""The plot of the average heartbeat."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile
from matplotlib import pyplot as plt

from skheart.datasets import make_heart_sounds
from skheart.inspection import AverageBeatDisplay
from skheart.segmentation import average_beat, load_segmenter

pytestmark = pytest.mark.usefixtures("close_figures")


@pytest.fixture(scope="module")
def waveform():
    return make_heart_sounds(
        1, classes="normal", duration=6.0, heart_rate=70.0, random_state=0
    ).data[0]


@pytest.fixture(scope="module")
def display(waveform):
    return AverageBeatDisplay.from_recording(waveform)


def test_from_recording_is_the_computation(display, waveform):
    (segmentation,) = load_segmenter().predict([waveform])
    expected = average_beat(waveform, segmentation, sample_rate=2000)
    assert display.beat.n_beats == expected.n_beats >= 4
    np.testing.assert_array_equal(display.beat.mean, expected.mean)
    assert display.beat.boundaries[-1] == pytest.approx(60 / 70, rel=0.05)
    assert display.name is None


def test_a_file_at_another_rate(tmp_path, waveform, display):
    path = tmp_path / "p1.wav"
    soundfile.write(path, np.repeat(waveform, 2), 4000)
    found = AverageBeatDisplay.from_recording(path)
    assert found.name == "p1.wav"
    assert found.beat.n_beats == display.beat.n_beats


def test_plot(display):
    assert display.plot() is display
    beat, ax = display.beat, display.ax_
    np.testing.assert_array_equal(display.line_.get_ydata(), beat.mean)
    vertices = display.band_.get_paths()[0].vertices[:, 1]
    assert vertices.min() == beat.low.min()
    assert vertices.max() == beat.high.max()
    assert [text.get_text() for text in ax.texts] == ["S1", "systole", "S2", "diastole"]
    assert ax.get_xlim() == (0, beat.boundaries[-1])
    assert ax.get_ylabel() == "Level (dB)"
    assert ax.get_title() == f"{beat.n_beats} beats"
    for artist, start, end in zip(
        display.phases_, beat.boundaries[:-1], beat.boundaries[1:], strict=True
    ):
        (path,) = artist.get_paths()
        assert path.vertices[:, 0].min() == pytest.approx(start)
        assert path.vertices[:, 0].max() == pytest.approx(end)
    display.figure_.canvas.draw()  # must not warn


def test_plot_draws_on_given_axes_and_passes_options_on(display):
    _, axes = plt.subplots(1, 2)
    again = AverageBeatDisplay(display.beat, name="p2").plot(axes[0], color="k")
    assert again.ax_ is axes[0]
    assert again.line_.get_color() == "k"
    assert axes[0].get_title().startswith("p2: ")
    assert not axes[1].has_data()


def test_a_recording_without_a_heartbeat():
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    display = AverageBeatDisplay.from_recording(noise)
    assert display.beat.n_beats == 0
    with pytest.raises(ValueError, match="needs a recording with a complete heartbeat"):
        display.plot()
    assert not plt.get_fignums()


def test_without_matplotlib(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"AverageBeatDisplay\.plot needs matplotlib"):
        AverageBeatDisplay(display.beat).plot()
