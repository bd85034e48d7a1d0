"""An epoch of training: skheart, the same network in Keras, and in PyTorch.

All have the same recordings, batches of 32, random crops of 5 s, AdamW and threads.
Keras and PyTorch are given batches that are cut beforehand, which spares them the
cropping that skheart does.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from _turns import compared

from skheart import CNNClassifier
from skheart.networks import compact

N_CROP, BATCH = 250, 32


def epochs_of_skheart(X: np.ndarray, y: np.ndarray, n: int) -> float:
    """Seconds of a fit of `n` epochs."""
    start = time.perf_counter()
    CNNClassifier(epochs=n, crop_frames=N_CROP, random_state=0).fit(X, y)
    return time.perf_counter() - start


class InKeras:
    """The same network, compiled and fitted by hand."""

    def __init__(self, n_bands: int) -> None:
        self.model = compact(n_bands=n_bands, n_frames=N_CROP)
        self.model.compile(
            optimizer=keras.optimizers.AdamW(2e-3, weight_decay=1e-2, clipnorm=1.0),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            jit_compile=False,
        )

    def epochs(self, X: np.ndarray, y: np.ndarray, n: int) -> float:
        """Seconds of `n` epochs."""
        start = time.perf_counter()
        self.model.fit(X[:, :, :N_CROP, np.newaxis], y, BATCH, epochs=n, verbose=0)
        return time.perf_counter() - start


class InPyTorch:
    """The same in PyTorch, in a process of its own: beside TensorFlow it crashes."""

    def __init__(self, X: np.ndarray, y: np.ndarray, n_threads: int | None) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "data.npz"
        np.savez(path, X=X, y=y)
        here = Path(__file__).parent / "_in_pytorch.py"
        command = [sys.executable, str(here), str(path), str(n_threads or 0)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def epochs(self, n: int) -> float:
        """Seconds of `n` epochs."""
        print(n, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self.process.communicate("")
        self.folder.cleanup()


def measure(
    X: np.ndarray, y: np.ndarray, *, rounds: int, n_threads: int | None = None
) -> dict[str, Any]:
    """Time an epoch of each.

    Parameters
    ----------
    X : ndarray of shape (n_recordings, n_bands, n_frames)
    y : ndarray of shape (n_recordings,)
        Of 0 and 1.
    rounds : int
    n_threads : int or None
        Of PyTorch; TensorFlow's are fixed before this is called.
    """
    keras_way = InKeras(X.shape[1])
    ways: dict[str, Any] = {
        "skheart": lambda n: epochs_of_skheart(X, y, n),
        "Keras, model.fit": lambda n: keras_way.epochs(X, y, n),
    }
    if importlib.util.find_spec("torch"):
        torch_way = InPyTorch(X, y, n_threads)
        ways["PyTorch"] = torch_way.epochs
    for way in ways.values():
        way(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    more = 3
    for _ in range(rounds):
        for name, way in ways.items():
            # What starting takes is in both and falls out.
            one = way(1)
            seconds[name].append((way(1 + more) - one) / more)
    if "PyTorch" in ways:
        torch_way.close()
    small = [epochs_of_skheart(X[:32], y[:32], 1) for _ in range(5)]
    return {
        "recordings": len(X),
        "weights": keras_way.model.count_params(),
        "an epoch": compared(seconds),
        "a fit of one epoch of 32 recordings, seconds": round(
            float(np.median(small)), 4
        ),
    }
