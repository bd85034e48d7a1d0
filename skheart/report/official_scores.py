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
    corpus: Any,
    probabilities: np.ndarray,
    classes: np.ndarray,
    decision: Decision,
) -> dict[str, Any] | None:
    """Return the official score of the challenge of a corpus, None if there is none.

    Classes are text.
    """
    if corpus.name == "cinc2016" and set(classes) == {"abnormal", "normal"}:
        return _cinc2016(corpus, labels_of(probabilities, classes, decision))
    if corpus.name == "circor2022":
        answer = answer_patients(probabilities, classes, corpus.groups, decision)
        return _circor2022(corpus, classes, answer.prediction)
    return None


def _cinc2016(corpus: Any, answers: np.ndarray) -> dict[str, Any]:
    y_true = corpus.target.astype(str)
    quality = np.asarray(corpus.frame["quality"]).astype(int)
    databases = np.asarray(corpus.frame["database"]).astype(str)
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
    corpus: Any, classes: np.ndarray, answers: np.ndarray
) -> dict[str, Any] | None:
    task = "outcome" if corpus.settings["target"] == "outcome" else "murmur"
    words = _OUTCOME if task == "outcome" else _MURMUR
    official = list(words.values())
    named = [words.get(name, name) for name in classes.tolist()]
    known = {*official, "Unknown"} if task == "murmur" else {*official}
    if not set(named) <= known:
        return None
    truth = np.array([words.get(name, name) for name in map(str, corpus.target)])
    labels = patient_labels(truth, corpus.groups, official[0])
    if labels is None:
        return None
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
