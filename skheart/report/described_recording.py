"""The description of a recording: everything that is said about it, once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from skheart._core.checks import check_number
from skheart._core.decisions import MIN_QUALITY, UNSURE, decided
from skheart._core.provenance import unpack
from skheart.audio.reading import waveform_digest
from skheart.audio.recordings import Recording, decoded, recordings_of
from skheart.audio.waveform import resample
from skheart.quality import assess_quality
from skheart.report.answering_model import Answering, answering
from skheart.report.description import (
    BandContribution,
    Contribution,
    FrequencyContribution,
    Phase,
    RecordingDescription,
    Sound,
    UnusableRecording,
    Window,
)
from skheart.report.locations import check_location, location_in
from skheart.report.performance import limits_of, measured_performance
from skheart.segmentation import decode_phases, heart_rate, load_segmenter
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["describe_recording"]

_PLAYED = 4000.0  # Hz: browsers play no less than 3000
_FASTEST = 120.0  # beats per minute, up to which the segmenter is reliable
_APART = 0.5  # of the probabilities of windows that disagree


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
        model does not tell contributions.
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
    check_location(location)
    check_number("prevalence", prevalence, high=1, closed="neither", optional=True)
    opened = answering(model)
    file = _file_name(recording)
    location = location or location_in(file)
    entry = _decoded(opened, recording)
    values, windows = opened.answer(entry)
    waveform, rate, complete = _waveform(opened, entry)
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
            *_seen_in_training(opened, entry),
            *_doubts(quality, heart.bpm, duration, windows, shown, opened),
        ),
        heart_rate=heart,
        phases=tuple(
            Phase(float(start), float(end), str(phase))
            for start, end, phase in zip(*segmentation, strict=True)
        ),
        contribution=_contribution(opened, entry, segmentation, shown),
        frequency_contribution=_frequency_contribution(opened, entry, shown),
        loudness=loudness,
        average_beat=beat,
        model=opened.facts,
        performance=measured_performance(
            opened.card,
            positive=opened.decision.positive,
            probability=probabilities[shown],
            prevalence=prevalence,
        ),
        limits=limits_of(opened.card),
        sound=_sound(opened, waveform, rate),
    )


def describe_or_say_why(
    model: Answering,
    recording: Any,
    *,
    location: str | None = None,
    prevalence: float | None = None,
) -> RecordingDescription | UnusableRecording:
    """Describe a recording; if it cannot be used, return the reason instead."""
    check_location(location)
    try:
        entry = _decoded(model, recording)
        return describe_recording(
            model, entry, location=location, prevalence=prevalence
        )
    except (OSError, ValueError) as error:
        file = _file_name(recording)
        return UnusableRecording(file, location or location_in(file), str(error))


def _file_name(recording: Any) -> str | None:
    """Return the name of a file without its folder, None for what is no file."""
    if isinstance(recording, Recording):
        recording = recording.source
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


def _decoded(model: Answering, recording: Any) -> Recording:
    """Return a recording that all parts of the description share."""
    (entry,) = recordings_of(
        model.transformer, [recording], reset=True, check_finite=True
    )
    return decoded(entry)


def _waveform(model: Answering, entry: Recording) -> tuple[np.ndarray, float, bool]:
    """Return the waveform the model sees, its rate in Hz, and whether it is whole."""
    transformer = model.transformer
    limit = transformer.duration
    waveform, rate = entry.original(
        sample_rate=transformer.sample_rate,
        input_sample_rate=transformer.input_sample_rate,
        duration=None if limit is None else limit + 1,
        window=transformer.window,
        f_max=transformer.f_max,
    )
    n_times = len(waveform) if limit is None else round(limit * rate)
    return waveform[:n_times], rate, len(waveform) <= n_times


def _beat(waveform: np.ndarray, segmentation: Any, rate: float) -> tuple[Any, Any]:
    """Return the loudness of the phases and the average beat; None without a beat."""
    from skheart.segmentation import average_beat, phase_loudness

    if not len(segmentation.start):
        return None, None
    loudness = phase_loudness(waveform, segmentation, sample_rate=rate)
    beat = average_beat(waveform, segmentation, sample_rate=rate)
    return loudness, beat if beat.n_beats else None


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


def _seen_in_training(model: Answering, entry: Recording) -> tuple[str, ...]:
    """Return a sentence if the model was trained on this file."""
    if not isinstance(entry.source, str) or entry.decoded is None:
        return ()
    for part in model.training["parts"]:
        key, known = bytes.fromhex(part["salt"]), unpack(part["recordings"])
        digest = waveform_digest(*entry.decoded, key=key)
        if known.intersection({digest[:8]}):
            return (
                "The model was trained on this recording. Its answer says nothing "
                "about how well it does on others.",
            )
    return ()


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


def _frequency_contribution(
    model: Answering, recording: Any, shown: str
) -> FrequencyContribution | None:
    """Return how much a class depends on each band; None if there is no network."""
    from skheart.inspection import band_contributions

    if model.network is None:
        return None
    label = model.network.classes_[model.classes.tolist().index(shown)].item()
    found = band_contributions(model.model, recording, label=label)
    bands = zip(found.low, found.high, found.values, found.shares, strict=True)
    return FrequencyContribution(
        shown, tuple(BandContribution(*map(float, band)) for band in bands)
    )
