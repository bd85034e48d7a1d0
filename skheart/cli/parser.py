"""The commands by name, and the parser of each."""

from __future__ import annotations

import argparse
import importlib

from skheart import __version__

# The module of the same name has the options of a command, and what it does.
COMMANDS = {
    "demo": "Search, train, score and save a model, on simulated recordings.",
    "train": "Train a model on a corpus and write it.",
    "evaluate": "Score a model on a corpus.",
    "predict": "Classify recordings, one row for each.",
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
  1    predict: some recordings could not be used; their rows say why
  2    wrong usage or an error, which standard error names; nothing was written
  130  interrupted
  141  the program that read the output stopped, as "head" does

skheart is for research. It is not a medical device.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read arguments; `command` is the name of the command and `run` what runs it.

    Options may stand between positional arguments, unless there is a ``--``.
    """
    if not arguments or arguments[0] not in COMMANDS:
        program = program_parser()
        program.parse_args(arguments)  # exits after --help, --version and most errors
        program.error(f"the first argument must be a command, got {arguments[0]!r}")
    name, *rest = arguments
    parser = command_parser(name)
    return (
        parser.parse_args(rest) if "--" in rest else parser.parse_intermixed_args(rest)
    )


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
    module = importlib.import_module(f"skheart.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"skheart {name}",
        description=COMMANDS[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name, run=module.run)
    module.add_arguments(parser)
    return parser
