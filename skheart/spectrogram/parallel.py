"""From recordings to spectrograms: the work on each, shared between threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from skheart._core.progress import progress_bar
from skheart.audio.recordings import Recording
from skheart.spectrogram.bands import SpectrogramSettings, fill_frames
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

    def spectrogram(self, recording: Recording) -> np.ndarray:
        """Return one spectrogram of the recording's own length, (n_bands, n_frames)."""
        if self.cache is None:
            return self._computed(recording)
        return self._cached(recording)[1]

    def filled(self, recording: Recording) -> np.ndarray:
        """Return the same, filled to the duration."""
        spectrogram = self.spectrogram(recording)
        n_bands, n_frames = spectrogram.shape
        row = np.empty((n_bands, self.n_frames or n_frames), dtype=self.dtype)
        fill_frames(row, spectrogram, padding=self.padding)
        return row

    def key(self, recording: Recording) -> tuple[str, int]:
        """Put one spectrogram into the cache; return its key and number of frames."""
        key, spectrogram = self._cached(recording)
        return key, spectrogram.shape[1]

    def _cached(self, recording: Recording) -> tuple[str, np.ndarray]:
        """Return the key and the spectrogram, computed if it is not in the cache."""
        content = recording.content()  # read once: what is hashed is what is decoded
        key = self._key_of(content, recording.rate)
        spectrogram = self.cache.get(key)
        if spectrogram is None:
            spectrogram = self._computed(recording, content)
            self.cache.put(key, spectrogram)
        return key, spectrogram

    def _key_of(self, content: bytes | np.ndarray, rate: float | None) -> str:
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
            described = content.dtype.str, content.shape, rate and float(rate)
            digest.update(repr(described).encode())
            content = content.tobytes()
        digest.update(content)
        return digest.hexdigest()[:40]

    def _computed(
        self, recording: Recording, content: bytes | np.ndarray | None = None
    ) -> np.ndarray:
        """Compute one spectrogram."""
        waveform = recording.load(
            content,
            sample_rate=self.settings.sample_rate,
            input_sample_rate=self.input_sample_rate,
            duration=self.duration,
            window=self.settings.window,
            f_max=self.settings.f_max,
        )
        decibels = self.settings.compute(waveform, normalize=self.normalize)
        return decibels.astype(self.dtype, copy=False)


def spectrograms_of(
    job: SpectrogramJob, recordings: list[Recording]
) -> tuple[np.ndarray, list[str]]:
    """Return spectrograms of one size, and the error of each ("" where none).

    With ``on_error="nan"``, those of recordings that cannot be used are NaN.
    """
    results = _results(job, job.spectrogram, recordings)
    n_frames = job.n_frames
    if n_frames is None:
        every = list(results)
        sizes = [part.shape[1] for part, error in every if not error]
        results, n_frames = iter(every), max(sizes, default=1)
    shape = (len(recordings), job.settings.n_bands, n_frames)
    whole = np.empty(shape, dtype=job.dtype)
    errors = []
    for row, (part, error) in zip(whole, results, strict=True):
        if error:
            row[...] = np.nan
        else:
            fill_frames(row, part, padding=job.padding)
        errors.append(error)
    return whole, errors


def cached_spectrograms(
    job: SpectrogramJob, recordings: list[Recording]
) -> tuple[CachedSpectrograms, list[str]]:
    """Put all spectrograms into the cache, and return an array of them on disk."""
    results = list(_results(job, job.key, recordings))
    found = [result or ("", 0) for result, _ in results]
    spectrograms = CachedSpectrograms(
        job.cache,
        [key for key, _ in found],
        n_bands=job.settings.n_bands,
        n_frames=job.n_frames or max(1, max(n_frames for _, n_frames in found)),
        padding=job.padding,
        dtype=job.dtype,
    )
    return spectrograms, [error for _, error in results]


def _results(
    job: SpectrogramJob, work: Callable[[Recording], Any], recordings: list[Recording]
) -> Iterator[tuple[Any, str]]:
    return results_of(
        work,
        recordings,
        on_error=job.on_error,
        n_jobs=job.n_jobs,
        title="Spectrograms",
        verbose=job.verbose,
    )


def results_of(
    work: Callable[[Recording], Any],
    recordings: list[Recording],
    *,
    on_error: str,
    n_jobs: int | None,
    title: str,
    verbose: int = 0,
) -> Iterator[tuple[Any, str]]:
    """Share the work between workers; yield the result and the error of each recording.

    With ``on_error="nan"``, the result is None where there is an error.
    """
    # Several tasks for each worker, so that none waits long for another at the end.
    size = max(1, min(_CHUNK, len(recordings) // 8))
    parts = [recordings[i : i + size] for i in range(0, len(recordings), size)]
    total, shown = len(recordings), verbose > 0
    with (
        single_blas_thread(),
        progress_bar(title, total=total, shown=shown, unit="recordings") as advance,
    ):
        tasks = (delayed(_several)(work, part, on_error) for part in parts)
        for results in _parallel(n_jobs)(tasks):
            advance(len(results))
            yield from results


def _several(
    work: Callable[[Recording], Any], recordings: list[Recording], on_error: str
) -> list[tuple[Any, str]]:
    """Do the work on some recordings; return their results and errors."""
    results: list[tuple[Any, str]] = []
    for recording in recordings:
        try:
            results.append((work(recording), ""))
        except CacheError:  # not the fault of a recording
            raise
        except (OSError, ValueError) as error:
            if on_error == "raise":
                raise
            results.append((None, str(error) or type(error).__name__))
    return results


def _parallel(n_jobs: int | None) -> Parallel:
    """Return workers that yield answers one by one; Ray's backend cannot."""
    try:
        return Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer="threads")
