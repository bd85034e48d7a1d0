"""The description of a patient, from those of the recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skheart._core.decisions import MIN_QUALITY, UNSURE, decided, low_quality
from skheart.metrics.patients import labels_of_patients, pool_answers
from skheart.metrics.positive_classes import is_healthy
from skheart.report.answering_model import Answering, answering
from skheart.report.described_recording import describe_or_say_why
from skheart.report.description import (
    LocationFinding,
    PatientDescription,
    RecordingDescription,
    UnusableRecording,
)
from skheart.report.locations import LOCATIONS, VALVES
from skheart.report.performance import limits_of, measured_performance

__all__ = ["describe_patient"]


def describe_patient(
    model: Any,
    recordings: Sequence[Any],
    *,
    patient: str | None = None,
    locations: Sequence[str | None] | None = None,
    prevalence: float | None = None,
) -> PatientDescription:
    """Describe what a model answers for a patient, from all recordings together.

    The answer is that of ``skheart predict --patients``.

    Parameters
    ----------
    model : str, os.PathLike, Pipeline or OnnxClassifier
        As for :func:`describe_recording`.
    recordings : sequence of length n_recordings
        Recordings of one patient. Those that cannot be used are listed with the reason.
    patient : str, default=None
        What the patient is called.
    locations : sequence of str or None, default=None
        Where the stethoscope was, for each recording: AV, PV, TV, MV or Phc. By default
        as the names of the files say.
    prevalence : float, default=None
        Share of recordings with the positive class where the answer will be used.

    Returns
    -------
    description : PatientDescription

    Raises
    ------
    ValueError
        If no recording can be used, or a parameter is wrong.
    TypeError
        If `model` is not a model.

    See Also
    --------
    describe_recording : Describes one recording.
    write_report : Writes descriptions as a page to look at and to listen to.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.report import describe_patient
    >>> sounds = make_heart_sounds(2, duration=8.0, random_state=0)
    >>> recordings = [(sounds.sample_rate, sound) for sound in sounds.data]
    >>> patient = describe_patient("murmur", recordings, locations=["AV", "MV"])
    >>> [(one.location, one.n_recordings) for one in patient.locations]
    [('AV', 1), ('PV', 0), ('TV', 0), ('MV', 1)]
    """
    opened = answering(model)
    if locations is None:
        locations = [None] * len(recordings)
    if len(locations) != len(recordings):
        raise ValueError(
            f"locations must name one location for each of the {len(recordings)} "
            f"recordings, got {len(locations)}."
        )
    found = [
        describe_or_say_why(opened, recording, location=location, prevalence=prevalence)
        for recording, location in zip(recordings, locations, strict=True)
    ]
    return patient_of(opened, found, patient=patient, prevalence=prevalence)


def patient_of(
    model: Answering,
    found: Sequence[RecordingDescription | UnusableRecording],
    *,
    patient: str | None,
    prevalence: float | None = None,
) -> PatientDescription:
    """Return the description of a patient from those of the recordings."""
    used = tuple(one for one in found if isinstance(one, RecordingDescription))
    unusable = tuple(one for one in found if isinstance(one, UnusableRecording))
    if not used:
        who = "the patient" if patient is None else f"patient {patient!r}"
        why = f": {unusable[0].error}" if unusable else "; there is none."
        raise ValueError(f"No recording of {who} can be used{why}")
    decision = model.decision
    counted = [one for one in used if not low_quality(decision, one.quality)]
    values = _pooled(model, counted or used)
    (label,) = labels_of_patients(values[np.newaxis], model.classes, decision).tolist()
    reason = "" if counted else low_quality(decision, used[0].quality)
    if not reason:
        of_patients = replace(decision.of_patients(), min_quality=None)
        _, (reason,) = decided(values[np.newaxis], model.classes, of_patients, [None])
    positive = decision.positive
    probabilities = model.named(values)
    card = model.card
    if card is not None and model.facts.pooling != "max":
        # Cards measure the maximum over the recordings.
        card = {**card, "patient_calibration": None}
    return PatientDescription(
        patient=patient,
        answer=UNSURE if reason else label,
        probabilities=probabilities,
        locations=_locations(used, unusable, positive),
        recordings=used,
        unusable=unusable,
        model=model.facts,
        performance=measured_performance(
            card,
            positive=positive,
            probability=probabilities[positive or label],
            prevalence=prevalence,
            unit="patient",
        ),
        limits=limits_of(model.card),
    )


def _pooled(model: Answering, counted: Sequence[RecordingDescription]) -> np.ndarray:
    """Return the patient's probabilities, from those of the recordings that count."""
    rows = np.array([[*one.probabilities.values()] for one in counted])
    groups = np.zeros(len(rows), dtype=int)
    (values,), _ = pool_answers(rows, model.classes, groups, model.decision)
    return values


def _locations(
    used: Sequence[RecordingDescription],
    unusable: Sequence[UnusableRecording],
    positive: str | None,
) -> tuple[LocationFinding, ...]:
    """Return what was found at the four valves, and at Phc if it was recorded."""
    found = []
    for location in LOCATIONS:
        own = [one for one in used if one.location == location]
        tried = own or any(one.location == location for one in unusable)
        if location in VALVES or tried:
            found.append(_finding(location, own, positive, tried=bool(tried)))
    return tuple(found)


def _finding(
    location: str,
    own: Sequence[RecordingDescription],
    positive: str | None,
    *,
    tried: bool,
) -> LocationFinding:
    clear = [one for one in own if one.quality.quality >= MIN_QUALITY]
    # Noise can look like anything: it counts only where there is nothing better.
    candidates = clear or own
    if not candidates:
        finding = "too noisy" if tried else "not recorded"
        return LocationFinding(location, finding, None, None, 0)
    best = max(candidates, key=lambda one: one.probabilities[positive or one.answer])
    finding = "none" if is_healthy(best.answer) else best.answer
    if positive is not None and best.answer != positive:
        finding = "none"
    return LocationFinding(
        location,
        finding if clear else "too noisy",
        best.probabilities[positive or best.answer],
        best.quality.quality,
        len(own),
    )
