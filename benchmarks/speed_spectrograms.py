"""Spectrograms a second: skheart, librosa in a loop, and the floor.

Each way turns the same CirCor recordings into log-mel spectrograms of the same
settings. Resampling is part of it where it reads files. The floor is the Fourier
transform of each frame alone, and reading the bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.fft
from _turns import compared, in_turns

from skheart import SpectrogramTransformer, log_mel_spectrogram, read_recording

RATE, WINDOW, HOP, N_BANDS, F_MIN, F_MAX, N_FFT = 2000, 100, 40, 40, 25.0, 900.0, 128


def by_librosa(waveform: np.ndarray) -> np.ndarray:
    """What is written by hand."""
    power = librosa.feature.melspectrogram(
        y=waveform, sr=RATE, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP,
        n_mels=N_BANDS, fmin=F_MIN, fmax=F_MAX, pad_mode="constant",
    )  # fmt: skip
    return librosa.power_to_db(power, ref=1.0, amin=1e-6, top_db=None)


def normalized(spectrogram: np.ndarray) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation."""
    return (spectrogram - spectrogram.mean()) / spectrogram.std()


def floor(waveform: np.ndarray) -> np.ndarray:
    """Transform each frame, and nothing else."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW)[::HOP]
    return scipy.fft.rfft(frames, N_FFT, axis=-1)


def measure(paths: list[str], *, rounds: int) -> dict[str, Any]:
    """Time all ways on some recordings.

    Parameters
    ----------
    paths : list of str
        WAV files.
    rounds : int
    """
    waveforms = [read_recording(path, sample_rate=RATE)[0] for path in paths]
    # What both ways are given is the same, and so is what they give.
    waveforms = [(w - w.mean()) / w.std() for w in waveforms]
    difference = max(
        float(np.abs(log_mel_spectrogram(w, sample_rate=RATE) - by_librosa(w)).max())
        for w in waveforms
    )
    seconds = [len(waveform) / RATE for waveform in waveforms]
    one = SpectrogramTransformer(duration=None, input_sample_rate=RATE, n_jobs=1)
    both = SpectrogramTransformer(duration=20.0, n_jobs=-1)
    single = SpectrogramTransformer(duration=20.0, n_jobs=1)
    cut = [waveform[: 20 * RATE] for waveform in waveforms]
    one.set_params(duration=20.0)

    def librosa_from_files() -> None:
        for path in paths:
            waveform, _ = librosa.load(path, sr=RATE, duration=20.0)
            waveform = (waveform - waveform.mean()) / waveform.std()
            normalized(by_librosa(waveform))

    n = len(paths)
    memory = in_turns(
        {
            "skheart": lambda: one.transform(cut),
            "librosa in a loop": lambda: [normalized(by_librosa(w)) for w in cut],
            "floor": lambda: [floor(w) for w in cut],
        },
        rounds=rounds,
    )
    files = in_turns(
        {
            "skheart": lambda: both.transform(paths),
            "skheart, one thread": lambda: single.transform(paths),
            "librosa in a loop": librosa_from_files,
            "floor": lambda: [Path(path).read_bytes() for path in paths],
        },
        rounds=rounds,
    )
    return {
        "recordings": n,
        "seconds of sound": round(float(np.mean(seconds)), 1),
        "difference from librosa in dB": difference,
        "from memory, one thread": compared(memory, per=n),
        "from WAV files, all cores": compared(files, per=n),
    }
