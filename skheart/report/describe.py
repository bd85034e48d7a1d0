"""Describe a recording or a patient: everything that is said about them, once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.checks import check_number
from skheart._core.decisions import MIN_QUALITY, UNSURE, decided, low_quality
from skheart._core.provenance import unpack
from skheart.audio.reading import content_digest
from skheart.audio.recordings import Recording, recordings_of
from skheart.audio.waveform import RecordingError, resample
from skheart.metrics.patients import labels_of_patients, pool_answers
from skheart.metrics.positive import HEALTHY_WORDS
from skheart.quality import assess_quality
from skheart.report.answering import Answering, answering
from skheart.report.description import (
    Contribution,
    LocationFinding,
    PatientDescription,
    Phase,
    RecordingDescription,
    Sound,
    UnusableRecording,
    Window,
)
from skheart.report.patients import measure_recordings
from skheart.report.performance import GENERAL_LIMITS, measured_performance
from skheart.segmentation import decode_phases, heart_rate, load_segmenter
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["describe_patient", "describe_recording"]

VALVES = ("AV", "PV", "TV", "MV")  # where one listens to the four valves
LOCATIONS = (*VALVES, "Phc")
_PLAYED = 4000.0  # Hz: browsers play no less than 3000
_FASTEST = 120.0  # beats per minute, up to which the segmenter is reliable
_APART = 0.5  # of the probabilities of windows that disagree
_LOCATION = re.compile(rf"(?<![A-Za-z])({'|'.join(LOCATIONS)})(?![A-Za-z])")


def describe_recording(
    model: Any,
    recording: Any,
    *,
    location: str | None = None,
    prevalence: float | None = None,
) -> RecordingDescription:
    """Describe what a model answers for a recording, where, and how certain that is.

    Parameters
    ----------
    model : str, os.PathLike, Pipeline or OnnxClassifier
        The name of a pretrained model, a model file, or a fitted model. An exported
        model tells neither windows nor contributions.
    recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
        What :meth:`~skheart.SpectrogramTransformer.transform` takes as one entry.
    location : str, default=None
        Where the stethoscope was: AV, PV, TV, MV or Phc. By default as the name of the
        file says, such as ``"9979_AV.wav"``.
    prevalence : float, default=None
        Share of recordings with the positive class where the answer will be used. By
        default that of the recordings on which the model was measured.

    Returns
    -------
    description : RecordingDescription
        Its ``as_dict()`` is what ``skheart predict --format json`` prints.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, RecordingError
        If the recording cannot be used.
    TypeError, ValueError
        If `model` is not a model, or a parameter is wrong.

    See Also
    --------
    describe_patient : Describes all recordings of a patient together.
    write_report : Writes descriptions as a page to look at and to listen to.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.report import describe_recording
    >>> sounds = make_heart_sounds(1, classes="murmur", duration=8.0, random_state=0)
    >>> recording = (sounds.sample_rate, sounds.data[0])
    >>> description = describe_recording("murmur", recording)
    >>> sorted(description.probabilities)
    ['murmur', 'normal']
    >>> description.as_dict()["kind"]
    'recording'
    """
    _check_location(location)
    check_number("prevalence", prevalence, high=1, closed="neither", optional=True)
    opened = answering(model)
    file = _file_name(recording)
    location = location or location_in(file)
    values, windows = opened.answer(recording)
    waveform, rate, complete = _waveform(opened, recording)
    quality = assess_quality(waveform, sample_rate=rate)
    label, answer, doubts = _answer(opened, values, quality)
    segmenter = load_segmenter(input_sample_rate=rate)
    (probability,) = segmenter.predict_proba([waveform])
    segmentation, heart = decode_phases(probability), heart_rate(probability)
    shown = opened.decision.positive or label
    duration = len(waveform) / rate
    loudness, beat = _beat(waveform, segmentation, rate)
    probabilities = opened.named(values)
    return RecordingDescription(
        file=file,
        location=location,
        duration=duration,
        complete=complete,
        sample_rate=rate,
        answer=answer,
        probabilities=probabilities,
        windows=windows,
        quality=quality,
        doubts=(
            *doubts,
            *_seen_in_training(opened, recording),
            *_doubts(quality, heart.bpm, duration, windows, shown, opened),
        ),
        heart_rate=heart,
        phases=tuple(
            Phase(float(start), float(end), str(phase))
            for start, end, phase in zip(*segmentation, strict=True)
        ),
        contribution=_contribution(opened, recording, segmentation, shown),
        loudness=loudness,
        average_beat=beat,
        model=opened.facts,
        performance=measured_performance(
            opened.card,
            positive=opened.decision.positive,
            probability=probabilities[shown],
            prevalence=prevalence,
        ),
        limits=_limits(opened),
        sound=_sound(opened, waveform, rate),
    )


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
    return patient_of(opened, recordings, found, patient=patient, prevalence=prevalence)


def describe_or_say_why(
    model: Answering,
    recording: Any,
    *,
    location: str | None = None,
    prevalence: float | None = None,
) -> RecordingDescription | UnusableRecording:
    """Describe a recording, or say why it cannot be used."""
    _check_location(location)
    try:
        return describe_recording(
            model, recording, location=location, prevalence=prevalence
        )
    except (OSError, ValueError) as error:
        file = _file_name(recording)
        return UnusableRecording(file, location or location_in(file), str(error))


def patient_of(
    model: Answering,
    recordings: Sequence[Any],
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
    values = _pooled(model, recordings, found, counted or used)
    (label,) = labels_of_patients(values[np.newaxis], model.classes, decision).tolist()
    reason = "" if counted else low_quality(decision, used[0].quality)
    if not reason:
        of_patients = replace(decision.of_patients(), min_quality=None)
        _, (reason,) = decided(values[np.newaxis], model.classes, of_patients, [None])
    positive = decision.positive
    probabilities = model.named(values)
    return PatientDescription(
        patient=patient,
        answer=UNSURE if reason else label,
        probabilities=probabilities,
        locations=_locations(used, unusable, positive),
        recordings=used,
        unusable=unusable,
        model=model.facts,
        performance=measured_performance(
            model.card,
            positive=positive,
            probability=probabilities[positive or label],
            prevalence=prevalence,
            unit="patient",
        ),
        limits=_limits(model),
    )


def _pooled(
    model: Answering,
    recordings: Sequence[Any],
    found: Sequence[RecordingDescription | UnusableRecording],
    counted: Sequence[RecordingDescription],
) -> np.ndarray:
    """Return the patient's probabilities, from those of the recordings that count."""
    rows = np.array([[*one.probabilities.values()] for one in counted])
    measures = None
    if model.decision.patient_model is not None:
        kept = {id(one) for one in counted}
        pairs = zip(recordings, found, strict=True)
        own = [recording for recording, one in pairs if id(one) in kept]
        rate = model.transformer.input_sample_rate or model.transformer.sample_rate
        measures = measure_recordings(own, input_sample_rate=rate)
    groups = np.zeros(len(rows), dtype=int)
    (values,), _ = pool_answers(
        rows, model.classes, groups, model.decision, measures=measures
    )
    return values


