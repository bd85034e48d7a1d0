"""Read recordings: sound files and waveforms, checked, mono, at one sampling rate."""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import soundfile
import soxr

from skheart._core.checks import check_number

__all__ = ["RecordingError", "check_waveform", "read_recording", "resample"]

# Sizes that streaming writers leave in a header when they cannot go back to it.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF - 36, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0xFFFFFFFF)
_HIGHEST_SAMPLE_RATE = 768_000
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# What a name may have read: none of these runs code or opens files of this machine.
_PROTOCOLS = ("abfs", "az", "gcs", "gs", "http", "https", "memory", "s3")
_LARGEST_COPY = 2 << 30  # bytes of a URL that are copied at most
# The head of the plainest WAV file, and what stands in it.
_PLAIN_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_PLAIN = (b"RIFF", b"WAVE", b"fmt ", 16, 1, 16, b"data")


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
        ending, rate, word length and number of channels. Channels are averaged. A URL
        such as ``"s3://bucket/recording.wav"`` is read with fsspec.
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
    ImportError
        If `path` is a URL and fsspec, or what it needs for it, is not installed.
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
    name = _text_of(path)
    known = _read_pcm(name, duration)
    if known is None:
        with local_file(name) as place:
            known = _read_pcm(place, duration) or _read_any(place, name, duration)
    channels, rate, promised = known
    wanted = promised if duration is None else min(promised, math.ceil(duration * rate))
    if len(channels) == 0 and promised == 0:
        raise RecordingError(f"{name!r} holds no sound: its length is zero.")
    if len(channels) < wanted:
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


def content_digest(path: str | os.PathLike[str], *, key: bytes) -> bytes:
    """Compute a keyed hash of the sound in a file, the same for every lossless format.

    Parameters
    ----------
    path : str or os.PathLike
        As of :func:`read_recording`.
    key : bytes
        At most 64 bytes. Without it, the hash cannot be computed again.

    Returns
    -------
    digest : bytes of length 32
        Of the mono waveform at the file's own sample rate, and of that rate.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, RecordingError
        If the file cannot be used, as of :func:`read_recording`.
    """
    waveform, rate = read_recording(path)
    digest = hashlib.blake2b(repr(float(rate)).encode(), digest_size=32, key=key)
    digest.update(np.ascontiguousarray(waveform).astype("<f4", copy=False).data)
    return digest.digest()


def _read_any(
    path: str, name: str, duration: float | None
) -> tuple[np.ndarray, int, int]:
    """Read a file with libsndfile: the channels, the rate, the promised length.

    Fewer than promised are given of a file that is cut short.
    """
    try:
        # Bytes, since names that are not UTF-8 cannot be encoded again.
        with soundfile.SoundFile(os.fsencode(path)) as file:
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
    if promised and _is_cut_short(path):
        return channels[:0], rate, promised
    return channels, rate, promised


