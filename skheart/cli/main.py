"""The program ``skheart``: find a command, run it, and return an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from skheart import __version__
from skheart.cli.interrupts import interrupted, interrupting_signals

# The module of the same name has the options of a command, and what it does.
COMMANDS = {
    "demo": "Train a model and find heartbeats, on simulated recordings.",
    "train": "Train a model on a corpus and write it.",
    "evaluate": "Score a model on a corpus.",
    "tune": "Choose the thresholds of a model for a required sensitivity.",
    "cross-validate": "Train and score models on folds by patient.",
    "predict": "Classify recordings, one row for each recording or patient.",
    "report": "Write a page about recordings, to look at and to listen to.",
    "serve": "Serve a page on which recordings are dropped and explained.",
    "listen": "Classify sound while it is recorded, every second.",
    "segment": "Find the phases of each heartbeat.",
    "export": "Write a model as ONNX or LiteRT, to run without TensorFlow.",
    "models": "List the pretrained models, or describe a model.",
    "spectrogram": "Draw the spectrogram of a recording.",
    "cache": "Count the spectrograms in a cache folder, or remove old ones.",
}

_EPILOG = """\
models:
  A model is the name of a pretrained model ("skheart models" lists them) or a file.
  Files that end in .skheart ("skheart train" writes them) or .onnx ("skheart export"
  writes them) are safe to load from anyone. A .joblib file is a pickle, which can run
  any code: it needs --allow-pickle.

exit codes:
  0    everything worked
  1    predict, report, segment: some recordings were not used; the output says why
  2    wrong usage or an error, which standard error names; written rows are whole
  130  interrupted
  141  the program that read the output stopped, as "head" does

skheart is for research. It is not a medical device.
"""
_EXPECTED = (OSError, ValueError, TypeError, ImportError, MemoryError)
EXIT_ERROR = 2
EXIT_BROKEN_PIPE = 141  # as of a program that SIGPIPE stopped


def main(arguments: list[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return the exit code."""
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
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


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read arguments; `command` is the name of the command and `run` what runs it.

    Options may stand between positional arguments, unless there is a ``--``.
    """
    if not arguments or arguments[0] not in COMMANDS:
        return program_parser().parse_args(arguments)  # --help, --version or an error
    name, *rest = arguments
    parser = command_parser(name)
    read = parser.parse_args if "--" in rest else parser.parse_intermixed_args
    return read(rest)


def program_parser() -> argparse.ArgumentParser:
    """Return the parser of ``skheart``, which knows no options of the commands."""
    parser = argparse.ArgumentParser(
        prog="skheart",
        description="Classify heart-sound recordings: train, evaluate, predict.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"skheart {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    return parser


def command_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command."""
    module = importlib.import_module(f"skheart.cli.commands.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"skheart {name}",
        description=COMMANDS[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name, run=module.run)
    module.add_arguments(parser)
    return parser


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
