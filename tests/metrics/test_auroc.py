"""Test the AUROC against scikit-learn and values counted by hand."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    roc_auc_score,
)

from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
)


@pytest.mark.parametrize("decimals", [1, 8], ids=["ties", "no ties"])
@pytest.mark.parametrize("weighted", [False, True])
def test_auroc_of_two_classes_equals_scikit_learn(scores, decimals, weighted):
    y, y_score, weight = scores
    y, score = y == "Present", y_score[:, 1].round(decimals)
    weight = weight if weighted else None
    assert (len(np.unique(score)) < len(score)) == (decimals == 1)
    expected = roc_auc_score(y, score, sample_weight=weight)
    assert auroc_score(y, score, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("average", ["macro", "weighted", None])
def test_auroc_of_three_classes_equals_scikit_learn(scores, average):
    y, y_score, _ = scores
    expected = roc_auc_score(y, y_score, multi_class="ovr", average=average)
    np.testing.assert_allclose(auroc_score(y, y_score, average=average), expected)


def test_auroc_weights_with_three_classes_equal_scikit_learn(scores):
    y, y_score, weight = scores
    expected = roc_auc_score(y, y_score, multi_class="ovr", sample_weight=weight)
    found = auroc_score(y, y_score, sample_weight=weight)
    assert found == pytest.approx(expected)
    assert found != pytest.approx(auroc_score(y, y_score))


def test_auroc_counts_pairs():
    # The pairs 3 > 1, 3 > 2 and 2 > 1 count as 1, the tie 2 = 2 as 1/2: 3.5 of 4.
    assert auroc_score([0, 0, 1, 1], [1, 2, 3, 2]) == 3.5 / 4
    assert auroc_score([0, 0, 1, 1], [4, 4, 4, 4]) == 0.5
    assert auroc_score([0, 0, 1, 1], [3, 4, 1, 2]) == 0.0
    assert auroc_score([0, 1], [-np.inf, np.inf]) == 1.0


def test_auroc_is_not_rounded_above_one():
    # 0.2 * 0.2 + 0.8 * 0.2 is more than (0.2 + 0.8) * 0.2 in floating point.
    assert auroc_score([0, 1, 1], [1, 2, 3], sample_weight=[0.2, 0.2, 0.8]) == 1.0


@pytest.mark.parametrize(
    "names",
    [
        (0, 1),
        (-1, 1),
        (False, True),
        (0.0, 2.5),
        ("Absent", "Present and long"),
    ],
)
def test_auroc_takes_labels_of_any_kind(names):
    codes = [0, 1, 0, 1, 0]
    score = [0.1, 0.3, 0.4, 0.8, 0.2]  # one of six pairs is in the wrong order
    labels = [names[c] for c in codes]
    for y in (labels, np.array(labels, dtype=object), pd.Series(labels)):
        assert auroc_score(y, score) == pytest.approx(5 / 6)


def test_auroc_reads_the_second_of_two_columns():
    y = ["a", "b", "b", "a"]
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    assert auroc_score(y, proba) == 0.75
    assert auroc_score(y, proba[:, 1], labels=["a", "b"]) == 0.75


def test_auroc_labels_are_in_the_order_of_the_columns(scores):
    y, y_score, _ = scores
    order = [2, 0, 1]
    shuffled = auroc_score(y, y_score[:, order], labels=np.unique(y)[order])
    assert shuffled == pytest.approx(auroc_score(y, y_score))
    # A single column contains scores of the positive class, which need not be last.
    y = ["murmur", "normal", "normal"]
    score_of_murmur = [0.9, 0.2, 0.1]
    assert auroc_score(y, score_of_murmur) == 1.0
    found = auroc_confidence_interval(y * 5, score_of_murmur * 5, n_resamples=50)
    assert found.auroc == 1.0
    assert auroc_score(y, np.c_[score_of_murmur, score_of_murmur]) == 0.0
    assert auroc_score(y, score_of_murmur, labels=["normal", "murmur"]) == 1.0
    assert auroc_score(y, score_of_murmur, labels=["murmur", "normal"]) == 0.0
    with pytest.raises(ValueError, match="labels must name the positive class"):
        auroc_score(["a", "b"], [0.1, 0.2])


def test_auroc_ignores_classes_that_are_absent(scores):
    y, y_score, _ = scores
    kept = y != "Unknown"
    y, y_score = y[kept], y_score[kept]
    labels = ["Absent", "Present", "Unknown"]
    absent = roc_auc_score(y == "Absent", y_score[:, 0])
    present = roc_auc_score(y == "Present", y_score[:, 1])
    assert absent != pytest.approx(present)
    mean = auroc_score(y, y_score, labels=labels)
    assert mean == pytest.approx((absent + present) / 2)
    each = auroc_score(y, y_score, labels=labels, average=None)
    np.testing.assert_allclose(each, [absent, present, np.nan])
    share = (y == "Absent").mean()
    weighted = auroc_score(y, y_score, labels=labels, average="weighted")
    assert weighted == pytest.approx(share * absent + (1 - share) * present)


def test_auroc_of_one_class_warns_and_is_nan():
    text = (
        "AUROC needs recordings of two classes in y_true, got only 'normal'; the "
        "score is NaN."
    )
    with pytest.warns(UndefinedMetricWarning, match=f"^{re.escape(text)}$") as record:
        assert np.isnan(auroc_score(["normal"] * 3, [0.1, 0.2, 0.3]))
    assert record[0].filename == __file__
    with pytest.warns(UndefinedMetricWarning, match="only 1;"):
        assert np.isnan(auroc_score([0, 1, 1], [1, 2, 3], sample_weight=[0, 1, 1]))
    with pytest.warns(UndefinedMetricWarning, match="got none;"):
        assert np.isnan(auroc_score([0, 1], [1, 2], sample_weight=[0, 0]))
    with pytest.warns(UndefinedMetricWarning):
        each = auroc_score([2], np.ones((1, 3)), labels=[1, 2, 3], average=None)
    assert each.shape == (3,)
    assert np.isnan(each).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"y_score": np.ones((3, 3))},
            "y_score must have shape (3,) or (3, 2) for the classes 'a', 'b', got "
            "(3, 3); labels= names the columns.",
        ),
        (
            {"y_score": np.ones((3, 1))},
            "y_score must have shape (3,) or (3, 2) for the classes 'a', 'b', got "
            "(3, 1); labels= names the columns.",
        ),
        (
            {"labels": ["a", "b", "c"]},
            "y_score must have shape (3, 3) for the classes 'a', 'b', 'c', got (3,); "
            "labels= names the columns.",
        ),
        (
            {"labels": ["a", "c"]},
            "y_true must hold only the labels ['a', 'c'], got 'b'.",
        ),
        (
            {"labels": ["a", "a"]},
            "labels must be two or more different labels in the order of the columns "
            "of y_score, got ['a', 'a'].",
        ),
        (
            {"average": "micro"},
            "average must be one of 'macro', 'weighted', None, got 'micro'.",
        ),
    ],
)
def test_auroc_error_messages(arguments, text):
    arguments = {"y_true": ["a", "b", "b"], "y_score": [0.1, 0.2, 0.3], **arguments}
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        auroc_score(arguments.pop("y_true"), arguments.pop("y_score"), **arguments)
