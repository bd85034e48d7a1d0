"""Spectrograms of heart sounds: a pure function, and the transformer that calls it."""

from __future__ import annotations

import os
import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if

from skheart._core.checks import check_number, check_option
from skheart._core.versions import stamped, unstamped
from skheart.audio.recordings import recordings_of
from skheart.spectrogram.bands import SpectrogramSettings
from skheart.spectrogram.cache import CachedSpectrograms, SpectrogramCache
from skheart.spectrogram.parallel import (
    SpectrogramJob,
    cached_spectrograms,
    spectrograms_of,
)

__all__ = ["SpectrogramTransformer", "log_mel_spectrogram"]


def log_mel_spectrogram(
    waveform: np.ndarray,
    *,
    sample_rate: float,
    window: float = 0.05,
    hop: float = 0.02,
    n_bands: int = 40,
    f_min: float = 25.0,
    f_max: float = 900.0,
    scale: str = "mel",
    n_fft: int | None = None,
    amin: float = 1e-6,
) -> np.ndarray:
    """Compute the power in frequency bands over time, in decibels.

    Frames are centred on multiples of `hop` (zeros are put before and after), weighted
    with a periodic Hann window and Fourier transformed; their power is summed in
    overlapping triangular bands of equal area.

    Parameters
    ----------
    waveform : array-like of shape (..., n_times)
        One recording or several of the same length.
    sample_rate : float
        In Hz.
    window : float, default=0.05
        Length of a frame, in seconds.
    hop : float, default=0.02
        Time from one frame to the next, in seconds.
    n_bands : int, default=40
        Number of frequency bands.
    f_min : float, default=25.0
        Lower edge of the lowest band, in Hz.
    f_max : float, default=900.0
        Upper edge of the highest band, in Hz.
    scale : {"mel", "linear"}, default="mel"
        How the bands are spread. The mel scale used here (Slaney's) is linear below
        1000 Hz, so that for heart sounds the two differ only with a higher `f_max`.
    n_fft : int, default=None
        Length of the Fourier transform; frames are filled up with zeros. By default the
        smallest power of two that holds a frame and leaves no band empty.
    amin : float, default=1e-6
        Smallest power that is told apart: the result is at least ``10 * log10(amin)``.

    Returns
    -------
    spectrogram : ndarray of shape (..., n_bands, n_frames), float32
        In dB. ``n_frames = 1 + n_times // round(hop * sample_rate)``.

    Raises
    ------
    ValueError
        If a parameter is out of range, or `f_max` is above half the sample rate.

    See Also
    --------
    SpectrogramTransformer : The same for files and recordings of unequal length.

    Notes
    -----
    The result equals ``librosa.power_to_db(librosa.feature.melspectrogram(...),
    amin=amin, top_db=None)`` with the same settings.

    References
    ----------
    .. [1] M. Slaney, "Auditory Toolbox, version 2", Interval Research Corporation
       Technical Report 1998-010, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart import log_mel_spectrogram
    >>> tone = np.sin(2 * np.pi * 100 * np.arange(4000) / 2000)
    >>> spectrogram = log_mel_spectrogram(tone, sample_rate=2000)
    >>> spectrogram.shape
    (40, 101)
    """
    settings = SpectrogramSettings(
        sample_rate, window, hop, n_bands, f_min, f_max, scale, n_fft, amin
    )
    array = np.asarray(waveform)
    if array.ndim == 0 or array.shape[-1] == 0 or array.dtype.kind not in "fiu":
        raise ValueError(
            "waveform must hold real numbers along its last axis, got shape "
            f"{array.shape} and dtype {array.dtype}."
        )
    return settings.compute(array.astype(np.float32, copy=False))


def _flattens(transformer: SpectrogramTransformer) -> bool:
    if not transformer.flatten:
        raise AttributeError(
            "get_feature_names_out needs flatten=True: without it the output has three "
            "dimensions and no columns to name."
        )
    return True


