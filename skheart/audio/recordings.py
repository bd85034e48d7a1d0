"""The containers of recordings that estimators take, as one list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from skheart.audio.reading import (
    decode,
    name_of_part,
    open_recording,
    read_content,
    times_in,
)
from skheart.audio.waveform import RecordingError, check_waveform, resample


@dataclass(frozen=True)
class Recording:
    """One row of `X`: a path or URL, or a waveform with its place in `X`."""

    source: str | np.ndarray | None
    index: int
    problem: str = ""  # why the entry is no recording, if `source` is None

    @property
    def name(self) -> str:
        """What messages call the recording."""
        if isinstance(self.source, str):
            return repr(self.source)
        return f"Recording {self.index} of X"

    def content(self) -> bytes | np.ndarray:
        """Return what is in the recording: the bytes of the file, or the waveform."""
        source = self._checked()
        return read_content(source) if isinstance(source, str) else source

    def _checked(self) -> str | np.ndarray:
        if self.source is None:
            raise RecordingError(f"{self.name} {self.problem}.")
        return self.source

    def load(
        self,
        content: Any = None,
        *,
        sample_rate: float,
        input_sample_rate: float | None,
        duration: float | None,
        window: float,
        f_max: float,
    ) -> np.ndarray:
        """Return the checked waveform of shape (n_times,) at `sample_rate`, float32.

        `content` is what :meth:`content` returned, if it has been called.
        """
        source = self._checked()
        if isinstance(source, str):
            with open_recording(source, content) as file:
                waveform, rate = decode(file, source, duration)
            n_times = len(waveform)
            if 0 < n_times < window * rate and (duration or window) >= window:
                raise RecordingError(
                    f"{self.name} lasts {n_times / rate:.3g} seconds, less than one "
                    f"window of {window:g}; leave it out."
                )
        else:
            rate = sample_rate if input_sample_rate is None else input_sample_rate
            waveform = source
            if waveform.ndim == 1:
                waveform = waveform[: times_in(duration, rate, len(waveform))]
        if rate < 2 * f_max:
            raise RecordingError(
                f"{self.name} has a sample rate of {rate:g} Hz and contains nothing "
                f"above {rate / 2:g} Hz, but f_max is {f_max:g}; lower f_max or leave "
                "it out."
            )
        # A few equal values, less than a window, are no evidence of silence;
        # scikit-learn's own checks pass such rows.
        n_times = round(waveform.size * sample_rate / rate)
        waveform = check_waveform(
            waveform,
            name=name_of_part(self.name, duration, rate, waveform.size),
            allow_silence=n_times < round(window * sample_rate),
        )
        waveform = resample(waveform, rate, sample_rate)
        if duration is not None:
            waveform = waveform[: max(1, round(duration * sample_rate))]
        return np.ascontiguousarray(waveform)


def recordings_of(
    estimator: Any, X: Any, *, reset: bool, check_finite: bool
) -> list[Recording]:
    """Return the recordings in `X`; set or check `n_features_in_` of the estimator.

    Only a two-dimensional array or data frame of numbers has features in scikit-learn's
    sense; for the other containers `n_features_in_` is not set.
    """
    if isinstance(X, str | os.PathLike):
        raise ValueError(f"X must hold several recordings, got one path; pass [{X!r}].")
    if hasattr(X, "read"):
        raise ValueError(
            f"X must hold several recordings, got an open file ({type(X).__name__}); "
            "pass a list of paths or waveforms."
        )
    if isinstance(X, tuple) and len(X) == 2 and isinstance(X[0], Number):
        raise ValueError(
            "X must hold several recordings, got a number and something else; if they "
            "are a rate and a waveform, pass [waveform] and set input_sample_rate."
        )
    if hasattr(X, "columns") and hasattr(X, "iloc") and X.shape[1] == 1:
        column = X.iloc[:, 0]
        if not np.issubdtype(np.asarray(column).dtype, np.number):
            X = column
    one_dimensional = getattr(X, "ndim", 2) == 1 and hasattr(X, "__len__")
    if isinstance(X, list | tuple) or one_dimensional:
        if len(X) == 0:
            raise ValueError("X holds no recording: Found array with 0 sample(s).")
        if all(isinstance(x, Number) for x in X):
            raise ValueError(
                "Expected 2D array, got 1D array instead: X must hold one path or one "
                "waveform for each recording. Reshape your data: if X is one waveform, "
                "pass [X]."
            )
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                vars(estimator).pop(name, None)
        return [_entry(item, index) for index, item in enumerate(X)]
    if getattr(X, "ndim", 2) > 2:
        raise ValueError(
            "X must be a list of paths, a list of waveforms or a two-dimensional array "
            f"(n_recordings, n_times), got shape {X.shape}."
        )
    from sklearn.utils.validation import validate_data  # takes a second

    try:
        array = validate_data(
            estimator, X, reset=reset, dtype=np.float32, ensure_all_finite=False
        )
    except ValueError as error:
        if "expecting" in str(error):
            raise ValueError(
                f"{error} Pass list(X) to take recordings of any length."
            ) from None
        if "could not convert" in str(error) or "with a sequence" in str(error):
            raise ValueError(
                "X must hold one path or one waveform a recording, got shape "
                f"{np.shape(X)} with entries that are not numbers; pass its one column "
                "of recordings, such as X['path']."
            ) from None
        raise
    if check_finite:
        _check_finite(array)
    return [Recording(row, index) for index, row in enumerate(array)]


def _entry(item: Any, index: int) -> Recording:
    if isinstance(item, str | os.PathLike):
        return Recording(str(os.fsdecode(item)), index)
    expected = "expected a path or a waveform"
    if hasattr(item, "read"):
        problem = f"is an open file ({type(item).__name__}), {expected}; pass its path"
        return Recording(None, index, problem)
    try:
        array = np.asarray(item)
    except ValueError:  # rows of unequal length
        problem = (
            f"is a {type(item).__name__} of several things, {expected}; of a rate and "
            "a waveform, pass the waveform and set input_sample_rate"
        )
        return Recording(None, index, problem)
    if array.ndim == 0:
        problem = f"is missing: {expected}, got {item!r}; leave it out"
        return Recording(None, index, problem)
    return Recording(array, index)


def _check_finite(array: np.ndarray) -> None:
    broken = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(broken):
        raise RecordingError(
            f"X holds NaN or infinite (inf) values in {len(broken)} recordings, first "
            f"in recording {broken[0]}; repair or leave them out."
        )
