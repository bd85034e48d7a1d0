"""From recordings to spectrograms: the work on each, shared between threads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from skheart._core.progress import progress_bar
from skheart.audio.recordings import Recording
from skheart.spectrogram.bands import (
    SpectrogramSettings,
    fill_frames,
    scratch,
)
from skheart.spectrogram.blas import single_blas_thread
from skheart.spectrogram.cache import CacheError
from skheart.spectrogram.lazy import CachedSpectrograms

# Part of every key: raised when the same settings lead to other spectrograms.
_EDITION = 3
_CHUNK = 16  # maximum of recordings in a task: enough to hide the cost of joblib


class Rows:
    """Rows of the result for a task to fill; new ones in another process."""

    def __init__(self, array: np.ndarray, shared: bool = True) -> None:
        self.array, self.shared = array, shared

    def __reduce__(self) -> Any:
        return _new_rows, (self.array.shape, self.array.dtype)


def _new_rows(shape: tuple[int, ...], dtype: np.dtype) -> Rows:
    return Rows(np.empty(shape, dtype=dtype), shared=False)


@dataclass(frozen=True)
class SpectrogramJob:
    """The settings of a transformer, checked, with the work on one recording.

    Attributes
    ----------
    settings : SpectrogramSettings
    sample_rate, input_sample_rate, duration, window, f_max, normalize, padding
        As of :class:`~skheart.SpectrogramTransformer`.
    on_error, dtype
        As of the transformer.
    cache : SpectrogramCache or None
    """

    settings: SpectrogramSettings
    sample_rate: float
    input_sample_rate: float | None
    duration: float | None
    window: float
    f_max: float
    normalize: str | None
    padding: str
    on_error: str
    dtype: str
    cache: Any

    @property
    def n_bands(self) -> int:
        """Number of frequency bands."""
        return len(self.settings.filters)

    @property
    def n_frames(self) -> int | None:
        """Frames of every spectrogram; None without a fixed duration."""
        if self.duration is None:
            return None
        return self.settings.n_frames(round(self.duration * self.sample_rate))

    def several(
        self, recordings: list[Recording], rows: Rows | None = None
    ) -> tuple[Any, list[str]]:
        """Compute some spectrograms; with ``on_error="nan"``, NaN or None and why.

        They are written to `rows` if these are the caller's, and returned otherwise.
        """
        spectrograms: list[np.ndarray | None] = []
        errors = []
        for number, recording in enumerate(recordings):
            row = None if rows is None else rows.array[number]
            spectrogram, error = self._attempt(self._into, recording, row)
            if error and row is not None:
                row[...] = np.nan
            spectrograms.append(spectrogram)
            errors.append(error)
        if rows is None:
            return spectrograms, errors
        return None if rows.shared else rows.array, errors

    def several_keys(
        self, recordings: list[Recording]
    ) -> tuple[list[tuple[str, int]], list[str]]:
        """Put some spectrograms into the cache; return their keys and frames."""
        keys: list[tuple[str, int]] = []
        errors: list[str] = []
        for recording in recordings:
            key, error = self._attempt(self._key, recording)
            keys.append(key or ("", 0))
            errors.append(error)
        return keys, errors

    def spectrogram(self, recording: Recording) -> np.ndarray:
        """Return one spectrogram of the recording's own length, (n_bands, n_frames)."""
        if self.cache is None:
            return self._computed(recording).astype(self.dtype)
        return self._cached(recording)[1]

    def filled(self, recording: Recording) -> np.ndarray:
        """Return the same, filled to the duration."""
        if self.n_frames is None:
            return self.spectrogram(recording)
        row = np.empty((self.n_bands, self.n_frames), dtype=self.dtype)
        return self._into(recording, row)

    def _attempt(self, work: Any, *arguments: Any) -> tuple[Any, str]:
        try:
            return work(*arguments), ""
        except CacheError:  # not the fault of a recording
            raise
        except (OSError, ValueError) as error:
            if self.on_error == "raise":
                raise
            return None, str(error) or type(error).__name__

    def _into(self, recording: Recording, row: np.ndarray | None) -> np.ndarray:
        """Write one spectrogram to `row`, fill it and return it."""
        if row is None:
            return self.spectrogram(recording)
        if self.cache is None:
            spectrogram = self._computed(recording, row=row)
        else:
            spectrogram = self._cached(recording)[1]
        n_frames = spectrogram.shape[1]
        if not np.may_share_memory(row, spectrogram):
            row[:, :n_frames] = spectrogram
        fill_frames(row, n_frames, padding=self.padding)
        return row

    def _key(self, recording: Recording) -> tuple[str, int]:
        key, spectrogram = self._cached(recording)
        return key, spectrogram.shape[1]

    def _cached(self, recording: Recording) -> tuple[str, np.ndarray]:
        """Return the key and the spectrogram, computed if it is not in the cache."""
        content = recording.content()  # read once: what is hashed is what is decoded
        key = self._key_of(content, recording.rate)
        spectrogram = self.cache.get(key)
        if spectrogram is None:
            spectrogram = self._computed(recording, content).astype(self.dtype)
            self.cache.put(key, spectrogram)
        return key, spectrogram

    def _key_of(self, content: bytes | np.ndarray, rate: float | None) -> str:
        """Return the key of a recording's content with these settings."""
        digest = hashlib.sha256(repr((_EDITION, self._described())).encode())
        if isinstance(content, np.ndarray):
            content = np.ascontiguousarray(content)
            described = content.dtype.str, content.shape, rate and float(rate)
            digest.update(repr(described).encode())
            content = content.tobytes()
        digest.update(content)
        return digest.hexdigest()[:40]

    def _described(self) -> tuple[Any, ...]:
        """Return all settings that a spectrogram depends on."""
        settings = (
            *self.settings.described(),
            self.input_sample_rate,
            self.duration,
            self.normalize,
            self.dtype,
        )
        # 2000 and 2000.0 are the same.
        return tuple(
            x if x is None or isinstance(x, str) else float(x) for x in settings
        )

    def _computed(
        self,
        recording: Recording,
        content: bytes | np.ndarray | None = None,
        row: np.ndarray | None = None,
    ) -> np.ndarray:
        """Compute one spectrogram: in `row` if it is as long and of the same type.

        Otherwise in a buffer that the next call overwrites.
        """
        waveform = recording.load(
            content,
            sample_rate=self.sample_rate,
            input_sample_rate=self.input_sample_rate,
            duration=self.duration,
            window=self.window,
            f_max=self.f_max,
        )
        shape = self.n_bands, self.settings.n_frames(len(waveform))
        if row is not None and row.shape == shape and row.dtype == np.float32:
            decibels = row
        else:
            decibels = scratch("decibels", *shape)
        self.settings.compute_into(decibels, waveform, normalize=self.normalize)
        return decibels


