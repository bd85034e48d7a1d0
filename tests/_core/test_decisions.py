"""Test how probabilities become labels."""

import numpy as np
import pytest

from skheart._core.decisions import Decision, labels_of

MOST_PROBABLE = Decision()


def test_the_most_probable_class():
    classes = np.array(["murmur", "normal"])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    answers = labels_of(probabilities, classes, MOST_PROBABLE)
    assert answers.tolist() == ["murmur", "normal", "murmur"]


def test_nan_is_an_error():
    p = np.array([[0.9, 0.1], [np.nan, np.nan]])
    with pytest.raises(ValueError, match="recording 1 are NaN"):
        labels_of(p, np.array([0, 1]), MOST_PROBABLE)


def test_weights_of_answers():
    classes = np.array(["Absent", "Present", "Unknown"])
    p = np.array([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05], [0.6, 0.1, 0.3]])
    assert labels_of(p, classes, MOST_PROBABLE).tolist() == ["Absent"] * 3
    weighted = labels_of(p, classes, MOST_PROBABLE, weights=[1, 5, 3])
    assert weighted.tolist() == ["Present", "Absent", "Unknown"]
