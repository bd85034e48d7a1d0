"""The official scores of the two challenges, for the answers of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart._core.decisions import Decision, labels_of
from skheart.metrics import (
    cinc2016_score,
    cinc2016_sensitivity_specificity,
    circor2022_score,
)
from skheart.metrics.patients import answer_patients, patient_labels


def official_score(
    corpus: str,
    target: str | None,
    y_true: np.ndarray,
    probabilities: np.ndarray,
    *,
    classes: np.ndarray,
    groups: np.ndarray,
    columns: Any,
    decision: Decision,
    measures: np.ndarray | None = None,
) -> dict[str, Any] | None:
    """Return the official score of a challenge, or None if there is none.

    Parameters
    ----------
    corpus : str
        ``"cinc2016"`` and ``"circor2022"`` have official scores.
    target : str or None
        Of CirCor 2022, which label: ``"murmur"``, ``"murmur_at_location"`` or
        ``"outcome"``.
    y_true, groups : ndarray of shape (n_recordings,)
        Labels as text, and patients.
    probabilities : ndarray of shape (n_recordings, n_classes)
    classes : ndarray of shape (n_classes,)
        As text.
    columns : dict of ndarray
        The columns of the corpus' table: its databases and qualities.
    decision : Decision
    measures : ndarray of shape (n_recordings, 3), default=None
        For a patient model; see :func:`measure_recordings`.

    Returns
    -------
    score : dict or None
        ``"score"``, its name; ``"value"``; ``"by_database"`` of CinC 2016, each with
        ``"value"``, ``"sensitivity"``, ``"specificity"``; and ``"note"``.
    """
    if corpus == "cinc2016" and set(classes) == {"abnormal", "normal"}:
        answers = labels_of(
            probabilities,
            classes,
            positive=decision.positive,
            threshold=decision.threshold,
        )
        return _cinc2016(y_true, answers, columns)
    if corpus == "circor2022":
        return _circor2022(
            target, y_true, probabilities, classes, groups, decision, measures
        )
    return None


def _cinc2016(y_true: np.ndarray, answers: np.ndarray, columns: Any) -> dict[str, Any]:
    quality = np.asarray(columns["quality"]).astype(int)
    databases = np.asarray(columns["database"]).astype(str)
    by_database = {}
    for database in np.unique(databases).tolist():
        rows = databases == database
        if len(np.unique(y_true[rows])) < 2:
            continue  # the score is undefined
        sensitivity, specificity = cinc2016_sensitivity_specificity(
            y_true[rows], answers[rows], quality=quality[rows]
        )
        by_database[database] = {
            "value": (sensitivity + specificity) / 2,
            "sensitivity": sensitivity,
            "specificity": specificity,
        }
    both = len(np.unique(y_true)) == 2
    return {
        "score": "MAcc of the PhysioNet/CinC Challenge 2016",
        "value": cinc2016_score(y_true, answers, quality=quality) if both else None,
        "by_database": by_database,
        "note": "on public recordings; the challenge was decided on hidden ones",
    }


# The words of the challenge for the classes of models.
_MURMUR = {"murmur": "Present", "normal": "Absent"}
_OUTCOME = {"abnormal": "Abnormal", "normal": "Normal"}


def _circor2022(
    target: str | None,
    y_true: np.ndarray,
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
    decision: Decision,
    measures: np.ndarray | None,
) -> dict[str, Any] | None:
    task = "outcome" if target == "outcome" else "murmur"
    words = _OUTCOME if task == "outcome" else _MURMUR
    official = ("Abnormal", "Normal") if task == "outcome" else ("Present", "Absent")
    named = [words.get(name, name) for name in classes.tolist()]
    known = {*official, "Unknown"} if task == "murmur" else {*official}
    if not set(named) <= known:
        return None
    truth = np.array([words.get(name, name) for name in y_true.tolist()])
    labels = patient_labels(truth, groups, official[0])
    if labels is None:
        return None
    answers = answer_patients(
        probabilities, classes, groups, decision, measures=measures
    ).prediction
    answers = np.array([words.get(name, name) for name in answers.tolist()])
    note = "on public patients; the challenge was decided on hidden ones"
    if task == "murmur" and "Unknown" not in labels:
        note += "; without patients whose murmur is Unknown"
    return {
        "score": f"weighted accuracy of the 2022 challenge, {task}, by patient",
        "value": circor2022_score(labels, answers, target=task),
        "by_database": None,
        "note": note,
    }
