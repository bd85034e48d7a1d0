"""From recordings to spectrograms: the work on each, shared between threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from skheart._core.progress import progress_bar
from skheart.audio.recordings import Recording
from skheart.spectrogram.bands import SpectrogramSettings, fill_frames, scratch
from skheart.spectrogram.blas import single_blas_thread
from skheart.spectrogram.cache import CacheError
from skheart.spectrogram.lazy import CachedSpectrograms

# Part of every key: raised when the same settings lead to other spectrograms.
_EDITION = 3
_CHUNK = 16  # maximum of recordings in a task: enough to hide the cost of joblib


@dataclass(frozen=True)
class SpectrogramJob:
    """The checked parameters of a transformer, with the work on one recording."""

    settings: SpectrogramSettings
    input_sample_rate: float | None
    duration: float | None
    normalize: str | None
    padding: str
    on_error: str
    dtype: str
    cache: Any  # SpectrogramCache or None
    n_jobs: int | None
    verbose: int

    @property
    def n_frames(self) -> int | None:
        """Frames of every spectrogram; None without a fixed duration."""
        if self.duration is None:
            return None
        return self.settings.n_frames(round(self.duration * self.settings.sample_rate))

    def filled(self, recording: Recording, row: np.ndarray | None = None) -> np.ndarray:
        """Return one spectrogram, filled to the duration if that is fixed.

        It is written to `row`, (n_bands, n_frames), if that is given.
        """
        if row is None and self.n_frames is not None:
            row = np.empty((self.settings.n_bands, self.n_frames), dtype=self.dtype)
        if self.cache is None:
            spectrogram = self._computed(recording, row=row)
        else:
            _, spectrogram = self._cached(recording)
        if row is None:
            return spectrogram.astype(self.dtype)
        fill_frames(row, spectrogram, padding=self.padding)
        return row

    def key(self, recording: Recording) -> tuple[str, int]:
        """Put one spectrogram into the cache; return its key and number of frames."""
        key, spectrogram = self._cached(recording)
        return key, spectrogram.shape[1]

    def _cached(self, recording: Recording) -> tuple[str, np.ndarray]:
        """Return the key and the spectrogram, computed if it is not in the cache."""
        content = recording.content()  # read once: what is hashed is what is decoded
        key = self._key_of(content)
        spectrogram = self.cache.get(key)
        if spectrogram is None:
            spectrogram = self._computed(recording, content).astype(self.dtype)
            self.cache.put(key, spectrogram)
        return key, spectrogram

    def _key_of(self, content: bytes | np.ndarray) -> str:
        """Return the key of a recording's content with these settings."""
        s = self.settings
        values = (
            *(s.sample_rate, s.n_window, s.n_hop, s.n_fft),
            *(s.n_bands, s.f_min, s.f_max, s.scale, s.amin),
            *(self.input_sample_rate, self.duration, self.normalize, self.dtype),
        )
        # 2000 and 2000.0 are the same.
        same = tuple(x if x is None or isinstance(x, str) else float(x) for x in values)
        digest = hashlib.sha256(repr((_EDITION, same)).encode())
        if isinstance(content, np.ndarray):
            content = np.ascontiguousarray(content)
            digest.update(repr((content.dtype.str, content.shape)).encode())
            content = content.tobytes()
        digest.update(content)
        return digest.hexdigest()[:40]

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
            sample_rate=self.settings.sample_rate,
            input_sample_rate=self.input_sample_rate,
            duration=self.duration,
            window=self.settings.window,
            f_max=self.settings.f_max,
        )
        shape = self.settings.n_bands, self.settings.n_frames(len(waveform))
        if row is not None and row.shape == shape and row.dtype == np.float32:
            decibels = row
        else:
            decibels = scratch("decibels", *shape)
        self.settings.compute_into(decibels, waveform, normalize=self.normalize)
        return decibels


