"""The answers of a model for patients, from all of their recordings."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing

from skheart._core.checks import check_option
from skheart._core.fitted import decision_of_model, takes_recordings
from skheart.audio.recordings import decoded_batches
from skheart.deployment.onnx_classifier import OnnxClassifier
from skheart.metrics.patients import PatientAnswers, answer_patients, decision_of
from skheart.metrics.validation import check_labels

_CHUNK = 64  # recordings that are predicted at a time


def predict_patients(
    model: Any,
    X: Any,
    groups: ArrayLike,
    *,
    positive: Any = None,
    threshold: float | None = None,
    on_error: str = "raise",
) -> PatientAnswers:
    """Predict one answer for each patient, by the rule that belongs to the model.

    That is the rule on its model card or the one that ``skheart tune`` has chosen; of
    other models, the highest probability of the positive class or, without a positive
    class, the mean of each class. ``skheart predict --patients`` writes the same
    answers.

    Parameters
    ----------
    model : estimator
        A fitted classifier of recordings, such as of :func:`skheart.load_pretrained`,
        :func:`skheart.load_model` or :class:`skheart.OnnxClassifier`.
    X : array-like of shape (n_recordings,) or (n_recordings, n_times)
        Paths or waveforms, as `model` takes them.
    groups : array-like of shape (n_recordings,)
        The patient of each recording.
    positive : label, default=None
        The positive class. By default that of the model, or of two classes the one that
        is not called absent, healthy, negative or normal.
    threshold : float, default=None
        Minimum probability at which the positive class is predicted. By default
        that of the model, or the most probable class is the answer.
    on_error : {"raise", "nan"}, default="raise"
        What to do if a recording cannot be used: raise its error, or answer from the
        patient's other recordings.

    Returns
    -------
    answers : PatientAnswers
        Named tuple ``(groups, prediction, probabilities, n_recordings, errors)`` with
        one entry for each patient, sorted.

    Raises
    ------
    ValueError
        If a parameter is wrong, or there is not one patient for each recording.
    RecordingError, OSError
        With ``on_error="raise"``, if a recording cannot be used.

    See Also
    --------
    pool_by_group : Pools scores in a way of your own.
    evaluate_answers : Computes figures by recording and by patient.

    Notes
    -----
    The model "murmur3" has a patient model (:class:`~skheart.metrics.PatientModel`).

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.report import predict_patients
    >>> sounds = make_heart_sounds(6, random_state=0)
    >>> model = load_pretrained("murmur")
    >>> _ = model.set_params(spectrogram__input_sample_rate=sounds.sample_rate)
    >>> answers = predict_patients(model, sounds.data, sounds.groups)
    >>> answers.groups.tolist(), answers.probabilities.shape
    (['p001', 'p002', 'p003', 'p004'], (4, 2))
    """
    check_option("on_error", on_error, ("raise", "nan"))
    groups = check_labels("groups", groups)
    if _n_recordings(X) != len(groups):
        raise ValueError(
            "groups must hold the patient of each recording, got "
            f"{len(groups)} for {_n_recordings(X)} recordings."
        )
    model = _plain(model)
    classes = np.asarray(model.classes_)
    decision = decision_of(
        decision_of_model(model), classes.tolist(), positive, threshold
    )
    # Without an error to find again, each is opened once anyway.
    again = takes_recordings(model) and on_error == "nan"
    batches = decoded_batches(X) if again else None
    parts = []
    for batch in [X] if batches is None else batches:
        errors = np.full(len(batch), "", dtype=object)
        if on_error == "raise":
            probabilities = np.asarray(model.predict_proba(batch), dtype=float)
        else:
            probabilities = _each_probability(model, batch, errors)
        parts.append((probabilities, errors))
    probabilities, errors = map(np.concatenate, zip(*parts, strict=True))
    return answer_patients(probabilities, classes, groups, decision, errors=errors)


def _each_probability(model: Any, X: Any, errors: np.ndarray) -> np.ndarray:
    """Return the probabilities of recordings; set the errors of those without."""
    found = np.full((len(errors), len(model.classes_)), np.nan)
    for start in range(0, len(errors), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(errors)))
        try:
            found[rows] = model.predict_proba(_safe_indexing(X, rows))
        except (OSError, ValueError):  # of one recording: the others have answers
            for row in rows:
                try:
                    found[row] = model.predict_proba(_safe_indexing(X, [row]))[0]
                except (OSError, ValueError) as error:
                    errors[row] = str(error) or type(error).__name__
    return found


def _plain(model: Any) -> Any:
    """Return the pipeline in a search or in a classifier with a threshold."""
    if hasattr(model, "steps") or isinstance(model, OnnxClassifier):
        return model
    from skheart.deployment.inner_pipeline import unwrapped  # TensorFlow starts

    return unwrapped(model)


def _n_recordings(X: Any) -> int:
    if isinstance(X, str | bytes | os.PathLike) or not hasattr(X, "__len__"):
        raise ValueError(
            "X must hold several recordings, such as a list of paths, got "
            f"{type(X).__name__}; pass [X] for one."
        )
    return len(X)
