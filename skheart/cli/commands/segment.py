"""``skheart segment``: find the phases of each heartbeat."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.cli.interrupts import interruptible
from skheart.cli.options import add_options, check_output
from skheart.cli.quiet import quiet_decoders
from skheart.cli.row_writer import RowWriter
from skheart.cli.sources import expand, report_skipped

if TYPE_CHECKING:
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.segmentation import HeartRate, Segmentation

    Found = tuple[Segmentation, HeartRate, str]

_CHUNK = 100  # recordings at a time
_MOST_DRAWN = 10  # recordings in one picture
_INCHES_PER_SECOND = 0.6
_NARROWEST, _WIDEST = 10.0, 24.0  # inches
_HEIGHT = 4.4  # inches for each recording
_DPI = 110
_EPILOG = """\
columns of CSV, one row for each phase of each heartbeat:
  recording              the path as given
  start, end             in seconds
  phase                  s1, systole, s2 or diastole

A recording without a heartbeat has no rows; standard error says why. JSON has one entry
for each recording, with its heart rate and how certain that is (0 to 1), or the reason
why there is none. "audacity" is a label track of one recording: in Audacity, choose
File, Import, Labels.

A picture (-o beats.png) shows up to ten recordings: waveform, spectrogram, phases and
heart rate. With --format as well, the rows go to standard output.

examples:
  skheart segment recording.wav
  skheart segment recording.wav -o beats.png
  skheart segment ward --format json -o beats.json
  skheart segment recording.wav --format audacity -o labels.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    formats = ("csv", "json", "audacity")
    add_options(
        parser,
        ("recordings", [str], "RECORDING", "sound files, folders, patterns, or -"),
        ("--format", formats, None, "format of the rows (default: csv)"),
        (
            "-o --output",
            Path,
            "FILE",
            "file for the rows (default: standard output), or a picture: FILE.png",
        ),
        "--force",
        "-q --quiet",
    )


def run(options: argparse.Namespace) -> int:
    """Write the phases; return 1 if some recordings could not be used."""
    recordings, skipped = expand(options.recordings)
    report_skipped(skipped)
    output = options.output
    picture = output is not None and output.suffix.lower() == ".png"
    format = options.format or (None if picture else "csv")
    if format == "audacity" and len(recordings) > 1:
        raise ValueError(
            "--format audacity takes one recording, because a label track belongs to "
            f"one sound, got {len(recordings)}."
        )
    if picture:
        _check_picture(len(recordings))
    if output is not None:
        check_output(output, "-o", force=options.force)
    found: list[tuple[str, Segmentation, HeartRate, str]] = []
    n_failed = 0
    writer: Any = nullcontext()
    if format is not None:
        kind = "text" if format == "audacity" else format
        writer = RowWriter(None if picture else output, kind)
    with writer as rows:
        for name, answer, error in _segmented(recordings, quiet=options.quiet):
            if answer is None:
                n_failed += 1
                print(f"skheart: {name}: {error}", file=sys.stderr)
            elif len(answer[0].start) == 0 and format != "json":
                reason = f"no heartbeat was found: {answer[2]}"
                print(f"skheart: {name}: {reason}", file=sys.stderr)
            for row in _rows(name, answer, error, format):
                rows.write(row)
            if picture and answer is not None:
                found.append((name, *answer))
    if found:
        _draw_picture(output, found)
        if format is None:
            print(f"Wrote {output}")
    return 1 if n_failed else 0


def _segmented(
    recordings: list[str], *, quiet: bool
) -> Iterator[tuple[str, Found | None, str]]:
    """Yield each recording, what was found in it, and its error ("" for none)."""
    from skheart.segmentation import load_segmenter
    from skheart.segmentation.segmenter import answers_of

    segmenter = load_segmenter(on_error="nan", n_jobs=-1)
    shown = not quiet and len(recordings) > _CHUNK
    with progress_bar(
        "Segmenting", total=len(recordings), shown=shown, unit="recordings"
    ) as advance:
        for first in range(0, len(recordings), _CHUNK):
            chunk = recordings[first : first + _CHUNK]
            with quiet_decoders():
                work = partial(answers_of, segmenter, chunk, _found)
                answers = interruptible(work)
            for name, (answer, error) in zip(chunk, answers, strict=True):
                yield name, answer, error
            advance(len(chunk))


