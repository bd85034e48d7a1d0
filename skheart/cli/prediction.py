"""Recordings to probabilities, one after another, with ONNX Runtime or TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skheart._core.decisions import Decision
from skheart._core.fitted import decision_of_model
from skheart._core.progress import progress_bar
from skheart._core.provenance import known_training
from skheart.audio.recordings import Recording, decoded_batches
from skheart.cli.interrupts import interruptible
from skheart.cli.models_by_name import is_onnx, model_file, read_pipeline
from skheart.cli.quiet import quiet_decoders, separate_stderr

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_CHUNK = 64  # recordings whose spectrograms are held at a time


class Answer(NamedTuple):
    """What is known about a recording."""

    recording: str
    probabilities: np.ndarray  # NaN if there is an error
    error: str  # "" for none
    quality: Any  # None if it was not assessed


class Predictor(NamedTuple):
    """A model that is ready to predict."""

    classes: np.ndarray
    # Returns probabilities, and the error of each recording, "" where there is none.
    predict: Callable[[list[Recording]], tuple[np.ndarray, list[str]]]
    training: dict[str, Any]  # see skheart._core.provenance
    decision: Decision
    settings: str  # of the spectrogram
    pipeline: Pipeline | None  # None for an ONNX file
    sent: Callable[[], Predictor]  # opens the same model on a worker


def open_model(name: str, *, allow_pickle: bool = False) -> Predictor:
    """Open a model by its name; only ONNX files do without TensorFlow."""
    path = model_file(name)
    if is_onnx(path):
        from skheart.deployment.onnx_session import onnx_content

        return _onnx_predictor(name, onnx_content(str(path)))
    return predictor_of(read_pipeline(name, allow_pickle=allow_pickle))


def _onnx_predictor(name: str, content: bytes) -> Predictor:
    """Return the content of an ONNX file as a predictor."""
    from skheart.deployment.onnx_session import answers_of, onnx_model

    model = onnx_model(content, name)
    return Predictor(
        model.classes,
        partial(answers_of, model, on_error="nan"),
        known_training(None),
        model.decision,
        _settings_text(model.settings),
        None,
        partial(_onnx_predictor, name, content),
    )


def predictor_of(pipeline: Pipeline) -> Predictor:
    """Return a fitted pipeline as a predictor."""
    return Predictor(
        pipeline.classes_,
        partial(_predict_with_pipeline, pipeline),
        known_training(getattr(pipeline[-1], "training_", None)),
        decision_of_model(pipeline),
        _settings_text(pipeline[0].get_params()),
        pipeline,
        partial(predictor_of, pipeline),
    )


def _settings_text(settings: dict[str, Any]) -> str:
    names = ("sample_rate", "duration", "n_bands", "window", "hop", "f_min", "f_max")
    return " ".join(f"{name}={settings[name]}" for name in names)


def _predict_with_pipeline(
    pipeline: Pipeline, recordings: list[Recording]
) -> tuple[np.ndarray, list[str]]:
    """Return probabilities and errors; NaN where there is an error."""
    from sklearn.base import clone

    transformer = clone(pipeline[0]).set_params(on_error="nan", verbose=0)
    spectrograms, errors = transformer._transform(recordings)
    usable = np.array([not error for error in errors])
    probabilities = np.full((len(recordings), len(pipeline.classes_)), np.nan)
    try:
        if usable.any():
            probabilities[usable] = pipeline[1:].predict_proba(spectrograms[usable])
    except ValueError:  # of one recording: the others keep their rows
        for row in np.flatnonzero(usable):
            try:
                probabilities[row] = pipeline[1:].predict_proba(spectrograms[[row]])[0]
            except ValueError as error:
                errors[row] = str(error) or type(error).__name__
    return probabilities, list(errors)


def chunks_of(recordings: list[str]) -> Iterator[list[str]]:
    """Yield the recordings in parts that are predicted at a time."""
    for start in range(0, len(recordings), _CHUNK):
        yield recordings[start : start + _CHUNK]


def answers_of_chunk(
    model: Predictor, recordings: list[str], *, quality: bool
) -> list[Answer]:
    """Return answers whose probabilities are finite where there is no error, else NaN.

    For the quality, too, each file is decoded only once.
    """
    if not quality:
        return _answers(model, [Recording(path, 0) for path in recordings])
    batches = decoded_batches(recordings) or ()
    return [one for batch in batches for one in _answers(model, batch, quality=True)]


def _answers(
    model: Predictor, recordings: list[Recording], *, quality: bool = False
) -> list[Answer]:
    probabilities, errors = model.predict(recordings)
    broken = ~np.isfinite(probabilities).all(axis=1)
    for row in np.flatnonzero(broken):
        errors[row] = errors[row] or (
            f"The probabilities of {recordings[row].name} are not finite numbers; its "
            "values are too large for the model, or the model is damaged."
        )
    qualities: list[Any] = [None] * len(recordings)
    usable = [row for row, error in enumerate(errors) if not error]
    if quality and usable:
        from skheart.quality.transformer import QualityTransformer

        found = QualityTransformer().assess([recordings[row] for row in usable])
        for number, assessed in zip(usable, found, strict=True):
            qualities[number] = assessed
    probabilities[[error != "" for error in errors]] = np.nan
    paths = [recording.source for recording in recordings]
    return list(map(Answer, paths, probabilities, errors, qualities))


def predictions(
    model: Predictor,
    recordings: list[str],
    *,
    quality: bool = False,
    show_progress: bool = False,
) -> Iterator[Answer]:
    """Yield the answer for each recording, in order."""
    bar = progress_bar(
        "Predicting", total=len(recordings), shown=show_progress, unit="recordings"
    )
    with separate_stderr(), bar as advance:
        for chunk in chunks_of(recordings):
            with quiet_decoders():
                answers = interruptible(
                    partial(answers_of_chunk, model, chunk, quality=quality)
                )
            yield from answers
            advance(len(chunk))
