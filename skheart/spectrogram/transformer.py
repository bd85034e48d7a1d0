"""The transformer from recordings to spectrograms."""

from __future__ import annotations

import os
import warnings
from dataclasses import fields
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.metaestimators import available_if

from skheart._core.checks import check_number, check_option
from skheart._core.versions import VersionedEstimator
from skheart.audio.assumed_rate import warn_about_rate
from skheart.audio.recordings import recordings_of
from skheart.spectrogram.bands import SpectrogramSettings
from skheart.spectrogram.cache import SpectrogramCache
from skheart.spectrogram.lazy import CachedSpectrograms
from skheart.spectrogram.parallel import (
    SpectrogramJob,
    cached_spectrograms,
    spectrograms_of,
)

__all__ = ["SpectrogramTransformer"]

# Parameters that are about this machine and this run, not about the model.
OF_THIS_MACHINE = ("cache", "lazy", "n_jobs", "on_error", "verbose")


def _flattens(transformer: SpectrogramTransformer) -> bool:
    if not transformer.flatten:
        raise AttributeError(
            "get_feature_names_out needs flatten=True: without it the output has three "
            "dimensions and no columns to name."
        )
    return True


class SpectrogramTransformer(TransformerMixin, VersionedEstimator):
    """Turn recordings into spectrograms of one size.

    A recording is read (or taken from memory), averaged to mono, resampled, cut or
    filled to `duration`, and transformed by :func:`log_mel_spectrogram`. Nothing is
    learned in `fit`: the spectrogram of a recording never depends on other recordings,
    so that no information can leak from test to training.

    Parameters
    ----------
    sample_rate : float, default=2000.0
        Rate that every recording is resampled to, in Hz.
    input_sample_rate : float, default=None
        Rate of the waveforms passed as arrays, in Hz; sound files contain their own. By
        default, waveforms are expected to be at `sample_rate` already; a warning says
        if the heart rates of 30 or more make that improbable.
    duration : float or None, default=20.0
        Length of the spectrogram, in seconds. Longer recordings are cut at the end.
        None uses the longest recording of each call, so that the number of frames can
        differ between calls.
    n_bands : int, default=40
        Number of frequency bands.
    window : float, default=0.05
        Length of a frame, in seconds.
    hop : float, default=0.02
        Time from one frame to the next, in seconds.
    f_min, f_max : float, default=25.0, 900.0
        Lower edge of the lowest and upper edge of the highest band, in Hz.
    scale : {"mel", "linear"}, default="mel"
        How the bands are spread. The mel scale (Slaney's) is linear below 1000 Hz: with
        the default `f_max`, both are the same.
    n_fft : int or None, default=None
        Length of the Fourier transform; by default the smallest power of two that holds
        a frame and leaves no band empty.
    amin : float, default=1e-6
        Power floor before the logarithm.
    normalize : {"recording", "band", None}, default="recording"
        ``"recording"`` scales the waveform to zero mean and unit RMS, and then the
        whole spectrogram to zero mean and unit standard deviation, so that the gain of
        a stethoscope has no influence. ``"band"`` scales each band of the spectrogram
        by itself. None changes neither and returns dB.
    padding : {"repeat", "constant"}, default="repeat"
        How recordings shorter than `duration` are filled: heart sounds are nearly
        periodic, so repeating them is closest to a longer recording. ``"constant"``
        appends the smallest value of the recording's own spectrogram.
    flatten : bool, default=False
        Return one row of ``n_bands * n_frames`` columns for each recording, for
        estimators that expect two dimensions.
    on_error : {"raise", "nan"}, default="raise"
        What to do with a recording that cannot be used. ``"nan"`` warns and returns NaN
        for it, so that the other rows keep their places.
    dtype : {"float32", "float16"}, default="float32"
        Type of the result and of the spectrograms in the cache. Half precision halves
        their size; probabilities differ by about 0.001. :class:`CNNClassifier` converts
        them to float32 one batch at a time.
    cache : str, os.PathLike or None, default=None
        Folder in which spectrograms are kept for later calls and other processes, see
        :class:`~skheart.spectrogram.SpectrogramCache`.
    lazy : bool, default=False
        Return :class:`~skheart.spectrogram.CachedSpectrograms` that are read from the
        `cache` when needed, for more recordings than fit into memory.
    n_jobs : int or None, default=None
        Number of threads (or of joblib's workers, inside
        :func:`joblib.parallel_config`). None means 1.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of each recording; only after `fit` on a two-dimensional array.

    See Also
    --------
    log_mel_spectrogram : The same for one waveform in memory.
    CNNClassifier : Classifies the spectrograms.

    Notes
    -----
    ``Pipeline(memory=...)`` compares paths, not the content of the files: clear that
    memory when a file has changed under the same name. `cache` compares the content.

    Examples
    --------
    >>> from skheart import SpectrogramTransformer
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(4, random_state=0)
    >>> transformer = SpectrogramTransformer(
    ...     input_sample_rate=sounds.sample_rate, duration=5.0
    ... )
    >>> transformer.fit_transform(sounds.data).shape
    (4, 40, 251)
    """

    def __init__(
        self,
        *,
        sample_rate: float = 2000.0,
        input_sample_rate: float | None = None,
        duration: float | None = 20.0,
        n_bands: int = 40,
        window: float = 0.05,
        hop: float = 0.02,
        f_min: float = 25.0,
        f_max: float = 900.0,
        scale: str = "mel",
        n_fft: int | None = None,
        amin: float = 1e-6,
        normalize: str | None = "recording",
        padding: str = "repeat",
        flatten: bool = False,
        on_error: str = "raise",
        dtype: str = "float32",
        cache: str | os.PathLike[str] | None = None,
        lazy: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.sample_rate = sample_rate
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.n_bands = n_bands
        self.window = window
        self.hop = hop
        self.f_min = f_min
        self.f_max = f_max
        self.scale = scale
        self.n_fft = n_fft
        self.amin = amin
        self.normalize = normalize
        self.padding = padding
        self.flatten = flatten
        self.on_error = on_error
        self.dtype = dtype
        self.cache = cache
        self.lazy = lazy
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the type of `X`; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `transform`. Files are not opened here.
        y : None
            Ignored.

        Returns
        -------
        self : SpectrogramTransformer
        """
        # Checks only, which `transform` repeats for `X` of its own: no file is opened.
        self._job()
        recordings_of(self, X, reset=True, check_finite=self.on_error == "raise")
        return self

    def transform(self, X: Any) -> np.ndarray | CachedSpectrograms:
        """Compute the spectrograms.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            A list, array or Series with a recording in each entry: the path or URL of a
            file, its content as bytes, an open file, a waveform, a pair
            ``(sample_rate, waveform)`` or a dict
            ``{"array": waveform, "sampling_rate": sample_rate}``. A table may hold them
            in its one column. Or a two-dimensional array of waveforms of the same
            length. Integers beside a rate are scaled as in sound files, so that 32768
            is 1 for 16 bits.

        Returns
        -------
        spectrograms : ndarray of shape (n_recordings, n_bands, n_frames), of `dtype`
            In the order of `X`. Of shape (n_recordings, n_bands * n_frames) with
            ``flatten=True``; a CachedSpectrograms on disk with ``lazy=True``.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, unless ``on_error="nan"``. The message names
            the recording.
        CacheError
            If the folder `cache` cannot be read or written.
        ValueError
            If a parameter or the shape of `X` is wrong.
        """
        spectrograms, errors = self._transform(X)
        broken = [message for message in errors if message]
        if broken:
            warnings.warn(
                f"{len(broken)} of {len(errors)} recordings cannot be used and became "
                "NaN: " + " ".join(broken[:3]) + (" ..." if len(broken) > 3 else ""),
                RuntimeWarning,
                stacklevel=3,  # scikit-learn wraps this method
            )
        return spectrograms

    @available_if(_flattens)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns, with ``flatten=True``.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of shape (n_bands * n_frames,), object
            Such as ``"band3_1.24s"``: the number of the band and the time of the frame.

        Raises
        ------
        ValueError
            If `duration` is None, because the number of frames is then not fixed.
        """
        job = self._job()
        if job.n_frames is None:
            raise ValueError(
                "get_feature_names_out needs a fixed duration, got duration=None."
            )
        times = np.arange(job.n_frames) * job.settings.n_hop / self.sample_rate
        names = [f"band{b}_{t:.7g}s" for b in range(self.n_bands) for t in times]
        return np.asarray(names, dtype=object)

    def _job(self) -> SpectrogramJob:
        """Check every parameter and return the work to be done."""
        check_number(
            "input_sample_rate", self.input_sample_rate, unit="Hz", optional=True
        )
        check_number("duration", self.duration, unit="seconds", optional=True)
        check_option("normalize", self.normalize, ("recording", "band", None))
        check_option("padding", self.padding, ("repeat", "constant"))
        check_option("on_error", self.on_error, ("raise", "nan"))
        check_option("dtype", self.dtype, ("float32", "float16"))
        if self.lazy and self.cache is None:
            raise ValueError(
                "lazy=True needs a folder for the spectrograms; set cache=folder."
            )
        if self.lazy and self.flatten:
            raise ValueError(
                "lazy=True returns spectrograms of three dimensions; use flatten=False."
            )
        names = [field.name for field in fields(SpectrogramSettings)]
        settings = SpectrogramSettings(**{name: getattr(self, name) for name in names})
        return SpectrogramJob(
            settings,
            input_sample_rate=self.input_sample_rate,
            duration=self.duration,
            normalize=self.normalize,
            padding=self.padding,
            on_error=self.on_error,
            dtype=self.dtype,
            cache=None if self.cache is None else SpectrogramCache(self.cache),
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def _transform(self, X: Any) -> tuple[Any, list[str]]:
        """Compute spectrograms, and the error of each recording ("" where none)."""
        job = self._job()
        strict = self.on_error == "raise"
        recordings = recordings_of(self, X, reset=False, check_finite=strict)
        if self.input_sample_rate is None:
            warn_about_rate(recordings, self.sample_rate, stacklevel=4)
        if self.lazy:
            return cached_spectrograms(job, recordings)
        whole, errors = spectrograms_of(job, recordings)
        return whole.reshape(len(whole), -1) if self.flatten else whole, errors

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
