"""One answer for each patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skheart._core.decisions import Decision
from skheart.metrics import PatientModel
from skheart.metrics.patients import (
    answer_patients,
    decision_of,
    patient_labels,
    pool_answers,
)

CLASSES = np.array(["murmur", "normal"])
GROUPS = np.array(["b", "a", "b", "a"])
P = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]])


def test_highest_probability_of_the_positive_class():
    values, patients = pool_answers(P, CLASSES, GROUPS, Decision(positive="murmur"))
    assert patients.tolist() == ["a", "b"]
    np.testing.assert_allclose(values, [[0.4, 0.6], [0.9, 0.1]])
    values, _ = pool_answers(P, CLASSES, GROUPS, Decision(positive="normal"))
    np.testing.assert_allclose(values[:, 1], [0.8, 0.7])


def test_mean_without_a_positive_class():
    values, _ = pool_answers(P, CLASSES, GROUPS, Decision())
    np.testing.assert_allclose(values, [[0.3, 0.7], [0.6, 0.4]])


def test_each_class_in_its_own_way():
    three = np.array([[0.2, 0.7, 0.1], [0.6, 0.1, 0.3]])
    decision = Decision(pooling=["mean", "max", "mean"])
    values, _ = pool_answers(
        three, np.array(["Absent", "Present", "Unknown"]), np.array([1, 1]), decision
    )
    np.testing.assert_allclose(values, [np.array([0.4, 0.7, 0.2]) / 1.3])


def test_label_of_a_patient():
    truth = np.array(["normal", "normal", "murmur", "normal"])
    assert patient_labels(truth, GROUPS, "murmur").tolist() == ["normal", "murmur"]
    assert patient_labels(truth, GROUPS, None) is None


def test_answers_with_errors():
    errors = np.array(["", "broken", "", "lost"], dtype=object)
    p = np.where((errors == "")[:, np.newaxis], P, np.nan)
    answers = answer_patients(
        p, CLASSES, GROUPS, Decision(positive="murmur"), errors=errors
    )
    assert answers.groups.tolist() == ["a", "b"]
    assert answers.prediction.tolist() == [None, "murmur"]
    np.testing.assert_array_equal(answers.probabilities[0], [np.nan, np.nan])
    np.testing.assert_allclose(answers.probabilities[1], [0.9, 0.1])
    assert answers.n_recordings.tolist() == [0, 2]
    assert answers.errors.tolist() == [
        "2 of 2 recordings cannot be used: broken",
        "",
    ]


def test_the_threshold_of_patients():
    decision = Decision(positive="murmur", threshold=0.1, patient_threshold=0.5)
    answers = answer_patients(P, CLASSES, GROUPS, decision)
    assert answers.prediction.tolist() == ["normal", "murmur"]
    assert answers.prediction.dtype == CLASSES.dtype


def test_a_patient_model_answers_for_patients():
    model = PatientModel(
        features=["highest_murmur", "n_recordings"],
        means=[0.0, 0.0],
        scales=[1.0, 1.0],
        coefficients=[[1.0, 0.0], [0.0, 4.0]],
        intercepts=[0.0, 0.0],
        weights=[1.0, 1.0],
    )
    decision = Decision(patient_model=model)
    answers = answer_patients(P, CLASSES, GROUPS, decision)
    odds = [[0.4 / 0.6, 16], [9, 16]]  # of a and b: p / (1 - p), n_recordings ** 4
    expected = np.array(odds) / np.sum(odds, axis=1, keepdims=True)
    np.testing.assert_allclose(answers.probabilities, expected)
    assert answers.prediction.tolist() == ["normal", "normal"]
    doubled = Decision(patient_model=replace(model, weights=[2.0, 1.0]))
    answers = answer_patients(P, CLASSES, GROUPS, doubled)
    np.testing.assert_allclose(answers.probabilities, expected)
    assert answers.prediction.tolist() == ["normal", "murmur"]


def test_what_the_user_sets_of_a_decision():
    names = CLASSES.tolist()
    tuned = Decision(positive="murmur", threshold=0.2, patient_threshold=0.4)
    assert decision_of(tuned, names) == tuned
    assert decision_of(tuned, names, "normal") == Decision(positive="normal")
    found = decision_of(tuned, names, threshold=0.7)
    assert (found.threshold, found.patient_threshold) == (0.7, 0.7)
    assert decision_of(Decision(), ["a", "b", "c"]) == Decision()
    with pytest.raises(ValueError, match="--threshold needs a model of two classes"):
        decision_of(Decision(), ["a", "b", "c"], threshold=0.5, prefix="--")
    with pytest.raises(ValueError, match="--positive must be one of"):
        decision_of(Decision(), names, "sick", prefix="--")
