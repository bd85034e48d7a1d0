"""Read sound files: open, decode, check and resample."""

from __future__ import annotations

import hashlib
import os
from typing import Any, BinaryIO

import numpy as np

from skheart._core.checks import check_number
from skheart.audio.containers import decode_container
from skheart.audio.formats import container_of
from skheart.audio.limits import name_of_part
from skheart.audio.opening import open_recording
from skheart.audio.sound_files import decode_sound_file
from skheart.audio.waveform import check_waveform, resample

__all__ = ["read_recording"]


def read_recording(
    path: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    sample_rate: float | None = None,
    duration: float | None = None,
) -> tuple[np.ndarray, float]:
    """Read a sound file as one checked channel.

    Parameters
    ----------
    path : str, os.PathLike, bytes or binary file
        A WAV, FLAC, OGG, MP3, AIFF, AU, CAF, W64 or RF64 file, whatever its name, rate,
        word length and number of channels. Channels are averaged. With PyAV (``pip
        install "skheart[formats]"``) also an M4A, MP4, MOV, 3GP, WebM, MKA, MKV, WMA,
        AMR or AAC file with one audio stream. A URL such as
        ``"s3://bucket/recording.wav"`` is read with fsspec. Instead of a path, the
        content of a file, or an open file, which is read from its start.
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
        or infinite values; if its format needs PyAV, which is not installed. The
        message names the file.

    Notes
    -----
    A truncated WAV, AIFF, FLAC or M4A is recognised, and an MP3 or other file whose
    encoder wrote its length. Of OGG and other formats, everything that can be decoded
    is returned. Files without a header (``.raw``, ``.gsm``, ``.vox``) are refused,
    since their rate and format are not known.

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
    if isinstance(path, str | os.PathLike):
        source: Any = str(os.fsdecode(path))
        name = repr(source)
    elif isinstance(path, bytes) or hasattr(path, "read"):
        source, name = path, "The recording"
    else:
        raise TypeError(
            "path must be a str, os.PathLike, bytes or an open file, got "
            f"{type(path).__name__}; pass waveforms to the transformer."
        )
    with open_recording(source, name) as file:
        waveform, rate = decode(file, name, duration)
    part = name_of_part(name, duration, rate, len(waveform))
    waveform = check_waveform(waveform, name=part)
    if sample_rate is None:
        return waveform, rate
    return resample(waveform, rate, sample_rate), float(sample_rate)


def content_digest(path: str | os.PathLike[str], *, key: bytes) -> bytes:
    """Compute a keyed hash of a file's waveform and rate, the same for every format."""
    return waveform_digest(*read_recording(path), key=key)


def waveform_digest(waveform: np.ndarray, rate: float, *, key: bytes) -> bytes:
    """Compute the 32 bytes of a decoded waveform, (n_times,), at `rate` Hz."""
    digest = hashlib.blake2b(repr(rate).encode(), digest_size=32, key=key)
    digest.update(np.ascontiguousarray(waveform).astype("<f4", copy=False).data)
    return digest.digest()


def decode(
    file: BinaryIO, name: str, duration: float | None = None
) -> tuple[np.ndarray, float]:
    """Decode an open file: the mean of its channels, and the sample rate in Hz."""
    container = container_of(file)
    if container is None:
        waveform, rate = decode_sound_file(file, name, duration)
    else:
        waveform, rate = decode_container(file, container, name, duration)
    return waveform, float(rate)
