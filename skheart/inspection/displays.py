"""Plots of spectrograms, with labelled axes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from skheart.audio.recordings import recordings_of
from skheart.inspection.axes import axes_for, shade_phases
from skheart.inspection.windows import band_centres
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["SpectrogramDisplay"]

_COLOURS = {"s1": "C3", "systole": "C1", "s2": "C0", "diastole": "0.8"}
_STRIP = {"low": 1.01, "height": 0.05}  # above the axes, in units of their height


class SpectrogramDisplay:
    """A recording as a picture: spectrogram, waveform, and phases of the heartbeats.

    Usually created with :meth:`from_recording`. :meth:`plot` draws the spectrogram,
    :meth:`plot_waveform` the waveform.

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
    waveform : ndarray of shape (n_times,), default=None
        Its values, for `plot_waveform`.
    sample_rate : float, default=None
        Rate of the waveform, in Hz.
    segmentation : tuple (start, end, phase), default=None
        Phases of the heartbeats, such as of
        :meth:`~skheart.segmentation.HeartSoundSegmenter.predict`, to be drawn in
        colour.

    Attributes
    ----------
    image_ : matplotlib.collections.QuadMesh
        The drawn spectrogram; exists after `plot`.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    line_ : matplotlib.lines.Line2D
        The drawn waveform; exists after `plot_waveform`.
    phases_ : dict of str to matplotlib.collections.Collection
        What the last plot drew for each phase; only with a segmentation.
    """

    def __init__(
        self,
        spectrogram: np.ndarray,
        *,
        times: np.ndarray,
        frequencies: np.ndarray,
        name: str | None = None,
        unit: str = "dB",
        waveform: np.ndarray | None = None,
        sample_rate: float | None = None,
        segmentation: Any = None,
    ) -> None:
        self.spectrogram = spectrogram
        self.times = times
        self.frequencies = frequencies
        self.name = name
        self.unit = unit
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.segmentation = segmentation

    @classmethod
    def from_recording(
        cls,
        recording: Any,
        *,
        transformer: SpectrogramTransformer | None = None,
        name: str | None = None,
        segmentation: Any = None,
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
        segmentation : tuple (start, end, phase), default=None
            Phases of the heartbeats, to be drawn in colour: starts and ends in seconds,
            and the words ``"s1"``, ``"systole"``, ``"s2"`` and ``"diastole"``. Others
            are not drawn.

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

        With the phases of the heartbeats:

        >>> from skheart.segmentation import load_segmenter
        >>> found = load_segmenter().predict(sounds.data)
        >>> display = SpectrogramDisplay.from_recording(
        ...     sounds.data[0], segmentation=found[0]
        ... )
        """
        if transformer is None:
            transformer = SpectrogramTransformer(duration=None, normalize=None)
        transformer = clone(transformer).set_params(flatten=False, on_error="raise")
        transformer.fit([recording])  # checks the parameters
        (entry,) = recordings_of(
            transformer, [recording], reset=False, check_finite=True
        )
        waveform = entry.load(
            sample_rate=transformer.sample_rate,
            input_sample_rate=transformer.input_sample_rate,
            duration=transformer.duration,
            window=transformer.window,
            f_max=transformer.f_max,
        )
        pair = (transformer.sample_rate, waveform)
        spectrogram = transformer.transform([pair])[0]
        hop = round(transformer.hop * transformer.sample_rate) / transformer.sample_rate
        if name is None and isinstance(recording, str | os.PathLike):
            name = Path(recording).name
        return cls(
            spectrogram,
            times=np.arange(spectrogram.shape[1]) * hop,
            frequencies=band_centres(transformer),
            name=name,
            unit="dB" if transformer.normalize is None else "standard deviations",
            waveform=waveform,
            sample_rate=transformer.sample_rate,
            segmentation=segmentation,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: str = "magma",
        colorbar: bool = True,
        **mesh_options: Any,
    ) -> Self:
        """Draw the spectrogram, with the phases as a strip above it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        cmap : str, default="magma"
            Name of a colour map of matplotlib.
        colorbar : bool, default=True
            Add a colour bar to the plot.
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
        ax = axes_for(ax, user="SpectrogramDisplay.plot", size=(8, 3.2))
        self.image_ = ax.pcolormesh(
            self.times,
            self.frequencies,
            self.spectrogram,
            cmap=cmap,
            shading="nearest",
            **mesh_options,
        )
        if colorbar:
            ax.figure.colorbar(self.image_, ax=ax, label=self.unit)
        ax.set(xlabel="Time (s)", ylabel="Frequency (Hz)")
        if self.segmentation is not None:
            self._shade(ax, **_STRIP, clip_on=False)
        if self.name:
            ax.set_title(self.name, pad=16 if self.segmentation is not None else None)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def plot_waveform(self, ax: Any = None, **line_options: Any) -> Self:
        """Draw the waveform, with the phases as colours behind it.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **line_options
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : SpectrogramDisplay

        Raises
        ------
        ValueError
            If the display has no waveform.
        ImportError
            If matplotlib is not installed.
        """
        if self.waveform is None or self.sample_rate is None:
            raise ValueError(
                "plot_waveform needs a display with a waveform and its sample_rate; "
                "SpectrogramDisplay.from_recording creates one."
            )
        ax = axes_for(ax, user="SpectrogramDisplay.plot_waveform", size=(8, 2.2))
        times = np.arange(len(self.waveform)) / self.sample_rate
        # Without its offset, beside which the beats can be small.
        values = self.waveform - np.mean(self.waveform)
        settings = {"color": "0.15", "linewidth": 0.6, **line_options}
        (self.line_,) = ax.plot(times, values, **settings)
        top = 1.05 * float(np.abs(values).max()) or 1.0
        ax.set(xlabel="Time (s)", ylabel="Amplitude", ylim=(-top, top))
        ax.set_xlim(0, len(self.waveform) / self.sample_rate)
        if self.segmentation is not None:
            self._shade(ax, alpha=0.45)
        if self.name:
            ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _shade(self, ax: Any, **options: Any) -> None:
        """Draw the phases and leave the limits of the axes as they are."""
        limits = ax.get_xlim(), ax.get_ylim()
        self.phases_ = shade_phases(ax, self.segmentation, colours=_COLOURS, **options)
        ax.set(xlim=limits[0], ylim=limits[1])
