"""Recordings to arrays of probabilities, with ONNX Runtime or with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skheart._core.progress import progress_bar
from skheart._core.provenance import known_training
from skheart.cli.interrupts import interruptible
from skheart.cli.models_by_name import is_onnx, model_file, read_pipeline
from skheart.cli.quiet import quiet_stdout

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_CHUNK = 64  # recordings whose spectrograms are held at a time


class Predictor(NamedTuple):
    """A model that is ready to predict.

    `predict` takes a list of paths. It returns the probabilities, of shape
    (n_recordings, n_classes), and the error of each recording, "" where there is none.
    `training` is what the model was trained on; see :mod:`skheart._core.provenance`.
    """

    classes: np.ndarray
    predict: Callable[[list[str]], tuple[np.ndarray, list[str]]]
    training: dict[str, Any]


def open_model(name: str, *, allow_pickle: bool = False) -> Predictor:
    """Open a model by its name; only ONNX files do without TensorFlow."""
    path = model_file(name)
    if is_onnx(path):
        from skheart.deployment.onnx_session import answers_of_paths, read_onnx

        model = read_onnx(str(path))
        predict = partial(answers_of_paths, model)
        return Predictor(model.classes, predict, known_training(None))
    pipeline = read_pipeline(name, allow_pickle=allow_pickle)
    training = known_training(getattr(pipeline[-1], "training_", None))
    predict = partial(_predict_with_pipeline, pipeline)
    return Predictor(pipeline.classes_, predict, training)


def _predict_with_pipeline(
    pipeline: Pipeline, paths: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Return probabilities and errors; NaN where there is an error."""
    from sklearn.base import clone

    transformer = clone(pipeline[0]).set_params(on_error="nan", verbose=0)
    spectrograms, errors = transformer._transform(paths)
    usable = np.array([not error for error in errors])
    probabilities = np.full((len(paths), len(pipeline.classes_)), np.nan)
    try:
        if usable.any():
            probabilities[usable] = pipeline[1:].predict_proba(spectrograms[usable])
    except ValueError:  # of one recording: the others keep their rows
        for row in np.flatnonzero(usable):
            try:
                probabilities[row] = pipeline[1:].predict_proba(spectrograms[[row]])[0]
            except ValueError as error:
                errors[row] = str(error)
    return probabilities, list(errors)


def predict_recordings(
    model: Predictor, recordings: list[str], *, show_progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of recordings, and why some have none.

    Probabilities are (n_recordings, n_classes), NaN where there is an error; errors are
    (n_recordings,), "" where there is none.
    """
    probabilities = np.full((len(recordings), len(model.classes)), np.nan)
    errors = np.full(len(recordings), "", dtype=object)
    bar = progress_bar(
        "Predicting", total=len(recordings), shown=show_progress, unit="recordings"
    )
    with quiet_stdout(), bar as advance:
        for start in range(0, len(recordings), _CHUNK):
            rows = slice(start, start + _CHUNK)
            chunk = recordings[rows]
            predict = partial(model.predict, chunk)
            probabilities[rows], errors[rows] = interruptible(predict)
            advance(len(chunk))
    finite = np.isfinite(probabilities).all(axis=1)
    for row in np.flatnonzero(~finite & (errors == "")):
        errors[row] = (
            f"The probabilities of {recordings[row]!r} are not finite numbers; its "
            "values are too large for the model, or the model is damaged."
        )
    return probabilities, errors
