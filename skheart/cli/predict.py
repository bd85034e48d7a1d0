"""``skheart predict``: classify recordings."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path

from skheart._core.files import atomic_path
from skheart.cli.models_by_name import MODEL_ENDINGS
from skheart.cli.options import add_options, check_output
from skheart.cli.prediction import open_model, predict_recordings
from skheart.cli.tables import prediction_rows, rows_text
from skheart.pretrained import model_names

_MANY = 20  # recordings that take long enough for a progress bar
_EPILOG = """\
columns of the output, one row for each recording in the order given:
  recording              the path as given
  prediction             the most probable class
  probability_<class>    one column for each class
  error                  why the recording could not be used, else empty (JSON: null)

In CSV, text that starts with =, +, - or @ is preceded by ', so that no spreadsheet runs
it as a formula.

examples:
  skheart predict recording.wav
  skheart predict --model pascal *.wav --format json > predictions.json
  skheart predict --model mine.skheart *.wav -o predictions.csv
  skheart predict --model mine.onnx recording.wav

"skheart models murmur" prints what the default model was trained on and its limits.
An .onnx file runs without TensorFlow, ten times as fast for one recording.
skheart is for research. It is not a medical device.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_options(
        parser,
        ("recordings", [str], "RECORDING", "sound files: WAV, FLAC, OGG, AIFF or MP3"),
        ("--model", str, "NAME_OR_FILE", "pretrained model or model file", "murmur"),
        "--allow-pickle",
        ("--format", ("csv", "json"), None, "format of the output", "csv"),
        ("-o --output", Path, "FILE", "file for the rows (default: standard output)"),
        "--force",
        "-q --quiet",
    )


def run(options: argparse.Namespace) -> int:
    """Write one row for each recording; return 1 if some could not be used."""
    recordings = options.recordings
    _check_recordings(recordings)
    if options.output is not None:
        check_output(options.output, "-o", force=options.force)
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    probabilities, errors = predict_recordings(
        model,
        recordings,
        show_progress=not options.quiet and len(recordings) >= _MANY,
    )
    rows = prediction_rows(recordings, probabilities, errors, model.classes)
    _write(rows_text(rows, options.format), options.output)
    n_failed = int((errors != "").sum())
    if n_failed:
        print(
            f"skheart: {n_failed} of {len(recordings)} recordings could not be used; "
            "see their error column.",
            file=sys.stderr,
        )
    return 1 if n_failed else 0


def _check_recordings(recordings: list[str]) -> None:
    """Raise where a model stands among the recordings."""
    for name in recordings:
        by_name = name in model_names() and not os.path.exists(name)
        if by_name or name.lower().endswith(MODEL_ENDINGS):
            raise ValueError(
                f"{name!r} is a model and not a recording; name it with --model {name}."
            )


def _write(text: str, path: Path | None) -> None:
    """Write text as UTF-8; names of files that are not UTF-8 keep their bytes."""
    if path is not None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(text.encode(errors="surrogateescape"))
        return
    if sys.stdout is None:
        raise OSError("Standard output is closed; write to a file with -o FILE.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.write(text)
