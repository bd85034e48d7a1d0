"""Predict with exported models, without TensorFlow."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import column_or_1d

from skheart._core.checks import check_number
from skheart.audio.recordings import recordings_of
from skheart.deployment.onnx_session import OnnxModel, answers_of, read_onnx, text_of

__all__ = ["OnnxClassifier"]


class OnnxClassifier(ClassifierMixin, BaseEstimator):
    """Classify recordings with a file of :func:`~skheart.export_onnx`.

    The whole pipeline, from recordings to probabilities, as it was fitted, run by ONNX
    Runtime. TensorFlow is neither needed nor imported.

    Parameters
    ----------
    path : str or os.PathLike
        Such as ``"murmur.onnx"``.
    input_sample_rate : float, default=None
        Rate of the waveforms passed as arrays, in Hz; sound files bring their own. By
        default waveforms are taken to be at the model's rate already.
    n_threads : int, default=None
        Threads to compute with. By default what OMP_NUM_THREADS says, which joblib
        sets in its workers, or as many as there are cores.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of `predict_proba`.
    sample_rate_ : float
        Rate that recordings are resampled to, in Hz.
    duration_ : float or None
        How much of a recording is heard, in seconds; None for all.

    See Also
    --------
    skheart.export_onnx : Writes the file.
    skheart.load_model : Reads a file of :func:`~skheart.save_model`, to train further.

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
        """Learn nothing; check that the model knows the labels.

        So that functions of scikit-learn that fit what they score take it.

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
        """
        strange = np.setdiff1d(column_or_1d(y), self.classes_)
        if len(strange):
            raise ValueError(
                f"y holds {strange.tolist()[0]!r}, which is not one of the classes of "
                f"{text_of(self.path)!r}: {self.classes_.tolist()}. An exported model "
                "learns nothing; train with CNNClassifier."
            )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class of each recording.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `predict_proba`.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Of the labels in `classes_`.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            A list, array or Series of paths; a list or object array of waveforms; or a
            two-dimensional array of waveforms of the same length.

        Returns
        -------
        probabilities : ndarray of shape (n_recordings, n_classes), float32
            Columns are in the order of `classes_`.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, with its name.
        ModelFileError
            If `path` holds no model that can be run.
        """
        check_number(
            "input_sample_rate", self.input_sample_rate, unit="Hz", optional=True
        )
        recordings = recordings_of(self, X, reset=False, check_finite=True)
        probabilities, _ = answers_of(
            self._model(), recordings, input_sample_rate=self.input_sample_rate
        )
        return probabilities

    @property
    def classes_(self) -> np.ndarray:
        return self._model().classes

    @property
    def sample_rate_(self) -> float:
        return self._model().settings["sample_rate"]

    @property
    def duration_(self) -> float | None:
        return self._model().settings["duration"]

    def _model(self) -> OnnxModel:
        """Give the model, read when it is first asked for."""
        wanted = (text_of(self.path), self.n_threads)
        held = vars(self).get("_held")
        if held is None or held[0] != wanted:
            # Two threads may both read it: either is as good.
            held = self._held = (wanted, read_onnx(*wanted))
        return held[1]

    def __getstate__(self) -> dict[str, Any]:
        """Give the state without what the runtime holds."""
        return {k: v for k, v in super().__getstate__().items() if k != "_held"}

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        return tags
