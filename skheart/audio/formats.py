"""The formats of recordings: by how a file begins, and by the ending of its name."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import BinaryIO

# Endings of sound files that libsndfile reads, and of those that PyAV reads.
SOUND_FILE_SUFFIXES = frozenset(
    ".aif .aiff .au .caf .flac .mp3 .oga .ogg .opus .rf64 .w64 .wav".split()
)
CONTAINER_SUFFIXES = frozenset(
    ".3g2 .3gp .aac .amr .m4a .m4b .mka .mkv .mov .mp4 .webm .wma .wmv".split()
)
# FFmpeg's demuxers and what messages call their files. Playlists are not among them.
CONTAINERS = {
    "mov": "an MP4, M4A, MOV or 3GP file",
    "matroska": "a WebM, MKA or MKV file",
    "asf": "a WMA file",
    "amr": "an AMR file",
    "aac": "an AAC file",
}
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


def readable_suffixes() -> frozenset[str]:
    """Return the endings of files that can be read with the packages installed."""
    if importlib.util.find_spec("av") is None:
        return SOUND_FILE_SUFFIXES
    return SOUND_FILE_SUFFIXES | CONTAINER_SUFFIXES


def container_of(file: BinaryIO) -> str | None:
    """Return the key in `CONTAINERS` of an open file; None for a plain sound file."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if head[4:8] in _MP4_BOXES:
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head == _ASF:
        return "asf"
    if head.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
        return "amr"
    # An MP3 begins with the same 12 bits; two of its next four are never both zero.
    is_aac = head[:1] == b"\xff" and head[1:2] in (b"\xf0", b"\xf1", b"\xf8", b"\xf9")
    return "aac" if is_aac else None


def how_to_read(path: str) -> str:
    """Return what to do with a container where PyAV is not installed."""
    wav = str(Path(path).with_suffix(".wav"))
    return (
        'install PyAV with pip install "skheart[formats]", or convert the file with '
        f"ffmpeg -i {shlex.quote(path)} {shlex.quote(wav)}"
    )