def location_in(file: str | None) -> str | None:
    """Return the location that the name of a file contains, if it is one."""
    found = set(_LOCATION.findall(Path(file).stem)) if file else set()
    return found.pop() if len(found) == 1 else None


def is_healthy(label: str) -> bool:
    """Return whether a class is called by a word for a healthy heart."""
    return label.lower() in HEALTHY_WORDS


def _check_location(location: str | None) -> None:
    if location not in (None, *LOCATIONS):
        raise ValueError(
            f"location must be one of {', '.join(LOCATIONS)} or None, got {location!r}."
        )


def _file_name(recording: Any) -> str | None:
    """Return the name of a file without its folder, None for what is no file."""
    if isinstance(recording, str | os.PathLike):
        return re.split(r"[/\\]", str(os.fsdecode(recording)))[-1]
    return None


def _answer(
    model: Answering, values: np.ndarray, quality: Any
) -> tuple[str, str, tuple[str, ...]]:
    """Return the class, the answer, and why the answer is not the class."""
    labels, (reason,) = decided(
        values[np.newaxis], model.classes, model.decision, [quality]
    )
    label = str(labels[0])
    if not reason:
        return label, label, ()
    return label, UNSURE, (f"The answer is unsure: {reason}.",)


def _waveform(model: Answering, recording: Any) -> tuple[np.ndarray, float, bool]:
    """Return the part that the model uses, its rate, and whether that is all."""
    transformer = model.transformer
    (entry,) = recordings_of(transformer, [recording], reset=True, check_finite=True)
    limit = transformer.duration
    waveform, rate = _original(entry, model, None if limit is None else limit + 1)
    n_times = len(waveform) if limit is None else round(limit * rate)
    return waveform[:n_times], rate, len(waveform) <= n_times


