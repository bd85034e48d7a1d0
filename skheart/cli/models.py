"""``skheart models``: list the pretrained models, or describe a model."""

from __future__ import annotations

import argparse
import dataclasses
import json
import textwrap
import zipfile
from pathlib import Path
from typing import Any

from skheart._core.provenance import known_training
from skheart.cli.models_by_name import is_onnx, model_file, read_pipeline
from skheart.pretrained import model_card, model_names

_FACTS = (
    *("corpus", "n_recordings", "n_patients", "n_held_out", "class_counts"),
    *("grouped", "version"),
)


def run(options: argparse.Namespace) -> int:
    """Print the list of models, a card, or what is in a model file."""
    as_json = options.format == "json"
    if options.model is None:
        cards = [model_card(name) for name in model_names()]
        if as_json:
            print(json.dumps([dataclasses.asdict(card) for card in cards], indent=2))
            return 0
        for card in cards:
            print(f"{card.name:<10} {card.summary}")
        print('\n"skheart models NAME" prints the card of a model.')
        return 0
    path = model_file(options.model)
    if path is None:
        card = model_card(options.model)
        print(json.dumps(dataclasses.asdict(card), indent=2) if as_json else card)
        return 0
    facts = describe(path, allow_pickle=options.allow_pickle)
    print(json.dumps(facts, indent=2) if as_json else description_text(facts))
    return 0


def describe(path: Path, *, allow_pickle: bool = False) -> dict[str, Any]:
    """Return what is known of a model file; None for what the file does not say."""
    facts: dict[str, Any] = {"file": str(path), "bytes": path.stat().st_size}
    if is_onnx(path):
        return facts | _described_onnx(path)
    pipeline = read_pipeline(str(path), allow_pickle=allow_pickle)
    transformer, classifier = pipeline[0], pipeline[-1]
    versions = None
    if path.suffix.lower() == ".skheart":
        with zipfile.ZipFile(path) as archive:  # it has just been checked
            versions = json.loads(archive.read("model.json"))["versions"]
    network = getattr(classifier, "model_", None)
    return facts | {
        "classes": [str(name) for name in pipeline.classes_],
        "network": getattr(network, "name", type(classifier).__name__),
        "n_parameters": None if network is None else int(network.count_params()),
        "spectrogram": _settings(transformer.get_params()),
        "training": _trained_on(getattr(classifier, "training_", None)),
        "versions": versions,
    }


def _described_onnx(path: Path) -> dict[str, Any]:
    from skheart.deployment.onnx_session import read_onnx

    model = read_onnx(str(path))
    metadata = model.session.get_modelmeta().custom_metadata_map["skheart"]
    return {
        "classes": [str(name) for name in model.classes],
        "network": f"ONNX, {model.part}",
        "n_parameters": None,
        "spectrogram": _settings(model.settings),
        "training": _trained_on(None),
        "versions": json.loads(metadata).get("versions"),
    }


def _settings(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a spectrogram that are text, numbers or None."""
    of_the_machine = ("cache", "lazy", "n_jobs", "on_error", "verbose")
    return {
        key: value
        for key, value in parameters.items()
        if key not in of_the_machine
        and isinstance(value, bool | int | float | str | None)
    }


def _trained_on(training: Any) -> dict[str, Any]:
    """Return what a model was trained on without the hashes."""
    known = known_training(training)
    parts = [{key: part.get(key) for key in _FACTS} for part in known["parts"]]
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
        *_training_lines(facts["training"]),
        f"made with: {', '.join(f'{k} {v}' for k, v in versions.items())}",
    ]
    wrap = textwrap.TextWrapper(
        88, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(map(wrap.fill, lines))


def _training_lines(training: dict[str, Any]) -> list[str]:
    lines = []
    for part in training["parts"]:
        counts = ", ".join(f"{n} {x}" for x, n in (part["class_counts"] or {}).items())
        of, kind = f" of {part['n_patients']} patients", "patients"
        if not part["grouped"]:
            of, kind = "", "recordings"
        lines.append(
            f"trained on: {part['corpus']}, {part['n_recordings']} recordings{of} "
            f"({counts}); {part['n_held_out']} {kind} were held out"
        )
    if not training["complete"]:
        more = "perhaps also other recordings" if lines else "not recorded"
        lines.append(f"trained on: {more}")
    return lines
