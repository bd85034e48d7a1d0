"""What every decoder checks: the rate, the length, and that nothing is missing."""

from __future__ import annotations

import math

import numpy as np

from skheart.audio.waveform import RecordingError

LARGEST_FILE = 1 << 30  # bytes that are held in memory as a whole
LARGEST_LENGTH = 1 << 27  # values a channel: 18 hours at 2 kHz
LARGEST_SAMPLE_RATE = 768_000


def check_rate(name: str, rate: float) -> None:
    """Raise unless a sample rate is one that recordings have."""
    if not 0 < rate <= LARGEST_SAMPLE_RATE:
        raise RecordingError(
            f"{name} says that its sample rate is {rate} Hz, which no recording has; "
            "its header is damaged."
        )


def check_length(name: str, n_times: int, rate: float) -> None:
    """Raise if a recording is too long to be held in memory."""
    if n_times > LARGEST_LENGTH:
        raise RecordingError(
            f"{name} is longer than {LARGEST_LENGTH / rate:.0f} seconds, the most that "
            f"is read at {rate:g} Hz; read its start with duration, or cut it."
        )


def truncated(name: str) -> RecordingError:
    """Return the error of a file that ends too early."""
    return RecordingError(
        f"{name} is truncated: its header promises more sound than the file holds; "
        "copy it again from its source."
    )


def times_in(duration: float | None, rate: float, n_times: int) -> int:
    """Return how many of `n_times` values lie within `duration` seconds."""
    return n_times if duration is None else min(n_times, math.ceil(duration * rate))


def name_of_part(name: str, duration: float | None, rate: float, n_times: int) -> str:
    """Return what messages call the `n_times` values of a recording that are used."""
    if duration is None or n_times < duration * rate:
        return name  # nothing was left out
    return f"{name} (its first {duration:g} seconds)"


def mean_of_channels(channels: np.ndarray) -> np.ndarray:
    """Average channels, (n_times, n_channels)."""
    return channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1)
