"""Plots of spectrograms, with labelled axes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from skheart._core.optional import optional_import
from skheart.spectrogram.bands import band_edges
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["SpectrogramDisplay"]


class SpectrogramDisplay:
    """A spectrogram with its axes: time in seconds, frequency in Hz.

    Usually created with :meth:`from_recording`.

    Parameters
    ----------
    spectrogram : ndarray of shape (n_bands, n_frames)
        Values to show.
    times : ndarray of shape (n_frames,)
        Time of each frame, in seconds.
    frequencies : ndarray of shape (n_bands,)
        Middle of each band, in Hz.
    name : str, default=None
        Title of the plot.
    unit : str, default="dB"
        Label of the colour bar.

    Attributes
    ----------
    image_ : matplotlib.collections.QuadMesh
        The drawn spectrogram; exists after `plot`.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(
        self,
        spectrogram: np.ndarray,
        *,
        times: np.ndarray,
        frequencies: np.ndarray,
        name: str | None = None,
        unit: str = "dB",
    ) -> None:
        self.spectrogram = spectrogram
        self.times = times
        self.frequencies = frequencies
        self.name = name
        self.unit = unit

    @classmethod
    def from_recording(
        cls,
        recording: Any,
        *,
        transformer: SpectrogramTransformer | None = None,
        name: str | None = None,
    ) -> Self:
        """Compute the spectrogram of one recording.

        Parameters
        ----------
        recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
            A sound file, or a waveform; what
            :meth:`~skheart.SpectrogramTransformer.transform` takes as one entry.
        transformer : SpectrogramTransformer, default=None
            Settings of the spectrogram. By default
            ``SpectrogramTransformer(duration=None, normalize=None)``: the whole
            recording, in dB.
        name : str, default=None
            Title of the plot. By default, the name of the file.

        Returns
        -------
        display : SpectrogramDisplay
            Call its `plot` method to draw it.

        Examples
        --------
        >>> from skheart import SpectrogramDisplay
        >>> from skheart.datasets import make_heart_sounds
        >>> sounds = make_heart_sounds(1, classes=("normal",), random_state=0)
        >>> display = SpectrogramDisplay.from_recording(sounds.data[0])
        >>> display.spectrogram.shape[0]
        40
        """
        if transformer is None:
            transformer = SpectrogramTransformer(duration=None, normalize=None)
        transformer = clone(transformer).set_params(flatten=False, on_error="raise")
        spectrogram = transformer.transform([recording])[0]
        hop = round(transformer.hop * transformer.sample_rate) / transformer.sample_rate
        edges = band_edges(
            transformer.n_bands, transformer.f_min, transformer.f_max, transformer.scale
        )
        if name is None and isinstance(recording, str | os.PathLike):
            name = Path(recording).name
        return cls(
            spectrogram,
            times=np.arange(spectrogram.shape[1]) * hop,
            frequencies=edges[1:-1],  # the middle of each band
            name=name,
            unit="dB" if transformer.normalize is None else "standard deviations",
        )

    def plot(self, ax: Any = None, *, cmap: str = "magma", **mesh_options: Any) -> Self:
        """Draw the spectrogram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        cmap : str, default="magma"
            Name of a colour map of matplotlib.
        **mesh_options
            Passed to :meth:`matplotlib.axes.Axes.pcolormesh`.

        Returns
        -------
        self : SpectrogramDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        optional_import("matplotlib", user="SpectrogramDisplay.plot", extra="plot")
        if ax is None:
            from matplotlib import pyplot as plt

            _, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
        self.image_ = ax.pcolormesh(
            self.times,
            self.frequencies,
            self.spectrogram,
            cmap=cmap,
            shading="nearest",
            **mesh_options,
        )
        ax.figure.colorbar(self.image_, ax=ax, label=self.unit)
        ax.set(xlabel="Time (s)", ylabel="Frequency (Hz)")
        if self.name:
            ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self
