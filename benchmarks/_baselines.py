"""Baselines: simple features and linear classifiers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
from joblib import Memory, Parallel, delayed
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skheart import read_recording

_SECONDS = 10  # duration for MiniRocket; shorter recordings are repeated


def waveform(path: str, sample_rate: float, seconds: float | None = 30.0) -> np.ndarray:
    """Read a recording, subtract its mean, and divide by its standard deviation."""
    sound, _ = read_recording(path, sample_rate=sample_rate, duration=seconds)
    sound = sound - sound.mean()
    return sound / max(float(sound.std()), 1e-12)


def energy(path: str) -> np.ndarray:
    """Compute 8 statistics of the energy over time."""
    sound = waveform(path, 2000)
    frames = librosa.feature.rms(y=sound, frame_length=100, hop_length=40)[0]
    level = 20 * np.log10(frames + 1e-4)
    quantiles = np.quantile(level, [0.05, 0.25, 0.5, 0.75, 0.95])
    crossings = np.mean(np.diff(np.signbit(sound)))
    return np.array([level.mean(), level.std(), *quantiles, crossings])


def mfcc(path: str) -> np.ndarray:
    """Compute mean and deviation of 13 MFCC and of their differences: 52 features."""
    sound = waveform(path, 2000)
    coefficients = librosa.feature.mfcc(
        y=sound, sr=2000, n_mfcc=13, n_fft=128, hop_length=40, win_length=100,
        n_mels=40, fmin=25, fmax=900,
    )  # fmt: skip
    steps = np.diff(coefficients, axis=1)
    parts = [coefficients.mean(1), coefficients.std(1), steps.mean(1), steps.std(1)]
    return np.concatenate(parts)


def excerpt(path: str) -> np.ndarray:
    """Read ten seconds at 1000 Hz for MiniRocket."""
    sound = waveform(path, 1000, _SECONDS)
    return np.resize(sound, _SECONDS * 1000).astype(np.float32)


def features(kind: str, paths: list[str], folder: Path, n_jobs: int = 2) -> np.ndarray:
    """Compute the features of recordings, or read them from the cache."""
    memory = Memory(folder / "features", verbose=0)
    return memory.cache(_features, ignore=["n_jobs"])(kind, paths, n_jobs)


def _features(kind: str, paths: list[str], n_jobs: int) -> np.ndarray:
    compute: Callable[[str], np.ndarray] = {
        "energy": energy,
        "mfcc": mfcc,
        "minirocket": excerpt,
    }[kind]
    parallel = Parallel(n_jobs=n_jobs, prefer="threads")
    rows = np.stack(parallel(delayed(compute)(path) for path in paths))
    if kind != "minirocket":
        return rows
    from aeon.transformations.collection.convolution_based import MiniRocket

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Its kernels are fixed; only biases are fitted, and without labels.
        rocket = MiniRocket(n_kernels=5000, random_state=0, n_jobs=n_jobs)
        return rocket.fit_transform(rows[:, np.newaxis]).astype(np.float32)


def classifier(kind: str) -> object:
    """Return the classifier for a kind of features."""
    if kind == "majority":
        return DummyClassifier(strategy="prior")
    if kind == "minirocket":
        return make_pipeline(
            StandardScaler(),
            RidgeClassifierCV(np.logspace(-1, 5, 7), class_weight="balanced"),
        )
    return make_pipeline(
        StandardScaler(),
        LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000),
    )


BASELINES = ("majority", "energy", "mfcc", "minirocket")
