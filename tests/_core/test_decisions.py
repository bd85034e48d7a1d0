"""Test how probabilities become labels."""

import numpy as np
import pytest

from skheart._core.decisions import labels_of


def test_the_most_probable_class():
    classes = np.array(["murmur", "normal"])
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert labels_of(probabilities, classes).tolist() == ["murmur", "normal", "murmur"]


def test_nan_is_an_error():
    with pytest.raises(ValueError, match="recording 1 are NaN"):
        labels_of(np.array([[0.9, 0.1], [np.nan, np.nan]]), np.array([0, 1]))


def test_weights_of_answers():
    classes = np.array(["Absent", "Present", "Unknown"])
    p = np.array([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05], [0.6, 0.1, 0.3]])
    assert labels_of(p, classes).tolist() == ["Absent"] * 3
    weighted = labels_of(p, classes, weights=[1, 5, 3])
    assert weighted.tolist() == ["Present", "Absent", "Unknown"]
