"""Spectrograms as images without axes or margins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.base import clone

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.audio.recordings import recordings_of
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["save_spectrogram_images"]


def save_spectrogram_images(
    X: Any,
    folder: str | os.PathLike[str],
    *,
    transformer: SpectrogramTransformer | None = None,
    cmap: str = "magma",
    verbose: int = 0,
) -> list[Path]:
    """Write the spectrogram of each recording as a PNG without axes or margins.

    One pixel is one band of one frame. Low frequencies are at the bottom. Networks can
    be trained on such images, as in the *Deep Stethoscope* study, but the arrays from
    :class:`SpectrogramTransformer` contain the same without rounding to colours.

    Parameters
    ----------
    X : array-like of shape (n_recordings,) or (n_recordings, n_times)
        Paths or waveforms, as for :class:`SpectrogramTransformer`.
    folder : str or os.PathLike
        Folder to write to; created if it does not exist.
    transformer : SpectrogramTransformer, default=None
        Settings of the spectrograms. By default
        ``SpectrogramTransformer(duration=None)``: each image is as long as its
        recording.
    cmap : str, default="magma"
        Name of a colour map of matplotlib, from the smallest to the largest value of
        each recording.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Returns
    -------
    paths : list of pathlib.Path
        The images, in the order of `X`. They are named after the sound files, with a
        number if names repeat, or ``recording_0.png`` for waveforms.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    FileNotFoundError, IsADirectoryError, RecordingError
        If a recording cannot be used, with its name. Earlier images remain.

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
    optional_import("matplotlib", user="save_spectrogram_images", extra="plot")
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
            # `transform([recording])` would call each one "Recording 0" in errors.
            spectrogram = job.filled(recording)
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                imsave(temporary, spectrogram[::-1], cmap=cmap, format="png")
            advance()
    return paths


def _image_paths(recordings: list, folder: Path) -> list[Path]:
    """Return the path of each recording's image; no two are the same."""
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
