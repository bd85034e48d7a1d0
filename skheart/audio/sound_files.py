"""Decode the sound files that libsndfile can read."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import soundfile

from skheart.audio.limits import (
    LARGEST_LENGTH,
    LARGEST_SAMPLE_RATE,
    check_length,
    check_rate,
    mean_of_channels,
    times_in,
    truncated,
)
from skheart.audio.waveform import RecordingError

# Sizes that streaming writers leave in a header when they cannot go back to it.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF - 36, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0xFFFFFFFF)
_UNKNOWN_LENGTH = 1 << 60  # libsndfile's lengths above it say that it knows none
_BLOCK = 1 << 22  # values of all channels that are decoded at a time
# How files of the supported formats begin. Without this check libsndfile reads anything
# whose name ends in .raw, .gsm or .vox, and prints its own messages for some formats.
_BEGINNINGS = (
    *(b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b"caff", b".snd"),
    *(b"ID3", *(bytes([0xFF, byte]) for byte in range(0xE0, 0x100))),  # MP3
)
_PLAIN_HEAD = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PLAIN = (b"RIFF", b"WAVE", b"fmt ", 16, 1, 16, b"data")


def decode_sound_file(
    file: BinaryIO, name: str, duration: float | None
) -> tuple[np.ndarray, float]:
    """Return the mean of the channels of a file, and its sample rate in Hz."""
    plain = _decode_plain_wav(file, duration)
    return _decode_any(file, name, duration) if plain is None else plain


def _decode_plain_wav(
    file: BinaryIO, duration: float | None
) -> tuple[np.ndarray, float] | None:
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
    if truncated or not 0 < rate <= LARGEST_SAMPLE_RATE or n_times > LARGEST_LENGTH:
        return None
    file.seek(len(head))
    content = file.read(n_times * width)
    samples = np.frombuffer(content, dtype="<i2")
    waveform = np.multiply(samples, np.float32(2.0**-15), dtype=np.float32)
    return mean_of_channels(waveform.reshape(n_times, n_channels)), rate


def _decode_any(
    file: BinaryIO, name: str, duration: float | None
) -> tuple[np.ndarray, float]:
    """Decode any file that libsndfile can read."""
    not_audio = f"{name} cannot be read as audio ({{}}); expected an undamaged " + (
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
            check_rate(name, rate)
            n_times = times_in(duration, rate, promised)
            exact = exact and promised < _UNKNOWN_LENGTH
            if exact:
                check_length(name, n_times, rate)
            waveform = _read_blocks(sound, min(n_times, LARGEST_LENGTH + 1))
    except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
        reason = str(getattr(error, "error_string", error) or error).strip().rstrip(".")
        if not reason or reason.startswith("File does not exist"):  # a damaged MP3
            reason = "its format is not known, or it is damaged"
        raise RecordingError(not_audio.format(reason)) from error
    check_length(name, len(waveform), rate)
    if promised and (cut_short or (exact and len(waveform) < n_times)):
        raise truncated(name)
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
        parts.append(mean_of_channels(block[:n_read]))
        n_times = n_times - n_read if n_read == n_block else 0
    return parts[1] if len(parts) == 2 else np.concatenate(parts)


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