def _found(probability: np.ndarray) -> Found:
    """Return the phases, the heart rate, and the reason if there is none."""
    from skheart.segmentation import decode_phases
    from skheart.segmentation.rhythm import rate_of

    segmentation = decode_phases(probability)
    return segmentation, *rate_of(probability, segmentation)


def _rows(
    name: str, answer: Found | None, error: str, format: str | None
) -> Iterator[Any]:
    """Yield what is written of one recording."""
    if answer is None:
        if format == "json":
            facts = ("heart_rate", "certainty", "reason", "segments")
            yield {"recording": name, **dict.fromkeys(facts), "error": error}
        return
    (start, end, phase), rate, reason = answer
    segments = [
        {"start": round(float(a), 3), "end": round(float(b), 3), "phase": str(word)}
        for a, b, word in zip(start, end, phase, strict=True)
    ]
    if format == "json":
        yield {
            "recording": name,
            "heart_rate": None if reason else round(rate.bpm, 1),
            "certainty": None if reason else round(rate.certainty, 3),
            "reason": reason or None,
            "segments": segments,
            "error": None,
        }
    for one in segments:
        if format == "audacity":
            yield f"{one['start']:.3f}\t{one['end']:.3f}\t{one['phase']}\n"
        elif format == "csv":
            yield {"recording": name, **one}


# The picture --------------------------------------------------------------------------


def _check_picture(n_recordings: int) -> None:
    """Raise if so many recordings cannot be drawn, or matplotlib is not installed."""
    if n_recordings > _MOST_DRAWN:
        raise ValueError(
            f"A picture shows at most {_MOST_DRAWN} recordings, got {n_recordings}; "
            "draw some of them, or write the rows to a .csv or .json file."
        )
    optional_import("matplotlib", user="skheart segment -o FILE.png", extra="plot")


def _draw_picture(
    path: Path, found: list[tuple[str, Segmentation, HeartRate, str]]
) -> None:
    """Write a picture: waveform, spectrogram and phases, one recording below another.

    Each is its name, the phases, the heart rate and the reason if there is none.
    """
    import matplotlib
    from matplotlib.figure import Figure

    displays = [_display(name, segmentation) for name, segmentation, _, _ in found]
    seconds = [display.times[-1] for display in displays if display]
    width = _INCHES_PER_SECOND * max(seconds, default=0)
    width = float(np.clip(width, _NARROWEST, _WIDEST))
    figure = Figure(figsize=(width, _HEIGHT * len(found)), layout="constrained")
    rows = figure.subplots(2 * len(found), 1, squeeze=False)[:, 0].reshape(-1, 2)
    for (above, below), display, one in zip(rows, displays, found, strict=True):
        name, segmentation, rate, reason = one
        above.set_title(_title(name, rate, reason), loc="left")
        if display is None:
            above.set_axis_off()
            below.set_axis_off()
            continue
        above.sharex(below)
        display.name = None
        low = np.percentile(display.spectrogram, 20)  # most of it is between the beats
        display.plot(below, colorbar=False, vmin=low)
        display.plot_waveform(above)
        above.set(xlabel="", yticks=[])
        above.tick_params(labelbottom=False)
        if len(segmentation.start):
            above.legend(
                loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False
            )
    # A long waveform has more points than are drawn at a time.
    settings: Any = {"agg.path.chunksize": 20_000}
    with matplotlib.rc_context(settings), atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)


def _display(name: str, segmentation: Segmentation) -> SpectrogramDisplay | None:
    """Return a recording to draw; None if it has no spectrogram, such as a silent one.

    The resolution is that of the segmenter, up to where heart sounds and murmurs are.
    """
    from skheart.audio.waveform import RecordingError
    from skheart.inspection.displays import SpectrogramDisplay
    from skheart.spectrogram.transformer import SpectrogramTransformer

    transformer = SpectrogramTransformer(
        duration=None, normalize=None, window=0.04, hop=0.01, f_max=600.0
    )
    try:
        return SpectrogramDisplay.from_recording(
            name, transformer=transformer, segmentation=segmentation
        )
    except RecordingError:
        return None


def _title(name: str, rate: HeartRate, reason: str) -> str:
    """Return what is said above a recording."""
    if reason:
        return f"{Path(name).name}: no heart rate, {reason}"
    return (
        f"{Path(name).name}: {rate.bpm:.0f} beats per minute "
        f"(certainty {rate.certainty:.2f})"
    )
