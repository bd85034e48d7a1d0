"""What an exported model says of itself, as JSON has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart.deployment.graph import waveform_limits
from skheart.deployment.model_file import versions
from skheart.deployment.onnx_session import FORMAT, WINDOWS
from skheart.deployment.text import plain
from skheart.neural.classifier import CNNClassifier
from skheart.neural.packaged_networks import read_network, saved_names
from skheart.neural.windows import window_starts
from skheart.spectrogram.transformer import OF_THIS_MACHINE, SpectrogramTransformer

NOTICE = (
    "For research. Not a medical device: do not use the output to decide about the "
    "care of a patient."
)
_BAD_WAVEFORM = (
    "The probabilities are NaN if the waveform has NaN or infinite values, is silent "
    "(all of its values are equal){short}."
)
_BAD_SPECTROGRAM = (
    "The logits of a crop are NaN if its spectrogram has NaN or infinite values. "
    "Silence is not detected: check the waveform."
)
_UNCHECKED = (
    "Nothing is detected: check that the spectrogram has no NaN or infinite values, "
    "and that the waveform is not silent."
)


def described(
    transformer: SpectrogramTransformer,
    classifier: CNNClassifier,
    *,
    part: str,
    length: int | None,
    checked: bool = True,
    windows: bool = False,
) -> dict[str, Any]:
    """Return what a program must know to use an exported model.

    `length` is the number of values of the waveform, or of crops, None for any;
    `checked` says that the network leads NaN to NaN, `windows` that a whole pipeline
    also returns the probabilities of each window. ``sidecar.schema.json`` describes the
    result, to which the entries about the file and the test vectors are added later.
    """
    classes = plain(classifier.classes_.tolist(), "classes_")
    if part == "pipeline":
        least = waveform_limits(transformer)[1] if length is None else 0
        short = f", or has fewer than {least} values" if least else ""
        names, shape = ("waveform", "probabilities"), []
        bad, n_outputs = _BAD_WAVEFORM.format(short=short), len(classes)
    else:
        names = ("spectrogram", "logits")
        shape = [int(n) for n in classifier.model_.inputs[0].shape[1:]]
        bad = _BAD_SPECTROGRAM if checked else _UNCHECKED
        n_outputs = int(classifier.model_.output_shape[-1])
    outputs = [n_outputs] if part == "pipeline" else [length, n_outputs]
    of_windows: dict[str, Any] | None = None
    if windows and part == "pipeline":
        n_frames, n_crop = transformer._job().n_frames, int(classifier.n_crop_)
        fixed = n_frames and len(window_starts(max(n_frames, n_crop), n_crop))
        of_windows = {"name": WINDOWS, "dtype": "float32"}
        of_windows["shape"] = [fixed, len(classes)]
    settings = {
        key: plain(value, key)
        for key, value in transformer.get_params(deep=False).items()
        if key not in OF_THIS_MACHINE
    }
    training = getattr(classifier, "training_", {"parts": [], "complete": False})
    corpora = {str(one["corpus"]) for one in training["parts"] if "corpus" in one}
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "part": part,
        "input": {"name": names[0], "shape": [length, *shape], "dtype": "float32"},
        "output": {"name": names[1], "shape": outputs, "dtype": "float32"},
        "window_output": of_windows,
        "bad_input": bad,
        "sample_rate": float(transformer.sample_rate),
        "classes": classes,
        "decision": plain(classifier.decision_.as_dict(), "decision_"),
        "card": _card(classifier, training["parts"]),
        "n_crop": int(classifier.n_crop_),
        "spectrogram": settings,
        "training": {"corpora": sorted(corpora), "complete": training["complete"]},
        "versions": versions(),
    }


def _card(classifier: CNNClassifier, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the card of a shipped model, or what is known of another one."""
    start = classifier.weights
    known = isinstance(start, str) and start in saved_names()  # never a path
    if known:
        saved = read_network(start)
        ours, theirs = classifier.model_.get_weights(), saved.network.weights
        if len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs)):
            return {"name": start, **saved.card}
    begun = f", which started from the weights of {start!r}" if known else ""
    return {
        "name": None,
        "summary": f"A model of its user's own{begun}. Its accuracy is not known.",
        "data": [
            {
                "corpus": str(part.get("corpus")),
                "recordings": part.get("n_recordings"),
                "patients": part.get("n_patients"),
                "labels": part.get("class_counts"),
            }
            for part in parts
        ],
        "limits": [NOTICE],
    }
