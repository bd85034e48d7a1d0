"""Read recordings: sound files and waveforms, checked, mono, at one sampling rate."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from skheart._checks import check_number

__all__ = ["RecordingError", "check_waveform", "read_recording", "resample"]

# Sizes that streaming writers leave in a header when they cannot go back to it.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF - 36, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0xFFFFFFFF)
_HIGHEST_SAMPLE_RATE = 768_000


class RecordingError(ValueError):
    """A recording that cannot be used: not audio, empty, truncated, NaN or silent."""


def read_recording(
    path: str | os.PathLike[str],
    *,
    sample_rate: float | None = None,
    duration: float | None = None,
) -> tuple[np.ndarray, float]:
    """Read a sound file as one checked channel.

    Parameters
    ----------
    path : str or os.PathLike
        A file that libsndfile knows: WAV, FLAC, OGG, AIFF, MP3 and more, whatever its
        ending, rate, word length and number of channels. Channels are averaged.
    sample_rate : float, default=None
        Rate to resample to, in Hz. By default the file's own.
    duration : float, default=None
        Read this much from the start at most, in seconds. By default all.

    Returns
    -------
    waveform : ndarray of shape (n_times,), float32
        Full scale is -1 to 1.
    sample_rate : float
        Rate of `waveform`, in Hz.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IsADirectoryError
        If `path` is a folder.
    RecordingError
        If the file is not audio or is damaged, empty, truncated, silent, or holds NaN
        or infinite values. The message names the file.

    Notes
    -----
    A truncated WAV, AIFF or FLAC is recognised, and an MP3 whose encoder noted its
    length. Of OGG and other formats, what can be decoded is returned.

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, soundfile
    >>> from skheart import read_recording
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tone.wav"
    >>> tone = np.sin(2 * np.pi * 50 * np.arange(8000) / 4000)
    >>> soundfile.write(path, tone, 4000)
    >>> waveform, sample_rate = read_recording(path, sample_rate=2000)
    >>> waveform.shape, sample_rate
    ((4000,), 2000.0)
    """
    check_number("sample_rate", sample_rate, unit="Hz", optional=True)
    check_number("duration", duration, unit="seconds", optional=True)
    name = _existing_file(path)
    try:
        # Bytes, since names that are not UTF-8 cannot be encoded again.
        with soundfile.SoundFile(os.fsencode(name)) as file:
            rate, promised = file.samplerate, file.frames
            if not 0 < rate <= _HIGHEST_SAMPLE_RATE:
                raise RecordingError(
                    f"{name!r} says that its sample rate is {rate} Hz, which no "
                    "recording has; its header is damaged."
                )
            wanted = promised
            if duration is not None:
                wanted = min(promised, math.ceil(duration * rate))
            channels = file.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
        reason = str(getattr(error, "error_string", error) or error).strip().rstrip(".")
        if reason.startswith("File does not exist"):  # libsndfile of a damaged MP3
            reason = "its format is not known, or it is damaged"
        raise RecordingError(
            f"{name!r} cannot be read as audio ({reason}); expected an undamaged sound "
            "file such as WAV, FLAC, OGG, AIFF or MP3."
        ) from error
    if len(channels) == 0 and promised == 0:
        raise RecordingError(f"{name!r} holds no sound: its length is zero.")
    if len(channels) < wanted or _is_cut_short(name):
        raise RecordingError(
            f"{name!r} is truncated: its header promises more sound than the file "
            "holds; copy it again from its source."
        )
    waveform = channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
    part = "" if wanted == promised else f" (its first {duration:g} seconds)"
    waveform = check_waveform(waveform, name=f"{name!r}{part}")
    if sample_rate is None:
        return waveform, float(rate)
    return resample(waveform, rate, sample_rate), float(sample_rate)


def check_waveform(
    waveform: Any, *, name: str = "waveform", allow_silence: bool = False
) -> np.ndarray:
    """Check that an array is a usable waveform, and give it in float32.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Real numbers.
    name : str, default="waveform"
        What error messages call it.
    allow_silence : bool, default=False
        Take a waveform whose values are all the same.

    Returns
    -------
    waveform : ndarray of shape (n_times,), float32

    Raises
    ------
    RecordingError
        If it is not one-dimensional and numeric, or is empty, silent (all values are
        the same), or holds NaN or infinite values.

    Examples
    --------
    >>> from skheart.audio import check_waveform
    >>> check_waveform([0, 1, -1])
    array([ 0.,  1., -1.], dtype=float32)
    """
    try:
        array = np.asarray(waveform)
        numeric = array.dtype.kind in "fiu"
    except ValueError:  # ragged
        numeric = False
    if not numeric or array.ndim != 1:
        raise RecordingError(
            f"{name} must be a one-dimensional array of real numbers, got "
            + (
                f"shape {array.shape} and dtype {array.dtype}."
                if numeric
                else f"{type(waveform).__name__} with other contents."
            )
        )
    if len(array) == 0:
        raise RecordingError(f"{name} holds no sound: its length is zero.")
    with np.errstate(over="ignore"):  # becomes infinite, which the next lines refuse
        array = array.astype(np.float32, copy=False)
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RecordingError(
            f"{name} holds NaN or infinite values; mend or leave out the recording."
        )
    if low == high and not allow_silence:
        raise RecordingError(
            f"{name} is silent: all of its {len(array)} values are {low + 0:g}; check "
            "the stethoscope or leave out the recording."
        )
    return array


def resample(
    waveform: np.ndarray, input_sample_rate: float, sample_rate: float
) -> np.ndarray:
    """Resample a waveform with soxr's high-quality band-limited filter.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,), float32
    input_sample_rate, sample_rate : float
        Rates before and after, in Hz.

    Returns
    -------
    waveform : ndarray, float32
        At `sample_rate`, with at least one value.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.audio import resample
    >>> tone = np.sin(2 * np.pi * 50 * np.arange(8000) / 4000).astype(np.float32)
    >>> resample(tone, 4000, 2000).shape
    (4000,)
    """
    if input_sample_rate == sample_rate:
        return waveform
    resampled = soxr.resample(waveform, input_sample_rate, sample_rate, quality="HQ")
    return resampled if len(resampled) else waveform[:1]


def _existing_file(path: str | os.PathLike[str]) -> str:
    """Give the path as text, or raise the error that says why it cannot be opened."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}."
        )
    name = str(os.fsdecode(path))  # numpy's text too becomes plain
    if "\0" in name:
        raise RecordingError(f"{name!r} holds a null character and names no file.")
    if Path(name).is_dir():
        raise IsADirectoryError(
            f"{name!r} is a folder, expected a sound file; pass the files inside it."
        )
    try:
        status = os.stat(name)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {name!r}; check the path, which is relative to "
            f"{os.getcwd()!r}."
        ) from None
    if not os.path.isfile(name):
        raise RecordingError(f"{name!r} is not a regular file, expected a sound file.")
    if status.st_size == 0:
        raise RecordingError(f"{name!r} is an empty file.")
    if not os.access(name, os.R_OK):
        raise PermissionError(f"{name!r} may not be read; check its permissions.")
    return name


def _is_cut_short(name: str) -> bool:
    """Tell whether a WAV or AIFF file ends before its chunk of sound does.

    libsndfile reads such files without a word. Chunks are walked, since writers differ
    in what they count into the size of the whole file.
    """
    size = os.path.getsize(name)
    with open(name, "rb") as file:
        form = file.read(12)
        if form[:4] == b"RIFF" and form[8:] == b"WAVE":
            order, sound = "<I", b"data"
        elif form[:4] == b"FORM" and form[8:] in (b"AIFF", b"AIFC"):
            order, sound = ">I", b"SSND"
        else:
            return False
        position = 12
        while True:
            file.seek(position)
            head = file.read(8)
            if len(head) < 8:
                return False
            (length,) = struct.unpack(order, head[4:])
            if head[:4] == sound:
                return length not in _UNKNOWN_SIZES and position + 8 + length > size
            position += 8 + length + length % 2
