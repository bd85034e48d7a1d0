"""The containers of recordings that estimators take, as one list."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Number, Real
from typing import Any

import numpy as np

from skheart.audio.limits import (
    LARGEST_SAMPLE_RATE,
    mean_of_channels,
    name_of_part,
    times_in,
)
from skheart.audio.opening import open_recording, read_content
from skheart.audio.reading import decode
from skheart.audio.waveform import (
    RecordingError,
    check_waveform,
    full_scale,
    is_silent,
    resample,
)

_BATCH = 16  # recordings whose waveforms are in memory at a time
_FILES = (str, os.PathLike, bytes, bytearray, memoryview)
_EXPECTED = "expected a path or a waveform"


@dataclass(frozen=True)
class Recording:
    """One row of `X`: a file or a waveform, with its place in `X`."""

    source: Any  # path or URL, content or open file, or waveform
    index: int
    rate: float | None = None  # of a waveform that came with it, in Hz
    problem: str = ""  # why the entry is no recording, if `source` is None
    decoded: tuple[np.ndarray, float] | None = None  # of a file: waveform and rate
    title: str = ""  # what messages call it, if not by its path or place

    @property
    def name(self) -> str:
        """What messages call the recording."""
        if self.title:
            return self.title
        if isinstance(self.source, str):
            return repr(self.source)
        return f"Recording {self.index} of X"

    def content(self) -> bytes | np.ndarray:
        """Return what is in the recording: the bytes of the file, or the waveform."""
        source = self._checked()
        if isinstance(source, np.ndarray):
            return source
        return read_content(source, self.name)

    def opened(self, duration: float | None = None) -> Recording:
        """Return the recording with its decoded waveform, which all uses then share.

        At most `duration` seconds from the start are decoded. Waveforms are returned
        as they are.
        """
        source = self._checked()
        if isinstance(source, np.ndarray) or self.decoded is not None:
            return self
        with open_recording(source, self.name) as file:
            return replace(self, decoded=decode(file, self.name, duration))

    def _checked(self) -> Any:
        if self.problem:
            raise RecordingError(f"{self.name} {self.problem}.")
        return self.source

    def load(
        self,
        content: Any = None,
        *,
        sample_rate: float,
        duration: float | None,
        **others: Any,
    ) -> np.ndarray:
        """Return the checked waveform of shape (n_times,) at `sample_rate`, float32.

        The parameters are those of :meth:`original`.
        """
        waveform, rate = self.original(
            content, sample_rate=sample_rate, duration=duration, **others
        )
        waveform = resample(waveform, rate, sample_rate)
        if duration is not None:
            waveform = waveform[: max(1, round(duration * sample_rate))]
        return np.ascontiguousarray(waveform)

    def original(
        self,
        content: Any = None,
        *,
        sample_rate: float,
        input_sample_rate: float | None,
        duration: float | None,
        window: float,
        f_max: float,
        allow_silence: bool = False,
    ) -> tuple[np.ndarray, float]:
        """Return the checked waveform at the recording's own rate, and that rate.

        `content` is what :meth:`content` returned, if it has been called. `sample_rate`
        is that of waveforms without a rate, and what the recording will be resampled
        to. With `allow_silence`, a silent recording is zeros, and no error.
        """
        source = self._checked()
        if isinstance(source, np.ndarray):
            rate = float(self.rate or input_sample_rate or sample_rate)
            waveform = source
            if waveform.ndim == 1 or self.rate:
                waveform = waveform[: times_in(duration, rate, len(waveform))]
            if self.rate and waveform.dtype.kind in "fiu":
                waveform = full_scale(waveform)
                if waveform.ndim == 2:
                    waveform = mean_of_channels(waveform)
        else:
            if self.decoded is not None:
                waveform, rate = self.decoded
                waveform = waveform[: times_in(duration, rate, len(waveform))]
            else:
                source = source if content is None else content
                with open_recording(source, self.name) as file:
                    waveform, rate = decode(file, self.name, duration)
            n_times = len(waveform)
            if 0 < n_times < window * rate and (duration or window) >= window:
                raise RecordingError(
                    f"{self.name} lasts {n_times / rate:.3g} seconds, less than one "
                    f"window of {window:g}; leave it out."
                )
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
            allow_silence=allow_silence or n_times < round(window * sample_rate),
        )
        if allow_silence and is_silent(waveform):
            waveform = np.zeros_like(waveform)  # an offset would ring when resampled
        return waveform, rate


def recordings_of(
    estimator: Any, X: Any, *, reset: bool, check_finite: bool
) -> list[Recording]:
    """Return the recordings in `X`; set or check `n_features_in_` of the estimator.

    Only a two-dimensional array or data frame of numbers has features in scikit-learn's
    sense; for the other containers `n_features_in_` is not set.
    """
    if (one := _one_recording(X)) is not None:
        entry = repr(X) if isinstance(X, str | os.PathLike) else "X"
        raise ValueError(f"X must hold several recordings, got {one}; pass [{entry}].")
    X = _only_column(X)
    if getattr(getattr(X, "dtype", None), "kind", "") == "S":
        raise ValueError(
            "X is an array of bytes of fixed length, which drops zeros at their ends; "
            "pass a list."
        )
    if _is_list(X):
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
    broken = ~np.isfinite(array).all(axis=1)
    if check_finite and broken.any():
        raise RecordingError(
            f"X holds NaN or infinite (inf) values in {broken.sum()} recordings, first "
            f"in recording {broken.argmax()}; repair or leave them out."
        )
    return [Recording(row, index) for index, row in enumerate(array)]


def decoded_batches(X: Any) -> Iterator[list[Recording]] | None:
    """Read the files in `X` for several uses: each is opened and decoded once.

    Only the waveforms of one batch are in memory. None if `X` holds no file.
    """
    X = _only_column(X)
    if _one_recording(X) is not None or not _is_list(X) or not any(map(_is_file, X)):
        return None
    starts = range(0, len(X), _BATCH)
    entries = [_entry(item, index) for index, item in enumerate(X)]
    return ([*map(decoded, entries[start : start + _BATCH])] for start in starts)


def decoded(recording: Recording) -> Recording:
    """Return a recording together with its decoded waveform.

    If the file cannot be decoded to its end, the recording is returned unchanged: what
    uses it later says why, or reads only the start that it needs.
    """
    try:
        return recording.opened()
    except (OSError, ValueError):
        return recording


def _only_column(X: Any) -> Any:
    """Return the column of a data frame or array with one of recordings, else `X`."""
    if hasattr(X, "columns") and hasattr(X, "iloc") and X.shape[1] == 1:
        column = X.iloc[:, 0]
        if not np.issubdtype(np.asarray(column).dtype, np.number):
            return column
    if isinstance(X, np.ndarray) and X.dtype.kind in "OU" and X.shape[1:] == (1,):
        return X[:, 0]
    return X


def _is_list(X: Any) -> bool:
    """Check whether `X` has one entry for each recording, and not an array of them."""
    one_dimensional = getattr(X, "ndim", 2) == 1 and hasattr(X, "__len__")
    return isinstance(X, Sequence) or one_dimensional


def _is_file(item: Any) -> bool:
    """Check whether an entry of `X` is a file: its path, its content or open."""
    if isinstance(item, Recording):
        return not isinstance(item.source, np.ndarray)
    return isinstance(item, _FILES) or hasattr(item, "read")


def _one_recording(X: Any) -> str | None:
    """Return what `X` is if it is a recording, not a container of some."""
    if isinstance(X, str | os.PathLike):
        return "one path"
    if isinstance(X, bytes | bytearray | memoryview):
        return "the content of one file"
    if hasattr(X, "read"):
        return f"one open file ({type(X).__name__})"
    if _has_rate(X):
        return "one waveform with its rate"
    return None


def _has_rate(item: Any) -> bool:
    """Check whether an entry is a pair of a rate and a waveform, or a dict of both."""
    if isinstance(item, Mapping):
        return "array" in item and "sampling_rate" in item
    if not isinstance(item, tuple) or len(item) != 2:
        return False
    return isinstance(item[0], Number) and not isinstance(item[1], Number)


def _entry(item: Any, index: int) -> Recording:
    """Return one entry of `X` as a recording; what is wrong with it is raised later."""
    if isinstance(item, Recording):
        return item
    if isinstance(item, str | os.PathLike):
        return Recording(str(os.fsdecode(item)), index)
    if isinstance(item, bytes | bytearray | memoryview):
        return Recording(bytes(item), index)
    if hasattr(item, "read"):
        return Recording(item, index)
    rate = None
    if has_rate := _has_rate(item):
        pair = isinstance(item, tuple)
        rate, item = item if pair else (item["sampling_rate"], item["array"])
    try:
        array = np.asarray(item)
    except ValueError:  # rows of unequal length
        problem = (
            f"is a {type(item).__name__} of several things, {_EXPECTED}; pass a rate "
            "and a waveform as a tuple, (sample_rate, waveform)"
        )
        return Recording(None, index, problem=problem)
    problem = _problem(item, array)
    if has_rate and not problem:
        problem = _problem_of_pair(array, rate)
    return Recording(array, index, rate, problem)


def _problem(item: Any, array: np.ndarray) -> str:
    """Return why an entry, which is not a file, is no waveform; "" if it is one."""
    if isinstance(item, Mapping):
        keys = ", ".join(map(repr, item))
        return f"is a dict of {keys}, expected 'array' and 'sampling_rate'"
    if array.ndim == 0:
        return f"is missing: {_EXPECTED}, got {item!r}; leave it out"
    return ""


def _problem_of_pair(array: np.ndarray, rate: Any) -> str:
    """Return why a waveform and its rate do not belong together; "" if they do."""
    real = isinstance(rate, Real) and not isinstance(rate, bool | np.bool_)
    if not real or not 0 < rate <= LARGEST_SAMPLE_RATE:
        return f"has the sample rate {rate!r}, expected a positive number of Hz"
    if array.ndim == 2 and not 0 < array.shape[1] <= array.shape[0]:
        return (
            "must hold a waveform of shape (n_times,) or (n_times, n_channels) beside "
            f"its rate, got shape {array.shape}"
        )
    return ""
