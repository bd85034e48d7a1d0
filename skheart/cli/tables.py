"""Answers as rows: for each recording, or for each patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.decisions import (
    UNSURE,
    Decision,
    confidence_of,
    labels_of,
    reasons_to_abstain,
)

if TYPE_CHECKING:
    from skheart.cli.prediction import Answer


def prediction_row(
    answer: Answer, classes: np.ndarray, decision: Decision
) -> dict[str, Any]:
    """Return the row of a recording.

    Returns
    -------
    row : dict
        With the keys ``recording``, ``prediction``, ``probability_<class>`` for each
        class, to six decimals, if the decision has limits ``quality`` and ``reason``,
        and ``error``. What is absent is None.
    """
    row = {
        "recording": answer.recording,
        **_answer(None if answer.error else answer.probabilities, classes, decision),
    }
    if decision.abstains:
        row |= {"quality": None, "reason": None}
        if not answer.error:
            row |= _limits(answer, classes, decision)
    return row | {"error": answer.error or None}


def _limits(answer: Answer, classes: np.ndarray, decision: Decision) -> dict[str, Any]:
    """Return the quality, and the reason with the answer "unsure" if there is one."""
    confidence = confidence_of(
        answer.probabilities[np.newaxis],
        classes.astype(str),
        positive=decision.positive,
        threshold=decision.threshold,
    )
    (reason,) = reasons_to_abstain(decision, confidence, [answer.quality])
    quality = answer.quality and round(answer.quality.quality, 3)
    unsure = {"prediction": UNSURE} if reason else {}
    return {**unsure, "quality": quality, "reason": reason or None}


def patient_rows(
    probabilities: np.ndarray,
    errors: np.ndarray,
    patients: list[str],
    classes: np.ndarray,
    decision: Decision,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each patient, from the recordings that could be used.

    Returns
    -------
    rows : iterator of dict
        With the keys ``patient``, ``prediction``, ``probability_<class>`` for each
        class, ``n_recordings``, how many were used, and ``error``.
    """
    names, usable = np.asarray(patients), errors == ""
    pooled: dict[str, np.ndarray] = {}
    if usable.any():
        from skheart.metrics.patients import pool_answers

        values, known = pool_answers(
            probabilities[usable], classes.astype(str), names[usable], decision
        )
        pooled = dict(zip(known.tolist(), values, strict=True))
    for patient in np.unique(names).tolist():
        own = names == patient
        failed = errors[own & ~usable].tolist()
        error = None
        if failed:
            error = (
                f"{len(failed)} of {own.sum()} recordings cannot be used: {failed[0]}"
            )
        yield {
            "patient": patient,
            **_answer(pooled.get(patient), classes, decision.of_patients()),
            "n_recordings": int((own & usable).sum()),
            "error": error,
        }


def _answer(
    values: np.ndarray | None, classes: np.ndarray, decision: Decision
) -> dict[str, Any]:
    """Return the class and the probabilities, None where there are none."""
    names = [f"probability_{name}" for name in classes]
    if values is None:
        return {"prediction": None, **dict.fromkeys(names)}
    label = labels_of(
        values[np.newaxis],
        classes.astype(str),
        positive=decision.positive,
        threshold=decision.threshold,
    )[0]
    numbers = [round(float(value), 6) for value in values]
    return {"prediction": str(label), **dict(zip(names, numbers, strict=True))}
