"""One answer for each patient."""

from __future__ import annotations

import numpy as np

from skheart._core.decisions import Decision
from skheart.metrics.patients import patient_labels, pool_answers

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
