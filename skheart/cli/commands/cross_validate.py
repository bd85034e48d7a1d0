"""``skheart cross-validate``: train and score on folds by patient."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.checks import check_number
from skheart._core.decisions import Decision
from skheart.cli.commands.evaluate import REPORT_OPTIONS
from skheart.cli.commands.train import SKIP_UNUSABLE, add_training_options
from skheart.cli.corpora import seen_status, take
from skheart.cli.options import add_corpus, add_options
from skheart.cli.quiet import quiet_stderr

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_EPILOG = """\
Each recording is predicted by a model that was trained on the other folds. No patient
is in two folds. Then all answers are scored together, as by "skheart evaluate".

example:
  skheart cross-validate pascal DATA_HOME --classes normal murmur --report report.html
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_corpus(parser)
    add_options(
        parser,
        ("--folds", int, "N", "number of folds", 5),
        "--positive",
        ("--skip-unusable", bool, None, SKIP_UNUSABLE),
        "--allow-pickle",
        *REPORT_OPTIONS,
        *("--format", "--seed", "-q --quiet"),
    )
    add_training_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the figures of models that are tested on patients left out of training."""
    with quiet_stderr():  # TensorFlow starts
        from sklearn.base import clone
        from sklearn.model_selection import StratifiedGroupKFold

        from skheart.cli.evaluation import check_outputs, report_on
        from skheart.cli.training import (
            training_corpus,
            untrained,
            usable_spectrograms,
        )
        from skheart.metrics import auroc_score
        from skheart.metrics.positive_classes import positive_class
        from skheart.neural.threads import limit_threads
    check_outputs(options)
    check_number("--folds", options.folds, low=2, closed="left", integer=True)
    transformer, classifier, history = untrained(options)
    limit_threads(options.threads)
    corpus = training_corpus(options)
    start = "unseen" if options.weights is None else _start(options, history, corpus)
    X, usable = usable_spectrograms(transformer, corpus, options)
    n_unusable = int((~usable).sum())
    corpus = take(corpus, usable)
    classes, codes = np.unique(corpus.target, return_inverse=True)
    smallest = min(
        len(np.unique(corpus.groups[codes == code])) for code in range(len(classes))
    )
    if smallest < options.folds:
        raise ValueError(
            f"--folds must be at most {smallest}, the number of patients of the rarest "
            f"class, got {options.folds}."
        )
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=options.seed)
    probabilities = np.full((len(codes), len(classes)), np.nan)
    aurocs = []
    for number, (train, test) in enumerate(folds.split(X, codes, corpus.groups), 1):
        if not options.quiet:
            print(f"skheart: fold {number} of {options.folds}", file=sys.stderr)
        model = clone(classifier)
        model.fit(X[train], corpus.target[train], groups=corpus.groups[train])
        probabilities[test] = model.predict_proba(X[test])
        scores = probabilities[test, 1] if len(classes) == 2 else probabilities[test]
        auroc = auroc_score(corpus.target[test], scores, labels=classes)
        aurocs.append(float(auroc))
    positive = None
    if len(classes) == 2 or options.positive:
        positive = positive_class(classes, options.positive, name="--positive")
    header: dict[str, Any] = {
        "folds": options.folds,
        "auroc_of_folds": aurocs,
        "start": start,
        "n_unusable": n_unusable,
    }
    report_on(
        options,
        corpus,
        probabilities,
        classes.astype(str),
        Decision(positive=positive),
        header=header,
        title=f"{corpus.name}, {options.folds} folds by patient",
    )
    return 0


def _start(options: argparse.Namespace, history: dict[str, Any], corpus: Bunch) -> str:
    """Return what is known of the network of --weights: "unseen" or "unknown".

    If it was trained on some of the patients, no fold would be independent of it.
    """
    status = seen_status(history, corpus)
    n_seen = int((status == "seen").sum())
    if n_seen:
        raise ValueError(
            f"--weights {options.weights} was trained on {n_seen} of these "
            f"{len(status)} recordings or on their patients, so that no fold is "
            "independent of it; leave --weights out, or name other recordings."
        )
    return "unknown" if "unknown" in status else "unseen"
