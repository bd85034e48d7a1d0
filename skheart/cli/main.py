"""The program ``skheart``: run a command and turn what happens into an exit code."""

from __future__ import annotations

import os
import sys

from skheart.cli.interrupts import interrupted, interrupting_signals
from skheart.cli.parser import parse

__all__ = ["main"]

_EXPECTED = (OSError, ValueError, TypeError, ImportError, MemoryError)
EXIT_OK, EXIT_SOME_FAILED, EXIT_ERROR = 0, 1, 2
EXIT_BROKEN_PIPE = 141  # as of a program that SIGPIPE stopped


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        The words after ``skheart``. By default those of this process.

    Returns
    -------
    code : int
        Exit code; ``skheart --help`` lists them.
    """
    as_program = arguments is None
    _open_standard_streams()
    signals: list[int] = []
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        with interrupting_signals(signals):
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            code = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return interrupted(as_program=as_program)
    except BrokenPipeError:
        # The reader of the output has stopped, as "head" does. Python must not write
        # to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:
        if os.environ.get("SKHEART_TRACEBACK"):
            raise
        if signals:  # during an import, an interrupt becomes another error
            return interrupted(as_program=as_program)
        expected = isinstance(error, _EXPECTED) and str(error)
        kind = "" if expected else f"{type(error).__name__}: "
        print(f"skheart: error: {kind}{error}", file=sys.stderr)
        return EXIT_ERROR


def _open_standard_streams() -> None:
    """Open the null device for standard streams that are closed.

    Otherwise the next file that is opened takes their place, and print, which has no
    standard error then, writes messages to standard output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
