"""Power of a waveform in frequency bands: the arithmetic below the spectrogram."""

from __future__ import annotations

import math
import threading
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse

from skheart._core.checks import check_number, check_option

_BLOCK = 512  # frames at a time, so that what is computed stays in the cache
_SMALLEST = float(np.finfo(np.float32).tiny)
_LEAST = np.float32(1e-6)  # deviation in dB of what is no more than rounding
# A product of matrices does this much more than a fast transform in the same time;
# measured at 7 to 10.
_MATRIX_GAIN = 7
_LARGEST = 1 << 22  # values in a room that is kept: of half an hour at 2 kHz
_rooms = threading.local()


class SpectrogramSettings:
    """Checked settings of a spectrogram, with what can be computed ahead of it."""

    def __init__(
        self, sample_rate, window, hop, n_bands, f_min, f_max, scale, n_fft, amin
    ) -> None:
        check_number("sample_rate", sample_rate, unit="Hz")
        check_number("window", window, unit="seconds")
        check_number("hop", hop, unit="seconds")
        check_number("n_bands", n_bands, integer=True)
        check_number("f_min", f_min, unit="Hz", closed="left")
        check_number("f_max", f_max, unit="Hz")
        check_option("scale", scale, ("mel", "linear"))
        check_number("amin", amin)
        if amin < _SMALLEST:
            raise ValueError(
                f"amin must be at least {_SMALLEST:.3g}, the smallest power that "
                f"float32 holds in full, got {amin!r}."
            )
        if f_max <= f_min:
            raise ValueError(f"f_max must be above f_min={f_min:g} Hz, got {f_max!r}.")
        if f_max > sample_rate / 2:
            raise ValueError(
                f"f_max must be at most half of sample_rate={sample_rate:g} Hz, got "
                f"{f_max:g}; lower f_max to {sample_rate / 2:g} or raise sample_rate."
            )
        self.n_window = max(2, round(window * sample_rate))
        self.n_hop = max(1, round(hop * sample_rate))
        bands = (n_bands, f_min, f_max, scale)
        if n_fft is None:
            n_fft = _default_n_fft(self.n_window, sample_rate, *bands)
        check_number("n_fft", n_fft, integer=True)
        if n_fft < self.n_window:
            raise ValueError(
                f"n_fft must be at least {self.n_window}, the values in a window of "
                f"{window:g} seconds, got {n_fft}."
            )
        self.sample_rate, self.n_fft, self.amin = sample_rate, n_fft, amin
        self.scales = (*bands, amin)
        self.filters = _filters(sample_rate, n_fft, *bands)
        empty = _n_empty(self.filters)
        if empty:
            raise ValueError(
                f"n_bands={n_bands} is too many between {f_min:g} and {f_max:g} Hz: "
                f"{empty} bands fall between the frequencies of a transform of length "
                f"n_fft={n_fft}; lower n_bands or raise n_fft."
            )
        heard = np.flatnonzero(self.filters.any(axis=0))
        self.bins = (int(heard[0]), int(heard[-1]) + 1)
        self.taper, self.cosines, self.sines = _transforms(
            self.n_window, n_fft, self.bins
        )
        # Most weights are 0: a band holds few frequencies.
        self.sparse_filters = scipy.sparse.csr_array(self.filters[:, slice(*self.bins)])

    def described(self) -> tuple[Any, ...]:
        """Give the numbers that the result depends on."""
        return self.sample_rate, self.n_window, self.n_hop, self.n_fft, *self.scales

    def n_frames(self, n_times: int) -> int:
        return 1 + n_times // self.n_hop

    def compute(self, waveform: np.ndarray) -> np.ndarray:
        """Give decibels, (..., n_bands, n_frames), of waveforms (..., n_times)."""
        before, n_frames = waveform.shape[:-1], self.n_frames(waveform.shape[-1])
        decibels = np.empty((*before, len(self.filters), n_frames), dtype=np.float32)
        for place in np.ndindex(before):
            self.compute_into(decibels[place], np.ascontiguousarray(waveform[place]))
        return decibels

    def compute_into(
        self,
        decibels: np.ndarray,
        waveform: np.ndarray,
        *,
        normalize: str | None = None,
    ) -> np.float32:
        """Compute decibels, (n_bands, n_frames), of a waveform, (n_times,).

        Both are contiguous. With `normalize`, as of the transformer, the deviation of
        the waveform is given.
        """
        # The taper stands in the middle of the transform's length, as librosa's does.
        lead = self.n_fft // 2 - (self.n_fft - self.n_window) // 2
        padded = scratch("padded", len(waveform) + lead + self.n_window + self.n_hop)
        if self.cosines is None:
            return self._by_fft(decibels, waveform, normalize, padded, lead)
        from skheart.spectrogram.kernels import (
            spectrogram,  # half a second, where it is needed
        )

        n_bins, n_half = self.cosines.shape
        n_block = min(_BLOCK, decibels.shape[1])
        return spectrogram(
            decibels,
            waveform,
            (None, "recording", "band").index(normalize),
            _LEAST,
            padded,
            lead,
            self.n_hop,
            self.cosines,
            self.sines,
            self.n_window,
            self.sparse_filters.indptr,
            self.sparse_filters.indices,
            self.sparse_filters.data,
            np.float32(self.amin),
            scratch("sums", n_block, n_half),
            scratch("differences", n_block, n_half),
            scratch("power", n_bins, n_block),
            scratch("imaginary", n_bins, n_block),
        )

    def _by_fft(
        self,
        decibels: np.ndarray,
        waveform: np.ndarray,
        normalize: str | None,
        padded: np.ndarray,
        lead: int,
    ) -> np.float32:
        """Do the same with a fast Fourier transform of each frame."""
        from skheart.spectrogram.kernels import standardize

        n_times, n_frames = len(waveform), decibels.shape[1]
        padded[:lead] = 0
        padded[lead + n_times :] = 0
        inside = padded[lead : lead + n_times]
        inside[...] = waveform
        deviation = np.float32(1)
        if normalize is not None:
            deviation = standardize(inside, np.float32(0))
        frames = np.lib.stride_tricks.as_strided(
            padded,
            (n_frames, self.n_window),
            (self.n_hop * padded.itemsize, padded.itemsize),
            writeable=False,
        )
        for first in range(0, n_frames, _BLOCK):
            bands = self._bands(frames[first : first + _BLOCK])
            np.maximum(bands, np.float32(self.amin), out=bands)
            np.log10(bands, out=decibels[:, first : first + _BLOCK])
        decibels *= np.float32(10.0)
        if normalize is not None:
            for part in decibels if normalize == "band" else [decibels.reshape(-1)]:
                standardize(part, _LEAST)
        return deviation

    def _bands(self, frames: np.ndarray) -> np.ndarray:
        """Give the power of frames, (n_frames, n_window), in bands."""
        tapered = scratch("tapered", *frames.shape)
        np.multiply(frames, self.taper, out=tapered)
        spectrum = scipy.fft.rfft(tapered, self.n_fft, axis=-1)[:, slice(*self.bins)]
        power = scratch("power", *spectrum.shape)
        np.square(spectrum.real, out=power)
        power += np.square(spectrum.imag)
        return self.filters[:, slice(*self.bins)] @ power.T


