"""Keep what native code prints out of the output of a command."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from skheart._core.standard_streams import redirected


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to standard error, unless an error comes.

    TensorFlow writes there before any of its settings is read.
    """
    with tempfile.TemporaryFile() as held:
        try:
            with redirected(2, held):
                yield
        except Exception:
            held.seek(0)
            os.write(2, held.read())
            raise


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Do the same, and discard what native code writes to standard output.

    Decoders of sound files print messages about damaged recordings to both. They would
    stand between the rows, or thousands of them between the messages of the command.
    """
    with open(os.devnull, "wb") as nowhere, quiet_stderr(), redirected(1, nowhere):
        yield


@contextmanager
def separate_stderr() -> Iterator[None]:
    """Let Python write to standard error while the same of native code is held back."""
    before = sys.stderr
    try:
        shared = before.fileno() == 2
    except (AttributeError, OSError, ValueError):  # not a file, as in a notebook
        shared = False
    if not shared:
        yield
        return
    before.flush()
    encoding, errors = before.encoding, before.errors
    with open(os.dup(2), "w", encoding=encoding, errors=errors, buffering=1) as own:
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = before
