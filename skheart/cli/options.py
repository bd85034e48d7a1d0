"""Options that several commands share, how they are added, and checks of them.

An option that sets a parameter of an estimator has the name of the parameter, and is
None where it is not given: the default is that of the estimator. Tests compare the
defaults that the help names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from skheart._core.files import check_target

REQUIRED = object()

_CORPORA = ("pascal", "cinc2016", "circor2022", "folder")
_TARGETS = ("murmur", "murmur_at_location", "outcome")
_TRUSTED = "load a .joblib file, which can run any code: only one that you trust"
_THRESHOLD = (
    "minimum probability to predict the positive class (default: the "
    "model's, or the most probable class)"
)
_LOSSES = (
    "continue if more than a tenth of the recordings of a class are left out (default: "
    "stop and list them)"
)
_PATIENTS = (
    'column with the patients (default: "patient" if there is such a column, else each '
    "recording is a patient)"
)
TABLE: tuple[tuple[Any, ...], ...] = (
    ("--table", Path, "FILE", "CSV table of recordings, in place of a corpus"),
    ("--recording-column", str, "NAME", "column with the paths", "recording"),
)
_SHARED: tuple[tuple[Any, ...], ...] = (
    ("--model", str, "NAME_OR_FILE", "pretrained model or model file", REQUIRED),
    ("--allow-pickle", bool, None, _TRUSTED),
    ("--force", bool, None, "replace files that exist"),
    ("--threshold", float, "P", _THRESHOLD),
    ("--positive", str, "CLASS", "the positive class (default: as in evaluate)"),
    ("--format", ("text", "json"), None, "format of the output", "text"),
    ("--seed", int, "SEED", "seed of everything random", 0),
    ("-q --quiet", bool, None, "no progress bars"),
    ("--n-bands", int, "N", "number of frequency bands (default: 40)"),
    ("--f-min", float, "HZ", "lower edge of the lowest band (default: 25.0)"),
    ("--f-max", float, "HZ", "upper edge of the highest band (default: 900.0)"),
)


def add_options(parser: Any, *options: str | tuple[Any, ...]) -> None:
    """Add options to a parser, or to a group of it.

    Each is the flags of a shared option, or a tuple of the flags, the type, the name of
    the value, the help and, if it is not None, the default or REQUIRED. The type is
    bool for a switch, a tuple of words for a choice, a list of one type for several
    values.
    """
    shared = {option[0]: option for option in _SHARED}
    for option in options:
        row = shared[option] if isinstance(option, str) else option
        flags, kind, value, text, *default = row
        settings: dict[str, Any] = {"help": text, "metavar": value}
        if kind is bool:
            settings = {"help": text, "action": "store_true"}
        elif isinstance(kind, tuple):
            settings["choices"] = kind
        elif isinstance(kind, list):
            settings |= {"nargs": "+", "type": kind[0]}
        else:
            settings["type"] = kind
        if default == [REQUIRED]:
            settings["required"] = True
        elif default:
            settings["help"] += f" (default: {default[0]})"
            settings["default"] = default[0]
        parser.add_argument(*flags.split(), **settings)


def add_corpus(parser: argparse.ArgumentParser, *, trained: bool = False) -> None:
    """Add a corpus and its labels; those of a `trained` model are its defaults."""
    of_training = "as in training, else " if trained else ""
    corpora = "pascal, cinc2016, circor2022, or folder for class folders of your own"
    classes = (
        "use only recordings with these labels (default: "
        f"{'those that the model knows' if trained else 'all'})"
    )
    rename = (
        "rename labels of the corpus, such as Present=murmur Absent=normal; --classes "
        f"takes the new names (default: {of_training}no renaming)"
    )
    target = f"circor2022: which label to use (default: {of_training}murmur)"
    pattern = (
        "folder: regular expression that finds the patient in a file name, by its first"
        f" group or as a whole (default: {of_training}each recording is a patient)"
    )
    parser.add_argument(
        "corpus", nargs="?", choices=_CORPORA, metavar="CORPUS", help=corpora
    )
    data_home = "folder that holds the corpus"
    parser.add_argument(
        "data_home", nargs="?", type=Path, metavar="DATA_HOME", help=data_home
    )
    add_options(
        parser,
        *TABLE,
        ("--label-column", str, "NAME", "column with the labels", "label"),
        ("--patient-column", str, "NAME", _PATIENTS),
        ("--allow-losses", bool, None, _LOSSES),
        ("--classes", [str], "CLASS", classes),
        ("--rename", [_renaming], "LABEL=CLASS", rename),
        ("--target", _TARGETS, None, target),
        ("--patient-pattern", str, "REGEX", pattern),
    )


def _renaming(text: str) -> tuple[str, str]:
    """Read ``LABEL=CLASS``."""
    label, sign, name = text.partition("=")
    if not (label and sign and name):
        raise argparse.ArgumentTypeError(f"expected LABEL=CLASS, got {text!r}")
    return label, name


def check_output(
    path: Path, option: str, *, force: bool, endings: tuple[str, ...] = ()
) -> None:
    """Raise unless a file with one of the `endings` may be written at `path`.

    With `force` a file may be replaced; devices and pipes are always written to.
    """
    if endings and path.suffix.lower() not in endings:
        raise ValueError(
            f"{option} must name a file that ends in {' or '.join(endings)}, got "
            f"{str(path)!r}."
        )
    check_target(path)
    if path.is_file() and not force:
        raise FileExistsError(f"{str(path)!r} exists; pass --force to replace it.")


def settings_of(estimator: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Return the given options that have the name of a parameter of an estimator."""
    given = {key: value for key, value in vars(options).items() if value is not None}
    return {key: given[key] for key in estimator.get_params() if key in given}
