"""The spectrogram of waveforms in memory, as a plain function."""

from __future__ import annotations

import numpy as np

from skheart.spectrogram.bands import SpectrogramSettings

__all__ = ["log_mel_spectrogram"]


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
    f_min, f_max : float, default=25.0, 900.0
        Lower edge of the lowest and upper edge of the highest band, in Hz.
    scale : {"mel", "linear"}, default="mel"
        How the bands are spread. The mel scale (Slaney's) is linear below 1000 Hz: with
        the default `f_max`, both are the same.
    n_fft : int, default=None
        Length of the Fourier transform; frames are filled up with zeros. By default the
        smallest power of two that holds a frame and leaves no band empty.
    amin : float, default=1e-6
        Power floor before the logarithm: the result is at least ``10 * log10(amin)``.

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
    array = array.astype(np.float32, copy=False)
    shape = *array.shape[:-1], n_bands, settings.n_frames(array.shape[-1])
    decibels = np.empty(shape, dtype=np.float32)
    for place in np.ndindex(shape[:-2]):
        decibels[place] = settings.compute(array[place])
    return decibels
