"""Test the checks that all scores share, and the module as a whole."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from skheart import metrics
from skheart.metrics import auroc_score


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"y_score": [0.1, np.nan, 0.2]},
            "y_score must have no NaN, got NaN for 1 of 3 recordings; a network whose "
            "training diverged gives NaN.",
        ),
        (
            {"y_score": [0.1, 0.2]},
            "y_true and y_score must have the same length, got 3 and 2.",
        ),
        (
            {"y_score": np.ones((3, 2, 1))},
            "y_score must have shape (n_recordings,) or (n_recordings, n_classes), "
            "got shape (3, 2, 1).",
        ),
        (
            {"y_score": ["low", "low", "high"]},
            "y_score must be an array of numbers, got ['low', 'low', 'high'].",
        ),
        (
            {"y_true": [["a"], ["b"], ["b"]]},
            "y_true must have shape (n_recordings,), one entry a recording, got shape "
            "(3, 1).",
        ),
        (
            {"y_true": []},
            "y_true must hold at least one entry, got none.",
        ),
        (
            {"y_true": [0.0, np.nan, 1.0]},
            "y_true must have no missing entry, got NaN at row 1.",
        ),
        (
            {"y_true": ["a", None, "b"]},
            "y_true must hold labels of one kind, got NoneType and str.",
        ),
        (
            {"sample_weight": [1, 2]},
            "sample_weight must have shape (3,), one weight a recording, got shape "
            "(2,).",
        ),
        (
            {"sample_weight": [1, -2, 1]},
            "sample_weight must be finite and not negative, got -2.",
        ),
    ],
)
def test_error_messages(arguments, text):
    arguments = {"y_true": ["a", "b", "b"], "y_score": [0.1, 0.2, 0.3], **arguments}
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        auroc_score(arguments.pop("y_true"), arguments.pop("y_score"), **arguments)


def test_empty_scores():
    with pytest.raises(ValueError, match="same length, got 2 and 0"):
        auroc_score([0, 1], [])


def test_metrics_does_not_import_a_deep_learning_library():
    code = (
        "import sys, skheart.metrics\n"
        "heavy = {'tensorflow', 'keras', 'scikeras', 'librosa', 'soundfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr.strip()) == ("[]", "")


def test_public_names_are_documented_and_sorted():
    assert metrics.__all__ == sorted(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__.strip()
