"""``skheart evaluate``: score a model on a corpus."""

from __future__ import annotations

import argparse
import json
from typing import Any

from skheart.cli.options import (
    ALLOW_PICKLE,
    MODEL,
    QUIET,
    add_corpus,
    add_format,
    add_seed,
    add_switches,
    add_values,
)
from skheart.cli.prediction import open_model, predict_recordings

_EPILOG = """\
Recordings that the model was trained on, and other recordings of the same patients, are
left out. They are recognised by their sound, also in a copied or renamed folder. The
report says "unknown" where it cannot be known whether the model has seen the patients.
"""
_SEEN = {
    "unseen": "none of which the model was trained on",
    "unknown": "it is unknown whether the model was trained on them",
    "seen": (
        "ALL OF WHICH THE MODEL\nWAS TRAINED ON: these figures say little (train with "
        "--hold-out)"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = _EPILOG
    add_values(parser, MODEL, required=True)
    add_corpus(parser, trained=True)
    parser.add_argument(
        "--positive",
        metavar="CLASS",
        help="the positive class, for sensitivity and the scores of patients (default: "
        "of two, the one that is not called absent, healthy, negative or normal)",
    )
    add_format(parser, "text", "json")
    add_seed(parser)
    add_switches(parser, ALLOW_PICKLE, QUIET)


def run(options: argparse.Namespace) -> int:
    """Print how well a model does, by recording and by patient."""
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    from skheart.cli.corpora import take
    from skheart.cli.evaluation import figures, unseen_recordings
    from skheart.metrics.positive import positive_class

    classes = [str(name) for name in model.classes]
    positive = None
    if len(classes) == 2 or options.positive:
        positive = positive_class(classes, options.positive, name="--positive")
    corpus, counts = unseen_recordings(options, model.training, classes)
    probabilities, errors = predict_recordings(
        model, corpus.data.tolist(), show_progress=not options.quiet
    )
    usable = errors == ""
    if not usable.any():
        raise ValueError(f"No recording could be used: {errors[0]}")
    used = take(corpus, usable)
    report = {
        "corpus": options.corpus,
        **counts,
        "n_unusable": int((~usable).sum()),
        "has_patients": corpus.has_patients,
        **figures(used, probabilities[usable], classes, positive, options.seed),
    }
    as_json = options.format == "json"
    print(json.dumps(report, indent=2, allow_nan=False) if as_json else text_of(report))
    return 0


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
    lines.append(
        f"accuracy             {report['accuracy']:.3f} "
        f"({report['majority_accuracy']:.3f} by always answering "
        f"{report['majority_class']})"
    )
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
    return (
        f"{auroc['value']:.3f} (95 % interval {auroc['low']:.3f} to "
        f"{auroc['high']:.3f})"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
