"""Answers to recordings as rows of a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import numpy as np

from skheart._core.progress import progress_bar

_CHUNK = 64  # recordings whose spectrograms are held at a time in prediction


def answer_rows(
    answer: Callable[[list[str]], tuple[np.ndarray, list[str]]],
    classes: np.ndarray,
    recordings: Iterable[str],
    *,
    verbose: int = 0,
) -> list[dict[str, Any]]:
    """Classify recordings; one row each, with an error in place of an answer.

    Parameters
    ----------
    answer : callable
        Gives probabilities, (n_recordings, n_classes), and the error of each ("" where
        there is none) for some paths.
    classes : ndarray of shape (n_classes,)
    recordings : iterable of str
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Returns
    -------
    rows : list of dict
        With the keys ``recording``, ``prediction`` and ``probability_<class>`` for each
        class (None where there is an error), and ``error`` ("" where there is none).
    """
    recordings = list(recordings)
    rows = []
    with progress_bar(
        "Predicting", total=len(recordings), shown=verbose > 0, unit="recordings"
    ) as advance:
        for start in range(0, len(recordings), _CHUNK):
            chunk = recordings[start : start + _CHUNK]
            answers, errors = answer(chunk)
            for recording, error, one in zip(chunk, errors, answers, strict=True):
                rows.append(_row(recording, error, one, classes))
            advance(len(chunk))
    return rows


def _row(
    recording: str, error: str, answer: np.ndarray, classes: np.ndarray
) -> dict[str, Any]:
    broken = bool(error)
    prediction = None if broken else str(classes[answer.argmax()])
    return {
        "recording": recording,
        "prediction": prediction,
        **{
            f"probability_{name}": None if broken else float(value)
            for name, value in zip(classes, answer, strict=True)
        },
        "error": error,
    }


def write_rows(rows: list[dict[str, Any]], file: TextIO, *, format: str) -> None:
    """Write rows as CSV with a header, or as a JSON list; six decimals."""
    rows = [
        {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}
        for row in rows
    ]
    if format == "json":
        json.dump(rows, file, indent=2)
        file.write("\n")
        return
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
