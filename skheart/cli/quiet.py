"""Start TensorFlow without its lines on standard error, for the command line."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def start_tensorflow() -> None:
    """Import TensorFlow without the lines that it writes to standard error.

    They come from native code before any setting is read; a library must leave them,
    a program that prints tables should not show them. An error brings them back.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet_stderr():
        import skheart.neural.classifier  # noqa: F401


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, unless an error comes."""
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except Exception:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
