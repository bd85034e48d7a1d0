"""``skheart tune``: choose a model's thresholds on patients that it has not seen."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.decisions import Decision, labels_of
from skheart._core.files import atomic_path
from skheart._core.provenance import known_training
from skheart.cli.commands.evaluate import (
    SAME_NAMES,
    decision_for,
    predict_corpus,
    unseen_recordings,
)
from skheart.cli.corpora import part_of
from skheart.cli.models_by_name import read_pipeline
from skheart.cli.options import REQUIRED, add_corpus, add_options, check_output
from skheart.cli.prediction import predictor_of
from skheart.cli.quiet import quiet_stderr

if TYPE_CHECKING:
    from sklearn.utils import Bunch


_EPILOG = """\
The thresholds, one for recordings and one for patients, are chosen on patients that the
model was not trained on. The new model keeps them: predict, evaluate, export and the
Python functions use them.

examples:
  skheart tune --model mine.skheart --table labels.csv --sensitivity 0.95 \\
      -o tuned.skheart
  skheart tune --model murmur pascal DATA_HOME --cost fn=5,fp=1 -o tuned.skheart
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(parser, "--model", "--allow-pickle")
    add_corpus(parser, trained=True)
    add_options(
        parser,
        ("--sensitivity", float, "SHARE", "reach at least this sensitivity"),
        ("--specificity", float, "SHARE", "reach at least this specificity"),
        ("--cost", str, "fn=X,fp=Y", "lowest cost of false negatives and positives"),
        "--positive",
        ("-o --output", Path, "OUTPUT", "file for the model: *.skheart", REQUIRED),
        *("--force", "--format", "-q --quiet"),
    )


def run(options: argparse.Namespace) -> int:
    """Write a model with thresholds that reach a required rate, and print the rates."""
    check_output(options.output, "-o", force=options.force, endings=(".skheart",))
    aim = aim_of(options)
    pipeline = read_pipeline(options.model, allow_pickle=options.allow_pickle)
    model = predictor_of(pipeline)
    if len(model.classes) != 2:
        raise ValueError(
            f"{options.model!r} has {len(model.classes)} classes; thresholds are for "
            "models of two classes."
        )
    before = decision_for(model, options.positive, None)
    corpus, counts = unseen_recordings(options, model)
    if counts["seen"] == "seen":
        raise ValueError(
            f"{options.model!r} was trained or tuned on all patients of this "
            "corpus, for which it answers better than for others; tune it on others."
        )
    corpus, probabilities = predict_corpus(options, model, corpus)
    decision = tuned_decision(
        corpus, probabilities, np.asarray(model.classes).astype(str), before, aim
    )
    classifier = pipeline[-1]
    # The labels of the model, which need not be text.
    labels = dict(zip(map(str, model.classes), model.classes.tolist(), strict=True))
    classifier.decision_ = replace(decision, positive=labels[decision.positive])
    training = known_training(classifier.training_)
    training["parts"].append(part_of(corpus, use="thresholds", n_held_out=0))
    classifier.training_ = training
    with quiet_stderr():  # TensorFlow starts
        from skheart.deployment.model_file import save_model
    with atomic_path(options.output) as temporary:
        save_model(pipeline, temporary)
    if options.format == "json":
        print(json.dumps({**counts, **decision.as_dict()}, indent=2))
    else:
        print(_summary(decision, counts))
        print(f"Wrote {options.output}")
    return 0


def aim_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the one aim that was given, as an argument of `choose_threshold`."""
    aims = {name: getattr(options, name) for name in ("sensitivity", "specificity")}
    if options.cost is not None:
        aims["cost"] = _costs(options.cost)
    given = {name: aim for name, aim in aims.items() if aim is not None}
    if len(given) != 1:
        raise ValueError(
            "tune needs exactly one of --sensitivity, --specificity and --cost, got "
            f"{len(given)}."
        )
    return given


def _costs(text: str) -> tuple[float, float]:
    """Read ``fn=5,fp=1``."""
    try:
        parts = dict(part.split("=") for part in text.split(","))
        costs = {name.strip(): float(value) for name, value in parts.items()}
        return costs.pop("fn"), costs.pop("fp")
    except (KeyError, ValueError):
        raise ValueError(
            "--cost must be the costs of a false negative and of a false positive, "
            f"such as fn=5,fp=1, got {text!r}."
        ) from None


def tuned_decision(
    corpus: Bunch,
    probabilities: np.ndarray,
    classes: np.ndarray,
    before: Decision,
    aim: dict[str, Any],
) -> Decision:
    """Choose the thresholds of recordings and of patients; classes are text.

    `chosen` of the decision holds what was asked for, and the rates that were reached.
    """
    from skheart.metrics import choose_threshold
    from skheart.metrics.patients import patient_labels, pool_answers
    from skheart.report.evaluation import rates_of

    positive = before.positive
    truth = corpus.target.astype(str)
    column = classes.tolist().index(positive)
    values, patients = pool_answers(probabilities, classes, corpus.groups, before)
    of_patients = patient_labels(truth, corpus.groups, positive)
    chosen: dict[str, Any] = {"aim": {name: aim[name] for name in aim}}
    thresholds = {}
    for what, labels, scores, groups in (
        ("recordings", truth, probabilities, corpus.groups),
        ("patients", np.asarray(of_patients), values, patients),
    ):
        if len(np.unique(labels)) < 2:
            raise ValueError(
                f"tune needs {what} of both classes that the model was not trained on, "
                f"got {str(labels[0])!r} only; add others, or train with a larger "
                "--hold-out."
            )
        threshold = choose_threshold(
            labels, scores[:, column], pos_label=positive, **aim
        )
        thresholds[what] = min(threshold, 1.0)
        decision = replace(before, threshold=thresholds[what])
        answers = labels_of(scores, classes, decision)
        rates = rates_of(labels == positive, answers == positive, groups)
        chosen[what] = {
            "n": len(labels),
            "n_patients": len(np.unique(groups)),
            **{name: rates[name] for name in ("sensitivity", "specificity")},
        }
    return replace(
        before,
        threshold=thresholds["recordings"],
        patient_threshold=thresholds["patients"],
        chosen=chosen,
    )


def _summary(decision: Decision, counts: dict[str, Any]) -> str:
    """Return the thresholds and what they reach, as text."""
    ((name, aim),) = decision.chosen["aim"].items()
    asked = (
        f"cost fn={aim[0]:g}, fp={aim[1]:g}" if name == "cost" else f"{name} {aim:g}"
    )
    lines = [f"Thresholds for {asked} of {decision.positive!r}:"]
    for what, threshold in (
        ("recordings", decision.threshold),
        ("patients", decision.patient_threshold),
    ):
        one = decision.chosen[what]
        rates = ", ".join(
            f"{rate} {one[rate]['value']:.3f} ({one[rate]['low']:.3f} to "
            f"{one[rate]['high']:.3f})"
            for rate in ("sensitivity", "specificity")
        )
        lines.append(f"{what:<11} {threshold:.4g}   {rates}, of {one['n']}")
    if counts["n_left_out"]:
        lines.append(
            f"{counts['n_left_out']} recordings of patients that the model was trained "
            "on were left out."
        )
    if counts["n_same_names"]:
        lines.append(f"{counts['n_same_names']} recordings {SAME_NAMES}.")
    if counts["seen"] == "unknown":
        lines.append(
            "It is unknown whether the model was trained on these patients. If it was, "
            "the rates\nare too high."
        )
    lines.append(
        "The thresholds were chosen for these patients. Score them on others: skheart "
        "evaluate."
    )
    return "\n".join(lines)
