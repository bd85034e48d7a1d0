"""Read sound files: open, decode, check and resample."""

from __future__ import annotations

import hashlib
import io
import math
import os
import stat
import struct
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import soundfile

from skheart._core.checks import check_number
from skheart.audio.remote import LARGEST_FILE, download, is_url
from skheart.audio.waveform import RecordingError, check_waveform, resample

__all__ = ["read_recording"]

# Sizes that streaming writers leave in a header when they cannot go back to it.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF - 36, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0xFFFFFFFF)
_UNKNOWN_LENGTH = 1 << 60  # libsndfile's lengths above it say that it knows none
_LARGEST_SAMPLE_RATE = 768_000
_LARGEST_LENGTH = 1 << 27  # values a channel: 18 hours at 2 kHz
_BLOCK = 1 << 22  # values of all channels that are decoded at a time
# How files of the supported formats begin. Without this check libsndfile reads anything
# whose name ends in .raw, .gsm or .vox, and prints its own messages for some formats.
_BEGINNINGS = (
    *(b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff", b".snd"),
    *(b"ID3", *(bytes([0xFF, byte]) for byte in range(0xE0, 0x100))),  # MP3
)
_PLAIN_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PLAIN = (b"RIFF", b"WAVE", b"fmt ", 16, 1, 16, b"data")
# Opening must not wait for the writer of a named pipe.
_OPENING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


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
        A WAV, FLAC, OGG, MP3, AIFF, AU, CAF, W64 or RF64 file, whatever its name, rate,
        word length and number of channels. Channels are averaged. A URL such as
        ``"s3://bucket/recording.wav"`` is read with fsspec.
    sample_rate : float, default=None
        Rate to resample to, in Hz. By default the file's own.
    duration : float, default=None
        Read at most this much from the start, in seconds. By default all.

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
        If `path` is a URL and fsspec, or a package it needs, is not installed.
    RecordingError
        If the file is not audio or is damaged, empty, truncated, silent, or holds NaN
        or infinite values. The message names the file.

    Notes
    -----
    A truncated WAV, AIFF or FLAC is recognised, and an MP3 whose encoder wrote its
    length. Of OGG and other formats, everything that can be decoded is returned. Files
    without a header (``.raw``, ``.gsm``, ``.vox``) are refused, since their rate and
    format are not known.

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
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}; to use "
            "sound in memory, decode it and pass the waveform to the transformer."
        )
    name = str(os.fsdecode(path))
    with open_recording(name) as file:
        waveform, rate = decode(file, name, duration)
    part = name_of_part(repr(name), duration, rate, len(waveform))
    waveform = check_waveform(waveform, name=part)
    if sample_rate is None:
        return waveform, rate
    return resample(waveform, rate, sample_rate), float(sample_rate)


def content_digest(path: str | os.PathLike[str], *, key: bytes) -> bytes:
    """Compute a keyed hash of a file's waveform and rate, the same for every format."""
    waveform, rate = read_recording(path)
    digest = hashlib.blake2b(repr(rate).encode(), digest_size=32, key=key)
    digest.update(np.ascontiguousarray(waveform).astype("<f4", copy=False).data)
    return digest.digest()


def open_recording(name: str, content: bytes | None = None) -> BinaryIO:
    """Open a file, a URL or its known content, or raise what is wrong with it."""
    if content is not None:
        return io.BytesIO(content)
    if is_url(name):
        return io.BytesIO(download(name))
    try:
        number = os.open(name, _OPENING)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {name!r}; check the path, which is relative to "
            f"{os.getcwd()!r}."
        ) from None
    except PermissionError:
        raise PermissionError(
            f"{name!r} may not be read; check its permissions."
        ) from None
    except ValueError:
        raise RecordingError(
            f"{name!r} contains a null character and names no file."
        ) from None
    status = os.fstat(number)
    if stat.S_ISREG(status.st_mode) and status.st_size > 0:
        # By its number: from a name, soundfile would take the format.
        return io.FileIO(number)
    os.close(number)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            f"{name!r} is a folder, expected a sound file; pass the files inside it."
        )
    what = "an empty file" if stat.S_ISREG(status.st_mode) else "not a regular file"
    raise RecordingError(f"{name!r} is {what}, expected a sound file.")


def read_content(name: str) -> bytes:
    """Return all bytes of a file or URL, so that it can be hashed and then decoded."""
    with open_recording(name) as file:
        if file.seek(0, os.SEEK_END) > LARGEST_FILE:
            raise RecordingError(
                f"{name!r} is larger than {LARGEST_FILE} bytes, too large to be "
                "cached; cut it or use cache=None."
            )
        file.seek(0)
        return file.read()


def decode(
    file: BinaryIO, name: str, duration: float | None = None
) -> tuple[np.ndarray, float]:
    """Decode an open file: the mean of its channels, and the sample rate in Hz."""
    plain = _decode_plain_wav(file, duration)
    waveform, rate = _decode_any(file, name, duration) if plain is None else plain
    return waveform, float(rate)


def times_in(duration: float | None, rate: float, n_times: int) -> int:
    """Return how many of `n_times` values lie within `duration` seconds."""
    return n_times if duration is None else min(n_times, math.ceil(duration * rate))


def name_of_part(name: str, duration: float | None, rate: float, n_times: int) -> str:
    """Return what messages call the `n_times` values of a recording that are used."""
    if duration is None or n_times < duration * rate:
        return name  # nothing was left out
    return f"{name} (its first {duration:g} seconds)"


