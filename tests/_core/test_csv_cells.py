"""Cells are text, for a spreadsheet and in UTF-8."""

import pytest

from skheart._core.csv_cells import csv_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    assert csv_cell(f"{start}1+1") == f"'{start}1+1"


def test_other_cells_stay_as_they_are():
    assert [csv_cell(value) for value in ("ward 3", "", -0.5, None)] == [
        *("ward 3", "", -0.5, None)
    ]


def test_names_that_are_no_unicode_can_be_written():
    assert csv_cell("a\ud800.wav").encode() == "a\ufffd.wav".encode()
    assert csv_cell("a\udcff.wav") == "a\udcff.wav"
