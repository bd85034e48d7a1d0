"""Test that the error for a missing package says how to install it."""

import math

import pytest

from skheart._core.optional import optional_import


def test_an_installed_module():
    assert optional_import("math", user="x", extra="y") is math


def test_a_missing_module():
    with pytest.raises(ImportError, match=r"x needs nothing_here; .*'skheart\[y\]'"):
        optional_import("nothing_here.part", user="x", extra="y")
