"""``skheart report``: write a page about recordings, to look at and to listen to."""

from __future__ import annotations

import argparse
from pathlib import Path

from skheart.cli.commands.evaluate import decision_for
from skheart.cli.commands.predict import recordings_and_patients
from skheart.cli.describing import described, exit_code, n_unusable, opened_model
from skheart.cli.options import REQUIRED, add_options, check_output
from skheart.cli.prediction import open_model

_PATIENTS = (
    "one sheet for each patient, too: a regular expression that finds the patient in a "
    "file name, by its first group or as a whole"
)
_PREVALENCE = (
    "share of recordings with the positive class where the answers will be used "
    "(default: that where the model was measured)"
)
_EPILOG = """\
The page is one HTML file. It contains the sounds and loads nothing from elsewhere, so
that it can be kept on a USB stick or sent by mail. It prints on one A4 page for each
recording and each patient. A recording of 30 seconds takes 0.4 MB.

Where the stethoscope was is read from the names of the files: AV, PV, TV, MV or Phc.

examples:
  skheart report recording.wav -o report.html
  skheart report ward --patients '^([0-9]+)_' -o ward.html
  skheart report --model abnormal recording.wav -o report.html --prevalence 0.05

skheart is for research. It is not a medical device.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.set_defaults(table=None)
    sounds = "sound files, folders, patterns, or - for a list on standard input"
    add_options(
        parser,
        ("recordings", [str], "RECORDING", sounds),
        ("-o --output", Path, "FILE", "HTML file to write", REQUIRED),
        "--force",
        ("--model", str, "NAME_OR_FILE", "pretrained model or model file", "murmur"),
        "--allow-pickle",
        "--threshold",
        "--positive",
        ("--patients", str, "REGEX", _PATIENTS),
        ("--prevalence", float, "SHARE", _PREVALENCE),
        "-q --quiet",
    )


def run(options: argparse.Namespace) -> int:
    """Write the page; return 1 if some recordings could not be used."""
    recordings, patients = recordings_and_patients(options)
    check_output(options.output, "-o", force=options.force, endings=(".html", ".htm"))
    model = open_model(options.model, allow_pickle=options.allow_pickle)
    from skheart.report import write_report

    decision = model.decision.as_text()
    if options.threshold is not None or options.positive:
        decision = decision_for(model, options.positive, options.threshold)
    opened = opened_model(model, options.model, decision)
    descriptions = list(
        described(
            opened,
            recordings,
            patients,
            prevalence=options.prevalence,
            show_progress=not options.quiet,
        )
    )
    n_failed = sum(map(n_unusable, descriptions))
    if n_failed == len(recordings):
        raise ValueError(f"No recording could be used: {descriptions[0].error}")
    title = f"Heart sounds, model {opened.facts.name}"
    write_report(options.output, descriptions, title=title)
    return exit_code(n_failed, len(recordings))
