"""``skheart train``: train a model on a corpus and write it to a file."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from skheart._core.files import atomic_path
from skheart.cli.corpora import is_safe_pattern, part_text
from skheart.cli.options import REQUIRED, add_corpus, add_options, check_output
from skheart.cli.quiet import quiet_stderr

_HOLD_OUT = "share of the patients left out of training, for evaluate; 0 for none"
SKIP_UNUSABLE = "leave out recordings that cannot be used (default: stop and list them)"
_LEARNING_RATE = "maximum learning rate (default: 0.002, fine-tuning 0.0002)"
_PATIENCE = "stop after so many epochs without a higher AUROC on validation patients"
_EPILOG = """\
examples:
  skheart train pascal ~/data/pascal --classes normal murmur -o murmur.skheart
  skheart train circor2022 ~/data/circor2022 --target murmur_at_location \\
      --classes Absent Present -o murmur.skheart
  skheart train folder recordings --patient-pattern '^([0-9]+)_' -o mine.skheart
  skheart train folder recordings --weights murmur -o tuned.skheart

OUTPUT.skheart holds text and numbers and is safe to load; OUTPUT.joblib is a pickle of
the pipeline. Both keep salted hashes of the recordings and patients, so that "skheart
evaluate" recognises them, but no names and no paths.

CORPUS "folder" reads DATA_HOME/CLASS/RECORDING: the name of a folder is the label of
the recordings in it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_corpus(parser)
    add_options(
        parser,
        ("-o --output", Path, "OUTPUT", "file for the model: *.skheart", REQUIRED),
        ("--force", bool, None, "replace OUTPUT, or an unfinished training of it"),
        ("--resume", bool, None, "resume an interrupted training of the same command"),
        ("--hold-out", float, "SHARE", _HOLD_OUT, 0.2),
        ("--skip-unusable", bool, None, SKIP_UNUSABLE),
        "--allow-pickle",
        "--seed",
        "-q --quiet",
    )
    add_training_options(parser)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the spectrogram, the network and the training."""
    add_options(
        parser.add_argument_group("spectrogram"),
        ("--duration", float, "SECONDS", "length of the spectrograms (default: 20.0)"),
        *("--n-bands", "--f-min", "--f-max"),
    )
    add_options(
        parser.add_argument_group("network and training"),
        ("--network", str, "NAME", "compact or deep_stethoscope (default: compact)"),
        ("--weights", str, "NAME_OR_FILE", "model to start from (fine-tuning)"),
        ("--loss", str, "NAME", "crossentropy (default), auroc or a loss of Keras"),
        ("--learning-rate", float, "RATE", _LEARNING_RATE),
        ("--epochs", int, "N", "passes over the recordings (default: 20)"),
        ("--augment", float, "X", "strength of augmentation, 0 to 1 (default: 0.0)"),
        ("--class-weight", str, "balanced", "the same total weight for each class"),
        ("--batch-size", int, "N", "recordings in one training step (default: 32)"),
        ("--patience", int, "EPOCHS", _PATIENCE),
        ("--threads", int, "N", "threads for computing (default: all cores)"),
    )


def run(options: argparse.Namespace) -> int:
    """Train a model and print what it was trained on."""
    output = options.output
    check_output(output, "-o", force=options.force, endings=(".skheart", ".joblib"))
    checkpoint = output.with_name(f"{output.name}.checkpoint")
    before = _unfinished(checkpoint, options)
    with quiet_stderr():  # TensorFlow starts
        from skheart.cli.training import train_model, write_model
    try:
        with atomic_path(output) as temporary:
            pipeline, part = train_model(options, checkpoint)
            write_model(pipeline, temporary)
    except KeyboardInterrupt:
        if _states(checkpoint):
            print(
                "\nskheart: the same command with --resume resumes after the last "
                "complete epoch",
                file=sys.stderr,
            )
        else:
            _remove(checkpoint)
        raise
    if before and _states(checkpoint) - before:
        print(
            "The unfinished training had other recordings or settings; this one "
            "started at the beginning."
        )
    elif options.resume and not before:
        print("There was no training to resume; this one started at the beginning.")
    _remove(checkpoint)
    _print_summary(options, part)
    return 0


def _print_summary(options: argparse.Namespace, part: dict[str, Any]) -> None:
    print(f"Trained on {part_text(part)}.")
    if not part["grouped"]:
        print(
            "Each recording was counted as a patient. If patients have several "
            "recordings, pass\n--patient-pattern (of a table: --patient-column), or "
            "evaluate is too optimistic."
        )
    if part["n_unusable"]:
        print(f"{part['n_unusable']} recordings could not be used and were left out.")
    print(f"Wrote {options.output}")
    if part["n_held_out"]:
        command = ["skheart", "evaluate", "--model", str(options.output)]
        if options.table is None:
            command += [options.corpus, str(options.data_home)]
        else:
            command += _table_arguments(options)
        if options.output.suffix == ".joblib":
            command.append("--allow-pickle")
        if not is_safe_pattern(options.patient_pattern):
            command += ["--patient-pattern", options.patient_pattern]
        print(f"Score it on them: {shlex.join(command)}")


def _table_arguments(options: argparse.Namespace) -> list[str]:
    """Return the arguments with which another command reads the same table."""
    arguments = ["--table", str(options.table)]
    for name, default in (
        ("recording_column", "recording"),
        ("label_column", "label"),
        ("patient_column", None),
    ):
        value = getattr(options, name)
        if value != default:
            arguments += [f"--{name.replace('_', '-')}", value]
    return arguments


# An unfinished training ---------------------------------------------------------------


def _states(folder: Path) -> set[Path]:
    return set(folder.glob("[!.]*.npz"))


def _unfinished(folder: Path, options: argparse.Namespace) -> set[Path]:
    """Return the states of an unfinished training; with --force remove them."""
    if not folder.exists():
        return set()
    ours = folder.is_dir() and all(p.suffix == ".npz" for p in folder.iterdir())
    if not ours or folder.is_symlink():
        raise FileExistsError(
            f"{str(folder)!r} must be the folder of an unfinished training, but other "
            "files are in it; move it away, or name another OUTPUT."
        )
    if options.resume:
        return _states(folder)
    if not options.force:
        raise FileExistsError(
            f"{str(folder)!r} holds an unfinished training; pass --resume to resume "
            "it, or --force to start again."
        )
    _remove(folder)
    return set()


def _remove(folder: Path) -> None:
    """Remove the states of a training, and their folder if nothing else is in it."""
    for path in folder.glob("*.npz"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
