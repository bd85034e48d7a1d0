"""Test the regression from a patient's recordings to the patient's class."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skheart._core.decisions import Decision, read_decision
from skheart._core.patient_model import (
    PatientModel,
    patient_features,
    read_patient_model,
)

CLASSES = ["Absent", "Present", "Unknown"]
MODEL = PatientModel(
    features=["highest_Present", "mean_Unknown", "n_recordings"],
    means=[0.5, -1.0, 1.0],
    scales=[2.0, 1.0, 0.5],
    coefficients=[[-1.0, -0.5, 0.3], [1.5, -0.2, 0.1], [-0.5, 0.7, -0.4]],
    intercepts=[0.8, -0.3, -0.5],
    weights=[1.0, 5.0, 3.0],
)


def test_features_by_hand():
    p = [[0.5, 0.25, 0.25], [0.2, 0.75, 0.05]]
    found = patient_features(p, CLASSES)
    assert found["highest_Present"] == pytest.approx(math.log(3))
    assert found["mean_Present"] == pytest.approx(0)  # log(1/3) and log(3)
    assert found["highest_Absent"] == pytest.approx(0)
    assert found["mean_Unknown"] == pytest.approx((-math.log(3) - math.log(19)) / 2)
    assert found["n_recordings"] == pytest.approx(math.log(2))
    assert len(found) == 7


def test_certain_recordings_have_finite_features():
    found = patient_features([[1.0, 0.0, 0.0]], CLASSES)
    assert found["highest_Absent"] == pytest.approx(8)
    assert found["highest_Present"] == pytest.approx(-8)
    assert all(np.isfinite(value) for value in found.values())


def test_probabilities_are_those_of_the_regression():
    random = np.random.default_rng(0)
    F = random.normal(size=(60, 3)) * [1, 3, 0.1] + [2, 0, 1]
    y = np.array(CLASSES)[random.integers(3, size=60)]
    scaler = StandardScaler().fit(F)
    regression = LogisticRegression().fit(scaler.transform(F), y)
    model = replace(
        MODEL,
        means=scaler.mean_.tolist(),
        scales=scaler.scale_.tolist(),
        coefficients=regression.coef_.tolist(),
        intercepts=regression.intercept_.tolist(),
    )
    expected = regression.predict_proba(scaler.transform(F))
    np.testing.assert_allclose(model.predict_proba(F), expected, atol=1e-12)


def test_a_decision_with_a_patient_model_is_read_again():
    decision = Decision(pooling=["mean", "max", "mean"], patient_model=MODEL)
    entry = json.loads(json.dumps(decision.as_dict()))
    assert read_decision(entry, CLASSES) == decision
    assert "patient_model" not in Decision().as_dict()
    assert read_decision(Decision().as_dict(), CLASSES) == Decision()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": [0.0]}, "means of a PatientModel must hold finite numbers"),
        ({"means": None}, "means of a PatientModel must hold finite numbers"),
        ({"scales": [1.0, 0.0, 1.0]}, "scales of a PatientModel must be above 0"),
        ({"weights": [1.0, -5.0, 3.0]}, "weights of a PatientModel must be above 0"),
        ({"weights": [1.0, 5.0]}, r"weights .* of shape \(3,\), got shape \(2,\)"),
        ({"intercepts": [0.0, float("nan"), 0.0]}, "intercepts .* finite numbers"),
        ({"coefficients": [[1.0]] * 3}, r"coefficients .* of shape \(3, 3\)"),
        ({"features": ["highest_Present", "age", "n_recordings"]}, "feature 'age'"),
        ({"features": ["n_recordings", "clear_share", "age"]}, "'clear_share'; known"),
        ({"other": 1}, "unknown or wrong entries"),
    ],
)
def test_wrong_entries_are_errors(change, message):
    entry = asdict(MODEL) | change
    with pytest.raises(ValueError, match=message):
        read_patient_model(entry, CLASSES)
    with pytest.raises(ValueError, match=message):
        read_decision({"patient_model": entry}, CLASSES)


def test_it_must_be_for_the_classes():
    with pytest.raises(ValueError, match="it has 3 classes"):
        read_patient_model(asdict(MODEL), ["murmur", "normal"])
    with pytest.raises(ValueError, match="unknown feature 'highest_Present'"):
        read_patient_model(asdict(MODEL), ["a", "b", "c"])
    with pytest.raises(ValueError, match="unknown or wrong entries"):
        read_patient_model([1, 2], CLASSES)
