"""Standard output and standard error of the process, as native code uses them."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO


@contextmanager
def redirected(number: int, file: IO[bytes]) -> Iterator[None]:
    """Send a standard stream of the process, 1 or 2, to a file."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    saved = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        with suppress(AttributeError, OSError, TypeError):  # not on Windows
            ctypes.CDLL(None).fflush(None)
        os.dup2(saved, number)
        os.close(saved)
