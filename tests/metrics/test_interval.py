"""Test the interval of the AUROC against a simple bootstrap."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    roc_auc_score,
)

from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
)


def naive_interval(y_true, y_score, groups, *, labels, confidence, n_resamples, seed):
    """Compute the interval as documented, with a loop and scikit-learn."""
    rng = np.random.RandomState(seed)
    patients = np.unique(groups)
    aurocs = []
    while len(aurocs) < n_resamples:
        drawn = patients[rng.randint(len(patients), size=len(patients))]
        rows = np.concatenate([np.flatnonzero(groups == p) for p in drawn])
        if set(y_true[rows]) != set(y_true):
            continue
        if y_score.ndim == 1:
            aurocs.append(roc_auc_score(y_true[rows] == labels[1], y_score[rows]))
        else:
            areas = [
                roc_auc_score(y_true[rows] == label, y_score[rows, c])
                for c, label in enumerate(labels)
                if label in y_true
            ]
            aurocs.append(np.mean(areas))
    tail = 100 * (1 - confidence) / 2
    return np.percentile(aurocs, [tail, 100 - tail])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_copies", [1, 2, 800])
def test_interval_equals_a_naive_bootstrap(scores, n_classes, n_copies):
    """With many recordings, the resamples are drawn in several blocks."""
    y, y_score, _ = scores
    y, y_score = y[:24], y_score[:24].round(1)  # with ties; some resamples lack a class
    labels = np.array(["Absent", "Present", "Unknown", "never"])[: n_classes + 1]
    if n_classes == 2:
        y = np.where(y == "Unknown", "Present", "Absent")
        labels, y_score = np.array(["Absent", "Present"]), y_score[:, 2]
    else:
        y_score = np.column_stack([y_score, y_score[:, 0]])
    groups = np.arange(24) // 2
    y, y_score, groups = (
        np.repeat(part, n_copies, axis=0) for part in (y, y_score, groups)
    )
    options = {"labels": labels, "confidence": 0.8, "n_resamples": 60}
    expected = naive_interval(y, y_score, groups, seed=7, **options)
    found = auroc_confidence_interval(
        y, y_score, groups=groups, random_state=7, **options
    )
    np.testing.assert_allclose(found[1:], expected, rtol=1e-12)
    assert found.auroc == auroc_score(y, y_score, labels=labels)


def test_interval_without_groups_draws_recordings(scores):
    y, y_score, _ = scores
    y = y == "Present"
    options = {"n_resamples": 50, "random_state": 0}
    found = auroc_confidence_interval(y, y_score[:, 1], **options)
    same = auroc_confidence_interval(y, y_score[:, 1], groups=np.arange(60), **options)
    assert found == same
    assert found.low < found.auroc < found.high


def test_interval_is_not_narrower_for_duplicated_recordings(scores):
    y, y_score, _ = scores
    y, score, patients = y == "Present", y_score[:, 1], np.arange(60)
    once = auroc_confidence_interval(y, score, groups=patients, random_state=0)
    twice = auroc_confidence_interval(
        y.repeat(2), score.repeat(2), groups=patients.repeat(2), random_state=0
    )
    np.testing.assert_allclose(twice, once)
    fooled = auroc_confidence_interval(y.repeat(2), score.repeat(2), random_state=0)
    assert fooled.high - fooled.low < 0.85 * (once.high - once.low)


def test_interval_does_not_depend_on_the_order_of_the_rows(scores):
    y, y_score, _ = scores
    y, score = y == "Present", y_score[:, 1]
    patients = np.array([f"p{i // 2:02d}" for i in range(60)])
    order = np.random.default_rng(8).permutation(60)
    expected = auroc_confidence_interval(y, score, groups=patients, random_state=0)
    found = auroc_confidence_interval(
        y[order], score[order], groups=patients[order], random_state=0
    )
    np.testing.assert_allclose(found, expected)


def test_interval_covers_the_true_value():
    # Normal distributions with means 1 apart: the true AUROC is Phi(1 / sqrt(2)) =
    # 0.7602. Of 100 intervals of 90 % confidence, fewer than 80 or all 100 contain it
    # with a probability below 1 in 500.
    rng = np.random.default_rng(9)
    y = np.arange(120) % 2
    hits = 0
    for seed in range(100):
        score = rng.normal(loc=y)
        _, low, high = auroc_confidence_interval(
            y, score, confidence=0.9, n_resamples=200, random_state=seed
        )
        hits += low <= 0.7602 <= high
    assert 80 <= hits < 100


def test_interval_narrows_with_confidence(scores):
    y, y_score, _ = scores
    wide, narrow = (
        auroc_confidence_interval(
            y == "Present", y_score[:, 1], confidence=c, random_state=0
        )
        for c in (0.99, 0.5)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


def test_interval_of_perfect_separation_is_a_point():
    interval = auroc_confidence_interval(
        [0] * 9 + [1] * 9, np.arange(18.0), n_resamples=100, random_state=0
    )
    assert interval == (1.0, 1.0, 1.0)


def test_interval_seeds(scores):
    y, y_score, _ = scores
    arguments = (y == "Present", y_score[:, 1])
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    first, same, other = (
        auroc_confidence_interval(*arguments, n_resamples=100, random_state=seed)
        for seed in (0, np.random.RandomState(0), 1)
    )
    assert first == same
    assert first.auroc == other.auroc
    assert first.low != other.low
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_interval_is_a_tuple_that_cannot_be_changed(scores):
    y, y_score, _ = scores
    interval = auroc_confidence_interval(
        y == "Present", y_score[:, 1], n_resamples=20, random_state=0
    )
    auroc, low, high = interval
    assert (auroc, low, high) == (interval.auroc, interval.low, interval.high)
    assert all(type(value) is float for value in interval)
    with pytest.raises(AttributeError):
        interval.low = 0.0


def test_interval_of_one_class_warns_and_is_nan():
    with pytest.warns(UndefinedMetricWarning, match="got only 'a'"):
        interval = auroc_confidence_interval(["a"] * 4, [1, 2, 3, 4])
    assert np.isnan(interval).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"groups": ["p"] * 6}, "groups must name two patients or more, got 1."),
        (
            # Most resamples of the three patients lack class b or class c.
            {"groups": [1, 1, 1, 2, 2, 3]},
            "groups must name enough patients of every class for a bootstrap, got 3 "
            "patients of which more than half of the resamples lack a class.",
        ),
        (
            {"groups": [1, 2]},
            "y_true, y_score and groups must have the same length, got 6, 6 and 2.",
        ),
        (
            {"confidence": 1.0},
            "confidence must be a positive number, below 1, got 1.0.",
        ),
        ({"n_resamples": 0}, "n_resamples must be a positive integer, got 0."),
    ],
)
def test_interval_error_messages(arguments, text):
    y = ["a", "a", "a", "b", "b", "c"]
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        auroc_confidence_interval(y, np.eye(6)[:, 3:], random_state=0, **arguments)
