"""Test how the positive class follows from the labels."""

import numpy as np
import pytest

from skheart.metrics.positive_classes import positive_class


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["murmur", "normal"], "murmur"),
        (["Absent", "Present"], "Present"),
        (["Healthy", "ill"], "ill"),
        (["Abnormal", "NEGATIVE"], "Abnormal"),
        ([0, 1], 1),
        ([-1, 1], 1),
        ([False, True], True),
        (np.array([0, 1]), 1),
    ],
)
def test_positive_class_follows_from_the_labels(classes, expected):
    assert positive_class(classes) == expected
    assert positive_class(list(classes)[::-1]) == expected


@pytest.mark.parametrize(
    "classes", [["a", "b"], ["normal", "absent"], ["normal"], ["Absent", "x", "y"], []]
)
def test_positive_class_must_be_passed(classes):
    with pytest.raises(ValueError, match="--positive must name the positive class"):
        positive_class(classes, name="--positive")


def test_passed_class_must_be_one_of_the_labels():
    assert positive_class(["a", "b", "c"], "b") == "b"
    with pytest.raises(ValueError, match="pos_label must be one of 'a', 'b', got 'c'"):
        positive_class(["a", "b"], "c")
