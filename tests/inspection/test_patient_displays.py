"""Plots by patient: the ROC curve with its band, and calibration."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve

from skheart.inspection import CalibrationByPatientDisplay, PatientRocDisplay
from skheart.metrics import calibration_bins, roc_band

pytestmark = pytest.mark.usefixtures("close_figures")
RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(60), 3)
POSITIVE = np.repeat(RNG.uniform(size=60) < 0.5, 3)
Y = np.where(POSITIVE, "murmur", "normal")
SCORES = 1 / (1 + np.exp(-RNG.normal(loc=1.5 * POSITIVE - 0.7, size=180)))
PATIENTS = POSITIVE[::3]
EACH = SCORES.reshape(60, 3)


@pytest.mark.parametrize(("how", "pooled"), [("max", np.max), ("mean", np.mean)])
def test_roc_curve_is_that_of_patients(how, pooled):
    scores = pooled(EACH, axis=1)
    display = PatientRocDisplay.from_predictions(
        Y, SCORES, GROUPS, how=how, random_state=0
    )
    assert display.n_patients == 60
    assert display.positive == "murmur"
    assert display.auroc.auroc == pytest.approx(roc_auc_score(PATIENTS, scores))
    false, true, _ = roc_curve(PATIENTS, scores)
    np.testing.assert_allclose(
        display.band.sensitivity,
        np.interp(display.band.false_positive_rate, false, true),
    )
    expected = roc_band(PATIENTS, scores, random_state=0)
    np.testing.assert_array_equal(display.band.low, expected.low)


def test_a_patient_with_one_positive_recording_is_positive():
    labels = Y.copy()
    labels[POSITIVE] = "normal"
    labels[np.flatnonzero(POSITIVE)[::3]] = "murmur"  # the first one of each
    display = PatientRocDisplay.from_predictions(labels, SCORES, GROUPS, random_state=0)
    scores = EACH.max(axis=1)
    assert display.auroc.auroc == pytest.approx(roc_auc_score(PATIENTS, scores))


def test_the_other_class():
    display = PatientRocDisplay.from_predictions(
        Y, 1 - SCORES, GROUPS, pos_label="normal", random_state=0
    )
    assert display.positive == "normal"
    scores = (1 - EACH).max(axis=1)
    assert display.auroc.auroc == pytest.approx(roc_auc_score(~PATIENTS, scores))


def test_plot_of_the_roc_curve():
    display = PatientRocDisplay.from_predictions(
        Y, SCORES, GROUPS, random_state=0, name="new patients"
    )
    assert display.plot() is display
    np.testing.assert_array_equal(display.line_.get_ydata(), display.band.sensitivity)
    vertices = display.band_.get_paths()[0].vertices
    assert vertices[:, 1].min() == display.band.low.min()
    assert display.line_.get_label() == (
        "AUROC {:.2f} ({:.2f}–{:.2f})".format(*display.auroc)
    )
    assert display.ax_.get_legend().get_title().get_text() == "60 patients"
    assert display.ax_.get_ylabel() == "Sensitivity for murmur"
    assert display.ax_.get_title() == "new patients"
    assert display.ax_.get_aspect() == 1
    display.figure_.canvas.draw()  # must not warn


def test_curves_of_two_models_in_one_plot():
    _, ax = plt.subplots()
    for seed in range(2):
        display = PatientRocDisplay.from_predictions(
            Y, SCORES, GROUPS, random_state=seed
        )
        display.plot(ax, color=f"C{seed}", label=str(seed))
        assert display.ax_ is ax
    assert [x.get_text() for x in ax.get_legend().get_texts()] == ["0", "1"]


def test_from_an_estimator():
    X = np.c_[SCORES, RNG.normal(size=180)]
    estimator = LogisticRegression().fit(X, Y)
    scores = estimator.predict_proba(X)[:, 0]
    assert estimator.classes_[0] == "murmur"
    one = PatientRocDisplay.from_estimator(estimator, X, Y, GROUPS, random_state=0)
    other = PatientRocDisplay.from_predictions(Y, scores, GROUPS, random_state=0)
    assert one.auroc == other.auroc
    bins = CalibrationByPatientDisplay.from_estimator(estimator, X, Y, GROUPS).bins
    assert bins == calibration_bins(
        PATIENTS, scores.reshape(60, 3).max(axis=1), pos_label=True, n_bins=5
    )


def test_an_estimator_of_three_classes_is_refused():
    estimator = LogisticRegression().fit(RNG.normal(size=(180, 2)), np.arange(180) % 3)
    for display in (PatientRocDisplay, CalibrationByPatientDisplay):
        with pytest.raises(ValueError, match="must have two classes, got 3; pass the"):
            display.from_estimator(estimator, np.zeros((180, 2)), Y, GROUPS)


def test_calibration_is_that_of_patients():
    display = CalibrationByPatientDisplay.from_predictions(Y, SCORES, GROUPS, n_bins=4)
    expected = calibration_bins(PATIENTS, EACH.max(axis=1), pos_label=True, n_bins=4)
    assert display.bins == expected
    assert sum(one["n"] for one in display.bins) == 60
    gaps = [abs(one["share"] - one["probability"]) for one in expected]
    assert display.error == pytest.approx(np.mean(gaps), abs=1e-6)


def test_plot_of_the_calibration():
    _, ax = plt.subplots()
    display = CalibrationByPatientDisplay.from_predictions(
        Y, SCORES, GROUPS, name="calibration"
    )
    assert display.plot(ax, color="k") is display
    assert display.ax_ is ax
    line, caps, (bars,) = display.line_
    np.testing.assert_allclose(
        line.get_xydata(), [(one["probability"], one["share"]) for one in display.bins]
    )
    np.testing.assert_allclose(
        [part[:, 1] for part in bars.get_segments()],
        [(one["low"], one["high"]) for one in display.bins],
    )
    assert len(caps) == 2
    assert line.get_color() == "k"
    assert ax.get_legend().get_title().get_text() == "60 patients"
    assert ax.get_title() == "calibration"
    display.figure_.canvas.draw()


def test_errors():
    with pytest.raises(ValueError, match=r"must have patients of both classes.*got 60"):
        PatientRocDisplay.from_predictions(
            ["murmur"] * 180, SCORES, GROUPS, pos_label="murmur"
        )
    with pytest.raises(ValueError, match="pos_label must name the positive class"):
        PatientRocDisplay.from_predictions(["a", "b"] * 90, SCORES, np.arange(180))
    with pytest.raises(ValueError, match="one probability, from 0 to 1"):
        CalibrationByPatientDisplay.from_predictions(Y, SCORES + 1, GROUPS)


@pytest.mark.parametrize("kind", [PatientRocDisplay, CalibrationByPatientDisplay])
def test_without_matplotlib(kind, monkeypatch):
    display = kind.from_predictions(Y, SCORES, GROUPS)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=f"{kind.__name__}.plot needs matplotlib"):
        display.plot()
