"""Limit the linear algebra below numpy to one thread."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class _Limit:
    """One thread for BLAS while at least one block needs it.

    The limit is set and restored by a thread of its own: threadpoolctl lets only the
    thread that has set a limit restore it, and that may be the first one to leave.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_blocks = 0

    def enter(self) -> None:
        with self._lock:
            if self._n_blocks == 0:
                ready, self._over = threading.Event(), threading.Event()
                self._holder = threading.Thread(
                    target=self._hold, args=(ready, self._over), daemon=True
                )
                self._holder.start()
                ready.wait()
            self._n_blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._n_blocks -= 1
            if self._n_blocks == 0:
                self._over.set()
                self._holder.join()

    @staticmethod
    def _hold(ready: threading.Event, over: threading.Event) -> None:
        try:
            with _controller().limit(limits=1, user_api="blas"):
                ready.set()
                over.wait()
        finally:
            ready.set()


_limit = _Limit()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Limit the matrix products of this process to one thread each.

    The products here are small: several threads for one of them gain nothing, slow down
    the threads that work on other recordings, and round differently. The limit is the
    whole process's: the first of several blocks that overlap sets it, and when the last
    one ends, it is as before.
    """
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()