def spectrograms_of(
    job: SpectrogramJob, recordings: list[Recording]
) -> tuple[np.ndarray, list[str]]:
    """Return spectrograms of one size, and the error of each ("" where none).

    With ``on_error="nan"``, those of recordings that cannot be used are NaN.
    """
    n_bands = job.settings.n_bands
    if job.n_frames is not None:
        shape = (len(recordings), n_bands, job.n_frames)
        whole = np.empty(shape, dtype=job.dtype)
        errors = _share_out(job, job.filled, recordings, whole)
        whole[[error != "" for error in errors]] = np.nan
        return whole, errors
    parts: list[Any] = [None] * len(recordings)
    errors = _share_out(job, job.filled, recordings, parts)
    longest = max((part.shape[1] for part in parts if part is not None), default=1)
    whole = np.full((len(parts), n_bands, longest), np.nan, dtype=job.dtype)
    for row, part in zip(whole, parts, strict=True):
        if part is not None:
            fill_frames(row, part, padding=job.padding)
    return whole, errors


def cached_spectrograms(
    job: SpectrogramJob, recordings: list[Recording]
) -> tuple[CachedSpectrograms, list[str]]:
    """Put all spectrograms into the cache, and return an array of them on disk."""
    found = [("", 0)] * len(recordings)
    errors = _share_out(job, job.key, recordings, found)
    spectrograms = CachedSpectrograms(
        job.cache,
        [key for key, _ in found],
        n_bands=job.settings.n_bands,
        n_frames=job.n_frames or max(1, max(n_frames for _, n_frames in found)),
        padding=job.padding,
        dtype=job.dtype,
    )
    return spectrograms, errors


class _Rows:
    """Rows of the result, for threads to fill; another process gets none."""

    def __init__(self, array: np.ndarray | None = None) -> None:
        self.array = array

    def __reduce__(self) -> Any:
        return _Rows, ()


def _share_out(
    job: SpectrogramJob,
    work: Callable[..., Any],
    recordings: list[Recording],
    results: Any,
) -> list[str]:
    """Share recordings between workers; return the errors.

    `results` is a list or an array with a place for the result of each recording, which
    stays as it is where there is an error.
    """
    # Several tasks for each worker, so that none waits long for another at the end.
    size = max(1, min(_CHUNK, len(recordings) // 8))
    tasks = []
    for first in range(0, len(recordings), size):
        part = slice(first, first + size)
        rows = _Rows(results[part] if isinstance(results, np.ndarray) else None)
        tasks.append(delayed(_several)(work, recordings[part], rows, job.on_error))
    errors: list[str] = []
    total, shown = len(recordings), job.verbose > 0
    with (
        single_blas_thread(),
        progress_bar(
            "Spectrograms", total=total, shown=shown, unit="recordings"
        ) as advance,
    ):
        for answers, messages in _parallel(job.n_jobs)(tasks):
            for place, answer in enumerate(answers, start=len(errors)):
                if answer is not None:
                    results[place] = answer
            errors += messages
            advance(len(messages))
    return errors


def _several(
    work: Callable[..., Any], recordings: list[Recording], rows: _Rows, on_error: str
) -> tuple[list[Any], list[str]]:
    """Do the work on some recordings; return the results, and the errors.

    A result is None if it was written to its row, or if there is an error.
    """
    answers: list[Any] = []
    errors = []
    for number, recording in enumerate(recordings):
        row = () if rows.array is None else (rows.array[number],)
        answer, error = None, ""
        try:
            answer = work(recording, *row)
        except CacheError:  # not the fault of a recording
            raise
        except (OSError, ValueError) as problem:
            if on_error == "raise":
                raise
            error = str(problem) or type(problem).__name__
        answers.append(None if row else answer)
        errors.append(error)
    return answers, errors


def _parallel(n_jobs: int | None) -> Parallel:
    """Return workers that yield answers one by one; Ray's backend cannot."""
    try:
        return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer="threads")
