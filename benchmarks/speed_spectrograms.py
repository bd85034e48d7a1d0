"""Time the spectrograms of skheart, of librosa in a loop, and a lower bound.

All compute log-mel spectrograms of the same CirCor recordings with the same settings.
Reading files includes resampling. The lower bound ("floor") consists of reading the
bytes and the Fourier transform of each frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import scipy.fft
import soundfile
from _turns import InPyTorch, compared, has_pytorch, in_turns
from joblib import parallel_config

from skheart import SpectrogramTransformer, log_mel_spectrogram, read_recording
from skheart.spectrogram.blas import single_blas_thread

RATE, WINDOW, HOP, N_BANDS, F_MIN, F_MAX, N_FFT = 2000, 100, 40, 40, 25.0, 900.0, 128
SECONDS = 20.0


def by_librosa(waveform: np.ndarray) -> np.ndarray:
    """Compute a spectrogram in decibels with librosa."""
    power = librosa.feature.melspectrogram(
        y=waveform, sr=RATE, n_fft=N_FFT, win_length=WINDOW, hop_length=HOP,
        n_mels=N_BANDS, fmin=F_MIN, fmax=F_MAX, pad_mode="constant",
    )  # fmt: skip
    return librosa.power_to_db(power, ref=1.0, amin=1e-6, top_db=None)


def normalized(spectrogram: np.ndarray) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation."""
    return (spectrogram - spectrogram.mean()) / spectrogram.std()


def from_file_by_librosa(path: str, *, fill: bool = True) -> np.ndarray:
    """Read 20 s of a recording, repeated to fill them, and compute a spectrogram."""
    waveform, _ = librosa.load(path, sr=RATE, duration=SECONDS)
    if fill:
        waveform = np.resize(waveform, round(SECONDS * RATE))
    waveform = (waveform - waveform.mean()) / waveform.std()
    return normalized(by_librosa(waveform))


def floor(waveform: np.ndarray) -> np.ndarray:
    """Compute only the Fourier transform of each frame."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW)[::HOP]
    return scipy.fft.rfft(frames, N_FFT, axis=-1)


def as_wav(paths: list[str], folder: Path) -> list[str]:
    """Write recordings as WAV files at their own rate, as stethoscopes do."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, path in enumerate(paths):
        name = folder / f"{number}.wav"
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(name, samples, rate, subtype="PCM_16")
        names.append(str(name))
    return names


def in_pytorch(waveforms: list[np.ndarray], rounds: int) -> list[float]:
    """Return the seconds for a batch of all waveforms on one thread."""
    longest = max(map(len, waveforms))
    mean = np.mean([len(waveform) for waveform in waveforms]) / longest
    settings = SpectrogramTransformer()._job().settings
    work = InPyTorch(
        "spectrograms",
        1,
        X=np.stack([np.resize(waveform, longest) for waveform in waveforms]),
        filters=settings.filters,
        sizes=np.array([N_FFT, WINDOW, HOP]),
    )
    seconds = [work() for _ in range(1 + rounds)][1:]
    work.close()
    return [mean * value for value in seconds]  # without the repetitions


def measure(paths: list[str], work: Path, *, rounds: int) -> dict[str, Any]:
    """Time all implementations on some recordings, which are written as WAV files."""
    paths = as_wav(paths, work / "wav")
    waveforms = [read_recording(path, sample_rate=RATE)[0] for path in paths]
    waveforms = [waveform[: 20 * RATE] for waveform in waveforms]
    # Told the rate, as librosa is; otherwise a call checks it, for about 2 ms in all.
    in_decibels = SpectrogramTransformer(normalize=None, input_sample_rate=RATE)
    difference = max(
        float(np.abs(ours[:, : theirs.shape[1]] - theirs).max())
        for ours, theirs in zip(
            (log_mel_spectrogram(w, sample_rate=RATE) for w in waveforms),
            map(by_librosa, waveforms),
            strict=True,
        )
    )
    one = SpectrogramTransformer(n_jobs=1)
    both = SpectrogramTransformer(n_jobs=-1)

    def librosa_from_files() -> None:
        for path in paths:
            from_file_by_librosa(path, fill=False)

    def processes() -> None:
        with parallel_config("loky", n_jobs=-1):
            SpectrogramTransformer().transform(paths)

    n = len(paths)
    with single_blas_thread():
        memory = in_turns(
            {
                "skheart": lambda: in_decibels.transform(waveforms),
                "librosa in a loop": lambda: [by_librosa(w) for w in waveforms],
                "floor": lambda: [floor(w) for w in waveforms],
            },
            rounds=rounds,
        )
    if has_pytorch():
        memory["PyTorch, one batch"] = in_pytorch(waveforms, rounds)
    files = in_turns(
        {
            "skheart": lambda: both.transform(paths),
            "skheart, one thread": lambda: one.transform(paths),
            "skheart, processes": processes,
            "librosa in a loop": librosa_from_files,
            "floor": lambda: [
                floor(np.frombuffer(Path(path).read_bytes()[44:], "<i2"))
                for path in paths
            ],
        },
        rounds=rounds,
    )
    seconds = float(np.mean([len(waveform) / RATE for waveform in waveforms]))
    return {
        "recordings": n,
        "seconds of sound": round(seconds, 1),
        "difference from librosa in dB": difference,
        "from memory, one thread": compared(memory, per=n),
        "from WAV files, all cores": compared(files, per=n),
    }
