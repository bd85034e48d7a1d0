"""``skheart predict``: classify recordings."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skheart import __version__
from skheart._core.checks import check_number
from skheart._core.decisions import MIN_QUALITY, Decision, low_quality
from skheart.cli.commands.evaluate import decision_for
from skheart.cli.describing import exit_code, write_descriptions
from skheart.cli.models_by_name import MODEL_ENDINGS
from skheart.cli.options import TABLE, add_options, check_output
from skheart.cli.prediction import (
    Answer,
    Predictor,
    open_model,
    predictions,
)
from skheart.cli.row_writer import RowWriter
from skheart.cli.sources import expand, report_skipped
from skheart.cli.tables import patient_rows, prediction_row
from skheart.pretrained import model_names

_MANY = 20  # recordings that take long enough for a progress bar
_EXTRA = ("model", "version", "threshold", "settings")
_PATIENTS = (
    "one row for each patient: a regular expression that finds the patient in a file "
    "name, by its first group or as a whole; with --table the name of a column"
)
_ABSTAIN = (
    'answer "unsure" below limits of quality and confidence: those of the model if it '
    f"has some, else a quality of {MIN_QUALITY:g}"
)
_PREVALENCE = "JSON: share of recordings with the positive class where answers are used"
_EPILOG = """\
recordings:
  Files, folders (with their subfolders), patterns in quotes such as "ward/**/*.m4a", -
  for a list on standard input, one in each line, or --table.

columns of the output, one row for each recording in the order given:
  recording              the path as given
  prediction             the most probable class, or the one that a threshold decides
  probability_<class>    one column for each class
  quality, reason        with --abstain: from 0 to 1; why the answer is "unsure"
  error                  why the recording could not be used, else empty

With --patients the columns are patient, prediction, probability_<class>, n_recordings
(how many could be used), with --abstain reason, and error. Each row is written when it
is computed. A file that was interrupted is continued with --resume.

JSON has one description for each recording or patient: quality, heart rate, phases,
windows, contributions, loudness, the average beat, the model with all settings, how
often such an answer is right, and its limits. "skheart report" draws it.

In CSV, text that starts with =, +, - or @ is preceded by ', so that no spreadsheet runs
it as a formula.

examples:
  skheart predict recording.wav
  skheart predict --model pascal *.wav --format json > predictions.json
  skheart predict --model mine.skheart ward -o predictions.csv
  skheart predict --model mine.skheart ward --patients '^([0-9]+)_' --threshold 0.3
  skheart predict --model mine.onnx recording.wav

"skheart models murmur" prints what the default model was trained on and its limits.
An .onnx file runs without TensorFlow, over 20 times as fast for one recording.
skheart is for research. It is not a medical device.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    sounds = "sound files, folders, patterns, or - for a list on standard input"
    parser.add_argument("recordings", nargs="*", metavar="RECORDING", help=sounds)
    columns = f"further columns: {', '.join(_EXTRA)}"
    parser.add_argument(
        "--columns", nargs="+", choices=_EXTRA, default=[], metavar="NAME", help=columns
    )
    add_options(
        parser,
        *TABLE,
        ("--model", str, "NAME_OR_FILE", "pretrained model or model file", "murmur"),
        "--allow-pickle",
        "--threshold",
        "--positive",
        ("--abstain", bool, None, _ABSTAIN),
        ("--min-quality", float, "Q", "limit of --abstain, 0 to 1"),
        ("--min-confidence", float, "P", "limit of --abstain, 0 to 1"),
        ("--patients", str, "REGEX_OR_COLUMN", _PATIENTS),
        ("--format", ("csv", "json"), None, "format of the output", "csv"),
        ("--prevalence", float, "SHARE", _PREVALENCE),
        ("-o --output", Path, "FILE", "file for the rows (default: standard output)"),
        "--force",
        ("--resume", bool, None, "continue the rows that are in the file of -o"),
        ("--backend", ("dask", "ray"), None, "predict on the workers of a cluster"),
        (
            "--scheduler",
            str,
            "ADDRESS",
            "of the cluster, such as tcp://10.0.0.5:8786 (Dask) or 10.0.0.5:6379 (Ray)",
        ),
        "-q --quiet",
    )


def run(options: argparse.Namespace) -> int:
    """Write one row for each recording or patient; return 1 if some have an error."""
    recordings, patients = recordings_and_patients(options)
    _check_options(options)
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    decision = model.decision.as_text()
    if options.threshold is not None or options.patients or options.positive:
        decision = decision_for(model, options.positive, options.threshold)
    decision = _with_limits(decision, options)
    if options.format == "json":
        return write_descriptions(options, model, recordings, patients, decision)
    extra = _extra_columns(options, model, decision)
    n_failed = 0
    with RowWriter(options.output, options.format, resume=options.resume) as rows:
        if options.resume:
            recordings = [name for name in recordings if not rows.has(name)]
        quality = decision.min_quality is not None
        answers = _answers(options, model, recordings, quality=quality)
        if patients is None:
            for answer in answers:
                row = prediction_row(answer, model.classes, decision)
                rows.write(row | extra)
                n_failed += answer.error != ""
        else:
            values, errors, unsure = _collected(answers, decision)
            n_failed = int((errors != "").sum())
            left_out = np.where(errors == "", unsure, errors)
            for row in patient_rows(
                values, left_out, patients, model.classes, decision
            ):
                rows.write(row | extra)
    return exit_code(n_failed, len(recordings), "see the error column")


