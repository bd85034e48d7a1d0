"""Keep the linear algebra below numpy to one thread."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_limiting = threading.Lock()


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Let matrix products of this process use one thread each.

    The products here are small: several threads for one of them gain nothing, and get
    in the way of the threads that work on other recordings. The limit is the whole
    process's; of blocks that overlap, the first sets it and puts it back.
    """
    if not _limiting.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _limiting.release()