class SpectrogramTransformer(TransformerMixin, BaseEstimator):
    """Turn recordings into spectrograms of one size.

    A recording is read (or taken from memory), averaged to mono, resampled, cut or
    filled to `duration`, and described by :func:`log_mel_spectrogram`. Nothing is
    learned in `fit`, so that the spectrogram of a recording never depends on the others
    and cannot leak from test to training.

    Parameters
    ----------
    sample_rate : float, default=2000.0
        Rate that every recording is resampled to, in Hz.
    input_sample_rate : float, default=None
        Rate of the waveforms passed as arrays, in Hz; sound files bring their own. By
        default waveforms are taken to be at `sample_rate` already.
    duration : float or None, default=20.0
        Length of the spectrogram, in seconds. Longer recordings lose their end. None
        takes the longest recording of each call, so that the number of frames can
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
        How the bands are spread.
    n_fft : int or None, default=None
        Length of the Fourier transform; by default the smallest power of two that holds
        a frame and leaves no band empty.
    amin : float, default=1e-6
        Smallest power that is told apart.
    normalize : {"recording", "band", None}, default="recording"
        ``"recording"`` sets the waveform to zero mean and unit RMS, then takes the mean
        and divides by the standard deviation of the whole spectrogram, so that neither
        the gain nor the make of a stethoscope counts. ``"band"`` does the second for
        each band by itself. None leaves the waveform as it is and gives dB.
    padding : {"repeat", "constant"}, default="repeat"
        How recordings shorter than `duration` are filled: heart sounds are nearly
        periodic, so repeating them is closest to a longer recording. ``"constant"``
        appends the smallest value of the recording's own spectrogram.
    flatten : bool, default=False
        Give one row of ``n_bands * n_frames`` columns a recording, for estimators that
        take two dimensions.
    on_error : {"raise", "nan"}, default="raise"
        What to do with a recording that cannot be used. ``"nan"`` warns and gives NaN
        in its place, so that rows stay in order.
    dtype : {"float32", "float16"}, default="float32"
        Of the result, and of what is kept in the cache. Half precision takes half of
        the room; the network's answers differ by about a thousandth.
    cache : str, os.PathLike or None, default=None
        Folder in which spectrograms are kept for later calls and other processes
        (:class:`~skheart.spectrogram.SpectrogramCache`). They are found by the
        contents of the recordings, so that a changed file is computed anew.
    lazy : bool, default=False
        Give :class:`~skheart.spectrogram.CachedSpectrograms` that are read from the
        `cache` when needed, for more recordings than fit into memory.
    n_jobs : int or None, default=None
        Number of threads (or of joblib's workers, inside
        :func:`joblib.parallel_config`). None means 1.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Attributes
    ----------
    n_features_in_ : int
        Values a recording; only after `fit` on a two-dimensional array.

    See Also
    --------
    log_mel_spectrogram : The function below this transformer.
    CNNClassifier : Classifies the spectrograms.

    Notes
    -----
    ``Pipeline(memory=...)`` recognises paths, not what is in the files: clear the cache
    when a file has changed under the same name. `cache` looks into the files.

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
        """Check the parameters and the kind of `X`; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths, waveforms of unequal length, or waveforms of the same length as rows.
            Files are not opened here.
        y : None
            Ignored.

        Returns
        -------
        self : SpectrogramTransformer
        """
        self._job()
        recordings_of(self, X, reset=True, check_finite=self.on_error == "raise")
        return self

    def transform(self, X: Any) -> np.ndarray | CachedSpectrograms:
        """Compute the spectrograms.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            A list, array or Series of paths; a list or object array of waveforms; or a
            two-dimensional array of waveforms of the same length.

        Returns
        -------
        spectrograms : ndarray or CachedSpectrograms of shape \
                (n_recordings, n_bands, n_frames), of `dtype`
            One row a recording, in order; of shape (n_recordings, n_bands * n_frames)
            with ``flatten=True``, on disk with ``lazy=True``.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, with its name, unless ``on_error="nan"``.
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
        """Name the columns; there with ``flatten=True`` and a fixed `duration`.

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
            If `duration` is None, since the number of frames is then not fixed.
        """
        job = self._job()
        if job.n_frames is None:
            raise ValueError(
                "get_feature_names_out needs a fixed duration, got duration=None."
            )
        times = np.arange(job.n_frames) * job.settings.n_hop / self.sample_rate
        names = [f"band{b}_{t:.7g}s" for b in range(self.n_bands) for t in times]
        return np.asarray(names, dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        """Give the state with the version that made it."""
        return stamped(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state, with a warning where it is of another version."""
        super().__setstate__(unstamped(self, state))

    def _job(self) -> SpectrogramJob:
        """Check every parameter and give the work to be done."""
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
                "lazy=True needs a folder to leave the spectrograms in; give "
                "cache=folder."
            )
        if self.lazy and self.flatten:
            raise ValueError(
                "lazy=True gives spectrograms, not rows of columns; use flatten=False."
            )
        settings = SpectrogramSettings(
            self.sample_rate,
            self.window,
            self.hop,
            self.n_bands,
            self.f_min,
            self.f_max,
            self.scale,
            self.n_fft,
            self.amin,
        )
        return SpectrogramJob(
            settings,
            sample_rate=self.sample_rate,
            input_sample_rate=self.input_sample_rate,
            duration=self.duration,
            window=self.window,
            f_max=self.f_max,
            normalize=self.normalize,
            padding=self.padding,
            on_error=self.on_error,
            dtype=self.dtype,
            cache=None if self.cache is None else SpectrogramCache(self.cache),
        )

    def _transform(self, X: Any) -> tuple[Any, list[str]]:
        """Compute spectrograms, and the error of each recording ("" where none)."""
        job = self._job()
        recordings = recordings_of(
            self, X, reset=False, check_finite=self.on_error == "raise"
        )
        workers = {"n_jobs": self.n_jobs, "verbose": self.verbose}
        if self.lazy:
            return cached_spectrograms(job, recordings, **workers)
        whole, errors = spectrograms_of(job, recordings, **workers)
        return whole.reshape(len(whole), -1) if self.flatten else whole, errors

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
