"""The scores of a model on recordings, as numbers and as text."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import Bunch

from skheart._core.decisions import labels_of
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)

_SEEN = {
    "unseen": "none of which the model was trained on",
    "unknown": "it is unknown whether the model was trained on them",
    "seen": (
        "ALL OF WHICH THE MODEL\nWAS TRAINED ON: these figures say little (train with "
        "--hold-out)"
    ),
}


def figures(
    corpus: Bunch,
    probabilities: np.ndarray,
    classes: list[str],
    positive: str | None,
    seed: int,
) -> dict[str, Any]:
    """Compute the scores of a model; None where a score is undefined.

    Without a positive class, each class is scored against the rest. `auroc` and
    `patient_auroc` hold the value and the ends of its 95 % interval over patients.
    """
    target, groups = corpus.target.astype(str), corpus.groups
    predicted = labels_of(probabilities, np.asarray(classes))
    words, counts = np.unique(target, return_counts=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        if positive is None:
            auroc = _auroc(target, probabilities, groups, classes, seed)
            by_patient = None
        else:
            score = probabilities[:, classes.index(positive)]
            labels = [f"not {positive}", positive]
            truth = np.where(target == positive, positive, labels[0])
            auroc = _auroc(truth, score, groups, labels, seed)
            pooled = pool_by_group(
                score, groups, how="max", y_true=truth, pos_label=positive
            )
            by_patient = _auroc(
                pooled.y_true, pooled.y_score, pooled.groups, labels, seed
            )
        sensitivity, specificity = {}, {}
        for name in [positive] if positive else words.tolist():
            of_class = {"y_true": target == name, "y_pred": predicted == name}
            sensitivity[name] = _defined(sensitivity_score(**of_class, pos_label=True))
            specificity[name] = _defined(specificity_score(**of_class, pos_label=True))
    return {
        "n_recordings": len(target),
        "n_patients": len(np.unique(groups)),
        "classes": classes,
        "auroc": auroc,
        "patient_auroc": by_patient,
        "accuracy": float(np.mean(predicted == target)),
        "majority_class": str(words[counts.argmax()]),
        "majority_accuracy": float(counts.max() / len(target)),
        "positive": positive,
        "sensitivity": sensitivity,
        "specificity": specificity,
    }


def _auroc(
    target: Any, scores: np.ndarray, groups: np.ndarray, labels: list[str], seed: int
) -> dict[str, float | None]:
    """Return an AUROC and its interval, which is None where patients are too few."""
    try:
        values: tuple[Any, ...] = auroc_confidence_interval(
            target, scores, groups=groups, labels=labels, random_state=seed
        )
    except ValueError:
        values = (auroc_score(target, scores, labels=labels), np.nan, np.nan)
    return dict(zip(("value", "low", "high"), map(_defined, values), strict=True))


def _defined(value: Any) -> float | None:
    """Return a score as a number, None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)


def text_of(report: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    of = f" of {report['n_patients']} patients" if report["has_patients"] else ""
    lines = [
        f"{report['corpus']}: {report['n_recordings']} recordings{of}, "
        f"{_SEEN[report['seen']]}"
    ]
    for name, text in (
        ("n_left_out", "that it was trained on, or of such patients, were left out"),
        ("n_other_labels", "with other labels were left out"),
        ("n_unusable", "could not be used"),
    ):
        if report[name]:
            lines.append(f"{report[name]} recordings {text}")
    if not report["has_patients"]:
        lines.append(
            "Each recording is counted as a patient (no --patient-pattern): where "
            "patients have\nseveral recordings, the intervals are too narrow"
        )
    lines.append(f"AUROC by recording   {_interval(report['auroc'])}")
    if report["patient_auroc"] is not None:
        lines.append(f"AUROC by patient     {_interval(report['patient_auroc'])}")
    majority = f"{report['majority_accuracy']:.3f} by always answering "
    majority += report["majority_class"]
    lines.append(f"accuracy             {report['accuracy']:.3f} ({majority})")
    for name, sensitivity in report["sensitivity"].items():
        specificity = _number(report["specificity"][name])
        lines.append(
            f"{name}: sensitivity {_number(sensitivity)}, specificity {specificity}"
        )
    if report["positive"] is None:
        lines.append("AUROC is the mean of each class against the rest.")
    else:
        lines.append(
            f"Positive class: {report['positive']} (--positive). The score of a "
            "patient is the highest\nof the patient's recordings."
        )
    return "\n".join(lines)


def _interval(auroc: dict[str, float | None]) -> str:
    if auroc["value"] is None:
        return "undefined, because there is only one class"
    if auroc["low"] is None:
        return f"{auroc['value']:.3f} (too few patients for an interval)"
    low, high = f"{auroc['low']:.3f}", f"{auroc['high']:.3f}"
    return f"{auroc['value']:.3f} (95 % interval {low} to {high})"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
