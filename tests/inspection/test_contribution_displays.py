"""Plots of contributions and of occlusion maps."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import same_color

from skheart.inspection import (
    ContributionDisplay,
    Contributions,
    OcclusionDisplay,
    OcclusionMap,
    frame_contributions,
    occlusion_map,
)
from skheart.inspection.axes import PHASE_COLOURS

pytestmark = pytest.mark.usefixtures("close_figures")
SEGMENTS = (
    np.array([0.0, 0.1, 0.4]),
    np.array([0.1, 0.4, 0.5]),
    np.array(["s1", "systole", "s2"]),
)

EMPTY = OcclusionMap(np.arange(3.0), np.arange(2.0), np.zeros((2, 3)), "murmur", 0.0)


@pytest.fixture
def contributions():
    values = np.array([1.0, -2.0, 3.0, 0.0, -1.0])
    times = 0.1 * np.arange(5)
    return Contributions(times, values, 0.5, "murmur", np.array(["murmur", "normal"]))


def test_from_estimator_is_the_computation(of_compact, sounds):
    display = ContributionDisplay.from_estimator(of_compact, sounds.data[0], name="x")
    (expected,) = frame_contributions(of_compact, sounds.data[:1])
    np.testing.assert_array_equal(display.values, expected.values)
    assert (display.label, display.name) == ("murmur", "x")
    assert display.segmentation is None
    assert not plt.get_fignums()  # nothing is drawn yet


def test_plot_of_contributions(contributions):
    display = ContributionDisplay(contributions, segmentation=SEGMENTS, name="p1")
    assert display.plot() is display
    np.testing.assert_array_equal(display.line_.get_ydata(), contributions.values)
    np.testing.assert_array_equal(display.line_.get_xdata(), contributions.times)
    for_, against = (
        artist.get_paths()[0].vertices[:, 1]
        for artist in (display.for_, display.against_)
    )
    assert (for_.min(), for_.max()) == (0, 3)
    assert (against.min(), against.max()) == (-2, 0)
    assert display.ax_.get_xlabel() == "Time (s)"
    assert display.ax_.get_ylabel() == "Contribution to the logit"
    assert display.ax_.get_title(loc="left") == "p1"
    words = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert words == ["for murmur", "against murmur", *PHASE_COLOURS]
    spans = dict(zip(PHASE_COLOURS, display.phases_, strict=True))
    assert same_color(spans["systole"].get_facecolor()[0], PHASE_COLOURS["systole"])
    (path,) = spans["systole"].get_paths()
    assert (path.vertices[:, 0].min(), path.vertices[:, 0].max()) == (0.1, 0.4)
    assert not spans["diastole"].get_paths()
    display.figure_.canvas.draw()  # must not warn


def test_plot_draws_on_given_axes_and_passes_options_on(contributions):
    figure, axes = plt.subplots(1, 2)
    display = ContributionDisplay(contributions).plot(axes[1], linewidth=3)
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.line_.get_linewidth() == 3
    assert display.phases_ == []
    assert not axes[0].has_data()


def test_the_other_class_is_the_opposite(contributions):
    display = ContributionDisplay(contributions, label="normal")
    np.testing.assert_array_equal(display.values, -contributions.values)
    with pytest.raises(ValueError, match="label must be one of 'murmur'"):
        ContributionDisplay(contributions, label="x")


def test_label_of_several_classes(of_three, sounds):
    (found,) = frame_contributions(of_three, sounds.data[:1])
    display = ContributionDisplay(found)
    assert display.label == of_three.predict(sounds.data[:1])[0]
    other = ContributionDisplay(found, label="b")
    np.testing.assert_array_equal(other.values, found.values[:, 1])


def test_occlusion_display(of_compact, sounds):
    settings = {"time_step": 0.5, "n_bands": 3}
    display = OcclusionDisplay.from_estimator(of_compact, sounds.data[0], **settings)
    expected = occlusion_map(of_compact, sounds.data[0], **settings)
    np.testing.assert_array_equal(display.occlusion.values, expected.values)
    assert display.plot(cmap="PuOr") is display
    np.testing.assert_array_equal(display.image_.get_array(), expected.values)
    low, high = display.image_.get_clim()
    assert -low == high == np.abs(expected.values).max()
    assert display.image_.get_cmap().name == "PuOr"
    assert display.ax_.get_ylabel() == "Frequency (Hz)"
    colour_bar = next(ax for ax in display.figure_.axes if ax is not display.ax_)
    assert colour_bar.get_ylabel() == "Fall of the logit\nof murmur"
    display.figure_.canvas.draw()


def test_occlusion_display_on_given_axes():
    _, ax = plt.subplots()
    display = OcclusionDisplay(EMPTY, name="nothing").plot(ax, vmin=-1, vmax=2)
    assert display.ax_ is ax
    assert display.image_.get_clim() == (-1, 2)
    assert ax.get_title() == "nothing"


@pytest.mark.parametrize("kind", ["ContributionDisplay", "OcclusionDisplay"])
def test_without_matplotlib(kind, contributions, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    display = {
        "ContributionDisplay": ContributionDisplay(contributions),
        "OcclusionDisplay": OcclusionDisplay(EMPTY),
    }[kind]
    with pytest.raises(ImportError, match=f"{kind}.plot needs matplotlib; install"):
        display.plot()
