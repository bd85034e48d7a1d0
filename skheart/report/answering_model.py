"""A model that is ready to answer for one recording at a time, and what is known of it.

Only this module knows which kinds of models there are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skheart import __version__
from skheart._core.decisions import Decision
from skheart._core.fitted import decision_of_model
from skheart._core.provenance import known_training
from skheart.audio.recordings import recordings_of
from skheart.metrics.patients import default_pooling
from skheart.metrics.positive_classes import positive_class
from skheart.neural.packaged_networks import read_network, saved_names
from skheart.neural.windows import window_starts
from skheart.report.description import ModelFacts, Window
from skheart.spectrogram.transformer import OF_THIS_MACHINE, SpectrogramTransformer

# Parameters of a transformer that are no facts about the model.
_NOT_SHOWN = (*OF_THIS_MACHINE, "flatten", "dtype")


@dataclass(frozen=True)
class Answering:
    """An opened model, with everything that the description of a recording needs."""

    model: Any  # a Pipeline or an OnnxClassifier
    transformer: SpectrogramTransformer  # with the model's settings
    decision: Decision  # as text; the positive class may follow from the words
    card: dict[str, Any] | None  # of a pretrained model with these weights
    training: dict[str, Any]  # see skheart._core.provenance
    facts: ModelFacts

    @property
    def classes(self) -> np.ndarray:
        """Classes as text."""
        return np.asarray(self.facts.classes)

    @property
    def network(self) -> Any:
        """The fitted CNNClassifier, or None if the model is of another kind."""
        steps = getattr(self.model, "steps", [])  # an OnnxClassifier has none
        found = len(steps) == 2 and hasattr(steps[1][1], "n_crop_")
        return steps[1][1] if found else None

    def with_decision(self, decision: Decision) -> Answering:
        """Return the same model with another decision, whose classes are text."""
        facts = replace(self.facts, **_decided(decision))
        return replace(self, decision=decision, facts=facts)

    def answer(self, recording: Any) -> tuple[np.ndarray, tuple[Window, ...]]:
        """Return the probabilities of a recording, and those of its windows.

        There are no windows of a model that does not tell them.
        """
        if self.network is None:
            pooled = np.asarray(self.model.predict_proba([recording])[0], float)
            return pooled, self._exported_windows(recording)
        spectrograms = self.transformer.transform([recording])
        pooled = np.asarray(self.network.predict_proba(spectrograms)[0], float)
        n_crop, answer = self.network.n_crop_, self.network.predict_proba
        return pooled, self._windows(spectrograms[0], n_crop, answer)

    def _exported_windows(self, recording: Any) -> tuple[Window, ...]:
        from skheart.deployment.onnx_session import tells_windows, window_answers

        exported = self.model._model() if hasattr(self.model, "_model") else None
        if exported is None or not tells_windows(exported):
            return ()
        entries = recordings_of(self.model, [recording], reset=False, check_finite=True)
        rate = self.model.input_sample_rate

        def answer(windows: np.ndarray) -> np.ndarray:
            windows = windows.astype(np.float32)
            return window_answers(exported, entries[0], windows, input_sample_rate=rate)

        spectrograms = self.transformer.transform([recording])
        return self._windows(spectrograms[0], exported.n_crop, answer)

    def _windows(
        self,
        spectrogram: np.ndarray,
        n_crop: int,
        answer: Callable[[np.ndarray], np.ndarray],
    ) -> tuple[Window, ...]:
        n_frames = max(n_crop, spectrogram.shape[1])
        frames = np.arange(n_frames) % spectrogram.shape[1]
        starts = window_starts(n_frames, n_crop)
        parts = np.stack([spectrogram[:, frames[s : s + n_crop]] for s in starts])
        hop = _hop(self.transformer)
        return tuple(
            Window(first * hop, (first + n_crop) * hop, self.named(values))
            for first, values in zip(starts, answer(parts), strict=True)
        )

    def named(self, values: np.ndarray) -> dict[str, float]:
        """Return probabilities with the names of their classes."""
        return dict(zip(self.facts.classes, map(float, values), strict=True))


def answering(model: Any, *, name: str | None = None) -> Answering:
    """Open a model: the name of a pretrained one, a model file, or a fitted model.

    It is called `name`, by default the name or the file without its folder.
    """
    if isinstance(model, Answering):
        return model
    if isinstance(model, str | os.PathLike):
        named = str(os.fsdecode(model))
        model, name = _loaded(named), name or Path(named).name
    classes = [str(one) for one in getattr(model, "classes_", ())]
    if hasattr(model, "steps"):
        transformer, classifier = model.steps[0][1], model.steps[-1][1]
        known = isinstance(transformer, SpectrogramTransformer)
    else:
        classifier, known = model, hasattr(model, "_model") and hasattr(model, "path")
        if known and classes:
            rate = model.input_sample_rate
            settings = model._model().settings
            transformer = SpectrogramTransformer(**settings, input_sample_rate=rate)
            name = name or Path(os.fsdecode(model.path)).name
    if not known or not classes:
        raise TypeError(
            "model must be the name of a pretrained model, a model file, a fitted "
            "Pipeline that starts with a SpectrogramTransformer, or an OnnxClassifier, "
            f"got {type(model).__name__}."
        )
    transformer = SpectrogramTransformer(**transformer.get_params()).set_params(
        on_error="raise", lazy=False, flatten=False, n_jobs=None, verbose=0
    )
    decision = _decision_between(model, classes)
    card_name, card = _card_of(classifier)
    spectrogram = {
        key: value
        for key, value in transformer.get_params().items()
        if key not in _NOT_SHOWN
    }
    if hasattr(classifier, "_model"):  # an OnnxClassifier
        window = classifier._model().n_crop
    else:
        window = getattr(classifier, "n_crop_", None)
    facts = ModelFacts(
        name=name or card_name or "unnamed model",
        hash=_hash_of(model, classifier, spectrogram),
        version=__version__,
        classes=tuple(classes),
        spectrogram=spectrogram,
        window=None if window is None else window * _hop(transformer),
        **_decided(decision),
    )
    training = known_training(getattr(classifier, "training_", None))
    return Answering(model, transformer, decision, card, training, facts)


def _loaded(name: str) -> Any:
    """Load a model by its name or from a file."""
    if name in saved_names():
        from skheart.pretrained import load_pretrained

        return load_pretrained(name)
    if name.lower().endswith(".onnx"):
        from skheart.deployment import OnnxClassifier

        return OnnxClassifier(name)
    from skheart.deployment import load_model

    return load_model(name)


def _decision_between(model: Any, classes: list[str]) -> Decision:
    """Return how a model decides; of two classes, the positive one is named."""
    decision = decision_of_model(model).as_text()
    if decision.positive is None and len(classes) == 2:
        try:
            decision = replace(decision, positive=positive_class(classes))
        except ValueError:  # it does not follow from the words
            return decision
    return decision


def _decided(decision: Decision) -> dict[str, Any]:
    """Return the facts of a model that are about its decision."""
    pooling = decision.pooling or default_pooling(decision)
    return {
        "positive": decision.positive,
        "threshold": decision.threshold,
        "patient_threshold": decision.of_patients().threshold,
        "pooling": tuple(pooling) if isinstance(pooling, list) else pooling,
    }


def _hop(transformer: SpectrogramTransformer) -> float:
    """Return the time from one frame to the next, in whole values of the waveform."""
    rate = transformer.sample_rate
    return max(1, round(transformer.hop * rate)) / rate


def _card_of(classifier: Any) -> tuple[str | None, dict[str, Any] | None]:
    """Return name and card of the pretrained model that has the same weights."""
    if not hasattr(classifier, "_record"):
        return None, None
    record = classifier._record()
    for name in saved_names():
        saved = read_network(name)
        one, other = record.weights, saved.network.weights
        alike = record.classes == saved.network.classes and len(one) == len(other)
        if alike and all(map(np.array_equal, one, other)):
            return name, saved.card
    return None, None


def _hash_of(model: Any, classifier: Any, spectrogram: dict[str, Any]) -> str:
    """Return the hash of a model: of its file, or of its weights and settings."""
    if hasattr(model, "path"):
        return _sha256(Path(os.fsdecode(model.path)).read_bytes())
    if not hasattr(classifier, "_record"):
        return ""
    record = classifier._record()
    names = [str(one) for one in record.classes]
    settings = {k: v for k, v in spectrogram.items() if k != "input_sample_rate"}
    parts = [json.dumps([names, record.n_crop, settings], sort_keys=True).encode()]
    for weight in record.weights:
        parts.append(repr(weight.shape).encode())
        parts.append(np.ascontiguousarray(weight).astype("<f4").tobytes())
    return _sha256(b"".join(parts))


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
