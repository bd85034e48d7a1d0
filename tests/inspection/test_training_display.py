"""The plot of a training."""

from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

from skheart import CNNClassifier, load_pretrained
from skheart.inspection import TrainingDisplay

pytestmark = pytest.mark.usefixtures("close_figures")
HISTORY = {"loss": [0.7, 0.5, 0.4, 0.3], "val_auroc": [0.6, 0.9, 0.8, 0.9]}


def test_from_a_pipeline_and_from_its_classifier(fitted_pipeline, sounds):
    model = fitted_pipeline(sounds, epochs=3, patience=2, validation=0.25)
    for estimator in (model, model[-1]):
        display = TrainingDisplay.from_estimator(estimator, name="fit").plot()
        history = model[-1].history_
        np.testing.assert_array_equal(display.line_.get_ydata(), history["loss"])
        np.testing.assert_array_equal(
            display.auroc_line_.get_ydata(), history["val_auroc"]
        )
        assert display.ax_.get_title() == "fit"
        display.figure_.canvas.draw()  # must not warn


def test_the_best_epoch_is_the_first_with_the_best_score():
    display = TrainingDisplay(HISTORY).plot()
    assert display.line_.get_xdata().tolist() == [1, 2, 3, 4]
    assert list(display.best_line_.get_xdata()) == [2, 2]
    assert display.best_line_.get_label() == "best epoch: 2"
    assert display.ax_.get_ylabel() == "Loss of the training part"
    assert display.auroc_ax_.get_ylabel() == "AUROC of the validation part"
    ticks = display.ax_.xaxis.get_major_locator().tick_values(1, 4)
    assert all(tick == round(tick) for tick in ticks)


def test_without_a_validation_part():
    _, ax = plt.subplots()
    display = TrainingDisplay({"loss": [1.0]}, name="one epoch").plot(ax, color="k")
    assert display.ax_ is ax
    assert display.line_.get_color() == "k"
    assert display.auroc_line_ is display.best_line_ is display.auroc_ax_ is None
    assert ax.get_title() == "one epoch"
    assert len(display.figure_.axes) == 1


def test_no_history():
    expected = "without history_; a model that was loaded from a file has none"
    for estimator in (CNNClassifier(), load_pretrained()):
        with pytest.raises(ValueError, match=expected):
            TrainingDisplay.from_estimator(estimator)


def test_history_survives_a_copy(of_compact):
    copied = TrainingDisplay.from_estimator(copy.deepcopy(of_compact))
    assert copied.history == TrainingDisplay.from_estimator(of_compact).history


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"TrainingDisplay\.plot needs matplotlib"):
        TrainingDisplay(HISTORY).plot()
