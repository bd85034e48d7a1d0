"""``skheart evaluate``: score a model on a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.decisions import Decision
from skheart._core.provenance import same_names
from skheart.cli.corpora import (
    check_labels,
    corpus_name,
    read_corpus,
    seen_status,
    take,
)
from skheart.cli.options import add_corpus, add_options
from skheart.cli.prediction import Predictor, open_model, predictions
from skheart.cli.sources import report_unusable

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_POSITIVE = (
    "the positive class, for sensitivity and the scores of patients (default: that of "
    "the model, or of two the one that is not called absent, healthy, negative or "
    "normal)"
)
_PREVALENCE = (
    "share of positive patients that PPV and NPV are computed for (default: as in the "
    "corpus)"
)
_THRESHOLD = "minimum probability to predict the positive class (default: the "
_THRESHOLD += "model's, see skheart tune, or the most probable class)"
#: Options of the commands that print a report.
REPORT_OPTIONS: tuple[Any, ...] = (
    ("--prevalence", float, "SHARE", _PREVALENCE),
    ("--answers", Path, "FILE", "write one row for each recording: *.csv"),
    ("--report", Path, "FILE", "write a page with plots: *.html"),
    "--force",
)
#: What follows the number of such recordings.
SAME_NAMES = (
    "are of patients with names that also occur in the training; if they are the\n"
    "same patients, the figures are too optimistic"
)
_EPILOG = """\
Recordings that the model was trained on, and other recordings of the same patients, are
left out. They are recognised by their sound, also in a copied or renamed folder. The
report says "unknown" where it cannot be known whether the model has seen the patients.

examples:
  skheart evaluate --model mine.skheart folder recordings --report report.html
  skheart evaluate --model mine.skheart --table labels.csv --prevalence 0.05
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(parser, "--model", "--allow-pickle")
    add_corpus(parser, trained=True)
    add_options(
        parser,
        ("--positive", str, "CLASS", _POSITIVE),
        ("--threshold", float, "P", _THRESHOLD),
        *REPORT_OPTIONS,
        *("--format", "--seed", "-q --quiet"),
    )


def run(options: argparse.Namespace) -> int:
    """Print how well a model does, by recording and by patient."""
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    from skheart.cli.evaluation import check_outputs, report_on

    check_outputs(options)
    decision = decision_for(model, options.positive, options.threshold)
    corpus, counts = unseen_recordings(options, model)
    used, probabilities = predict_corpus(options, model, corpus)
    report_on(
        options,
        used,
        probabilities,
        np.asarray(model.classes).astype(str),
        decision,
        header={**counts, "n_unusable": len(corpus.data) - len(used.data)},
        title=f"{options.model} on {corpus.name}",
    )
    return 0


def decision_for(
    model: Predictor, positive: str | None, threshold: float | None
) -> Decision:
    """Return the decision of a model, with what the user sets; classes as text."""
    from skheart.metrics.patients import decision_of

    classes = [str(name) for name in model.classes]
    return decision_of(
        model.decision.as_text(), classes, positive, threshold, prefix="--"
    )


def predict_corpus(
    options: argparse.Namespace, model: Predictor, corpus: Bunch
) -> tuple[Bunch, np.ndarray]:
    """Return the recordings that can be used, and their probabilities."""
    answers = predictions(
        model,
        corpus.data.tolist(),
        show_progress=not options.quiet,
    )
    _, probabilities, errors, _ = zip(*answers, strict=True)
    usable = np.array([not error for error in errors])
    if not usable.any():
        raise ValueError(f"No recording could be used: {errors[0]}")
    report_unusable(corpus.data, corpus.target, errors, allowed=options.allow_losses)
    values = np.array(probabilities, dtype=float)
    return take(corpus, usable), values[usable]


def unseen_recordings(
    options: argparse.Namespace, model: Predictor
) -> tuple[Bunch, dict[str, Any]]:
    """Return the recordings that a model was not trained on, and how they were chosen.

    If it was trained on all of them, all are returned, and ``"seen"`` says so.
    """
    name = corpus_name(options)
    parts = [part for part in model.training["parts"] if part["corpus"] == name]
    corpus = read_corpus(options, trained=parts[-1] if parts else None)
    status = seen_status(model.training, corpus)
    known = _known_labels(options, corpus, [str(name) for name in model.classes])
    corpus, status = take(corpus, known), status[known]
    seen = status == "seen"
    if seen.all():  # scored all the same; the report says so
        left_out, worst = np.zeros_like(seen), "seen"
    else:
        left_out, worst = seen, "unknown" if "unknown" in status else "unseen"
    corpus = take(corpus, ~left_out)
    alike = same_names(model.training, name, corpus.groups)
    return corpus, {
        "seen": worst,
        "n_left_out": int(left_out.sum()),
        "n_same_names": int(alike.sum()) if worst == "unknown" else 0,
        "n_other_labels": int((~known).sum()),
    }


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
