"""Sounds and spectrograms as addresses that contain them."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import soundfile

_LEVELS = 128  # colours of a spectrogram
_RANGE = (5, 99.8)  # percentiles that get the first and the last colour
# From quiet to loud: dark blue, violet, red, orange, light yellow.
_COLOURS = ((8, 10, 38), (74, 32, 112), (172, 50, 92), (240, 134, 52), (253, 236, 150))


def sound_address(waveform: np.ndarray, sample_rate: float) -> str:
    """Return a waveform as the address of a WAV file of 16 bits; its peak is full."""
    peak = float(np.abs(waveform).max(initial=0.0)) or 1.0
    values = np.round(waveform / peak * 0.9 * 32767).astype("<i2")
    buffer = io.BytesIO()
    soundfile.write(buffer, values, round(sample_rate), format="WAV", subtype="PCM_16")
    return _address("audio/wav", buffer.getvalue())


def spectrogram_address(spectrogram: np.ndarray) -> str:
    """Return a spectrogram, (n_bands, n_frames), as the address of a PNG image."""
    low, high = np.percentile(spectrogram, _RANGE)
    scaled = (spectrogram[::-1] - low) / max(float(high - low), 1e-12)
    levels = np.round(np.clip(scaled, 0, 1) * (_LEVELS - 1)).astype(np.uint8)
    return _address("image/png", png(levels, _palette()))


def png(levels: np.ndarray, palette: np.ndarray) -> bytes:
    """Return an image of palette indices, (height, width) in uint8, as PNG."""
    height, width = levels.shape
    rows = np.zeros((height, 1 + width), dtype=np.uint8)  # 0: the row is not filtered
    rows[:, 1:] = levels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", palette.astype(np.uint8).tobytes())
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def _palette() -> np.ndarray:
    """Return the colours, (n_levels, 3)."""
    places = np.linspace(0, len(_COLOURS) - 1, _LEVELS)
    known = np.arange(len(_COLOURS))
    columns = np.array(_COLOURS).T
    return np.round([np.interp(places, known, column) for column in columns]).T


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
