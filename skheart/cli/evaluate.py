"""``skheart evaluate``: score a model on a corpus."""

from __future__ import annotations

import argparse
import functools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.provenance import seen_in
from skheart.cli.corpora import check_labels, content_digests, read_corpus, take
from skheart.cli.options import add_corpus, add_options
from skheart.cli.prediction import open_model, predict_recordings

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_POSITIVE = (
    "the positive class, for sensitivity and the scores of patients (default: of two, "
    "the one that is not called absent, healthy, negative or normal)"
)
_EPILOG = """\
Recordings that the model was trained on, and other recordings of the same patients, are
left out. They are recognised by their sound, also in a copied or renamed folder. The
report says "unknown" where it cannot be known whether the model has seen the patients.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(parser, "--model", "--allow-pickle")
    add_corpus(parser, trained=True)
    positive = ("--positive", str, "CLASS", _POSITIVE)
    add_options(parser, positive, "--format", "--seed", "-q --quiet")


def run(options: argparse.Namespace) -> int:
    """Print how well a model does, by recording and by patient."""
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    from skheart.cli.evaluation import figures, text_of
    from skheart.metrics.positive import positive_class

    classes = [str(name) for name in model.classes]
    positive = None
    if len(classes) == 2 or options.positive:
        positive = positive_class(classes, options.positive, name="--positive")
    corpus, counts = _unseen(options, model.training, classes)
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


def _unseen(
    options: argparse.Namespace, training: dict[str, Any], classes: list[str]
) -> tuple[Bunch, dict[str, Any]]:
    """Return the recordings to score, and how they were chosen."""
    parts = [part for part in training["parts"] if part["corpus"] == options.corpus]
    corpus = read_corpus(options, trained=parts[-1] if parts else None)
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
