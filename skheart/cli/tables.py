"""Answers as rows: for each recording, or for each patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.decisions import UNSURE, Decision, decided

if TYPE_CHECKING:
    from skheart.cli.prediction import Answer


def prediction_row(
    answer: Answer, classes: np.ndarray, decision: Decision
) -> dict[str, Any]:
    """Return the output row of a recording, as a dict from column to value."""
    label, reason = None, ""
    if not answer.error:
        values = answer.probabilities[np.newaxis]
        (label,), (reason,) = decided(
            values, classes.astype(str), decision, [answer.quality]
        )
    row = {
        "recording": answer.recording,
        **answer_columns(label, answer.probabilities, classes),
    }
    if reason:
        row["prediction"] = UNSURE
    if decision.abstains:
        quality = answer.quality and round(answer.quality.quality, 3)
        row |= {"quality": quality, "reason": reason or None}
    return row | {"error": answer.error or None}


def patient_rows(
    probabilities: np.ndarray,
    errors: np.ndarray,
    patients: list[str],
    classes: np.ndarray,
    decision: Decision,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each patient, from the recordings that could be used."""
    from skheart.metrics.patients import answer_patients

    answers = answer_patients(
        probabilities,
        classes.astype(str),
        np.asarray(patients),
        decision,
        errors=errors,
    )
    for patient, label, values, n_used, error in zip(*answers, strict=True):
        row = {
            "patient": str(patient),
            **answer_columns(label, values, classes),
            "n_recordings": int(n_used),
        }
        if decision.abstains:
            row |= _unsure(label, values, error, classes, decision)
        yield row | {"error": error or None}


def _unsure(
    label: Any, values: np.ndarray, error: str, classes: np.ndarray, decision: Decision
) -> dict[str, Any]:
    """Return the reason why a patient gets no class, with the answer "unsure"."""
    if label is not None:
        # The quality of its recordings is known.
        own = replace(decision.of_patients(), min_quality=None)
        _, (error,) = decided(values[np.newaxis], classes.astype(str), own, [None])
        if not error:
            return {"reason": None}
    return {"prediction": UNSURE, "reason": error}


def answer_columns(
    label: Any, probabilities: np.ndarray, classes: np.ndarray
) -> dict[str, Any]:
    """Return the class and the probabilities; None where there is no class."""
    names = [f"probability_{name}" for name in classes]
    if label is None:
        return {"prediction": None, **dict.fromkeys(names)}
    numbers = [round(float(value), 6) for value in probabilities]
    return {"prediction": str(label), **dict(zip(names, numbers, strict=True))}
