"""Test sensitivity and specificity against counts and scikit-learn."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    recall_score,
)

from skheart.metrics import (
    sensitivity_score,
    specificity_score,
)

# 3 of the 5 murmurs are detected, and 1 of the 4 normal recordings is a false alarm.
TRUE = ["murmur"] * 5 + ["normal"] * 4
PREDICTED = ["murmur"] * 3 + ["normal"] * 2 + ["normal"] * 3 + ["murmur"]


def test_rates_of_two_classes():
    assert sensitivity_score(TRUE, PREDICTED, pos_label="murmur") == 3 / 5
    assert specificity_score(TRUE, PREDICTED, pos_label="murmur") == 3 / 4
    assert sensitivity_score(TRUE, PREDICTED, pos_label="normal") == 3 / 4
    assert specificity_score(TRUE, PREDICTED, pos_label="normal") == 3 / 5


def test_rates_infer_the_positive_class_from_the_labels():
    assert sensitivity_score(TRUE, PREDICTED) == 3 / 5
    assert specificity_score(TRUE, PREDICTED) == 3 / 4
    y_true = np.where(np.array(TRUE) == "murmur", "Present", "Absent")
    y_pred = np.where(np.array(PREDICTED) == "murmur", "Present", "Absent")
    assert sensitivity_score(y_true, y_pred) == 3 / 5
    assert specificity_score(y_true, y_pred) == 3 / 4
    assert sensitivity_score(y_true == "Present", y_pred == "Present") == 3 / 5


def test_rates_weights():
    weight = [1, 1, 1, 3, 4, 1, 2, 3, 6]
    found = sensitivity_score(TRUE, PREDICTED, pos_label="murmur", sample_weight=weight)
    assert found == 3 / 10
    found = specificity_score(TRUE, PREDICTED, pos_label="murmur", sample_weight=weight)
    assert found == 6 / 12


def test_rates_of_three_classes():
    y_true = ["a", "a", "a", "a", "b", "b", "c", "c"]
    y_pred = ["a", "a", "a", "b", "b", "c", "a", "c"]
    each = sensitivity_score(y_true, y_pred, average=None)
    np.testing.assert_allclose(each, recall_score(y_true, y_pred, average=None))
    macro = sensitivity_score(y_true, y_pred, average="macro")
    assert macro == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)
    # 1 of 4 others is predicted as a, 1 of 6 as b, and 1 of 6 as c.
    each = specificity_score(y_true, y_pred, average=None)
    np.testing.assert_allclose(each, [3 / 4, 5 / 6, 5 / 6])
    macro = specificity_score(y_true, y_pred, average="macro")
    assert macro == pytest.approx((3 / 4 + 5 / 6 + 5 / 6) / 3)
    assert sensitivity_score(y_true, y_pred, pos_label="a") == 3 / 4
    # "c" is only predicted: its sensitivity is undefined, and the mean ignores it.
    each = sensitivity_score(["a", "b"], ["a", "c"], average=None)
    np.testing.assert_array_equal(each, [1, 0, np.nan])
    assert sensitivity_score(["a", "b"], ["a", "c"], average="macro") == 0.5


def test_rates_that_are_undefined_warn_and_are_nan():
    text = (
        "sensitivity needs a positive recording in y_true, got only 'normal'; the "
        "score is NaN."
    )
    for y_pred in (["normal", "normal"], ["normal", "murmur"]):
        with pytest.warns(
            UndefinedMetricWarning, match=f"^{re.escape(text)}$"
        ) as record:
            score = sensitivity_score(["normal"] * 2, y_pred, pos_label="murmur")
        assert np.isnan(score)
        assert record[0].filename == __file__
    assert specificity_score(["normal"], ["normal"], pos_label="murmur") == 1.0
    with pytest.warns(UndefinedMetricWarning, match="needs a negative recording"):
        assert np.isnan(specificity_score(["a"], ["a"], pos_label="a"))
    text = "specificity needs pos_label where only 'a' occurs; the score is NaN."
    with pytest.warns(UndefinedMetricWarning, match=f"^{re.escape(text)}$"):
        assert np.isnan(specificity_score(["a"], ["a"]))
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(specificity_score(["a"], ["a"], average="macro"))


@pytest.mark.parametrize("score", [sensitivity_score, specificity_score])
def test_rates_error_messages(score):
    text = "pos_label must be one of 'murmur', 'normal', got 'Murmur'."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        score(TRUE, PREDICTED, pos_label="Murmur")
    text = (
        "pos_label must name the positive class, which does not follow from the labels "
        "'a', 'b', 'c'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        score(["a", "b", "c"], ["a", "b", "c"])
    text = "pos_label must be None with average='macro', got 'murmur'."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        score(TRUE, PREDICTED, pos_label="murmur", average="macro")
    with pytest.raises(ValueError, match="y_true and y_pred must have the same length"):
        score(TRUE, PREDICTED[1:])
    with pytest.raises(ValueError, match="labels of one kind, got int and str"):
        score(["a", "b"], [0, 1])
