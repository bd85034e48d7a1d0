"""Run the same work in PyTorch, in a separate process: each line of input is one run.

python _in_pytorch.py training DATA.npz THREADS      # a line is the number of epochs
python _in_pytorch.py spectrograms DATA.npz THREADS  # the content of a line is ignored
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

N_CROP, BATCH = 250, 32


class InPyTorch:
    """The same network in PyTorch."""

    def __init__(self, n_bands: int) -> None:
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

        # Convolutions are fastest with this order of the axes.
        self.model = Compact().to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), 2e-3, weight_decay=1e-2
        )
        self.loss = nn.BCEWithLogitsLoss()

    def epochs(self, X: np.ndarray, y: np.ndarray, n: int) -> float:
        """Return the seconds that `n` epochs take."""
        start = time.perf_counter()
        inputs = torch.from_numpy(np.ascontiguousarray(X[:, :, :N_CROP]))[:, None]
        inputs = inputs.to(memory_format=torch.channels_last)
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


def spectrograms_of(data: Any, n_fft: int, n_window: int, n_hop: int) -> Callable:
    """Return a function that computes decibels of all waveforms in one batch."""
    waveforms, filters = torch.from_numpy(data["X"]), torch.from_numpy(data["filters"])
    taper = torch.hann_window(n_window)

    def run(_: int) -> float:
        start = time.perf_counter()
        spectrum = torch.stft(
            waveforms, n_fft, n_hop, n_window, taper, pad_mode="constant",
            return_complex=True,
        )  # fmt: skip
        power = spectrum.real.square() + spectrum.imag.square()
        10 * torch.log10(torch.clamp(filters @ power, min=1e-6))
        return time.perf_counter() - start

    return run


def main() -> None:
    """For each line of input, print the seconds that the work takes."""
    _, task, path, n_threads = sys.argv
    if int(n_threads):
        torch.set_num_threads(int(n_threads))
    with np.load(path) as data:
        if task == "training":
            X, y = data["X"], data["y"]
            network = InPyTorch(X.shape[1])
            work: Callable[[int], float] = functools.partial(network.epochs, X, y)
        else:
            work = spectrograms_of(data, *data["sizes"].tolist())
        for line in sys.stdin:
            print(work(int(line)), flush=True)


if __name__ == "__main__":
    main()