def spectrograms_of(
    job: SpectrogramJob,
    recordings: list[Recording],
    *,
    n_jobs: int | None,
    verbose: int,
) -> tuple[np.ndarray, list[str]]:
    """Compute spectrograms of one size, and the error of each ("" where none).

    Returns
    -------
    spectrograms : ndarray of shape (n_recordings, n_bands, n_frames)
    errors : list of str
    """
    workers: dict[str, Any] = {"n_jobs": n_jobs, "verbose": verbose}
    if job.n_frames is None:
        parts: list[np.ndarray | None] = []
        errors = _shared_out(job.several, recordings, parts, **workers)
        return _stacked(job, parts), errors
    shape = (len(recordings), job.n_bands, job.n_frames)
    whole = np.empty(shape, dtype=job.dtype)
    return whole, _shared_out(job.several, recordings, whole, **workers)


def cached_spectrograms(
    job: SpectrogramJob,
    recordings: list[Recording],
    *,
    n_jobs: int | None,
    verbose: int,
) -> tuple[CachedSpectrograms, list[str]]:
    """Put all spectrograms into the cache, and return an array of them on disk."""
    found: list[tuple[str, int]] = []
    errors = _shared_out(
        job.several_keys, recordings, found, n_jobs=n_jobs, verbose=verbose
    )
    spectrograms = CachedSpectrograms(
        job.cache,
        [key for key, _ in found],
        n_bands=job.n_bands,
        n_frames=job.n_frames or max(1, max(n_frames for _, n_frames in found)),
        padding=job.padding,
        dtype=job.dtype,
    )
    return spectrograms, errors


def _shared_out(
    work: Any,
    recordings: list[Recording],
    results: Any,
    *,
    n_jobs: int | None,
    verbose: int,
) -> list[str]:
    """Share recordings between workers; return the errors.

    `results` is a list to be extended, or an array. Threads fill the rows of the array;
    what other processes return is copied into them.
    """
    # Several tasks for each worker, so that none waits long for another at the end.
    size = max(1, min(_CHUNK, len(recordings) // 8))
    firsts = range(0, len(recordings), size)

    def task(first: int) -> Any:
        part = slice(first, first + size)
        rows = () if isinstance(results, list) else (Rows(results[part]),)
        return delayed(work)(recordings[part], *rows)

    errors: list[str] = []
    total, shown = len(recordings), verbose > 0
    with (
        single_blas_thread(),
        progress_bar(
            "Spectrograms", total=total, shown=shown, unit="recordings"
        ) as advance,
    ):
        answers = _parallel(n_jobs)(map(task, firsts))
        for first, (answer, messages) in zip(firsts, answers, strict=True):
            if isinstance(results, list):
                results += answer
            elif answer is not None:
                results[first : first + size] = answer
            errors += messages
            advance(len(messages))
    return errors


def _parallel(n_jobs: int | None) -> Parallel:
    """Return workers that yield answers one by one; Ray's backend cannot."""
    try:
        return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer="threads")


def _stacked(job: SpectrogramJob, parts: list[np.ndarray | None]) -> np.ndarray:
    """Fill spectrograms to the longest and stack them; None becomes NaN."""
    n_frames = max((part.shape[1] for part in parts if part is not None), default=1)
    whole = np.empty((len(parts), job.n_bands, n_frames), dtype=job.dtype)
    for row, part in zip(whole, parts, strict=True):
        if part is None:
            row[...] = np.nan
        else:
            row[:, : part.shape[1]] = part
            fill_frames(row, part.shape[1], padding=job.padding)
    return whole
