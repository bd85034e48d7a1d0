"""The table that combines the indices: a curve for each, and their sum.

Each index is read off a curve of straight lines between a few points; the sum of the
curves is the logarithm of the odds that the recording is good. benchmarks/quality.py
calibrates it and writes the file in the package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).parent / "table.json"


@cache
def packaged_table() -> dict[str, Any]:
    """Return the table of the package, read once."""
    return json.loads(PATH.read_text("utf-8"))


def log_odds(table: Mapping[str, Any], indices: Mapping[str, float]) -> float:
    """Return the logarithm of the odds that a recording is good."""
    return float(table["offset"]) + sum(
        float(np.interp(indices[name], curve["at"], curve["adds"]))
        for name, curve in table["curves"].items()
    )


def combined(table: Mapping[str, Any], indices: Mapping[str, float]) -> float:
    """Return the quality, 0 to 1."""
    return float(1 / (1 + np.exp(-log_odds(table, indices))))
