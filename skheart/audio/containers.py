"""Decode the sound in M4A, MP4, WebM, WMA, AMR and AAC files with PyAV.

PyAV holds FFmpeg, which can do much more than is wanted here: it opens URLs, and other
files that a file names. It gets an open file and never a name, one demuxer that was
chosen by how the file begins, and a short list of decoders.
"""

from __future__ import annotations

import os
import re
from typing import Any, BinaryIO, NoReturn

import numpy as np

from skheart._core.optional import optional_import
from skheart.audio.formats import CONTAINERS, how_to_read
from skheart.audio.limits import (
    LARGEST_LENGTH,
    check_length,
    check_rate,
    mean_of_channels,
    times_in,
    truncated,
)
from skheart.audio.waveform import RecordingError, full_scale

_DECODERS = frozenset(
    "aac alac amrnb amrwb flac mp3 mp3float opus vorbis wmapro wmav1 wmav2 "
    "pcm_alaw pcm_f32be pcm_f32le pcm_f64be pcm_f64le pcm_mulaw pcm_s16be pcm_s16le "
    "pcm_s24be pcm_s24le pcm_s32be pcm_s32le pcm_s8 pcm_u8".split()
)
_OPTIONS = {
    "codec_whitelist": ",".join(sorted(_DECODERS)),
    "protocol_whitelist": "",
    "enable_drefs": "0",
}
# Numbers of packets in the index of an MP4, which may be compressed.
_COUNTS = re.compile(
    rb"(?:stsz|stz2)(?=.{4}(?P<equal>.{4})(?P<count>.{4}))"
    rb"|trun(?=.{4}(?P<run>.{4}))|(?P<compressed>cmov)",
    re.DOTALL,
)
_MOST_PACKETS = 1 << 22  # a day of AAC; FFmpeg takes 36 bytes for each
_MOST_BOXES = 1 << 17
_BLOCK = 1 << 20
_SLACK = 0.1  # seconds that durations in headers may be too long


def decode_container(
    file: BinaryIO, container: str, name: str, duration: float | None
) -> tuple[np.ndarray, float]:
    """Return the mean of the channels of a file, and its sample rate in Hz."""
    av = _pyav(container, name)
    if container == "mov":
        _check_index(file, name)
    file.seek(0)
    try:
        with av.open(
            _Bounded(file),
            format=container,
            container_options=_OPTIONS,
            metadata_errors="replace",
            io_open=_refuse_to_open,
        ) as opened:
            return _decode_stream(opened, _only_stream(opened, name), name, duration)
    except RecordingError:
        raise
    except Exception as error:  # FFmpeg's own, and those of a forged file in PyAV
        reason = str(getattr(error, "strerror", None) or error)
        raise RecordingError(
            f"{name} is {CONTAINERS[container]} and cannot be read ({reason}); it is "
            "damaged or truncated: copy it again from its source."
        ) from error


def _pyav(container: str, name: str) -> Any:
    """Import PyAV, or say how to read or convert the file."""
    try:
        return optional_import("av", user="Reading it", extra="formats")
    except ImportError as error:
        path = name[1:-1] if name.startswith(("'", '"')) else "NAME.m4a"
        raise RecordingError(
            f"{name} is {CONTAINERS[container]}, which needs another package; "
            f"{how_to_read(path)}"
        ) from error


def _refuse_to_open(url: str, *_: Any) -> NoReturn:
    raise RecordingError(f"A recording names another file, {url!r}, to be opened.")


