"""``skheart segment``: find the phases of each heartbeat."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skheart.cli.options import add_options, check_output
from skheart.cli.row_writer import RowWriter
from skheart.cli.sources import expand, report_skipped

if TYPE_CHECKING:
    from skheart.segmentation import Segmentation

_EPILOG = """\
columns of CSV, one row for each phase of each heartbeat:
  recording              the path as given
  start, end             in seconds
  phase                  s1, systole, s2 or diastole

A recording without a heartbeat has no rows; standard error says so. JSON has one entry
for each recording, with its heart rate and how certain that is (0 to 1). "audacity" is
a label track of one recording: in Audacity, choose File, Import, Labels.

examples:
  skheart segment recording.wav
  skheart segment ward --format json -o beats.json
  skheart segment recording.wav --format audacity -o labels.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    formats = ("csv", "json", "audacity")
    add_options(
        parser,
        ("recordings", [str], "RECORDING", "sound files, folders, patterns, or -"),
        ("--format", formats, None, "format of the output", "csv"),
        ("-o --output", Path, "FILE", "file to write (default: standard output)"),
        "--force",
    )


def run(options: argparse.Namespace) -> int:
    """Write the phases; return 1 if some recordings could not be used."""
    recordings, skipped = expand(options.recordings)
    report_skipped(skipped)
    if options.format == "audacity" and len(recordings) > 1:
        raise ValueError(
            "--format audacity takes one recording, because a label track belongs to "
            f"one sound, got {len(recordings)}."
        )
    if options.output is not None:
        check_output(options.output, "-o", force=options.force)
    n_failed = 0
    kind = "json" if options.format == "json" else "csv"
    if options.format == "audacity":
        kind = "text"
    with RowWriter(options.output, kind) as rows:
        for name, entry in _segmented(recordings):
            if isinstance(entry, str):
                n_failed += 1
                print(f"skheart: {name}: {entry}", file=sys.stderr)
            for row in _rows(name, entry, options.format):
                rows.write(row)
    return 1 if n_failed else 0


def _segmented(
    recordings: list[str],
) -> Iterator[tuple[str, str | tuple[Segmentation, float, float]]]:
    """Yield each recording with its phases, heart rate and certainty, or its error."""
    from skheart.segmentation import decode_phases, heart_rate, load_segmenter

    segmenter = load_segmenter()
    for name in recordings:
        try:
            (probability,) = segmenter.predict_proba([name])
        except (OSError, ValueError) as error:
            yield name, str(error)
            continue
        yield name, (decode_phases(probability), *heart_rate(probability))


def _rows(name: str, entry: Any, format: str) -> Iterator[Any]:
    """Yield what is written of one recording."""
    if isinstance(entry, str):
        if format == "json":
            yield {"recording": name, "segments": None, "error": entry}
        return
    (start, end, phase), rate, certainty = entry
    segments = [
        {"start": round(float(a), 3), "end": round(float(b), 3), "phase": str(word)}
        for a, b, word in zip(start, end, phase, strict=True)
    ]
    if format == "json":
        found = rate == rate  # NaN without a heartbeat
        yield {
            "recording": name,
            "heart_rate": round(float(rate), 1) if found else None,
            "certainty": round(float(certainty), 3) if found else None,
            "segments": segments,
            "error": None,
        }
        return
    if not segments:
        print(f"skheart: {name}: no heartbeat was found", file=sys.stderr)
    for one in segments:
        if format == "audacity":
            yield f"{one['start']:.3f}\t{one['end']:.3f}\t{one['phase']}\n"
        else:
            yield {"recording": name, **one}
