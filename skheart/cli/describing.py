"""Recordings to descriptions, one after another, for ``predict`` and ``report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.decisions import Decision
from skheart._core.progress import progress_bar
from skheart.cli.interrupts import interruptible
from skheart.cli.models_by_name import open_estimator
from skheart.cli.prediction import Predictor
from skheart.cli.quiet import quiet_decoders
from skheart.cli.row_writer import RowWriter

if TYPE_CHECKING:
    from skheart.report.answering_model import Answering
    from skheart.report.description import PatientDescription, UnusablePatient

_MANY = 5  # recordings that take long enough for a progress bar


def write_descriptions(
    options: argparse.Namespace,
    model: Predictor,
    recordings: list[str],
    patients: list[str] | None,
    decision: Decision,
) -> int:
    """Write the descriptions of ``predict --format json``; return the exit code."""
    for name in ("columns", "backend"):
        if getattr(options, name):
            raise ValueError(
                f"--{name} is for --format csv: JSON describes each recording, with "
                "the model and its settings."
            )
    opened = opened_model(model, options.model, decision)
    n_failed = 0
    with RowWriter(options.output, "json") as rows:
        for one in described(
            opened,
            recordings,
            patients,
            prevalence=options.prevalence,
            show_progress=not options.quiet,
        ):
            rows.write(one.as_dict())
            n_failed += n_unusable(one)
    return exit_code(n_failed, len(recordings))


def opened_model(model: Predictor, name: str, decision: Decision) -> Answering:
    """Return a model that the command line has opened, ready to describe."""
    from skheart.report.answering_model import answering

    opened = answering(model.pipeline or open_estimator(name), name=Path(name).name)
    if decision.positive is None:
        decision = replace(decision, positive=opened.decision.positive)
    return opened.with_decision(decision)


def described(
    model: Answering,
    recordings: list[str],
    patients: list[str] | None,
    *,
    prevalence: float | None,
    show_progress: bool,
) -> Iterator[Any]:
    """Yield the description of each recording, or of each patient, in order."""
    from skheart.report.described_recording import describe_or_say_why

    shown = show_progress and len(recordings) >= _MANY
    bar = progress_bar(
        "Describing", total=len(recordings), shown=shown, unit="recordings"
    )
    with bar as advance:

        def describe(recording: str) -> Any:
            work = partial(describe_or_say_why, model, recording, prevalence=prevalence)
            with quiet_decoders():
                found = interruptible(work)
            advance()
            return found

        if patients is None:
            yield from map(describe, recordings)
            return
        for patient in np.unique(patients).tolist():
            own = [r for r, p in zip(recordings, patients, strict=True) if p == patient]
            found = [*map(describe, own)]
            yield _patient(model, patient, found, prevalence)


def _patient(
    model: Answering,
    patient: str,
    found: list[Any],
    prevalence: float | None,
) -> PatientDescription | UnusablePatient:
    """Return the description of a patient, or why there is none."""
    from skheart.report.described_patient import patient_of
    from skheart.report.description import RecordingDescription
    from skheart.report.description import UnusablePatient as Unusable

    if any(isinstance(one, RecordingDescription) for one in found):
        return patient_of(model, found, patient=patient, prevalence=prevalence)
    return Unusable(patient, tuple(found))


def n_unusable(description: Any) -> int:
    """Return how many recordings could not be used."""
    if hasattr(description, "unusable"):
        return len(description.unusable)
    return int(description.kind == "unusable")


def exit_code(
    n_failed: int, n_recordings: int, why: str = "the output says why"
) -> int:
    """Say how many recordings could not be used, and return the exit code."""
    if n_failed:
        print(
            f"skheart: {n_failed} of {n_recordings} recordings could not be used; "
            f"{why}.",
            file=sys.stderr,
        )
    return 1 if n_failed else 0