class _Bounded:
    """A file for FFmpeg that ends when it has been read 64 times.

    A forged index can repeat its parts for ever. Exceptions would be printed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.tell = file, file.tell
        self._left = 64 * (file.seek(0, os.SEEK_END) + _BLOCK)
        file.seek(0)

    def read(self, n_bytes: int) -> bytes:
        self._left -= n_bytes
        return self._file.read(n_bytes) if self._left >= 0 else b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1  # FFmpeg's sign of an impossible place


def _only_stream(opened: Any, name: str) -> Any:
    """Return the audio stream of a file, if there is one and it can be decoded."""
    n_streams = len(opened.streams.audio)
    if n_streams == 0:
        raise RecordingError(f"{name} holds no sound: it has no audio stream.")
    if n_streams > 1:
        raise RecordingError(
            f"{name} holds {n_streams} audio streams, expected one; extract one with "
            "ffmpeg and its option -map 0:a:0."
        )
    stream = opened.streams.audio[0]
    codec = stream.codec_context
    if codec is None or codec.name not in _DECODERS:
        what = "unknown" if codec is None else codec.name
        raise RecordingError(
            f"{name} holds sound in a coding that is not read ({what}); convert it to "
            "WAV."
        )
    codec.thread_count = 1
    return stream


def _decode_stream(
    opened: Any, stream: Any, name: str, duration: float | None
) -> tuple[np.ndarray, float]:
    """Decode packets until the end or the duration."""
    promised = _promised(opened, stream)
    rate = stream.codec_context.sample_rate
    if promised and rate:
        check_length(name, times_in(duration, rate, round(promised * rate)), rate)
    sound, rate, n_times, most = bytearray(), 0, 0, 1
    for packet in opened.demux(stream):
        if packet.is_corrupt:
            raise truncated(name)
        for frame in packet.decode():
            if frame.sample_rate != (rate or frame.sample_rate):
                raise ValueError("its sample rate changes")
            rate = frame.sample_rate
            check_rate(name, rate)
            sound += _mean_of(frame).tobytes()
        n_times = len(sound) // 4
        most = times_in(duration, rate, LARGEST_LENGTH + 1) if rate else 1
        if n_times >= most:
            break
    check_length(name, min(n_times, most), rate)
    if promised and n_times < times_in(duration, rate, int((promised - _SLACK) * rate)):
        raise truncated(name)
    return np.frombuffer(sound, dtype=np.float32)[:most], rate


def _promised(opened: Any, stream: Any) -> float:
    """Return the duration in the header, in seconds; 0 if there is none."""
    if opened.format.name in ("aac", "amr"):  # FFmpeg estimates it from the size
        return 0.0
    if stream.duration:
        return float(stream.duration * stream.time_base)
    # That of the file is that of its longest stream.
    return (opened.duration or 0) / 1e6 if len(opened.streams) == 1 else 0.0


def _mean_of(frame: Any) -> np.ndarray:
    """Return the mean of the channels of a decoded frame, float32."""
    values = full_scale(frame.to_ndarray()).astype(np.float32, copy=False)
    planar = frame.format.is_planar
    return mean_of_channels(values.T if planar else values.reshape(frame.samples, -1))


def _check_index(file: BinaryIO, name: str) -> None:
    """Raise if the index of an MP4 lists more packets than FFmpeg should hold.

    FFmpeg takes memory for as many as the index says, however small the file is.
    """
    n_packets, has_segments = _packets_listed(file, in_sound=False)
    if has_segments:  # their index can point to a place inside the sound
        n_packets += _packets_listed(file, in_sound=True)[0]
    if n_packets > _MOST_PACKETS:
        raise RecordingError(
            f"{name} cannot be read: its index is compressed or lists more than "
            f"{_MOST_PACKETS} packets; copy it again from its source, or convert it "
            "to WAV."
        )


def _packets_listed(file: BinaryIO, *, in_sound: bool) -> tuple[int, bool]:
    """Return the number of packets in all indexes, and whether one is of segments.

    They are searched in the boxes that hold the sound, or in all others.
    """
    size = file.seek(0, os.SEEK_END)
    n_packets, has_segments, position = 0, False, 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return n_packets, has_segments
        length = int.from_bytes(head[8:] if head[:4] == b"\0\0\0\1" else head[:4])
        end = position + length if 8 <= length <= size - position else size
        if (head[4:8] == b"mdat") == in_sound:
            for start in range(position, end, _BLOCK):
                length = min(_BLOCK, end - start)
                file.seek(start)
                # Numbers can lie behind the block; behind the end FFmpeg reads zeros.
                block = file.read(length + 16) + bytes(16)
                has_segments |= b"sidx" in block
                for match in _COUNTS.finditer(block):
                    if match.start() < length:
                        n_packets += _packets_in(match, size)
        position = end
    return _MOST_PACKETS + 1, False


def _packets_in(match: re.Match[bytes], size: int) -> int:
    """Return how many packets one index lists, as :data:`_COUNTS` found it."""
    if match["compressed"]:
        return _MOST_PACKETS + 1
    if match["run"]:
        return int.from_bytes(match["run"])
    equal, count = int.from_bytes(match["equal"]), int.from_bytes(match["count"])
    # FFmpeg holds no index of numbers that are not coded; such files have many packets.
    return 0 if equal > 1 and equal * count <= size else count
