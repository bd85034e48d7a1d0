"""Measure a process and its children: peak memory, processes, running threads."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_EVERY = 0.05  # seconds


class Watch:
    """Observe this process and its descendants repeatedly while a block runs."""

    def __enter__(self) -> Watch:
        self.peak_mb: dict[int, float] = {}  # by process id
        self.running = 0  # most threads that were running, or ready to, at once
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            running = 0
            for pid in _family(os.getpid()):
                try:
                    self.peak_mb[pid] = max(self.peak_mb.get(pid, 0), _memory_mb(pid))
                    running += _running(pid)
                except OSError:  # the process has ended
                    continue
            self.running = max(self.running, running - 1)  # without this thread

    @property
    def workers_mb(self) -> list[float]:
        """Peak memory of each other process, in megabytes."""
        own = os.getpid()
        return [round(v) for pid, v in self.peak_mb.items() if pid != own and v > 50]


def _family(first: int) -> list[int]:
    """Return the ids of a process and of all its descendants."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    family, new = [], [first]
    while new:
        family += new
        new = [child for pid in new for child in parents.get(pid, [])]
    return family


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _running(pid: int) -> int:
    count = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        count += state == "R"
    return count
