"""The compact network in PyTorch: trains as many epochs as each line of input says."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np
import torch
from torch import nn

N_CROP, BATCH = 250, 32


class InPyTorch:
    """The same network in PyTorch."""

    def __init__(self, n_bands: int, n_threads: int) -> None:
        if n_threads:
            torch.set_num_threads(n_threads)

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

        # The order of the axes that its convolutions are fastest with.
        self.model = Compact().to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), 2e-3, weight_decay=1e-2
        )
        self.loss = nn.BCEWithLogitsLoss()

    def epochs(self, X: np.ndarray, y: np.ndarray, n: int) -> float:
        """Seconds of `n` epochs."""
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


def main() -> None:
    """Answer each number of epochs with the seconds that they take."""
    _, path, n_threads = sys.argv
    with np.load(path) as data:
        X, y = data["X"], data["y"]
    network = InPyTorch(X.shape[1], int(n_threads))
    for line in sys.stdin:
        print(network.epochs(X, y, int(line)), flush=True)


if __name__ == "__main__":
    main()
