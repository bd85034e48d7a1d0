"""Power of a waveform in frequency bands: the arithmetic below the spectrogram."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal

from skheart._checks import check_number, check_option


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
        self.filters = _filters(sample_rate, n_fft, *bands)
        empty = _n_empty(self.filters)
        if empty:
            raise ValueError(
                f"n_bands={n_bands} is too many between {f_min:g} and {f_max:g} Hz: "
                f"{empty} bands fall between the frequencies of a transform of length "
                f"n_fft={n_fft}; lower n_bands or raise n_fft."
            )
        self.taper = scipy.signal.get_window("hann", self.n_window).astype(np.float32)

    def n_frames(self, n_times: int) -> int:
        return 1 + n_times // self.n_hop

    def compute(self, waveform: np.ndarray) -> np.ndarray:
        margin = self.n_fft // 2
        # The taper stands in the middle of the transform's length, as librosa's does.
        lead = margin - (self.n_fft - self.n_window) // 2
        padding = [(0, 0)] * (waveform.ndim - 1) + [(lead, margin + self.n_hop)]
        padded = np.pad(waveform, padding)
        frames = np.lib.stride_tricks.sliding_window_view(
            padded, self.n_window, axis=-1
        )[..., :: self.n_hop, :][..., : self.n_frames(waveform.shape[-1]), :]
        spectrum = scipy.fft.rfft(frames * self.taper, self.n_fft, axis=-1)
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        bands = np.swapaxes(power @ self.filters.T, -1, -2)
        np.maximum(bands, np.float32(self.amin), out=bands)
        np.log10(bands, out=bands)
        bands *= np.float32(10.0)
        return np.ascontiguousarray(bands)


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