def _with_limits(decision: Decision, options: argparse.Namespace) -> Decision:
    """Return the decision with the limits below which the answer is "unsure"."""
    limits = (options.min_quality, options.min_confidence)
    if options.abstain and not decision.abstains and limits == (None, None):
        limits = (MIN_QUALITY, None)
    names = ("min_quality", "min_confidence")
    given = {name: x for name, x in zip(names, limits, strict=True) if x is not None}
    for name, limit in given.items():
        check_number(f"--{name.replace('_', '-')}", limit, high=1, closed="both")
    return replace(decision, **given)


def recordings_and_patients(
    options: argparse.Namespace,
) -> tuple[list[str], list[str] | None]:
    """Return the recordings, and with ``--patients`` the patient of each."""
    if options.table is not None:
        from skheart.datasets.tables import recordings_in_table

        if options.recordings:
            raise ValueError("Name recordings or a --table, not both.")
        corpus = recordings_in_table(
            options.table,
            recording=options.recording_column,
            label=None,
            patient=options.patients,
            all_rows=True,  # missing files get a row with an error
        )
        report_skipped(corpus.skipped)
        patients = corpus.groups.tolist() if options.patients else None
        return corpus.data.tolist(), patients
    if not options.recordings:
        raise ValueError(
            "predict needs recordings: files, folders, patterns, - or --table FILE."
        )
    _check_recordings(options.recordings)
    recordings, skipped = expand(options.recordings)
    report_skipped(skipped)
    if options.patients is None:
        return recordings, None
    return recordings, [_patient(name, options.patients) for name in recordings]


def _patient(recording: str, pattern: str) -> str:
    """Return the patient in the name of a file."""
    try:
        match = re.search(pattern, os.path.basename(recording))
    except re.error as error:
        raise ValueError(
            f"--patients must be a regular expression, got {pattern!r} ({error})."
        ) from None
    if match is None:
        raise ValueError(
            f"--patients {pattern!r} finds no patient in the name of {recording!r}; "
            "give an expression that fits every file."
        )
    return match[1] if match.re.groups else match[0]


def _check_recordings(recordings: list[str]) -> None:
    """Raise where a model stands among the recordings."""
    for name in recordings:
        by_name = name in model_names() and not os.path.exists(name)
        if by_name or name.lower().endswith(MODEL_ENDINGS):
            raise ValueError(
                f"{name!r} is a model and not a recording; name it with --model {name}."
            )


def _check_options(options: argparse.Namespace) -> None:
    if options.resume:
        if options.output is None or options.format != "csv" or options.patients:
            raise ValueError(
                "--resume continues a CSV file with one row for each recording: name "
                "it with -o, without --format json and --patients."
            )
    elif options.output is not None:
        check_output(options.output, "-o", force=options.force)
    if options.scheduler and options.backend is None:
        raise ValueError("--scheduler is for --backend dask or ray.")


def _answers(
    options: argparse.Namespace,
    model: Predictor,
    recordings: list[str],
    *,
    quality: bool,
) -> Iterator[Answer]:
    """Yield the answer for each recording, in order."""
    shown = not options.quiet and len(recordings) >= _MANY
    if options.backend is None:
        return predictions(model, recordings, quality=quality, show_progress=shown)
    from skheart.cli.cluster import predictions_on_cluster

    return predictions_on_cluster(
        model,
        recordings,
        backend=options.backend,
        address=options.scheduler,
        quality=quality,
        show_progress=shown,
    )


def _collected(
    answers: Iterable[Answer], decision: Decision
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return probabilities, errors, and why the quality is too low."""
    _, values, errors, qualities = zip(*answers, strict=True)
    unsure = [
        "" if error else low_quality(decision, quality)
        for error, quality in zip(errors, qualities, strict=True)
    ]
    reasons = np.array(errors, dtype=object), np.array(unsure, dtype=object)
    return np.array(values), *reasons


def _extra_columns(
    options: argparse.Namespace, model: Predictor, decision: Decision
) -> dict[str, Any]:
    """Return the columns that are the same in all rows, if they are asked for."""
    if options.patients:
        decision = decision.of_patients()
    known = {
        "model": options.model,
        "version": __version__,
        "threshold": decision.threshold,
        "settings": model.settings,
    }
    return {name: known[name] for name in options.columns}