def _read_pcm(path: str, duration: float | None) -> tuple[np.ndarray, int, int] | None:
    """Read a plain WAV file of 16-bit numbers, which most stethoscopes write.

    The same as libsndfile gives, in half of its time. None for all others, and for
    files that are not as they should be.
    """
    try:
        # Few calls, and none that waits for the writer of a pipe.
        file = os.open(path, _READING)
    except (OSError, ValueError):
        return None  # what is wrong with it is said by others
    try:
        head = os.read(file, _PLAIN_HEAD.size)
        if len(head) < _PLAIN_HEAD.size:
            return None
        riff, _, wave, fmt, n_fmt, tag, n_channels, rate, _, width, bits, data, n = (
            _PLAIN_HEAD.unpack(head)
        )
        if (riff, wave, fmt, n_fmt, tag, bits, data) != _PLAIN:
            return None
        n_frames, rest = divmod(n, max(1, width))
        plausible = 0 < n_channels <= 64 and 0 < rate <= _HIGHEST_SAMPLE_RATE
        if not plausible or rest or width != 2 * n_channels or n in _UNKNOWN_SIZES:
            return None
        wanted = n_frames
        if duration is not None:
            wanted = min(n_frames, math.ceil(duration * rate))
        if len(head) + n > os.fstat(file).st_size:
            return None
        content = os.read(file, wanted * width)
    except OSError:
        return None
    finally:
        os.close(file)
    if len(content) != wanted * width:
        return None
    samples = np.frombuffer(content, dtype="<i2")
    channels = np.multiply(samples, np.float32(2.0**-15), dtype=np.float32)
    return channels.reshape(wanted, n_channels), rate, n_frames


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
    # What becomes infinite, the next lines refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        array = array.astype(np.float32, copy=False)
        energy = np.dot(array, array)
    if not np.isfinite(energy) and not np.isfinite(array).all():
        raise RecordingError(
            f"{name} holds NaN or infinite values; mend or leave out the recording."
        )
    # Most recordings tell in their first values that they are not silent.
    flat = (array[:100] == array[0]).all() and (array == array[0]).all()
    if flat and not allow_silence:
        raise RecordingError(
            f"{name} is silent: all of its {len(array)} values are {array[0] + 0:g}; "
            "check the stethoscope or leave out the recording."
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


@contextmanager
def local_file(name: str) -> Iterator[str]:
    """Give the path of a file that can be opened: `name`, or a copy of a URL.

    Raises what :func:`read_recording` does for a file that is not there.
    """
    if not _URL.match(name):
        _check_file(name)
        yield name
        return
    protocol = name.split("://")[0].lower()
    if protocol not in _PROTOCOLS or "::" in name:
        raise RecordingError(
            f"{name!r} is not a URL that is read; expected one that begins with "
            f"{', '.join(_PROTOCOLS)} and has no '::' in it."
        )
    try:
        import fsspec
    except ImportError:
        raise ImportError(
            f"{name!r} is a URL, for which fsspec is needed; install it with "
            "\"pip install 'skheart[remote]'\"."
        ) from None
    handle, copy = tempfile.mkstemp(prefix="skheart-")
    os.close(handle)
    try:
        try:
            with fsspec.open(name, "rb") as source, open(copy, "wb") as target:
                size = 0
                while block := source.read(1 << 20):
                    size += len(block)
                    if size > _LARGEST_COPY:
                        raise RecordingError(
                            f"{name!r} is larger than {_LARGEST_COPY >> 30} GiB, which "
                            "no recording is; download it and cut it."
                        )
                    target.write(block)
        except ImportError as error:
            raise ImportError(f"{name!r} cannot be read: {error}") from error
        except FileNotFoundError:
            raise FileNotFoundError(f"There is no file {name!r}; check it.") from None
        except RecordingError:
            raise
        except Exception as error:  # each kind of storage has errors of its own
            raise OSError(
                f"{name!r} cannot be read: {type(error).__name__}: {error}"
            ) from error
        if os.path.getsize(copy) == 0:
            raise RecordingError(f"{name!r} is an empty file.")
        yield copy
    finally:
        os.unlink(copy)


def _text_of(path: str | os.PathLike[str]) -> str:
    """Give a path as text."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}."
        )
    return str(os.fsdecode(path))  # numpy's text too becomes plain


def _check_file(name: str) -> None:
    """Raise the error that says why a file cannot be opened, if it cannot."""
    if "\0" in name:
        raise RecordingError(f"{name!r} holds a null character and names no file.")
    try:
        status = os.stat(name)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {name!r}; check the path, which is relative to "
            f"{os.getcwd()!r}."
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            f"{name!r} is a folder, expected a sound file; pass the files inside it."
        )
    if not stat.S_ISREG(status.st_mode):
        raise RecordingError(f"{name!r} is not a regular file, expected a sound file.")
    if status.st_size == 0:
        raise RecordingError(f"{name!r} is an empty file.")
    if not os.access(name, os.R_OK):
        raise PermissionError(f"{name!r} may not be read; check its permissions.")


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
