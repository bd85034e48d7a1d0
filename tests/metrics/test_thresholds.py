"""Thresholds, intervals of shares, and predictive values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from skheart.metrics import (
    choose_threshold,
    predictive_values,
    proportion_interval,
    sensitivity_score,
    specificity_score,
)

Y = np.array(["murmur", "normal"] * 50)
SCORES = np.random.default_rng(0).normal(loc=np.where(Y == "murmur", 1.0, 0.0))


def rates(threshold: float) -> tuple[float, float]:
    called = np.where(threshold <= SCORES, "murmur", "normal")
    return sensitivity_score(Y, called), specificity_score(Y, called)


@pytest.mark.parametrize("required", [0.01, 0.5, 0.9, 0.95, 1.0])
def test_sensitivity_is_reached_by_the_highest_threshold(required):
    threshold = choose_threshold(Y, SCORES, sensitivity=required)
    assert rates(threshold)[0] >= required
    higher = [score for score in np.sort(SCORES) if score > threshold]
    # One more positive recording below the threshold would be too many.
    positive = [score for score in higher if "murmur" in Y[score == SCORES]]
    if positive:
        assert rates(np.nextafter(positive[0], np.inf))[0] < required


@pytest.mark.parametrize("required", [0.01, 0.5, 0.9, 1.0])
def test_specificity_is_reached_by_the_lowest_threshold(required):
    threshold = choose_threshold(Y, SCORES, specificity=required)
    assert rates(threshold)[1] >= required
    lower = np.sort(SCORES[(threshold > SCORES) & (Y == "normal")])
    if len(lower):
        assert rates(lower[-1])[1] < required


def test_cost_is_the_lowest_of_all_thresholds():
    def cost(threshold):
        called = threshold <= SCORES
        missed = np.sum((Y == "murmur") & ~called)
        alarms = np.sum((Y == "normal") & called)
        return 5 * missed + 1 * alarms

    chosen = choose_threshold(Y, SCORES, cost=(5, 1))
    everywhere = [cost(score) for score in [*SCORES, SCORES.max() + 1]]
    assert cost(chosen) == min(everywhere)
    assert choose_threshold(Y, SCORES, cost=(500, 1)) < chosen


def test_threshold_is_halfway_so_that_rounding_changes_nothing():
    threshold = choose_threshold([1, 0, 1, 0], [0.9, 0.5, 0.4, 0.1], sensitivity=1.0)
    assert threshold == 0.25
    everything = choose_threshold([1, 0], [0.2, 0.8], sensitivity=1.0)
    assert everything <= 0.2


def test_a_probability_of_one_can_be_negative():
    threshold = choose_threshold([1, 0, 0], [0.5, 1.0, 1.0], specificity=1.0)
    assert threshold > 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {},
            "Exactly one of sensitivity, specificity and cost must be given, got none",
        ),
        (
            {"sensitivity": 0.9, "cost": (1, 1)},
            "got sensitivity and cost",
        ),
        ({"sensitivity": 1.1}, "sensitivity must be a positive number, at most 1"),
        ({"specificity": 0}, "specificity must be a positive number, at most 1"),
        ({"cost": 5}, "cost must be two numbers"),
        ({"cost": (5, -1)}, "The cost of a false positive must be a positive number"),
    ],
)
def test_wrong_targets(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose_threshold(Y, SCORES, **arguments)


def test_one_class():
    with pytest.raises(ValueError, match="y_true must have two classes"):
        choose_threshold(["murmur"] * 3, [0.1, 0.2, 0.3], sensitivity=0.9)


@pytest.mark.parametrize(("n_right", "n"), [(0, 10), (3, 10), (10, 10), (199, 200)])
def test_wilson_interval_is_that_of_scipy(n_right, n):
    expected = binomtest(n_right, n).proportion_ci(0.9, method="wilson")
    found = proportion_interval(n_right, n, confidence=0.9)
    assert found.value == n_right / n
    np.testing.assert_allclose([found.low, found.high], list(expected), atol=1e-12)
    assert found.low <= found.value <= found.high


def test_interval_of_nothing_is_nan_and_of_too_many_an_error():
    assert np.isnan(proportion_interval(0, 0)).all()
    with pytest.raises(ValueError, match="n_right must be between 0 and n=3, got 4"):
        proportion_interval(4, 3)


def test_predictive_values_are_the_shares_in_a_population():
    # Of 1000: 100 diseased, 90 found; 900 healthy, 810 cleared.
    ppv, npv = predictive_values(0.9, 0.9, 0.1)
    assert ppv == pytest.approx(90 / (90 + 90))
    assert npv == pytest.approx(810 / (810 + 10))
    assert np.isnan(predictive_values(0.0, 1.0, 0.1)[0])
    with pytest.raises(ValueError, match="prevalence must be a number, at least 0"):
        predictive_values(0.9, 0.9, 2)
