"""Options that several commands share, and how options are added.

An option that sets a parameter of an estimator has the name of the parameter, and is
None where it is not given: the default is that of the estimator. Tests compare the
defaults that the help names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

REQUIRED = object()

# As add_options takes them.
FORCE = ("--force", bool, None, "replace files that exist")
QUIET = ("-q --quiet", bool, None, "no progress bars")
SEED = ("--seed", int, "SEED", "seed of everything random", 0)
MODEL = ("--model", str, "NAME_OR_FILE", "pretrained model or model file", REQUIRED)
TEXT_FORMAT = ("--format", ("text", "json"), None, "format of the output", "text")
ALLOW_PICKLE = (
    *("--allow-pickle", bool, None),
    "load a .joblib file, which can run any code: only one that you trust",
)
BANDS = (
    ("--n-bands", int, "N", "number of frequency bands (default: 40)"),
    ("--f-min", float, "HZ", "lower edge of the lowest band (default: 25.0)"),
    ("--f-max", float, "HZ", "upper edge of the highest band (default: 900.0)"),
)
_CORPORA = ("pascal", "cinc2016", "circor2022", "folder")
_TARGETS = ("murmur", "murmur_at_location", "outcome")


def add_options(parser: Any, *options: tuple[Any, ...]) -> None:
    """Add options to a parser, or to a group of it.

    Each is a tuple of the flags, the type, the name of the value, the help and, if it
    is not None, the default or REQUIRED. The type is bool for a switch without a value,
    and a tuple where one of several words is chosen.
    """
    for flags, kind, value, text, *default in options:
        settings: dict[str, Any] = {"help": text}
        if kind is bool:
            settings["action"] = "store_true"
        elif isinstance(kind, tuple):
            settings |= {"choices": kind, "metavar": value}
        else:
            settings |= {"type": kind, "metavar": value}
        if default == [REQUIRED]:
            settings["required"] = True
        elif default:
            settings |= {
                "default": default[0],
                "help": f"{text} (default: {default[0]})",
            }
        parser.add_argument(*flags.split(), **settings)


def add_corpus(parser: argparse.ArgumentParser, *, trained: bool = False) -> None:
    """Add a corpus and its labels; those of a `trained` model are its defaults."""
    of_training = "as in training, else " if trained else ""
    which = "those that the model knows" if trained else "all"
    corpora = "pascal, cinc2016, circor2022, or folder for class folders of your own"
    target = f"circor2022: which label to use (default: {of_training}murmur)"
    pattern = (
        "folder: regular expression that finds the patient in a file name, by its first"
        f" group or as a whole (default: {of_training}each recording counts as a patient"
        ")"
    )
    add_options(
        parser,
        ("corpus", _CORPORA, "CORPUS", corpora),
        ("data_home", Path, "DATA_HOME", "folder that holds the corpus"),
        ("--target", _TARGETS, None, target),
        ("--patient-pattern", str, "REGEX", pattern),
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help=f"use only recordings with these labels (default: {which})",
    )
    parser.add_argument(
        "--rename",
        nargs="+",
        type=_renaming,
        default=[],
        metavar="LABEL=CLASS",
        help="rename labels of the corpus, such as Present=murmur Absent=normal; "
        f"--classes takes the new names (default: {of_training}no renaming)",
    )


def _renaming(text: str) -> tuple[str, str]:
    """Read ``LABEL=CLASS``."""
    label, sign, name = text.partition("=")
    if not (label and sign and name):
        raise argparse.ArgumentTypeError(f"expected LABEL=CLASS, got {text!r}")
    return label, name


def settings_of(estimator: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Return the given options that have the name of a parameter of an estimator."""
    given = {key: value for key, value in vars(options).items() if value is not None}
    return {key: given[key] for key in estimator.get_params() if key in given}