def _decode_plain_wav(
    file: BinaryIO, duration: float | None
) -> tuple[np.ndarray, int] | None:
    """Decode the WAV files of 16-bit numbers that most stethoscopes write.

    The result is libsndfile's, in half of the time. None for all other files.
    """
    head = file.read(_PLAIN_HEAD.size)
    if len(head) < _PLAIN_HEAD.size:
        return None
    riff, _, wave, fmt, n_fmt, tag, n_channels, rate, _, width, bits, data, n = (
        _PLAIN_HEAD.unpack(head)
    )
    if (riff, wave, fmt, n_fmt, tag, bits, data) != _PLAIN or n in _UNKNOWN_SIZES:
        return None
    if n_channels not in (1, 2) or width != 2 * n_channels or n % width:
        return None
    n_times = times_in(duration, rate, n // width)
    truncated = len(head) + n > file.seek(0, os.SEEK_END)
    if truncated or not 0 < rate <= _LARGEST_SAMPLE_RATE or n_times > _LARGEST_LENGTH:
        return None
    file.seek(len(head))
    content = file.read(n_times * width)
    samples = np.frombuffer(content, dtype="<i2")
    waveform = np.multiply(samples, np.float32(2.0**-15), dtype=np.float32)
    return _mean(waveform.reshape(n_times, n_channels)), rate


def _decode_any(
    file: BinaryIO, name: str, duration: float | None
) -> tuple[np.ndarray, int]:
    """Decode a file with libsndfile."""
    not_audio = f"{name!r} cannot be read as audio ({{}}); expected an undamaged " + (
        "sound file such as WAV, FLAC, OGG, AIFF or MP3."
    )
    file.seek(0)
    if not file.read(4).startswith(_BEGINNINGS):
        raise RecordingError(not_audio.format("its format is not known"))
    cut_short = _is_cut_short(file)
    exact = _tells_its_length(file)
    file.seek(0)
    try:
        with soundfile.SoundFile(_Seekable(file)) as sound:
            rate, promised = sound.samplerate, sound.frames
            if not 0 < rate <= _LARGEST_SAMPLE_RATE:
                raise RecordingError(
                    f"{name!r} says that its sample rate is {rate} Hz, which no "
                    "recording has; its header is damaged."
                )
            n_times = times_in(duration, rate, promised)
            exact = exact and promised < _UNKNOWN_LENGTH
            if exact and n_times > _LARGEST_LENGTH:
                raise _too_long(name, rate)
            waveform = _read_blocks(sound, min(n_times, _LARGEST_LENGTH + 1))
    except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
        reason = str(getattr(error, "error_string", error) or error).strip().rstrip(".")
        if not reason or reason.startswith("File does not exist"):  # a damaged MP3
            reason = "its format is not known, or it is damaged"
        raise RecordingError(not_audio.format(reason)) from error
    if len(waveform) > _LARGEST_LENGTH:
        raise _too_long(name, rate)
    if promised and (cut_short or (exact and len(waveform) < n_times)):
        raise RecordingError(
            f"{name!r} is truncated: its header promises more sound than the file "
            "holds; copy it again from its source."
        )
    return waveform, rate


class _Seekable:
    """A file for libsndfile: seeking to an impossible place changes nothing.

    Damaged files make it try; an exception would be printed and not raised.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.tell, self.read = file, file.tell, file.read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> None:
        with suppress(OSError, ValueError):
            self._file.seek(offset, whence)


def _too_long(name: str, rate: int) -> RecordingError:
    return RecordingError(
        f"{name!r} is longer than {_LARGEST_LENGTH / rate:.0f} seconds, the most that "
        f"is read at {rate} Hz; read its start with duration, or cut it."
    )


def _read_blocks(sound: soundfile.SoundFile, n_times: int) -> np.ndarray:
    """Decode up to `n_times` values, and average the channels block by block."""
    parts = [np.empty(0, dtype=np.float32)]
    while n_times > 0:
        n_block = min(n_times, max(1, _BLOCK // sound.channels))
        block = np.full((n_block, sound.channels), np.nan, dtype=np.float32)
        try:
            n_read = len(sound.read(out=block))
        except soundfile.LibsndfileError:
            if sound.frames < _UNKNOWN_LENGTH:
                raise
            # After the end of a FLAC of unknown length soundfile fails to seek; the
            # numbers read before are in the block.
            n_read = n_block - int(np.isnan(block[:, 0]).sum())
        parts.append(_mean(block[:n_read]))
        n_times = n_times - n_read if n_read == n_block else 0
    return parts[1] if len(parts) == 2 else np.concatenate(parts)


def _mean(channels: np.ndarray) -> np.ndarray:
    """Average channels, (n_times, n_channels)."""
    return channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)


def _tells_its_length(file: BinaryIO) -> bool:
    """Return False for an MP3 whose length can only be estimated.

    The exact length is in the first frame, in a tag that not all encoders write.
    """
    file.seek(0)
    head = file.read(10)
    if not head.startswith((b"ID3", b"\xff")):
        return True
    if head[:3] == b"ID3":  # its size is in four bytes of seven bits each
        size = sum((byte & 0x7F) << 7 * (3 - i) for i, byte in enumerate(head[6:10]))
        file.seek(10 + size)
    else:
        file.seek(0)
    frame = file.read(4096)
    return frame[:4] == b"fLaC" or any(x in frame for x in (b"Xing", b"Info", b"VBRI"))


def _is_cut_short(file: BinaryIO) -> bool:
    """Check whether a WAV or AIFF file ends before its sound does.

    libsndfile reads such files without an error. The chunks are visited one by one,
    since writers differ in what they count as the size of the whole file.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
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
