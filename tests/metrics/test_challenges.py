"""Test the scores of the two challenges on tables counted by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from skheart.metrics import (
    cinc2016_score,
    cinc2016_sensitivity_specificity,
    circor2022_score,
)


def challenge_table():
    """Return labels, answers and quality of recordings with these counts.

    =============== ======== ====== ======
    label, quality  abnormal unsure normal
    =============== ======== ====== ======
    abnormal, good         5      1      2
    abnormal, poor         1      1      0
    normal, good           3      2     10
    normal, poor           1      1      3
    =============== ======== ====== ======
    """
    counts = {
        ("abnormal", 1): (5, 1, 2),
        ("abnormal", 0): (1, 1, 0),
        ("normal", 1): (3, 2, 10),
        ("normal", 0): (1, 1, 3),
    }
    rows = [
        (truth, answer, quality)
        for (truth, quality), numbers in counts.items()
        for answer, n in zip(("abnormal", "unsure", "normal"), numbers, strict=True)
        for _ in range(n)
    ]
    return zip(*rows, strict=True)


def test_cinc2016_score_by_hand():
    y_true, y_pred, quality = challenge_table()
    # 10 are abnormal (8 good, 2 poor), 20 normal (15 good, 5 poor).
    sensitivity = 0.8 * 5 / (5 + 1 + 2) + 0.2 * (1 + 1) / (1 + 1 + 0)  # 0.7
    specificity = 0.75 * 10 / (3 + 2 + 10) + 0.25 * (3 + 1) / (1 + 1 + 3)  # 0.7
    found = cinc2016_sensitivity_specificity(y_true, y_pred, quality=quality)
    assert found == pytest.approx((sensitivity, specificity))
    score = cinc2016_score(y_true, y_pred, quality=quality)
    assert score == pytest.approx((sensitivity + specificity) / 2)
    # Without quality, all count as good: 6 of 10 and 13 of 20 are correct.
    found = cinc2016_sensitivity_specificity(y_true, y_pred)
    assert found == pytest.approx((0.6, 0.65))
    assert cinc2016_score(y_true, y_pred) == pytest.approx(0.625)


def test_cinc2016_score_accepts_the_codes_of_the_challenge():
    y_true, y_pred, quality = map(list, challenge_table())
    codes = {"abnormal": 1, "unsure": 0, "normal": -1}
    expected = cinc2016_score(y_true, y_pred, quality=quality)
    found = cinc2016_score(
        np.array([codes[word] for word in y_true]),
        np.array([codes[word] for word in y_pred], dtype=float),
        quality=np.array(quality, dtype=bool),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("answers", "quality", "expected"),
    [
        (["abnormal", "abnormal", "normal"], None, 1.0),
        (["normal", "normal", "abnormal"], None, 0.0),
        (["abnormal", "abnormal", "abnormal"], None, 0.5),
        (["unsure", "unsure", "unsure"], [1, 1, 1], 0.0),
        (["unsure", "unsure", "unsure"], [0, 0, 0], 1.0),
        # Sensitivity 1/2: the good abnormal recording is missed, the poor one unsure.
        (["unsure", "unsure", "normal"], [1, 0, 0], 0.75),
        # Both poor recordings have wrong answers.
        (["abnormal", "normal", "abnormal"], [1, 0, 0], 0.25),
    ],
)
def test_cinc2016_score_extremes(answers, quality, expected):
    y_true = ["abnormal", "abnormal", "normal"]
    assert cinc2016_score(y_true, answers, quality=quality) == expected


def test_cinc2016_score_of_one_class_warns_and_is_nan():
    text = (
        "The challenge's score needs a recording that is abnormal in y_true, got none; "
        "the score is NaN."
    )
    with pytest.warns(UndefinedMetricWarning, match=f"^{re.escape(text)}$") as record:
        found = cinc2016_sensitivity_specificity(["normal"] * 2, ["normal", "unsure"])
    assert record[0].filename == __file__
    np.testing.assert_array_equal(found, [np.nan, 0.5])
    with pytest.warns(UndefinedMetricWarning, match="that is normal in y_true"):
        assert np.isnan(cinc2016_score([1], [1]))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            (["unsure"], ["normal"]),
            "y_true must hold only 'normal', 'abnormal', -1, 1, got 'unsure'.",
        ),
        (([0], [1]), "y_true must hold only 'normal', 'abnormal', -1, 1, got 0."),
        (
            (["normal"], ["Normal"]),
            "y_pred must hold only 'normal', 'abnormal', -1, 1, 'unsure', 0, got "
            "'Normal'.",
        ),
        ((["normal"], ["normal"], [2]), "quality must hold only 0, 1, got 2."),
        (
            (["normal"], ["normal"], [1, 0]),
            "y_true, y_pred and quality must have the same length, got 1, 1 and 2.",
        ),
    ],
)
def test_cinc2016_score_error_messages(arguments, text):
    y_true, y_pred, *quality = arguments
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        cinc2016_score(y_true, y_pred, quality=quality[0] if quality else None)


def test_circor2022_score_by_hand():
    # Correct: 3 of 4 Present, 1 of 2 Unknown, 5 of 6 Absent.
    y_true = ["Present"] * 4 + ["Unknown"] * 2 + ["Absent"] * 6
    y_pred = (
        ["Present", "Present", "Present", "Absent"]
        + ["Unknown", "Present"]
        + ["Absent"] * 5
        + ["Unknown"]
    )
    expected = (5 * 3 + 3 * 1 + 1 * 5) / (5 * 4 + 3 * 2 + 1 * 6)
    assert circor2022_score(y_true, y_pred) == expected
    # Correct: 1 of 2 Abnormal, 2 of 3 Normal.
    y_true = np.array(["Abnormal"] * 2 + ["Normal"] * 3)
    y_pred = np.array(["Abnormal", "Normal", "Normal", "Normal", "Abnormal"])
    expected = (5 * 1 + 1 * 2) / (5 * 2 + 1 * 3)
    assert circor2022_score(y_true, y_pred, target="outcome") == expected


def test_circor2022_score_extremes():
    y_true = ["Present", "Unknown", "Absent"]
    assert circor2022_score(y_true, y_true) == 1.0
    assert circor2022_score(y_true, ["Absent", "Absent", "Present"]) == 0.0
    assert circor2022_score(y_true, ["Present"] * 3) == 5 / 9


@pytest.mark.parametrize(
    ("labels", "target", "text"),
    [
        (
            ["present"],
            "murmur",
            "y_true must hold only 'Present', 'Unknown', 'Absent', got 'present'.",
        ),
        (
            ["Unknown"],
            "outcome",
            "y_true must hold only 'Abnormal', 'Normal', got 'Unknown'.",
        ),
        (
            ["Normal"],
            "outcomes",
            "target must be one of 'murmur', 'outcome', got 'outcomes'.",
        ),
    ],
)
def test_circor2022_score_error_messages(labels, target, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        circor2022_score(labels, labels, target=target)
