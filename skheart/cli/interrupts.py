"""What Ctrl+C and SIGTERM do to a command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

EXIT_INTERRUPTED = 130


def interrupted(*, as_program: bool) -> int:
    """Say that the command was interrupted, and end with the code for it."""
    sys.stderr.write("skheart: interrupted\n")
    if as_program:
        # Python ends by the signal and not with a code where it has struck once inside
        # the import of a compiled module, although that was handled.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the reader has gone
                stream.flush()
        os._exit(EXIT_INTERRUPTED)
    return EXIT_INTERRUPTED


@contextmanager
def ending_by_interrupt(received: list[int]) -> Iterator[None]:
    """Let SIGTERM, which batch systems send, clean up as Ctrl+C does.

    The signals that came are put into `received`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: Any) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
