"""``skheart models``: list the pretrained models, or describe a model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import textwrap
import zipfile
from pathlib import Path
from typing import Any

from skheart._core.fitted import decision_of_model
from skheart._core.provenance import known_training
from skheart.cli.corpora import part_text
from skheart.cli.models_by_name import is_onnx, model_file, read_pipeline
from skheart.cli.options import add_options
from skheart.pretrained import model_card, model_names

_TRAINING_FACTS = (
    *("corpus", "n_recordings", "n_patients", "n_held_out", "class_counts"),
    *("grouped", "use", "version"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        nargs="?",
        metavar="NAME_OR_FILE",
        help="model to describe (default: list the pretrained models)",
    )
    add_options(parser, "--allow-pickle", "--format")


def run(options: argparse.Namespace) -> int:
    """Print the list of models, a card, or what is in a model file."""
    facts: Any
    if options.model is None:
        cards = [model_card(name) for name in model_names()]
        facts = [dataclasses.asdict(card) for card in cards]
        lines = [f"{card.name:<10} {card.summary}\n" for card in cards]
        text = "".join(lines) + '\n"skheart models NAME" prints the card of a model.'
    elif (path := model_file(options.model)) is None:
        card = model_card(options.model)
        facts, text = dataclasses.asdict(card), str(card)
    else:
        facts = describe(path, allow_pickle=options.allow_pickle)
        text = description_text(facts)
    print(json.dumps(facts, indent=2) if options.format == "json" else text)
    return 0


def describe(path: Path, *, allow_pickle: bool = False) -> dict[str, Any]:
    """Return what is known of a model file; None for what the file does not say."""
    from skheart.spectrogram.transformer import OF_THIS_MACHINE

    versions = n_parameters = training = None
    if is_onnx(path):
        from skheart.deployment.onnx_session import read_onnx

        model = read_onnx(str(path))
        classes, settings = model.classes, model.settings
        network, decision = f"ONNX, {model.part}", model.decision
        metadata = model.session.get_modelmeta().custom_metadata_map["skheart"]
        versions = json.loads(metadata).get("versions")
    else:
        pipeline = read_pipeline(str(path), allow_pickle=allow_pickle)
        classes, settings = pipeline.classes_, pipeline[0].get_params()
        classifier = pipeline[-1]
        network = type(classifier).__name__
        decision = decision_of_model(pipeline)
        if hasattr(classifier, "model_"):
            network = classifier.model_.name
            n_parameters = int(classifier.model_.count_params())
        training = getattr(classifier, "training_", None)
        if path.suffix.lower() == ".skheart":
            with zipfile.ZipFile(path) as archive:  # it has just been checked
                versions = json.loads(archive.read("model.json"))["versions"]
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "classes": [str(name) for name in classes],
        "network": network,
        "n_parameters": n_parameters,
        "spectrogram": {
            key: value
            for key, value in settings.items()
            if key not in OF_THIS_MACHINE
            and isinstance(value, bool | int | float | str | None)
        },
        "decision": decision.as_text().as_dict(),
        "training": _trained_on(training),
        "versions": versions,
    }


def _trained_on(training: Any) -> dict[str, Any]:
    """Return what a model was trained on without the hashes."""
    known = known_training(training)
    parts = [{key: part.get(key) for key in _TRAINING_FACTS} for part in known["parts"]]
    return {"parts": parts, "complete": known["complete"]}


def description_text(facts: dict[str, Any]) -> str:
    """Return a description as lines of text."""
    settings = ", ".join(f"{k}={v}" for k, v in facts["spectrogram"].items())
    versions = facts["versions"] or {"versions": "unknown"}
    network = facts["network"]
    if facts["n_parameters"] is not None:
        network += f", {facts['n_parameters']} weights"
    lines = [
        f"file: {facts['file']} ({facts['bytes'] / 1e6:.2f} MB)",
        f"classes: {', '.join(facts['classes'])}",
        f"network: {network}",
        f"spectrogram: {settings}",
        f"answers: {_decision_text(facts['decision'])}",
        *_training_lines(facts["training"]),
        f"made with: {', '.join(f'{k} {v}' for k, v in versions.items())}",
    ]
    wrap = textwrap.TextWrapper(
        88, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(map(wrap.fill, lines))


def _training_lines(training: dict[str, Any]) -> list[str]:
    lines = [
        f"{'thresholds chosen' if part['use'] else 'trained'} on: {part['corpus']}, "
        + part_text(part)
        for part in training["parts"]
    ]
    if not training["complete"]:
        rest = "perhaps also other recordings" if lines else "not recorded"
        lines.append(f"trained on: {rest}")
    return lines


def _decision_text(decision: dict[str, Any]) -> str:
    """Return how probabilities become answers."""
    if decision["threshold"] is None:
        return "the most probable class"
    positive, threshold = decision["positive"], decision["threshold"]
    text = f"{positive} from a probability of {threshold:.4g} on"
    if decision["patient_threshold"] is not None:
        text += f", of patients from {decision['patient_threshold']:.4g} on"
    return text
