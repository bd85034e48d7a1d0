"""The figures of an evaluation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from skheart._core.decisions import Decision
from skheart.metrics import (
    PatientModel,
    auroc_confidence_interval,
    sensitivity_score,
)
from skheart.report import evaluate_answers

CLASSES = ["murmur", "normal"]
RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(40), 3)
Y = np.where(np.repeat(RNG.uniform(size=40) < 0.4, 3), "murmur", "normal")
MURMUR = 1 / (1 + np.exp(-RNG.normal(loc=np.where(Y == "murmur", 1, -1))))
P = np.stack([MURMUR, 1 - MURMUR], axis=1)
DECISION = Decision(positive="murmur", threshold=0.3, patient_threshold=0.8)


def evaluated(**arguments):
    arguments = {"groups": GROUPS, "decision": DECISION} | arguments
    return evaluate_answers(Y, P, classes=CLASSES, **arguments)


def test_recordings_by_the_threshold_of_recordings():
    figures = evaluated()["by_recording"]
    answers = np.where(MURMUR >= 0.3, "murmur", "normal")
    assert figures["confusion"] == confusion_matrix(Y, answers, labels=CLASSES).tolist()
    rates = figures["rates"]["murmur"]
    assert rates["sensitivity"]["value"] == pytest.approx(sensitivity_score(Y, answers))
    expected = auroc_confidence_interval(
        Y, MURMUR, groups=GROUPS, labels=["normal", "murmur"], random_state=0
    )
    assert list(figures["auroc"].values()) == pytest.approx(list(expected))


def test_patients_by_their_highest_probability_and_their_threshold():
    figures = evaluated()["by_patient"]
    highest = MURMUR.reshape(40, 3).max(axis=1)
    answers = np.where(highest >= 0.8, "murmur", "normal")
    truth = Y.reshape(40, 3)[:, 0]
    expected = confusion_matrix(truth, answers, labels=CLASSES).tolist()
    assert figures["confusion"] == expected
    assert figures["n"] == figures["n_patients"] == 40


def test_each_patient_counts_once_in_the_intervals_of_recordings():
    alone = evaluated(groups=np.arange(120))["by_recording"]["accuracy"]
    grouped = evaluated()["by_recording"]["accuracy"]
    assert alone["value"] == pytest.approx(grouped["value"])
    assert grouped["high"] - grouped["low"] > 1.4 * (alone["high"] - alone["low"])


def test_predictive_values_are_for_the_prevalence():
    common = evaluated(prevalence=0.5)["by_recording"]["rates"]["murmur"]
    rare = evaluated(prevalence=0.02)["by_recording"]["rates"]["murmur"]
    assert rare["ppv"]["value"] < common["ppv"]["value"]
    assert rare["sensitivity"] == common["sensitivity"]
    for rate in ("ppv", "npv"):
        assert rare[rate]["low"] < rare[rate]["value"] < rare[rate]["high"]
    with pytest.raises(ValueError, match="prevalence must be a positive number, below"):
        evaluated(prevalence=1)


def test_without_a_positive_class_each_class_is_compared():
    figures = evaluated(decision=None)
    assert figures["calibration"] is None
    assert sorted(figures["by_recording"]["rates"]) == CLASSES
    assert figures["pooling"] == "mean"


def test_undefined_figures_are_none_and_json_can_hold_them():
    figures = evaluate_answers(
        ["murmur"], [[0.9, 0.1]], classes=CLASSES, decision=DECISION
    )
    assert figures["by_recording"]["auroc"]["value"] is None
    assert figures["by_recording"]["rates"]["murmur"]["specificity"]["value"] is None
    json.dumps(figures, allow_nan=False)


def test_patients_whose_recordings_disagree():
    mixed = ["murmur", "normal"]
    p = [[0.9, 0.1], [0.1, 0.9]]
    arguments = {"classes": CLASSES, "groups": ["Anna", "Anna"]}
    assert evaluate_answers(mixed, p, **arguments)["by_patient"] is None
    figures = evaluate_answers(mixed, p, **arguments, decision=DECISION)
    assert figures["by_patient"]["n"] == 1


def test_wrong_input():
    with pytest.raises(ValueError, match="y_true must hold only the classes"):
        evaluate_answers(["click"], [[0.9, 0.1]], classes=CLASSES)
    with pytest.raises(ValueError, match="probabilities must have shape"):
        evaluate_answers(["murmur"], [[0.9]], classes=CLASSES)


def test_a_patient_model_in_place_of_pooling():
    model = PatientModel(
        features=["mean_murmur", "highest_normal"],
        means=[0.0, 0.5],
        scales=[1.0, 0.25],
        coefficients=[[1.0, 0.5], [0.0, 0.0]],
        intercepts=[0.2, 0.0],
        weights=[2.0, 1.0],
    )
    figures = evaluated(decision=Decision(patient_model=model))
    assert figures["pooling"] == "patient model"
    truth, given = [], []
    for patient in range(40):
        own = patient == GROUPS
        features = model.compute_features(P[own], CLASSES)
        p = model.predict_proba([features])[0]
        given.append(CLASSES[int(np.argmax(p * model.weights))])
        truth.append(Y[own][0])
    expected = confusion_matrix(truth, given, labels=CLASSES).tolist()
    assert figures["by_patient"]["confusion"] == expected
    assert figures["by_recording"] == evaluated(decision=Decision())["by_recording"]
