"""The recordings that a model has not seen, and its scores on them."""

from __future__ import annotations

import argparse
import functools
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import Bunch

from skheart._core.decisions import labels_of
from skheart._core.provenance import seen_in
from skheart.cli.corpora import (
    check_labels,
    content_digests,
    is_safe_pattern,
    read_corpus,
    take,
)
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)


def unseen_recordings(
    options: argparse.Namespace, training: dict[str, Any], classes: list[str]
) -> tuple[Bunch, dict[str, Any]]:
    """Return the recordings to score, and how they were chosen."""
    corpus = _corpus(options, training)
    status = seen_in(
        training,
        options.corpus,
        corpus.groups,
        functools.cache(functools.partial(content_digests, corpus.data.tolist())),
        patient_pattern=corpus.settings["patient_pattern"],
    )
    known = _known_labels(options, corpus, classes)
    corpus, status = take(corpus, known), status[known]
    seen = status == "seen"
    if seen.all():  # scored all the same; the report says so
        left_out, worst = np.zeros_like(seen), "seen"
    else:
        left_out, worst = seen, "unknown" if "unknown" in status else "unseen"
    return take(corpus, ~left_out), {
        "seen": worst,
        "n_left_out": int(left_out.sum()),
        "n_other_labels": int((~known).sum()),
    }


def _corpus(options: argparse.Namespace, training: dict[str, Any]) -> Bunch:
    """Read the corpus with the settings of the training on it, or those given."""
    parts = [p for p in training["parts"] if p["corpus"] == options.corpus]
    settings = parts[-1] if parts else {}
    target = options.target or settings.get("target")
    pattern = options.patient_pattern
    if pattern is None:
        pattern = settings.get("patient_pattern")
        if not is_safe_pattern(pattern):
            raise ValueError(
                f"The model names the patients of its recordings by {pattern!r}, which "
                "could take for ever; pass it as --patient-pattern if you trust it."
            )
    corpus = read_corpus(
        options.corpus,
        options.data_home,
        target=target,
        patient_pattern=pattern,
        rename=dict(options.rename),
    )
    if not options.rename and target == settings.get("target"):
        renamed = settings.get("rename") or {}
        corpus.target = np.array([renamed.get(x, x) for x in corpus.target.tolist()])
    return corpus


def _known_labels(
    options: argparse.Namespace, corpus: Bunch, classes: list[str]
) -> np.ndarray:
    """Return which recordings have a label that is a class of the model."""
    wanted = options.classes or classes
    unknown = [word for word in wanted if word not in classes]
    found = sorted(set(corpus.target.tolist()))
    if unknown or not set(found) & set(wanted):
        words = ", ".join(unknown or found)
        raise ValueError(
            f"The model's classes are {', '.join(classes)}; it does not know {words}. "
            "Say which labels mean the same, such as --rename Present=murmur "
            "Absent=normal."
        )
    if options.classes:
        check_labels("--classes", options.classes, corpus.target)
    return np.isin(corpus.target, wanted)


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
            score, patients, truth = pool_by_group(
                score, groups, how="max", y_true=truth, pos_label=positive
            )
            by_patient = _auroc(truth, score, patients, labels, seed)
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
