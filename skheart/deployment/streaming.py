"""Probabilities while a stethoscope is still listening."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skheart._core.checks import check_number
from skheart.audio.waveform import RecordingError, check_waveform
from skheart.deployment.onnx_classifier import OnnxClassifier
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["StreamedAnswer", "StreamingClassifier"]

_FIRST = 5.0  # seconds: what the pretrained networks hear at a time


class StreamedAnswer(NamedTuple):
    """What is known at one moment of a stream.

    Attributes
    ----------
    time : float
        Seconds from the start of the stream to the end of the window.
    probabilities : ndarray of shape (n_classes,), float32
        In the order of `classes_`; NaN where the window cannot be used.
    error : str
        Why it cannot be used; "" where it can.
    """

    time: float
    probabilities: np.ndarray
    error: str


class StreamingClassifier:
    """Classify a stream of sound every so often.

    Chunks of any length are pushed as a stethoscope delivers them. Every `hop` seconds
    the last `window` seconds are classified, exactly as if they were a recording of
    their own. Memory is the same however long the stream is.

    Parameters
    ----------
    model : Pipeline, fitted search or OnnxClassifier
        A fitted pipeline that begins with a :class:`~skheart.SpectrogramTransformer`
        and ends with a classifier that gives probabilities, or an exported one.
    hop : float, default=1.0
        Time from one answer to the next, in seconds.
    window : float, default=None
        How much is heard for an answer, in seconds. By default the `duration` of the
        model, or 5 seconds where it has none. A model hears no more than its duration.
    first : float, default=None
        Seconds until the first answer, when fewer than `window` have come. By default
        5, or `window` where it is shorter.
    sample_rate : float, default=None
        Rate of the chunks, in Hz. By default that of the waveforms which the model
        takes: its `input_sample_rate`, or else its `sample_rate`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the probabilities.
    time : float
        Seconds that have been pushed.

    Raises
    ------
    ValueError
        If a parameter is out of range, or `model` is no such model.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    skheart.OnnxClassifier : The model that is light enough for small machines.

    Notes
    -----
    Use one object for each stream, from one thread at a time.

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
        window: float | None = None,
        first: float | None = None,
        sample_rate: float | None = None,
    ) -> None:
        check_number("hop", hop, unit="seconds")
        check_number("window", window, unit="seconds", optional=True)
        check_number("first", first, unit="seconds", optional=True)
        check_number("sample_rate", sample_rate, unit="Hz", optional=True)
        self._answer_to, rate, duration = _classification(model, sample_rate)
        self.classes_ = getattr(model, "best_estimator_", model).classes_
        if window is None:
            window = _FIRST if duration is None else duration
        first = min(window, _FIRST) if first is None else first
        if first > window:
            raise ValueError(
                f"first must be at most window={window:g} seconds, got {first:g}."
            )
        self._sample_rate = rate
        self._n_hop = max(1, round(hop * rate))
        self._n_window = max(1, round(window * rate))
        self._n_first = max(1, round(first * rate))
        # Twice as long as needed, so that what is kept is moved rarely.
        self._kept = np.zeros(2 * self._n_window, dtype=np.float32)
        self.reset()

    @property
    def time(self) -> float:
        return self._n_heard / self._sample_rate

    def reset(self) -> None:
        """Forget what was heard, for a new stream."""
        self._end = self._n_heard = 0
        self._next = self._n_first

    def push(self, chunk: Any) -> list[StreamedAnswer]:
        """Hear more, and give the answers that have become due.

        Parameters
        ----------
        chunk : array-like of shape (n_times,)
            The next part of the stream, of any length; on one scale throughout. Zeros
            stand for what was lost.

        Returns
        -------
        answers : list of StreamedAnswer
            In order; most often none or one. Silence, NaN and infinite values in a
            window give an answer without probabilities, which says so.

        Raises
        ------
        ValueError
            If `chunk` is not one-dimensional and of real numbers; the stream goes on
            as if it had not been pushed.
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
            part = values[: min(self._next - self._n_heard, self._n_window)]
            values = values[len(part) :]
            self._keep(part)
            if self._n_heard == self._next:
                answers.append(self._answer())
                self._next += self._n_hop
        return answers

    def _keep(self, part: np.ndarray) -> None:
        if self._end + len(part) > len(self._kept):
            rest = min(self._end, self._n_window)
            self._kept[:rest] = self._kept[self._end - rest : self._end].copy()
            self._end = rest
        self._kept[self._end : self._end + len(part)] = part
        self._end += len(part)
        self._n_heard += len(part)

    def _answer(self) -> StreamedAnswer:
        first = self._end - min(self._n_heard, self._n_window)
        time = self.time
        try:
            window = check_waveform(
                self._kept[first : self._end].copy(),
                name=f"The window that ends at {time:g} seconds",
            )
            return StreamedAnswer(time, self._answer_to([window])[0], "")
        except RecordingError as error:
            nothing = np.full(len(self.classes_), np.nan, dtype=np.float32)
            return StreamedAnswer(time, nothing, str(error))


def _classification(model: Any, sample_rate: float | None) -> tuple[Any, float, Any]:
    """Give what classifies a list of waveforms, their rate and the model's duration."""
    model = getattr(model, "best_estimator_", model)
    if isinstance(model, OnnxClassifier):
        known = model._model().settings
        rate = sample_rate or model.input_sample_rate or model.sample_rate_
        _check_rate(rate, known["f_max"])
        exported = clone(model).set_params(input_sample_rate=rate)
        return exported.predict_proba, rate, model.duration_
    steps = getattr(model, "steps", [])
    if len(steps) < 2 or not isinstance(steps[0][1], SpectrogramTransformer):
        raise ValueError(
            "model must be an OnnxClassifier or a Pipeline that begins with a "
            f"SpectrogramTransformer, got {type(model).__name__}."
        )
    check_is_fitted(model)
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            "model must end with a classifier that gives probabilities, got one ending "
            f"with {type(steps[-1][1]).__name__}."
        )
    first = steps[0][1]
    rate = sample_rate or first.input_sample_rate or first.sample_rate
    _check_rate(rate, first.f_max)
    transformer = clone(steps[0][1]).set_params(
        input_sample_rate=rate,
        on_error="raise",
        cache=None,
        lazy=False,
        n_jobs=None,
        verbose=0,
    )
    transformer._job()
    classifier = model[1:]

    def answer_to(waveforms: list[np.ndarray]) -> np.ndarray:
        return classifier.predict_proba(transformer.transform(waveforms))

    return answer_to, rate, transformer.duration


def _check_rate(rate: float, f_max: float) -> None:
    if rate < 2 * f_max:
        raise ValueError(
            f"sample_rate must be at least {2 * f_max:g} Hz for a model that hears up "
            f"to {f_max:g} Hz, got {rate:g}."
        )
