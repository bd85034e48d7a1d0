"""An epoch of training: skheart, the same network in Keras, and in PyTorch.

All have the same recordings, batches of 32, random crops of 5 s, AdamW and threads.
Keras and PyTorch are given batches that are cut beforehand, which spares them the
cropping that skheart does.
"""

from __future__ import annotations

import importlib.util
import math
import time
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
    """The same network in PyTorch."""

    def __init__(self, n_bands: int, n_threads: int | None) -> None:
        import torch
        from torch import nn

        if n_threads is not None:
            torch.set_num_threads(n_threads)
        self.torch = torch

        class Attention(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.score = nn.Linear(128, 1, bias=False)

            def forward(self, x: Any) -> Any:
                weights = torch.softmax(self.score(x), dim=1)
                return (weights * x).sum(dim=1)

        class Compact(nn.Module):
            def __init__(self) -> None:
                super().__init__()

                def block(first: int, second: int, size: int, stride: int) -> Any:
                    return [
                        nn.Conv2d(first, second, size, stride, size // 2, bias=False),
                        nn.BatchNorm2d(second, momentum=0.1),
                        nn.ReLU(),
                    ]

                pool = nn.MaxPool2d(2, ceil_mode=True)
                self.features = nn.Sequential(
                    *block(1, 16, 5, 2),
                    *block(16, 32, 3, 1), pool,
                    *block(32, 64, 3, 1), pool,
                    *block(64, 128, 3, 1),
                )  # fmt: skip
                rows = math.ceil(n_bands / 8)
                self.bands = nn.Conv2d(128, 128, (rows, 1), groups=128)
                self.attention, self.dropout = Attention(), nn.Dropout(0.3)
                self.logits = nn.Linear(128, 1)

            def forward(self, x: Any) -> Any:
                x = self.bands(self.features(x))[:, :, 0].transpose(1, 2)
                return self.logits(self.dropout(self.attention(x)))[:, 0]

        self.model = Compact()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), 2e-3, weight_decay=1e-2
        )
        self.loss = nn.BCEWithLogitsLoss()

    @property
    def n_weights(self) -> int:
        """Weights that are learned."""
        return sum(part.numel() for part in self.model.parameters())

    def epochs(self, X: np.ndarray, y: np.ndarray, n: int) -> float:
        """Seconds of `n` epochs."""
        torch = self.torch
        start = time.perf_counter()
        inputs = torch.from_numpy(np.ascontiguousarray(X[:, :, :N_CROP]))[:, None]
        targets = torch.from_numpy(y.astype(np.float32))
        self.model.train()
        for _ in range(n):
            order = torch.randperm(len(y))
            for rows in order.split(BATCH):
                self.optimizer.zero_grad()
                loss = self.loss(self.model(inputs[rows]), targets[rows])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
        return time.perf_counter() - start


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
        torch_way = InPyTorch(X.shape[1], n_threads)
        ways["PyTorch"] = lambda n: torch_way.epochs(X, y, n)
    for way in ways.values():
        way(1)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    more = 3
    for _ in range(rounds):
        for name, way in ways.items():
            # What starting takes is in both and falls out.
            one = way(1)
            seconds[name].append((way(1 + more) - one) / more)
    small = [epochs_of_skheart(X[:32], y[:32], 1) for _ in range(5)]
    return {
        "recordings": len(X),
        "weights": keras_way.model.count_params(),
        "an epoch": compared(seconds),
        "a fit of one epoch of 32 recordings, seconds": round(
            float(np.median(small)), 4
        ),
    }
