"""Limit the linear algebra below numpy to one thread."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_n_blocks = 0
# The one thread of the holder sets the limit and restores it: threadpoolctl lets no
# other restore it, and the block that ends last may not be the one that began first.
_holder: ThreadPoolExecutor
_limit: Any


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Limit the matrix products of this process to one thread each.

    The products here are small: several threads for one of them gain nothing, slow down
    the threads that work on other recordings, and round differently. The limit is the
    whole process's: the first of several blocks that overlap sets it, and when the last
    one ends, it is as before.
    """
    global _n_blocks, _holder, _limit
    with _lock:
        if _n_blocks == 0:
            _holder = ThreadPoolExecutor(max_workers=1)
            _limit = _holder.submit(_set_limit).result()
        _n_blocks += 1
    try:
        yield
    finally:
        with _lock:
            _n_blocks -= 1
            if _n_blocks == 0:
                _holder.submit(_limit.__exit__, None, None, None).result()
                _holder.shutdown()


def _set_limit() -> Any:
    return _controller().limit(limits=1, user_api="blas").__enter__()


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
