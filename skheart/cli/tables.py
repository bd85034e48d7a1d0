"""Answers as rows: for each recording, or for each patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skheart._core.decisions import Decision, labels_of


def prediction_row(
    recording: str,
    probabilities: np.ndarray,
    error: str,
    classes: np.ndarray,
    decision: Decision,
) -> dict[str, Any]:
    """Return the row of a recording.

    Returns
    -------
    row : dict
        With the keys ``recording``, ``prediction``, ``probability_<class>`` for each
        class, to six decimals, and ``error``. What is absent is None.
    """
    label = None
    if not error:
        label = labels_of(
            probabilities[np.newaxis],
            classes.astype(str),
            positive=decision.positive,
            threshold=decision.threshold,
        )[0]
    return {
        "recording": recording,
        **_answer(label, probabilities, classes),
        "error": error or None,
    }


def patient_rows(
    probabilities: np.ndarray,
    errors: np.ndarray,
    patients: list[str],
    classes: np.ndarray,
    decision: Decision,
    measures: np.ndarray | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each patient, from the recordings that could be used.

    Returns
    -------
    rows : iterator of dict
        With the keys ``patient``, ``prediction``, ``probability_<class>`` for each
        class, ``n_recordings``, how many were used, and ``error``.
    """
    from skheart.metrics.patients import answer_patients

    answers = answer_patients(
        probabilities,
        classes.astype(str),
        np.asarray(patients),
        decision,
        errors=errors,
        measures=measures,
    )
    for patient, label, values, n_used, error in zip(*answers, strict=True):
        yield {
            "patient": str(patient),
            **_answer(label, values, classes),
            "n_recordings": int(n_used),
            "error": error or None,
        }


def _answer(
    label: Any, probabilities: np.ndarray, classes: np.ndarray
) -> dict[str, Any]:
    """Return the class and the probabilities; None where there is no class."""
    names = [f"probability_{name}" for name in classes]
    if label is None:
        return {"prediction": None, **dict.fromkeys(names)}
    numbers = [round(float(value), 6) for value in probabilities]
    return {"prediction": str(label), **dict(zip(names, numbers, strict=True))}
