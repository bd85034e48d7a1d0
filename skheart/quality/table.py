"""The table that combines the indices: a curve for each, and their sum.

Each index is mapped by a piecewise linear curve; the sum of the curves is the logarithm
of the odds that the recording is good. benchmarks/quality.py calibrates it and writes
the file in the package.
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
    """Return the table that is shipped with the package."""
    return json.loads(PATH.read_text("utf-8"))


def combined(table: Mapping[str, Any], indices: Mapping[str, Any]) -> np.ndarray:
    """Return the quality, 0 to 1; 0 where no heartbeat was found.

    The table has an ``"offset"``, and for each index a curve: the values ``"adds"`` at
    the positions ``"at"``. Beyond the first and the last a curve is flat.
    """
    log_odds = table["offset"] + sum(
        np.interp(indices[name], curve["at"], curve["adds"])
        for name, curve in table["curves"].items()
    )
    quality = 1 / (1 + np.exp(-np.asarray(log_odds)))
    return np.where(np.asarray(indices["heartbeat_share"]) > 0, quality, 0.0)
