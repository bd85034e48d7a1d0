"""Keep what native code prints out of the output of a command."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO


@contextmanager
def _redirected(number: int, file: IO[bytes]) -> Iterator[None]:
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


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, unless an error comes.

    TensorFlow writes there before any of its settings is read.
    """
    with tempfile.TemporaryFile() as held:
        try:
            with _redirected(2, held):
                yield
        except Exception:
            held.seek(0)
            os.write(2, held.read())
            raise


@contextmanager
def quiet_stdout() -> Iterator[None]:
    """Discard what native code writes to standard output.

    Decoders in libsndfile print messages there, which would stand between the rows.
    """
    with open(os.devnull, "wb") as nowhere, _redirected(1, nowhere):
        yield