def _original(
    entry: Recording, model: Answering, duration: float | None
) -> tuple[np.ndarray, float]:
    transformer = model.transformer
    return entry.original(
        sample_rate=transformer.sample_rate,
        input_sample_rate=transformer.input_sample_rate,
        duration=duration,
        window=transformer.window,
        f_max=transformer.f_max,
    )


def _beat(waveform: np.ndarray, segmentation: Any, rate: float) -> tuple[Any, Any]:
    """Return the loudness of the phases and the average beat; None without a beat."""
    from skheart.segmentation import average_beat, phase_loudness

    if not len(segmentation.start):
        return None, None
    loudness = phase_loudness(waveform, segmentation, sample_rate=rate)
    beat = average_beat(waveform, segmentation, sample_rate=rate)
    return loudness, beat if beat.n_beats else None


def _contribution(
    model: Answering, recording: Any, segmentation: Any, shown: str
) -> Contribution | None:
    """Return what each moment adds to a class; None if the network is no such sum."""
    from skheart.inspection import frame_contributions, phase_contributions

    if not hasattr(model.model, "steps"):
        return None
    try:
        (found,) = frame_contributions(model.model, [recording])
    except ValueError:  # of another network than the compact one
        return None
    if found.positive is not None and str(found.positive) != shown:
        # The user named the other one of two classes.
        found = replace(found, values=-found.values, bias=-found.bias, positive=shown)
    shares: Mapping[str, Any] = phase_contributions(found, segmentation)
    values, bias = found.values, found.bias
    if found.positive is None:
        column = model.classes.tolist().index(shown)
        values, bias = values[:, column], np.asarray(bias)[column]
        shares = {phase: share[column] for phase, share in shares.items()}
    by_phase = {phase: float(share) for phase, share in shares.items()}
    return Contribution(shown, float(bias), found.times, values, by_phase)


def _doubts(
    quality: Any,
    bpm: float,
    duration: float,
    windows: tuple[Window, ...],
    shown: str,
    model: Answering,
) -> tuple[str, ...]:
    """Return sentences that say why an answer is not to be relied on."""
    doubts = []
    if quality.quality < MIN_QUALITY:
        why = f": {', '.join(quality.reasons)}" if quality.reasons else ""
        doubts.append(
            f"The quality is {quality.quality:.2f}, below {MIN_QUALITY:g}{why}. "
            "Record it again."
        )
    elif quality.reasons:
        doubts.append(f"The recording is not perfect: {', '.join(quality.reasons)}.")
    if bpm > _FASTEST:
        doubts.append(
            f"Above {_FASTEST:g} beats per minute systole and diastole last equally "
            "long and can be exchanged."
        )
    window = model.facts.window
    if window is not None and duration < window:
        doubts.append(
            f"The recording lasts {duration:.1f} s, less than the {window:g} s that "
            "the network sees at once; it was repeated."
        )
    inside = [one.probabilities[shown] for one in windows if one.start < duration]
    if inside and max(inside) - min(inside) > _APART:
        doubts.append(
            f"The windows disagree: the probability of {shown} is {min(inside):.2f} in "
            f"one and {max(inside):.2f} in another."
        )
    return tuple(doubts)


def _seen_in_training(model: Answering, recording: Any) -> tuple[str, ...]:
    """Return a sentence if the model was trained on this file."""
    if not isinstance(recording, str | os.PathLike):
        return ()
    for part in model.training["parts"]:
        key, known = bytes.fromhex(part["salt"]), unpack(part["recordings"])
        try:
            digest = content_digest(recording, key=key)
        except RecordingError:  # only its start can be read
            return ()
        if known.intersection({digest[:8]}):
            return (
                "The model was trained on this recording. Its answer says nothing "
                "about how well it does on others.",
            )
    return ()


def _limits(model: Answering) -> tuple[str, ...]:
    """Return what an answer must not be used for."""
    if model.card is not None:
        return tuple(model.card["limits"])
    return (
        *GENERAL_LIMITS,
        "what the model was trained on and how good it is are not on a card: evaluate "
        "it on patients of your own first",
    )


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


def _sound(model: Answering, waveform: np.ndarray, rate: float) -> Sound:
    """Return what a page plays and draws."""
    transformer = model.transformer
    whole = SpectrogramTransformer(**transformer.get_params())
    whole.set_params(duration=None, normalize="recording", cache=None)
    (spectrogram,) = np.asarray(whole.transform([(rate, waveform)]))
    return Sound(
        resample(waveform, rate, _PLAYED),
        _PLAYED,
        spectrogram,
        transformer.f_min,
        transformer.f_max,
    )
