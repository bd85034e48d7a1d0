"""What Ctrl+C and SIGTERM do to a command."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

EXIT_INTERRUPTED = 130


def interrupted(*, as_program: bool) -> int:
    """Print that the command was interrupted, and stop with the exit code for it."""
    print("skheart: interrupted", file=sys.stderr)
    if as_program:
        # A thread may still be in native code. And where a signal has struck inside the
        # import of a compiled module, Python itself would not exit with this code.
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError):  # closed, or without a reader
                stream.flush()
        os._exit(EXIT_INTERRUPTED)
    return EXIT_INTERRUPTED


@contextmanager
def interrupting_signals(received: list[int]) -> Iterator[None]:
    """Clean up after SIGTERM, which batch systems send, as after Ctrl+C.

    The signals that come are added to `received`.
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


def interruptible(function: Callable[[], Any]) -> Any:
    """Call a function in a thread, so that a signal stops the wait for native code."""
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return outcome.result()
