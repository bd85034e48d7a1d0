"""Pictures of recordings: labelled plots, and plain images without margins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import clone

from skheart._core.files import atomic_path
from skheart._core.progress import progress_bar
from skheart.audio.recordings import recordings_of
from skheart.spectrogram.bands import band_edges
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["SpectrogramDisplay", "save_spectrogram_images"]


class SpectrogramDisplay:
    """A spectrogram with its axes: time in seconds, frequency in Hz.

    Make it with :meth:`from_recording`.

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
        What the values are, beside the colour bar.

    Attributes
    ----------
    image_ : matplotlib.collections.QuadMesh
        The picture; after `plot`.
    ax_ : matplotlib.axes.Axes
        What it was drawn in.
    figure_ : matplotlib.figure.Figure
        The figure around it.
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
        recording : str, os.PathLike or array-like of shape (n_times,)
            A sound file, or a waveform.
        transformer : SpectrogramTransformer, default=None
            Settings. By default those of ``SpectrogramTransformer`` with the length of
            the recording, in dB.
        name : str, default=None
            Title of the plot. By default the name of the file.

        Returns
        -------
        display : SpectrogramDisplay
            Not plotted yet.

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
        if name is None and isinstance(recording, str | os.PathLike):
            name = Path(recording).name
        return cls(
            spectrogram,
            times=np.arange(spectrogram.shape[1]) * hop,
            frequencies=_band_middles(transformer),
            name=name,
            unit="dB" if transformer.normalize is None else "standard deviations",
        )

    def plot(self, ax: Any = None, *, cmap: str = "magma", **mesh_options: Any) -> Self:
        """Draw the spectrogram.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw. By default a new figure is made.
        cmap : str, default="magma"
            Colour map of matplotlib.
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
        _need_matplotlib("SpectrogramDisplay.plot")
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


def save_spectrogram_images(
    X: Any,
    folder: str | os.PathLike[str],
    *,
    transformer: SpectrogramTransformer | None = None,
    cmap: str = "magma",
    verbose: int = 0,
) -> list[Path]:
    """Write the spectrogram of each recording as a PNG without axes or margins.

    One pixel is one band of one frame; low frequencies are at the bottom. Networks can
    be trained on such images, as in the *Deep Stethoscope* study, although arrays from
    :class:`SpectrogramTransformer` hold the same without rounding to colours.

    Parameters
    ----------
    X : array-like of shape (n_recordings,) or (n_recordings, n_times)
        Paths or waveforms, as for :class:`SpectrogramTransformer`.
    folder : str or os.PathLike
        Where to write; made if it is not there.
    transformer : SpectrogramTransformer, default=None
        Settings. By default ``SpectrogramTransformer(duration=None)``: each image is as
        long as its recording. The image shows what this transformer gives.
    cmap : str, default="magma"
        Colour map of matplotlib, spread from the smallest to the largest value of each
        recording.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Returns
    -------
    paths : list of pathlib.Path
        The images, in the order of `X`: the name of the file with ``.png``, with a
        number added where names repeat, or ``recording_0.png`` for waveforms.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    FileNotFoundError, IsADirectoryError, RecordingError
        If a recording cannot be used, with its name. Images written before are whole.

    Examples
    --------
    >>> import tempfile
    >>> from skheart import save_spectrogram_images
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(2, random_state=0)
    >>> paths = save_spectrogram_images(sounds.data, tempfile.mkdtemp())
    >>> [path.name for path in paths]
    ['recording_0.png', 'recording_1.png']
    """
    _need_matplotlib("save_spectrogram_images")
    from matplotlib.image import imsave

    if transformer is None:
        transformer = SpectrogramTransformer(duration=None)
    transformer = clone(transformer).set_params(
        flatten=False, on_error="raise", lazy=False, verbose=0
    )
    job = transformer._job()
    recordings = recordings_of(transformer, X, reset=True, check_finite=True)
    folder = Path(folder)
    paths = _image_paths(recordings, folder)
    with progress_bar(
        "Images", total=len(recordings), shown=verbose > 0, unit="recordings"
    ) as advance:
        for recording, path in zip(recordings, paths, strict=True):
            # Not through `transform`, whose errors would call each one "Recording 0".
            spectrogram = job.filled(recording)
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                imsave(temporary, spectrogram[::-1], cmap=cmap, format="png")
            advance()
    return paths


def _image_paths(recordings: list, folder: Path) -> list[Path]:
    """Give each recording the path of an image of its own."""
    taken: set[str] = set()
    paths = []
    for recording in recordings:
        if isinstance(recording.source, str):
            stem = Path(recording.source).stem
        else:
            stem = f"recording_{recording.index}"
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        paths.append(folder / f"{name}.png")
    return paths


def _band_middles(transformer: SpectrogramTransformer) -> np.ndarray:
    """Return the middle of each band, in Hz."""
    edges = band_edges(
        transformer.n_bands, transformer.f_min, transformer.f_max, transformer.scale
    )
    return edges[1:-1]


def _need_matplotlib(what: str) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{what} needs matplotlib; install it with \"pip install 'skheart[plot]'\"."
        ) from error
