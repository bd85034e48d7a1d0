"""Time an epoch of training: skheart, and the same network in Keras and PyTorch.

All use the same recordings, batches of 32, crops of 5 s, AdamW and number of threads.
Keras and PyTorch get crops that are cut in advance, whereas skheart cuts random crops.
"""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
from _turns import InPyTorch, compared, has_pytorch

from skheart import CNNClassifier
from skheart.neural import compact

N_CROP, BATCH = 250, 32


def epochs_of_skheart(X: np.ndarray, y: np.ndarray, n: int) -> float:
    """Return the seconds that a fit of `n` epochs takes."""
    start = time.perf_counter()
    CNNClassifier(epochs=n, crop_frames=N_CROP, random_state=0).fit(X, y)
    return time.perf_counter() - start


class InKeras:
    """The same network, compiled and fitted with Keras."""

    def __init__(self, n_bands: int) -> None:
        self.model = compact(n_bands=n_bands, n_frames=N_CROP)
        self.model.compile(
            optimizer=keras.optimizers.AdamW(2e-3, weight_decay=1e-2, clipnorm=1.0),
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            jit_compile=False,
        )

    def epochs(self, X: np.ndarray, y: np.ndarray, n: int) -> float:
        """Return the seconds that `n` epochs take."""
        start = time.perf_counter()
        self.model.fit(X[:, :, :N_CROP, np.newaxis], y, BATCH, epochs=n, verbose=0)
        return time.perf_counter() - start


def measure(
    X: np.ndarray, y: np.ndarray, *, rounds: int, n_threads: int | None = None
) -> dict[str, Any]:
    """Time an epoch of each implementation.

    `n_threads` are those of PyTorch; those of TensorFlow are set before.
    """
    keras_way = InKeras(X.shape[1])
    ways: dict[str, Any] = {
        "skheart": lambda n: epochs_of_skheart(X, y, n),
        "Keras, model.fit": lambda n: keras_way.epochs(X, y, n),
    }
    torch_way = InPyTorch("training", n_threads, X=X, y=y) if has_pytorch() else None
    if torch_way is not None:
        ways["PyTorch"] = torch_way
    for way in ways.values():
        way(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    more = 3
    for _ in range(rounds):
        for name, way in ways.items():
            # The difference does not contain the time of the start.
            one = way(1)
            seconds[name].append((way(1 + more) - one) / more)
    if torch_way is not None:
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
