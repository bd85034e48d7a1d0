"""Cells of CSV files that no spreadsheet runs as a formula."""

from __future__ import annotations

import re
from typing import Any

# A spreadsheet takes a cell that starts with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# What UTF-8 cannot hold, except for the bytes of names that are not UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def csv_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet runs as a formula and UTF-8 can encode."""
    if not isinstance(value, str):
        return value
    value = _LONE_SURROGATE.sub("\ufffd", value)
    return f"'{value}" if value.startswith(_FORMULA) else value