def fill_frames(row: np.ndarray, n_frames: int, *, padding: str) -> None:
    """Fill a spectrogram, (n_bands, any), behind its first `n_frames`.

    They are repeated, or followed by the smallest of their values.
    """
    part = row[:, :n_frames]
    if padding == "constant" and n_frames < row.shape[1]:
        row[:, n_frames:] = part.min()
        return
    for first in range(n_frames, row.shape[1], n_frames):
        rest = row[:, first : first + n_frames]
        rest[...] = part[:, : rest.shape[1]]


def _n_empty(filters: np.ndarray) -> int:
    return int(np.sum(filters.max(axis=1) == 0))


def _default_n_fft(n_window: int, sample_rate: float, *bands: Any) -> int:
    """Smallest power of two that holds a frame and leaves no band empty."""
    n_fft = smallest = 2 ** (n_window - 1).bit_length()
    while _n_empty(_filters(sample_rate, n_fft, *bands)) and n_fft < 16 * smallest:
        n_fft *= 2
    return n_fft


@lru_cache(maxsize=64)
def _filters(sample_rate, n_fft, n_bands, f_min, f_max, scale) -> np.ndarray:
    """Triangular band filters of equal area, (n_bands, 1 + n_fft // 2), float32."""
    if scale == "mel":
        import librosa.filters

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Empty filters", UserWarning)
            filters = librosa.filters.mel(
                sr=sample_rate, n_fft=n_fft, n_mels=n_bands, fmin=f_min, fmax=f_max
            )
    else:
        edges = np.linspace(f_min, f_max, n_bands + 2)
        bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
        step = edges[1] - edges[0]
        filters = 1 - np.abs(bins - edges[1:-1, np.newaxis]) / step
        filters = np.maximum(filters, 0) / step
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=64)
def _transforms(
    n_window: int, n_fft: int, bins: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Give the taper, and the transform of tapered frames as two matrices.

    The matrices are None where a fast transform does less work than they.
    """
    taper = scipy.signal.get_window("hann", n_window)
    products = n_window * (bins[1] - bins[0])
    cosines = sines = None
    if products < _MATRIX_GAIN * n_fft * np.log2(n_fft):
        middle = -(-n_window // 2)
        time = np.arange(middle, n_window) - n_window / 2
        angles = 2 * np.pi * np.outer(np.arange(*bins), time) / n_fft
        weight = taper[middle:] * np.where(time == 0, 0.5, 1)
        cosines, sines = weight * np.cos(angles), weight * np.sin(angles)
        cosines, sines = cosines.astype(np.float32), sines.astype(np.float32)
    return taper.astype(np.float32), cosines, sines


def scratch(name: str, *shape: int) -> np.ndarray:
    """Give room for intermediate values that this thread uses again.

    New memory for each recording costs as much as what is computed in it, and more
    with several threads.
    """
    size = math.prod(shape)
    if size > _LARGEST:
        return np.empty(shape, dtype=np.float32)
    kept = getattr(_rooms, name, None)
    if kept is None or kept.size < size:
        kept = np.empty(size, dtype=np.float32)
        setattr(_rooms, name, kept)
    return kept[:size].reshape(shape)
