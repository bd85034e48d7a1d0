"""Time several ways of doing the same, in turns.

Absolute times differ from run to run and from machine to machine; what is reported is
how many times as long the others take as skheart, in the same round.
"""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

OURS = "skheart"


class InPyTorch:
    """Work done by PyTorch in a process of its own: beside TensorFlow it crashes.

    Parameters
    ----------
    task : {"training", "spectrograms"}
    n_threads : int or None
    **data : ndarray
        What it works on.
    """

    def __init__(self, task: str, n_threads: int | None, **data: Any) -> None:
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "data.npz"
        np.savez(path, **data)
        here = Path(__file__).parent / "_in_pytorch.py"
        command = [sys.executable, str(here), task, str(path), str(n_threads or 0)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, n: int = 1) -> float:
        """Seconds of the work, or of `n` epochs."""
        print(n, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self.process.communicate("")
        self.folder.cleanup()


def has_pytorch() -> bool:
    """Whether PyTorch is installed; it is not loaded."""
    return importlib.util.find_spec("torch") is not None


def in_turns(
    ways: dict[str, Callable[[], Any]], *, rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Call each way once in each round.

    Parameters
    ----------
    ways : dict of str to callable
    rounds : int
        That are timed.
    warm_up : int
        Rounds before them that are not.

    Returns
    -------
    seconds : dict of str to list of float
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm_up + rounds):
        # Neither the first nor the last is the same in each round.
        names = list(ways)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            gc.collect()
            start = time.perf_counter()
            ways[name]()
            if number >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def compared(
    seconds: dict[str, list[float]], *, ours: str = OURS, per: float = 1.0
) -> dict[str, Any]:
    """Give the times, and how many times as long as ours each takes.

    Parameters
    ----------
    seconds : dict of str to list of float
        Of :func:`in_turns`.
    ours : str
        What the others are compared with.
    per : float
        Pieces of work in a call.

    Returns
    -------
    rows : dict of str to dict
        ``seconds`` of a piece, the median; ``ratio``, the median over the rounds, with
        the lowest and the highest.
    """
    rows = {}
    for name, values in seconds.items():
        ratio = np.array(values) / np.array(seconds[ours])
        rows[name] = {
            "seconds": float(np.median(values)) / per,
            "ratio": round(float(np.median(ratio)), 3),
            "lowest": round(float(ratio.min()), 3),
            "highest": round(float(ratio.max()), 3),
        }
    return rows
