"""The containers of recordings that estimators take, as one list."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np

from skheart.audio.reading import (
    RecordingError,
    check_waveform,
    local_file,
    read_recording,
    resample,
)


class Recording(NamedTuple):
    """One row of `X`: a path, or a waveform with its place in `X`."""

    source: str | np.ndarray | None
    index: int
    missing: str = ""  # what stands in place of a recording

    @property
    def name(self) -> str:
        """What messages call the recording."""
        if isinstance(self.source, str):
            return repr(self.source)
        return f"Recording {self.index} of X"

    def update(self, digest: Any) -> None:
        """Feed a hash with what is in the recording, whatever it is called."""
        if isinstance(self.source, str):
            with local_file(self.source) as path, open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        elif self.source is not None:
            array = np.ascontiguousarray(self.source)
            digest.update(repr((array.dtype.str, array.shape)).encode())
            digest.update(array.view(np.uint8).data if array.size else b"")

    def load(
        self,
        *,
        sample_rate: float,
        input_sample_rate: float | None,
        duration: float | None,
        window: float,
        f_max: float,
    ) -> np.ndarray:
        """Give the waveform of shape (n_times,) at `sample_rate`, float32.

        A waveform in memory that is shorter than one window says too little to be
        called silent; scikit-learn's own checks pass rows of a few equal values.
        """
        if self.source is None:
            raise RecordingError(
                f"{self.name} is missing: expected a path or a waveform, got "
                f"{self.missing}; leave it out."
            )
        if isinstance(self.source, str):
            waveform, rate = read_recording(self.source, duration=duration)
            if len(waveform) < window * rate and (duration or window) >= window:
                raise RecordingError(
                    f"{self.name} lasts {len(waveform) / rate:.3g} seconds, less than "
                    f"one window of {window:g}; leave it out."
                )
        else:
            rate = sample_rate if input_sample_rate is None else input_sample_rate
            waveform = check_waveform(
                self.source,
                name=self.name,
                allow_silence=np.size(self.source) < window * rate,
            )
            if duration is not None:
                waveform = waveform[: max(1, int(np.ceil(duration * rate)))]
        if rate < 2 * f_max:
            raise RecordingError(
                f"{self.name} has a sample rate of {rate:g} Hz and holds nothing above "
                f"{rate / 2:g} Hz, but f_max is {f_max:g}; lower f_max or leave it out."
            )
        waveform = resample(waveform, rate, sample_rate)
        if duration is not None:
            waveform = waveform[: max(1, round(duration * sample_rate))]
        return waveform

    def silent(self, duration: float | None) -> RecordingError:
        """Give the error of a recording in whose first seconds nothing is heard."""
        what = "is silent; leave it out"
        if duration is not None:
            what = (
                f"is silent in its first {duration:g} seconds; leave it out or raise "
                "duration"
            )
        return RecordingError(f"{self.name} {what}.")


def recordings_of(
    estimator: Any, X: Any, *, reset: bool, check_finite: bool
) -> list[Recording]:
    """List the recordings in `X`, and set or check the estimator's `n_features_in_`.

    Only a two-dimensional array or data frame of numbers has features in scikit-learn's
    sense; for the other containers `n_features_in_` is not set.
    """
    if isinstance(X, str | os.PathLike):
        raise ValueError(f"X must hold several recordings, got one path; pass [{X!r}].")
    if isinstance(X, list | tuple):
        X = _object_array(X)
    if hasattr(X, "columns") and hasattr(X, "iloc") and X.shape[1] == 1:
        column = X.iloc[:, 0]
        if not np.issubdtype(np.asarray(column).dtype, np.number):
            X = column
    if getattr(X, "ndim", 2) == 1 and hasattr(X, "__len__"):
        if len(X) == 0:
            raise ValueError("X holds no recording: Found array with 0 sample(s).")
        if all(np.ndim(x) == 0 and not isinstance(x, str | os.PathLike) for x in X):
            raise ValueError(
                "Expected 2D array, got 1D array instead: X must hold one path or one "
                "waveform for each recording. Reshape your data: if X is one waveform, "
                "pass [X]."
            )
        entries = [_entry(item, index) for index, item in enumerate(X)]
        if reset:
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(estimator, name):
                    delattr(estimator, name)
        return entries
    if getattr(X, "ndim", 2) > 2:
        raise ValueError(
            "X must be a list of paths, a list of waveforms or a two-dimensional array "
            f"(n_recordings, n_times), got shape {X.shape}."
        )
    from sklearn.utils.validation import validate_data  # a second, for this case only

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


def _object_array(items: list | tuple) -> np.ndarray:
    """Hold each item in a one-dimensional object array, whatever it is."""
    array = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        array[index] = item
    return array


def _entry(item: Any, index: int) -> Recording:
    if isinstance(item, str | os.PathLike):
        return Recording(str(os.fsdecode(item)), index)
    if np.ndim(item) == 0:
        return Recording(None, index, missing=repr(item))
    return Recording(np.asarray(item), index)


def _check_finite(array: np.ndarray) -> None:
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise RecordingError(
            f"X holds NaN or infinite (inf) values in {int((~finite).sum())} "
            f"recordings, first in recording {first}; mend or leave them out."
        )
