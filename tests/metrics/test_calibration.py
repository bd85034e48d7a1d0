"""Calibration bins and their error."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from skheart.metrics import (
    at_prevalence,
    calibration_bins,
    expected_calibration_error,
)

RNG = np.random.default_rng(0)
P = RNG.uniform(size=1000)
Y = np.where(RNG.uniform(size=1000) < P, "murmur", "normal")


def test_bins_are_those_of_scikit_learn():
    bins = calibration_bins(Y, P, n_bins=10)
    shares, means = calibration_curve(Y == "murmur", P, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([one["share"] for one in bins], shares, atol=0.011)
    np.testing.assert_allclose([one["probability"] for one in bins], means, atol=0.002)
    assert sum(one["n"] for one in bins) == 1000
    assert all(one["low"] <= one["share"] <= one["high"] for one in bins)


def test_error_is_small_for_true_probabilities_and_large_for_others():
    assert expected_calibration_error(Y, P) < 0.05
    assert expected_calibration_error(Y, np.clip(P + 0.2, 0, 1)) > 0.1


def test_fewer_recordings_than_bins_and_one_class():
    assert len(calibration_bins([1, 0], [0.9, 0.1])) == 2
    with pytest.raises(ValueError, match="pos_label must be given"):
        calibration_bins(["murmur"] * 2, [0.9, 0.1])
    assert calibration_bins(["a", "a"], [0.9, 0.1], pos_label="b")[0]["share"] == 0


def test_numbers_that_are_no_probabilities():
    with pytest.raises(ValueError, match="from 0 to 1"):
        calibration_bins([1, 0], [1.2, 0.1])


def test_a_rarer_class_makes_a_positive_answer_less_often_right():
    # 1000 recordings: 100 positive, of which 71 in the bin, and 900 negative, of which
    # 29 of 100 times 9 are in it.
    assert at_prevalence(0.71, 0.1) == pytest.approx(71 / (71 + 9 * 29))
    assert at_prevalence(0.71, 0.3, measured=0.3) == pytest.approx(0.71)
    np.testing.assert_array_equal(at_prevalence([0.0, 1.0], 0.1), [0, 1])


def test_probabilities_are_true_at_another_prevalence():
    # Every positive recording is kept, and every tenth negative one.
    kept = (Y == "murmur") | (np.arange(len(Y)) % 10 == 0)
    y, p = Y[kept], P[kept]
    true = at_prevalence(p, np.mean(y == "murmur"), measured=np.mean(Y == "murmur"))
    assert expected_calibration_error(y, true) < 0.05
    assert expected_calibration_error(y, p) > 0.1


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, "0.5"])
def test_impossible_prevalences(prevalence):
    with pytest.raises((ValueError, TypeError), match="prevalence must be"):
        at_prevalence(0.5, prevalence)


def test_impossible_probabilities_have_no_prevalence():
    with pytest.raises(ValueError, match="between 0 and 1"):
        at_prevalence([0.5, 1.2], 0.1)
