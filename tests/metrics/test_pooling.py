"""Test the pooling of recordings by patient."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skheart.metrics import (
    auroc_score,
    pool_by_group,
)

SCORES = [0.9, 0.1, 0.2, 0.3, 0.1]
PATIENTS = ["p2", "p1", "p2", "p1", "p2"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mean", [0.2, 0.4]),
        ("median", [0.2, 0.2]),
        ("max", [0.3, 0.9]),
        (np.min, [0.1, 0.1]),
        (lambda scores: scores[0], [0.1, 0.9]),
    ],
)
def test_pool_by_group(how, expected):
    pooled, patients, labels = pool_by_group(SCORES, PATIENTS, how=how)
    np.testing.assert_allclose(pooled, expected)
    assert patients.tolist() == ["p1", "p2"]
    assert labels is None
    # Each column is pooled separately.
    both = np.column_stack([SCORES, np.zeros(5)])
    pooled = pool_by_group(both, PATIENTS, how=how).y_score
    np.testing.assert_allclose(pooled, np.column_stack([expected, [0, 0]]))


def test_pool_by_group_pools_each_class_in_its_own_way():
    scores = np.column_stack([SCORES, SCORES, SCORES])
    pooled = pool_by_group(scores, PATIENTS, how=("mean", "max", np.min)).y_score
    np.testing.assert_allclose(pooled, [[0.2, 0.3, 0.1], [0.4, 0.9, 0.1]])
    alone = pool_by_group(SCORES, PATIENTS, how=["max"]).y_score
    np.testing.assert_allclose(alone, [0.3, 0.9])


def test_pool_by_group_keeps_the_order_of_the_recordings():
    patients = np.random.default_rng(10).integers(3, size=300)
    pooled = pool_by_group(np.arange(300.0), patients, how=lambda scores: scores[0])
    _, first = np.unique(patients, return_index=True)
    np.testing.assert_array_equal(pooled.y_score, first)


def test_pool_by_group_pools_by_the_mean_by_default():
    pooled = pool_by_group(SCORES, PATIENTS)
    np.testing.assert_allclose(pooled.y_score, [0.2, 0.4])


@pytest.mark.parametrize("kind", [int, str, object])
def test_pool_by_group_sorts_patients(kind):
    groups = np.array([30, 4, 30, 12]).astype(kind)
    pooled = pool_by_group([1.0, 2.0, 5.0, 7.0], groups)
    # As text "12" < "30" < "4".
    expected = [12, 30, 4] if kind is str else [4, 12, 30]
    assert pooled.groups.astype(int).tolist() == expected
    by_patient = dict(zip(pooled.groups.astype(int), pooled.y_score, strict=True))
    assert by_patient == {4: 2.0, 12: 7.0, 30: 3.0}


def test_pool_by_group_pools_labels():
    y_true = np.array(["Present", "Absent", "Present", "Absent", "Present"])
    pooled = pool_by_group(SCORES, PATIENTS, y_true=y_true)
    assert pooled.y_true.tolist() == ["Absent", "Present"]
    assert auroc_score(pooled.y_true, pooled.y_score) == 1.0


def test_pool_by_group_with_pos_label():
    y_true = ["Absent", "Absent", "Present", "Absent", "Absent"]
    pooled = pool_by_group(SCORES, PATIENTS, y_true=y_true, pos_label="Present")
    assert pooled.y_true.tolist() == ["Absent", "Present"]
    text = (
        "y_true must be the same for all recordings of a patient, got 'Absent', "
        "'Present' for patient 'p2'; pos_label= names a label that counts if any "
        "recording has it."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        pool_by_group(SCORES, PATIENTS, y_true=y_true)
    y_true[0] = "Unknown"
    y_true[2] = "Unknown"
    with pytest.raises(ValueError, match="got 'Absent', 'Unknown' for patient 'p2'"):
        pool_by_group(SCORES, PATIENTS, y_true=y_true, pos_label="Present")


def test_pool_by_group_of_one_recording():
    pooled = pool_by_group([[0.2, 0.8]], [7], y_true=["a"])
    np.testing.assert_array_equal(pooled.y_score, [[0.2, 0.8]])
    assert pooled.groups.tolist() == [7]
    assert pooled.y_true.tolist() == ["a"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"how": "min"},
            "how must be one of 'mean', 'median', 'max', got 'min'.",
        ),
        (
            {"how": ("mean", "max")},
            "how must name one way of pooling for each of the 1 columns of y_score, "
            "got 2; a single way, as how='mean', pools them all.",
        ),
        (
            {"how": ["least"]},
            "how must be one of 'mean', 'median', 'max', got 'least'.",
        ),
        (
            {"how": lambda scores: scores.tolist()},
            "how must return one number for the scores of a patient, got [0.1, 0.3].",
        ),
        (
            {"pos_label": "Present"},
            "pos_label must come with y_true, got pos_label='Present' alone.",
        ),
        (
            {"y_true": ["a"]},
            "y_score, groups and y_true must have the same length, got 5, 5 and 1.",
        ),
    ],
)
def test_pool_by_group_error_messages(arguments, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        pool_by_group(SCORES, PATIENTS, **arguments)


def test_pool_by_group_rejects_nan():
    with pytest.raises(
        ValueError, match="y_score must have no NaN, got NaN for 1 of 2"
    ):
        pool_by_group([[0.1, np.nan], [0.2, 0.8]], [1, 2])
