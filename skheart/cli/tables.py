"""Predictions as rows of CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import numpy as np

from skheart._core.decisions import labels_of

# A spreadsheet takes a cell that starts so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# What UTF-8 cannot hold, but for the bytes of names that are not UTF-8.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def prediction_rows(
    recordings: list[str],
    probabilities: np.ndarray,
    errors: np.ndarray,
    classes: np.ndarray,
) -> list[dict[str, Any]]:
    """Return one row for each recording; what is absent is None.

    Its keys are ``recording``, ``prediction``, ``probability_<class>`` for each class,
    to six decimals, and ``error``.
    """
    usable = errors == ""
    labels = np.full(len(recordings), None, dtype=object)
    labels[usable] = labels_of(probabilities[usable], classes.astype(str))
    numbers = probabilities.round(6).astype(object)
    numbers[~usable] = None
    columns = [f"probability_{name}" for name in classes]
    keys = ["recording", "prediction", *columns, "error"]
    return [
        dict(zip(keys, (recording, label, *values, error or None), strict=True))
        for recording, label, values, error in zip(
            recordings, labels, numbers, errors, strict=True
        )
    ]


def rows_text(rows: list[dict[str, Any]], format: str) -> str:
    """Return rows as text: CSV with a header, or a JSON list."""
    if format == "json":
        return json.dumps(rows, indent=2, allow_nan=False) + "\n"
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_cell, rows[0]))
    writer.writerows(map(_cell, row.values()) for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a cell that is text also to a spreadsheet and in UTF-8."""
    if not isinstance(value, str):
        return value
    value = _LONE_SURROGATE.sub("\ufffd", value)
    return f"'{value}" if value.startswith(_FORMULA) else value
