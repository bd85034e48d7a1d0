"""Test the checks of parameters and their error messages."""

from __future__ import annotations

import re

import numpy as np
import pytest

from skheart._core.checks import check_number, check_option


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (1, {}),
        (0.5, {}),
        (np.float32(2), {}),
        (np.int64(2), {"integer": True}),
        (0, {"closed": "left"}),
        (0.0, {"closed": "both", "high": 1.0}),
        (1.0, {"closed": "both", "high": 1.0}),
        (None, {"optional": True}),
        (-5, {"low": -np.inf}),
    ],
)
def test_valid_numbers(value, options):
    check_number("x", value, **options)


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (0, {}, "x must be a positive number, got 0."),
        (-1, {"unit": "Hz"}, "x must be a positive number of Hz, got -1."),
        (
            -1,
            {"unit": "Hz", "closed": "left"},
            "x must be a number of Hz, at least 0, got -1.",
        ),
        (1.5, {"integer": True}, "x must be a positive integer, got 1.5."),
        (2, {"high": 1.0}, "x must be a positive number, at most 1, got 2."),
        (1, {"high": 1, "closed": "left"}, "x must be a number, at least 0, below 1"),
        (0, {"low": 1, "integer": True, "closed": "both"}, "an integer, at least 1, g"),
        (1, {"low": 1}, "x must be a number, above 1, got 1."),
        (0, {"optional": True}, "x must be a positive number or None, got 0."),
        (None, {}, "x must be a positive number, got None."),
        ("2", {}, "x must be a positive number, got '2'."),
        (True, {}, "x must be a positive number, got True."),
        (np.True_, {}, "x must be a positive number, got "),
        (np.nan, {}, "x must be a positive number, got nan."),
        (np.inf, {"closed": "both"}, "x must be a number, at least 0, got inf."),
        (1j, {}, "x must be a positive number, got 1j."),
        ([1], {}, "x must be a positive number, got [1]."),
    ],
)
def test_invalid_numbers(value, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_number("x", value, **options)


def test_options():
    check_option("scale", "mel", ("mel", "linear"))
    check_option("scale", None, ("mel", None))
    for value in ("bark", None, np.array(["mel", "mel"]), 0):
        with pytest.raises(ValueError, match="scale must be one of 'mel', 'linear'"):
            check_option("scale", value, ("mel", "linear"))
