"""Time several implementations alternately.

Absolute times vary between runs and machines. The reported figures are therefore the
times of the others divided by the time of skheart in the same round.
"""

from __future__ import annotations

import gc
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

OURS = "skheart"


class InPyTorch:
    """Work in PyTorch, in a separate process: together with TensorFlow it crashes."""

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
        """Return the seconds that the work, or `n` epochs of it, takes."""
        print(n, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """Stop the process."""
        self.process.communicate("")
        self.folder.cleanup()


def has_pytorch() -> bool:
    """Return whether PyTorch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None


def in_turns(
    ways: dict[str, Callable[[], Any]], *, rounds: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Call each function once in each round, and return the seconds of each call.

    The rounds of `warm_up` come before those that are timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(warm_up + rounds):
        # The order changes from round to round.
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
    """Return the times of :func:`in_turns`, and their ratios to the time of `ours`.

    ``seconds`` is the median time of an item, such as a recording, of which a call has
    `per`; ``ratio`` is the median ratio over the rounds, with its minimum ``lowest``
    and its maximum ``highest``.
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


def latency(
    work: Callable[[Any], Any], inputs: Iterable[Any], *, warm_up: int
) -> dict[str, float]:
    """Return the milliseconds of a call with one input, after some warm-up calls."""
    inputs = list(inputs)
    for each in inputs[:warm_up]:
        work(each)
    times = []
    for each in inputs:
        start = time.perf_counter()
        work(each)
        times.append(1e3 * (time.perf_counter() - start))
    return {
        "median": round(float(np.median(times)), 2),
        "p99": round(float(np.quantile(times, 0.99)), 2),
    }


def process(command: list[str]) -> Callable[[], Any]:
    """Return a function that runs a command in a new process."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def median_and_range(values: list[float]) -> dict[str, float]:
    """Return the median, the minimum and the maximum of values."""
    found = {"median": np.median(values), "lowest": min(values), "highest": max(values)}
    return {name: round(float(value), 2) for name, value in found.items()}
