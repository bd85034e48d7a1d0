"""``skheart evaluate``: score a model on a corpus."""

from __future__ import annotations

import argparse
import functools
import json
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
from skheart.cli.prediction import Predictor, open_model, predict_recordings
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)
from skheart.metrics.positive import positive_class

_SEEN = {
    "unseen": "none of which the model was trained on",
    "unknown": "it is unknown whether the model was trained on them",
    "seen": (
        "ALL OF WHICH THE MODEL\nWAS TRAINED ON: these figures say little (train with "
        "--hold-out)"
    ),
}


def run(options: argparse.Namespace) -> int:
    """Print how well a model does, by recording and by patient."""
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    classes = [str(name) for name in model.classes]
    positive = None
    if len(classes) == 2 or options.positive:
        positive = positive_class(classes, options.positive, name="--positive")
    corpus, counts = _unseen(options, model, classes)
    probabilities, errors = predict_recordings(
        model, corpus.data.tolist(), show_progress=not options.quiet
    )
    usable = errors == ""
    if not usable.any():
        raise ValueError(f"No recording could be used: {errors[0]}")
    report = {
        "corpus": options.corpus,
        **counts,
        "n_unusable": int((~usable).sum()),
        "has_patients": corpus.has_patients,
        **figures(
            take(corpus, usable), probabilities[usable], classes, positive, options.seed
        ),
    }
    if options.format == "json":
        print(json.dumps(_without_nan(report), indent=2, allow_nan=False))
    else:
        print(report_text(report))
    return 0


def _unseen(
    options: argparse.Namespace, model: Predictor, classes: list[str]
) -> tuple[Bunch, dict[str, Any]]:
    """Return the recordings to score, and how they were chosen."""
    corpus = _corpus(options, model)
    status = seen_in(
        model.training,
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


def _corpus(options: argparse.Namespace, model: Predictor) -> Bunch:
    """Read the corpus with the settings of the training on it, or those given."""
    parts = [p for p in model.training["parts"] if p["corpus"] == options.corpus]
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


# The figures --------------------------------------------------------------------------


def figures(
    corpus: Bunch,
    probabilities: np.ndarray,
    classes: list[str],
    positive: str | None,
    seed: int,
) -> dict[str, Any]:
    """Compute the scores of a model.

    Parameters
    ----------
    corpus : sklearn.utils.Bunch
        With `target` and `groups`.
    probabilities : ndarray of shape (n_recordings, n_classes)
    classes : list of str
    positive : str or None
        The positive class; None to score each class against the rest.
    seed : int
        Of the bootstrap.

    Returns
    -------
    figures : dict
        `auroc` and `patient_auroc` hold the value and the ends of its 95 % interval,
        which is bootstrapped over patients.
    """
    target, groups = corpus.target.astype(str), corpus.groups
    predicted = labels_of(probabilities, np.asarray(classes))
    words, counts = np.unique(target, return_counts=True)
    auroc, by_patient = _aurocs(target, probabilities, groups, classes, positive, seed)
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
        **_rates(target, predicted, [positive] if positive else words.tolist()),
    }


def _aurocs(
    target: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    positive: str | None,
    seed: int,
) -> tuple[dict[str, float], dict[str, float] | None]:
    """Return the AUROC by recording and, with a positive class, by patient."""
    if positive is None:
        return _auroc(target, probabilities, groups, classes, seed), None
    score = probabilities[:, classes.index(positive)]
    labels = [f"not {positive}", positive]
    truth = np.where(target == positive, *labels[::-1])
    pooled = pool_by_group(score, groups, how="max", y_true=truth, pos_label=positive)
    patients = np.asarray(pooled.y_true)
    return (
        _auroc(truth, score, groups, labels, seed),
        _auroc(patients, pooled.y_score, pooled.groups, labels, seed),
    )


def _auroc(
    target: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    labels: list[str],
    seed: int,
) -> dict[str, float]:
    """Return an AUROC and its interval, which is NaN where patients are too few."""
    if len(np.unique(target)) < 2:
        values: tuple[Any, ...] = (np.nan,) * 3
    else:
        try:
            values = auroc_confidence_interval(
                target, scores, groups=groups, labels=labels, random_state=seed
            )
        except ValueError:
            values = (auroc_score(target, scores, labels=labels), np.nan, np.nan)
    return dict(zip(("value", "low", "high"), map(float, values), strict=True))


def _rates(
    target: np.ndarray, predicted: np.ndarray, names: list[str]
) -> dict[str, dict[str, float]]:
    """Return sensitivity and specificity by class, NaN where they are undefined."""
    rates: dict[str, dict[str, float]] = {"sensitivity": {}, "specificity": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        for name in names:
            truth, answer = target == name, predicted == name
            for rate, score, defined in (
                ("sensitivity", sensitivity_score, truth.any()),
                ("specificity", specificity_score, not truth.all()),
            ):
                value = score(truth, answer, pos_label=True) if defined else np.nan
                rates[rate][name] = float(value)
    return rates


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not know, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


# The report ---------------------------------------------------------------------------


def report_text(report: dict[str, Any]) -> str:
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
    lines.append(
        f"accuracy             {report['accuracy']:.3f} "
        f"({report['majority_accuracy']:.3f} by always answering "
        f"{report['majority_class']})"
    )
    for name, sensitivity in report["sensitivity"].items():
        lines.append(
            f"{name}: sensitivity {sensitivity:.3f}, specificity "
            f"{report['specificity'][name]:.3f}"
        )
    if report["positive"] is None:
        lines.append("AUROC is the mean of each class against the rest.")
    else:
        lines.append(
            f"Positive class: {report['positive']} (--positive). The score of a "
            "patient is the highest\nof the patient's recordings."
        )
    return "\n".join(lines)


def _interval(auroc: dict[str, float]) -> str:
    if np.isnan(auroc["value"]):
        return "undefined, because there is only one class"
    if np.isnan(auroc["low"]):
        return f"{auroc['value']:.3f} (too few patients for an interval)"
    return (
        f"{auroc['value']:.3f} (95 % interval {auroc['low']:.3f} to "
        f"{auroc['high']:.3f})"
    )
