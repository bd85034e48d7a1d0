"""Options that several commands share, and how options are added.

An option that sets a parameter of an estimator has the name of the parameter, and is None
where it is not given: the default is that of the estimator. Tests compare the defaults
that the help names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

FORCE = ("--force", "replace files that exist")
QUIET = ("-q --quiet", "no progress bars")
ALLOW_PICKLE = (
    "--allow-pickle",
    "load a .joblib file, which can run any code: only one that you trust",
)
MODEL = ("--model", str, "NAME_OR_FILE", "pretrained model or model file")
BANDS = (
    ("--n-bands", int, "N", "number of frequency bands (default: 40)"),
    ("--f-min", float, "HZ", "lower edge of the lowest band (default: 25.0)"),
    ("--f-max", float, "HZ", "upper edge of the highest band (default: 900.0)"),
)


def add_values(
    parser: Any, *options: tuple[str, Any, str, str], required: bool = False
) -> None:
    """Add options with one value, None by default: flags, type, unit and help."""
    for flags, kind, unit, text in options:
        parser.add_argument(
            *flags.split(), type=kind, metavar=unit, help=text, required=required
        )


def add_switches(parser: argparse.ArgumentParser, *switches: tuple[str, str]) -> None:
    """Add options without a value, False by default: flags and help."""
    for flags, text in switches:
        parser.add_argument(*flags.split(), action="store_true", help=text)


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add ``--format``; the first of the formats is the default."""
    text = f"format of the output (default: {formats[0]})"
    parser.add_argument("--format", choices=formats, default=formats[0], help=text)


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed``."""
    text = "seed of everything random (default: 0)"
    parser.add_argument("--seed", type=int, default=0, help=text)


def add_corpus(parser: argparse.ArgumentParser, *, trained: bool = False) -> None:
    """Add a corpus and its labels; with `trained`, the model has the defaults."""
    parser.add_argument(
        "corpus",
        choices=["pascal", "cinc2016", "circor2022", "folder"],
        metavar="CORPUS",
        help="pascal, cinc2016, circor2022, or folder for class folders of your own",
    )
    parser.add_argument(
        "data_home",
        type=Path,
        metavar="DATA_HOME",
        help="folder that holds the corpus",
    )
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="CLASS",
        help="use only recordings with these labels (default: "
        f"{'those that the model knows' if trained else 'all'})",
    )
    parser.add_argument(
        "--rename",
        nargs="+",
        type=_renaming,
        default=[],
        metavar="LABEL=CLASS",
        help="rename labels of the corpus, such as Present=murmur Absent=normal; "
        f"--classes takes the new names{' (default: as in training)' * trained}",
    )
    parser.add_argument(
        "--target",
        choices=["murmur", "murmur_at_location", "outcome"],
        help="circor2022: which label to use (default: "
        f"{'as in training, else ' * trained}murmur)",
    )
    parser.add_argument(
        "--patient-pattern",
        metavar="REGEX",
        help="folder: regular expression that finds the patient in a file name, by its "
        f"first group or as a whole (default: {'as in training, else ' * trained}each "
        "recording counts as a patient)",
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
