"""What is not installed is named with the command that installs it."""

import math

import pytest

from skheart._core.optional import optional_import


def test_a_module_that_is_there():
    assert optional_import("math", user="x", extra="y") is math


def test_a_module_that_is_not():
    with pytest.raises(ImportError, match=r"x needs nothing_here; .*'skheart\[y\]'"):
        optional_import("nothing_here.part", user="x", extra="y")
