"""Settings of a spectrogram, and what is computed once for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.signal import get_window

from skheart._core.checks import check_number, check_option

_SMALLEST = np.finfo(np.float32).tiny
_LEAST = np.float32(1e-6)  # a deviation that is only rounding, in dB / 4.34
_DECIBELS = np.float32(10 / np.log(10))
_LARGEST_TABLE = 1 << 25  # values of the filters, or of the transform


@dataclass
class SpectrogramSettings:
    """Checked settings of a spectrogram, with the filters and the transform.

    Attributes
    ----------
    sample_rate, window, hop, n_bands, f_min, f_max, scale, n_fft, amin
        As of :class:`~skheart.SpectrogramTransformer`; `n_fft` is chosen if it is None.
    n_window, n_hop : int
        Lengths of a frame, and of the step to the next.
    filters : ndarray of shape (n_bands, 1 + n_fft // 2), float32
        Weights of the frequencies in each band.
    bins : tuple of int
        First frequency with a weight, and the one after the last.
    """

    sample_rate: float
    window: float
    hop: float
    n_bands: int
    f_min: float
    f_max: float
    scale: str
    n_fft: Any
    amin: float

    def __post_init__(self) -> None:
        self._check()
        self.n_window = max(2, round(self.window * self.sample_rate))
        self.n_hop = max(1, round(self.hop * self.sample_rate))
        bands = (self.n_bands, self.f_min, self.f_max, self.scale)
        if self.n_fft is None:
            self.n_fft = _default_n_fft(self.n_window, self.sample_rate, *bands)
        check_number("n_fft", self.n_fft, integer=True)
        if self.n_fft < self.n_window:
            raise ValueError(
                f"n_fft must be at least {self.n_window}, the values in a window of "
                f"{self.window:g} seconds, got {self.n_fft}."
            )
        self.filters = _filters(self.sample_rate, self.n_fft, *bands)
        empty = _n_empty(self.filters)
        if empty:
            raise ValueError(
                f"n_bands={self.n_bands} is too many between {self.f_min:g} and "
                f"{self.f_max:g} Hz: {empty} bands fall between the frequencies of a "
                f"transform of length n_fft={self.n_fft}; lower n_bands or raise n_fft."
            )
        used = np.flatnonzero(self.filters.any(axis=0))
        self.bins = (int(used[0]), int(used[-1]) + 1)
        self._used_filters = np.ascontiguousarray(self.filters[:, slice(*self.bins)])
        self._transform = _transforms(self.n_window, self.n_fft, self.bins)

    def _check(self) -> None:
        """Raise what is wrong with the settings before anything is computed."""
        rate = self.sample_rate
        check_number("sample_rate", rate, unit="Hz")
        check_number("window", self.window, unit="seconds")
        check_number("hop", self.hop, unit="seconds")
        check_number("n_bands", self.n_bands, integer=True)
        check_number("f_min", self.f_min, unit="Hz", closed="left")
        check_number("f_max", self.f_max, unit="Hz")
        check_option("scale", self.scale, ("mel", "linear"))
        # The smallest power that float32 holds in full.
        check_number("amin", self.amin, low=float(_SMALLEST), closed="left")
        if self.f_max <= self.f_min:
            raise ValueError(
                f"f_max must be above f_min={self.f_min:g} Hz, got {self.f_max!r}."
            )
        if self.f_max > rate / 2:
            raise ValueError(
                f"f_max must be at most half of sample_rate={rate:g} Hz, got "
                f"{self.f_max:g}; lower f_max to {rate / 2:g} or raise sample_rate."
            )

    def n_frames(self, n_times: int) -> int:
        """Return the number of frames of a waveform."""
        return 1 + n_times // self.n_hop

    def compute(
        self, waveform: np.ndarray, *, normalize: str | None = None
    ) -> np.ndarray:
        """Return the decibels, (n_bands, n_frames), of a waveform.

        `normalize` is that of the transformer: the result is then standardised, and so
        is the waveform before.
        """
        from skheart.spectrogram.kernels import band_power, standardize  # half a second

        n_times = len(waveform)
        # The taper is in the middle of the transform's length, as librosa's is.
        lead = self.n_fft // 2 - (self.n_fft - self.n_window) // 2
        padded = np.zeros(n_times + lead + self.n_window + self.n_hop, np.float32)
        inside = padded[lead : lead + n_times]
        inside[:] = waveform
        if normalize is not None:
            standardize(inside, _SMALLEST)
        shape = self.n_bands, self.n_frames(n_times)
        decibels = np.empty(shape, dtype=np.float32)
        steps = self.n_window, self.n_hop
        tables = *self._transform, self._used_filters
        band_power(decibels, padded, *steps, *tables, np.float32(self.amin))
        np.log(decibels, out=decibels)
        if normalize is None:
            decibels *= _DECIBELS
            return decibels
        for part in decibels if normalize == "band" else [decibels.reshape(-1)]:
            standardize(part, _LEAST)
        return decibels


def band_edges(n_bands: int, f_min: float, f_max: float, scale: str) -> np.ndarray:
    """Return the edges of overlapping bands: each begins in the middle of another.

    They are the lower limit, the middles of the bands, and the upper limit, in Hz.
    Slaney's mel scale is linear below 1000 Hz and logarithmic above.
    """
    if scale == "linear":
        return np.linspace(f_min, f_max, n_bands + 2)
    # In units of 1000 Hz. From 1 to 6.4 there are 27 of its steps, of 1/15 each below.
    growth = 15 * np.log(6.4) / 27
    ends = [f / 1000 for f in (f_min, f_max)]
    first, last = (x if x < 1 else 1 + np.log(x) / growth for x in ends)
    places = np.linspace(first, last, n_bands + 2)
    above = np.exp(growth * (np.maximum(places, 1) - 1))
    return 1000 * np.where(places < 1, places, above)


def fill_frames(row: np.ndarray, part: np.ndarray, *, padding: str) -> None:
    """Write the spectrogram `part` to the first frames of `row`, and fill the others.

    It is repeated, or followed by the smallest of its values.
    """
    n_frames = part.shape[1]
    row[:, :n_frames] = part
    if padding == "constant" and n_frames < row.shape[1]:
        row[:, n_frames:] = row[:, :n_frames].min()
        return
    for first in range(n_frames, row.shape[1], n_frames):
        rest = row[:, first : first + n_frames]
        rest[...] = row[:, : rest.shape[1]]


def _check_size(what: str, n_rows: int, n_columns: int) -> None:
    """Raise if a table of float32 would be too large."""
    if n_rows * n_columns > _LARGEST_TABLE:
        raise ValueError(
            f"The settings need a {what} of {n_rows} by {n_columns} values, more than "
            f"{_LARGEST_TABLE}; lower window, n_fft, n_bands or f_max."
        )


def _n_empty(filters: np.ndarray) -> int:
    return int(np.sum(filters.max(axis=1) == 0))


def _default_n_fft(n_window: int, sample_rate: float, *bands: Any) -> int:
    """Return the smallest power of two that holds a frame and leaves no band empty."""
    n_fft = smallest = 2 ** (n_window - 1).bit_length()
    while _n_empty(_filters(sample_rate, n_fft, *bands)) and n_fft < 16 * smallest:
        n_fft *= 2
    return n_fft


@lru_cache(maxsize=64)
def _filters(
    sample_rate: float, n_fft: int, n_bands: int, *limits_and_scale: Any
) -> np.ndarray:
    """Triangular band filters of equal area, (n_bands, 1 + n_fft // 2), float32."""
    _check_size("table of filters", n_bands, n_fft)
    edges = band_edges(n_bands, *limits_and_scale)[:, np.newaxis]
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    rising = (bins - lower) / (middle - lower)
    falling = (upper - bins) / (upper - middle)
    filters = np.maximum(np.minimum(rising, falling), 0) * 2 / (upper - lower)
    filters = filters.astype(np.float32)
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=64)
def _transforms(
    n_window: int, n_fft: int, bins: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return cosines and sines, (n_bins, n_window // 2), of a tapered half frame."""
    _check_size("Fourier transform", bins[1] - bins[0], n_window)
    taper = get_window("hann", n_window)
    middle = -(-n_window // 2)
    time = np.arange(middle, n_window) - n_window / 2
    angles = 2 * np.pi * np.outer(np.arange(*bins), time) / n_fft
    weight = taper[middle:] * np.where(time == 0, 0.5, 1)
    cosines, sines = weight * np.cos(angles), weight * np.sin(angles)
    return cosines.astype(np.float32), sines.astype(np.float32)
