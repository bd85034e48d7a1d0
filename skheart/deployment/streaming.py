"""Probabilities while the sound is still being recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skheart._core.checks import check_number
from skheart._core.decisions import decided, with_unsure
from skheart._core.fitted import decision_of_model
from skheart.audio.recordings import Recording
from skheart.audio.waveform import RecordingError, check_waveform
from skheart.deployment.onnx_classifier import OnnxClassifier
from skheart.quality import assess_quality
from skheart.quality.abstaining import AbstainingClassifier
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["StreamedAnswer", "StreamingClassifier"]

_FIRST = 5.0  # seconds: the length of a crop of the pretrained networks


class StreamedAnswer(NamedTuple):
    """One result of a stream.

    Attributes
    ----------
    time : float
        Time from the start of the stream to the end of the span, in seconds.
    probabilities : ndarray of shape (n_classes,), float32
        In the order of `classes_`; NaN if there is an error.
    error : str
        Why the span has no probabilities; "" if it has.
    prediction : label or None
        The class, by the threshold of the model if it has one; None if there is an
        error. "unsure" from a model with limits that the span does not reach.
    reason : str
        Why the answer is "unsure"; "" if it is not.
    """

    time: float
    probabilities: np.ndarray
    error: str
    prediction: Any = None
    reason: str = ""


class StreamingClassifier:
    """Classify the latest seconds of a stream at regular times.

    Pass chunks of any length to `push` as they arrive. Every `hop` seconds, the last
    `span` seconds are classified as if they were a recording of their own. The memory
    needed does not depend on the length of the stream.

    This is not an estimator of scikit-learn: it wraps a fitted model, keeps the latest
    sound, and has no `fit` or `predict`.

    Parameters
    ----------
    model : Pipeline, fitted search, OnnxClassifier or AbstainingClassifier
        A fitted pipeline that begins with a :class:`~skheart.SpectrogramTransformer`
        and ends with a classifier that has `predict_proba`, or an exported model. One
        with limits may answer "unsure".
    hop : float, default=1.0
        Time from one answer to the next, in seconds.
    span : float, default=None
        Length of the sound that each answer is computed from, in seconds. By default
        the `duration` of the model, or 5 seconds if it has none. Of a longer span, the
        model uses only the first `duration` seconds.
    first : float, default=None
        Time of the first answer, in seconds; its span can be shorter than `span`. By
        default 5 seconds, or `span` if that is shorter.
    input_sample_rate : float, default=None
        Sample rate of the chunks, in Hz. By default the model's `input_sample_rate`, or
        else its `sample_rate`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the probabilities.
    time : float
        Length of the sound pushed so far, in seconds.

    Raises
    ------
    ValueError
        If a parameter is out of range, or `model` is not such a model.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.

    See Also
    --------
    skheart.OnnxClassifier : A model for small computers.

    Notes
    -----
    Use one object for each stream, and only one thread at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart import StreamingClassifier, load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> waveform = make_heart_sounds(1, duration=8.0, random_state=0).data[0]
    >>> stream = StreamingClassifier(load_pretrained("murmur"), hop=1.0)
    >>> for chunk in np.array_split(waveform, 100):
    ...     for answer in stream.push(chunk):
    ...         print(answer.time, answer.probabilities.shape)
    5.0 (2,)
    6.0 (2,)
    7.0 (2,)
    8.0 (2,)
    """

    def __init__(
        self,
        model: Any,
        *,
        hop: float = 1.0,
        span: float | None = None,
        first: float | None = None,
        input_sample_rate: float | None = None,
    ) -> None:
        check_number("hop", hop, unit="seconds")
        check_number("span", span, unit="seconds", optional=True)
        check_number("first", first, unit="seconds", optional=True)
        check_number("input_sample_rate", input_sample_rate, unit="Hz", optional=True)
        decision = None
        if isinstance(model, AbstainingClassifier):
            decision, model = model.decision_, model.estimator
        if not isinstance(model, OnnxClassifier):
            from skheart.deployment.inner_pipeline import unwrapped  # needs TensorFlow

            model = unwrapped(model)
        settings, classify = _parts_of(model)
        rate = input_sample_rate or settings["input_sample_rate"]
        rate = rate or settings["sample_rate"]
        if rate < 2 * settings["f_max"]:
            raise ValueError(
                f"input_sample_rate must be at least {2 * settings['f_max']:g} Hz for "
                f"a model that uses frequencies up to {settings['f_max']:g} Hz, got "
                f"{rate:g}."
            )
        if span is None:
            span = settings["duration"] or _FIRST
        first = min(span, _FIRST) if first is None else first
        if first > span:
            raise ValueError(
                f"first must be at most span={span:g} seconds, got {first:g}."
            )
        self.classes_ = model.classes_
        self._decision = decision or decision_of_model(model)
        self._classify = classify(rate)
        self._rate = rate
        self._n_hop = max(1, round(hop * rate))
        self._n_span = max(1, round(span * rate))
        self._n_first = max(1, round(first * rate))
        self.reset()

    @property
    def time(self) -> float:
        return self._n_pushed / self._rate

    def reset(self) -> None:
        """Forget all sound, to start a new stream."""
        self._parts: list[np.ndarray] = []  # the latest sound, at most two spans
        self._n_kept = self._n_pushed = 0
        self._next = self._n_first

    def push(self, chunk: Any) -> list[StreamedAnswer]:
        """Add sound to the stream, and return the answers that are due.

        Parameters
        ----------
        chunk : array-like of shape (n_times,)
            The next values of the stream, any number of them, always on the same scale.
            Push zeros in place of values that were lost.

        Returns
        -------
        answers : list of StreamedAnswer
            In order of time; usually none or one. If a span cannot be classified,
            because of silence, NaN or any other fault, its answer has an `error`, and
            the stream continues.

        Raises
        ------
        ValueError
            If `chunk` is not one-dimensional or not of real numbers. The stream is left
            as it was.
        """
        values = np.asarray(chunk)
        if values.ndim != 1 or (len(values) and values.dtype.kind not in "fiu"):
            raise ValueError(
                "chunk must be a one-dimensional array of real numbers, got shape "
                f"{values.shape} and dtype {values.dtype}."
            )
        with np.errstate(over="ignore"):
            values = values.astype(np.float32, copy=False)
        answers = []
        while len(values):
            n_part = min(self._next - self._n_pushed, self._n_span)
            part, values = np.split(values, [n_part])
            self._parts.append(part.copy())
            self._n_pushed += len(part)
            self._n_kept += len(part)
            if self._n_kept > 2 * self._n_span:  # the next answer can be far away
                self._latest()
            if self._n_pushed == self._next:
                self._next += self._n_hop
                answers.append(self._answer())
        return answers

    def _latest(self) -> np.ndarray:
        """Return the latest span, and forget what was before it."""
        span = np.concatenate(self._parts)[-self._n_span :].copy()
        self._parts, self._n_kept = [span], len(span)
        return span

    def _answer(self) -> StreamedAnswer:
        """Classify the latest span."""
        span = self._latest()
        time = self.time
        name = f"The span that ends at {time:g} seconds"
        try:
            span = check_waveform(span, name=name)
            probabilities = self._classify([Recording(span, 0, title=name)])[0]
            if np.isfinite(probabilities).all():
                return self._decided(time, span, probabilities)
            error = f"{name} has no probabilities: the model computed NaN."
        except RecordingError as reason:
            error = str(reason)
        except Exception as reason:  # whatever it is, the stream must continue
            error = f"{name} cannot be classified: {type(reason).__name__}: {reason}"
        nothing = np.full(len(self.classes_), np.nan, dtype=np.float32)
        return StreamedAnswer(time, nothing, error)

    def _decided(
        self, time: float, span: np.ndarray, probabilities: np.ndarray
    ) -> StreamedAnswer:
        """Return the answer for a span with probabilities: its class, or "unsure"."""
        quality = None
        if self._decision.min_quality is not None:
            quality = assess_quality(span, sample_rate=self._rate)
        values = probabilities[np.newaxis]
        label, reasons = decided(values, self.classes_, self._decision, [quality])
        answer = with_unsure(label, reasons)[0]
        return StreamedAnswer(time, probabilities, "", answer, reasons[0])


def _parts_of(model: Any) -> tuple[dict[str, Any], Callable[[float], Any]]:
    """Return a model's settings, and a function that sets its rate.

    That function takes the sample rate of recordings and returns what classifies a list
    of them.
    """
    if isinstance(model, OnnxClassifier):
        rate = {"input_sample_rate": model.input_sample_rate}
        return (
            model._model().settings | rate,
            lambda rate: clone(model).set_params(input_sample_rate=rate).predict_proba,
        )
    steps = getattr(model, "steps", [])
    if len(steps) < 2 or not isinstance(steps[0][1], SpectrogramTransformer):
        raise ValueError(
            "model must be an OnnxClassifier or a Pipeline that begins with a "
            f"SpectrogramTransformer, got {type(model).__name__}."
        )
    check_is_fitted(model)
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            "model must end with a classifier that has predict_proba, got "
            f"{type(steps[-1][1]).__name__}."
        )
    transformer, classifier = steps[0][1], model[1:]
    transformer._job()  # checks its parameters

    def classify(rate: float) -> Callable[[list[Recording]], np.ndarray]:
        chosen = clone(transformer).set_params(
            input_sample_rate=rate, on_error="raise", cache=None, lazy=False
        )
        chosen.set_params(n_jobs=None, verbose=0)
        return lambda X: classifier.predict_proba(chosen.transform(X))

    return transformer.get_params(), classify
