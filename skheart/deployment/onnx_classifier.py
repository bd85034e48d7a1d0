"""Predict with exported models, without TensorFlow."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import column_or_1d

from skheart._core.checks import check_number
from skheart._core.decisions import Decision, labels_of
from skheart._core.files import text_of
from skheart.audio.assumed_rate import warn_about_rate
from skheart.audio.recordings import recordings_of
from skheart.deployment.onnx_session import OnnxModel, answers_of, read_onnx
from skheart.quality.abstaining import abstaining

__all__ = ["OnnxClassifier"]


class OnnxClassifier(ClassifierMixin, BaseEstimator):
    """Classify recordings with a file that :func:`~skheart.export_onnx` wrote.

    ONNX Runtime computes the whole fitted pipeline, from the waveform to the
    probabilities. TensorFlow is neither needed nor imported.

    Parameters
    ----------
    path : str or os.PathLike
        Such as ``"murmur.onnx"``.
    input_sample_rate : float, default=None
        Rate of the waveforms passed as arrays, in Hz; sound files bring their own. By
        default waveforms are taken to be at the model's rate already.
    n_threads : int, default=None
        Number of threads. By default the value of the environment variable
        OMP_NUM_THREADS, which joblib sets in its workers, or else the number of cores.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of `predict_proba`.
    decision_ : Decision
        Threshold, pooling and limits that were exported with the model.
    sample_rate_ : float
        Rate that recordings are resampled to, in Hz.
    duration_ : float or None
        Length of the part of a recording that is used, in seconds; None for all.

    See Also
    --------
    skheart.export_onnx : Writes the file.
    skheart.load_model : Loads a model that can be trained further.

    Notes
    -----
    The file is read when it is first needed. The attributes do not exist where it
    cannot be read: ``hasattr(model, "classes_")`` is then False, and `predict` raises
    the error. ONNX Runtime's telemetry is turned off: skheart sets
    ``ORT_DISABLE_TELEMETRY=1`` before it imports ONNX Runtime.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart import OnnxClassifier, export_onnx, load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "murmur.onnx"
    >>> export_onnx(load_pretrained("murmur"), path)
    >>> sounds = make_heart_sounds(3, random_state=0)
    >>> OnnxClassifier(path).predict_proba(sounds.data).shape
    (3, 2)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        input_sample_rate: float | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.path = path
        self.input_sample_rate = input_sample_rate
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any) -> Self:
        """Check that the model knows the labels; nothing is learned.

        Cross-validation and searches of scikit-learn call this method.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Ignored.
        y : array-like of shape (n_recordings,)
            Labels.

        Returns
        -------
        self : OnnxClassifier

        Raises
        ------
        ValueError
            If `y` holds a label that is not in `classes_`.
        ModelFileError
            If `path` is not a model that can be run.
        """
        classes = self._model().classes
        unknown = np.setdiff1d(column_or_1d(y), classes)
        if len(unknown):
            raise ValueError(
                f"y holds {unknown.tolist()[0]!r}, which is not one of the classes of "
                f"{text_of(self.path)!r}: {classes.tolist()}. An exported model cannot "
                "be trained; train a CNNClassifier."
            )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each recording: the most probable, or by a threshold.

        A model that was exported with limits of quality or confidence also answers
        "unsure"; see :class:`~skheart.quality.AbstainingClassifier`.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `predict_proba`.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Labels from `classes_`.
        """
        decision = self._model().decision
        if decision.abstains:
            return abstaining(self, decision).predict(X)
        return labels_of(self.predict_proba(X), self.classes_, decision)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for :meth:`SpectrogramTransformer.transform`: paths, bytes or open files,
            waveforms, or waveforms with their rates.

        Returns
        -------
        probabilities : ndarray of shape (n_recordings, n_classes), float32
            Columns are in the order of `classes_`. Always finite.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, or if the model computes no probabilities
            for it, such as NaN. The message names the recording.
        ModelFileError
            If `path` is not a model that can be run.
        """
        check_number(
            "input_sample_rate", self.input_sample_rate, unit="Hz", optional=True
        )
        recordings = recordings_of(self, X, reset=False, check_finite=True)
        model = self._model()
        if self.input_sample_rate is None:
            warn_about_rate(recordings, model.settings["sample_rate"], stacklevel=2)
        probabilities, _ = answers_of(
            model, recordings, input_sample_rate=self.input_sample_rate
        )
        return probabilities

    @property
    def classes_(self) -> np.ndarray:
        return self._known("classes_").classes

    @property
    def decision_(self) -> Decision:
        return self._known("decision_").decision

    @property
    def sample_rate_(self) -> float:
        return self._known("sample_rate_").settings["sample_rate"]

    @property
    def duration_(self) -> float | None:
        return self._known("duration_").settings["duration"]

    def _known(self, attribute: str) -> OnnxModel:
        """Return the model, or raise AttributeError so that `hasattr` is False."""
        try:
            return self._model()
        except (ImportError, OSError, TypeError, ValueError) as error:
            raise AttributeError(
                f"OnnxClassifier has no {attribute} because its file cannot be used: "
                f"{error}"
            ) from error

    def _model(self) -> OnnxModel:
        """Return the model; the file is read at the first call."""
        key = (text_of(self.path), self.n_threads)
        kept = vars(self).get("_kept")
        if kept is None or kept[0] != key:
            # Two threads may both read it; either result can be used.
            kept = self._kept = (key, read_onnx(*key))
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the session, which cannot be pickled."""
        return {k: v for k, v in super().__getstate__().items() if k != "_kept"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        return tags
