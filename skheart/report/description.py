"""What is said about a recording or a patient, as data."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

__all__ = [
    "PatientDescription",
    "RecordingDescription",
    "UnusableRecording",
    "description_schema",
]

SCHEMA_VERSION = 1
_DIGITS, EXACT = 6, 17  # significant digits in JSON: of numbers, of settings


def description_schema() -> dict[str, Any]:
    """Return the JSON schema of descriptions.

    Returns
    -------
    schema : dict
        Of what ``as_dict`` of :class:`RecordingDescription`,
        :class:`PatientDescription` and :class:`UnusableRecording` returns, in the
        language of JSON Schema, draft 2020-12. Its version is the
        ``"schema_version"`` of each description. It rises when an entry is renamed,
        removed or gets another meaning; new entries do not change it.

    Examples
    --------
    >>> from skheart.report import description_schema
    >>> description_schema()["$defs"]["recording"]["properties"]["schema_version"]
    {'const': 1}
    """
    path = Path(__file__).parent / "description.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class ModelFacts:
    """The model that answered."""

    name: str  # of a pretrained model or of a model file, without its folder
    hash: str  # "sha256:" and the hash, the same for every copy; "" if not known
    version: str  # of skheart
    classes: tuple[str, ...]
    positive: str | None
    threshold: float | None  # None if the most probable class is the answer
    patient_threshold: float | None
    pooling: Any  # of a patient's recordings: one way, or one for each class
    spectrogram: dict[str, Any]  # its settings
    window: float | None  # seconds that the network sees at once, if known


@dataclass(frozen=True)
class Performance:
    """How often answers like this one were right when they were measured."""

    sentence: str  # begins with "Unknown" if nobody measured it
    share: float | None  # that is positive
    low: float | None  # of the 95 % interval
    high: float | None
    prevalence: float | None  # share of positive recordings that it holds for
    figures: tuple[str, ...]  # of the model's card


@dataclass(frozen=True)
class Window:
    """What the network answers for one window.

    A window that ends after the recording continues with its start, because short
    recordings are repeated.
    """

    start: float  # in seconds
    end: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Phase:
    """One phase of a heartbeat."""

    start: float  # in seconds
    end: float
    phase: str  # "s1", "systole", "s2" or "diastole"


@dataclass(frozen=True)
class Contribution:
    """What each moment of a recording adds to the log odds of a class.

    `values` and `bias` add up to the log odds (of more than two classes: to the logit).
    """

    positive: str  # the class
    bias: float  # does not depend on the recording
    times: np.ndarray  # middle of each frame, in seconds
    values: np.ndarray  # of each frame
    # The share of the positive values in each phase of the heartbeat and in none; NaN
    # without positive values.
    by_phase: dict[str, float]


@dataclass(frozen=True)
class BandContribution:
    """How much the log odds of a class depend on a frequency band."""

    low: float  # edges of the band, in Hz
    high: float
    value: float  # how much the log odds fall if the band is hidden
    share: float  # value / sum of the sizes of all bands' values, -1 to 1


@dataclass(frozen=True)
class FrequencyContribution:
    """How much the log odds of a class depend on each frequency band.

    The values of the bands do not add up to the log odds.
    """

    positive: str  # the class
    bands: tuple[BandContribution, ...]  # from low to high frequencies


@dataclass(frozen=True)
class Sound:
    """What a page plays and draws. It is not part of the data."""

    waveform: np.ndarray
    sample_rate: float  # in Hz
    spectrogram: np.ndarray  # (n_bands, n_frames), in standard deviations
    f_min: float  # of the spectrogram, in Hz
    f_max: float


class _AsDict:
    """Return the fields as JSON has them, except for the sound."""

    kind: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the description as JSON has it.

        Returns
        -------
        entries : dict
            As :func:`description_schema` says. What is not known is None.
        """
        entries = {"schema_version": SCHEMA_VERSION, "kind": self.kind}
        for name, value in vars(self).items():
            if name != "sound":
                entries[name] = plain(value, EXACT if name == "model" else _DIGITS)
        return entries


@dataclass(frozen=True)
class UnusableRecording(_AsDict):
    """A recording that cannot be used, and why.

    Attributes
    ----------
    file : str or None
        Name of the file without its folder; None for a waveform.
    location : str or None
        AV, PV, TV, MV or Phc, if it is known.
    error : str
        One sentence.
    """

    kind: ClassVar[str] = "unusable"

    file: str | None
    location: str | None
    error: str


@dataclass(frozen=True)
class UnusablePatient(_AsDict):
    """A patient of whom no recording can be used, and why."""

    kind: ClassVar[str] = "unusable patient"

    patient: str | None
    unusable: tuple[UnusableRecording, ...]

    @property
    def error(self) -> str:
        """Why the first recording cannot be used."""
        return self.unusable[0].error


@dataclass(frozen=True)
class RecordingDescription(_AsDict):
    """What a model answers for a recording, where, and how certain that is.

    Attributes
    ----------
    file : str or None
        Name of the file without its folder; None for a waveform.
    location : str or None
        Where the stethoscope was: AV, PV, TV, MV or Phc, if it is known.
    duration : float
        Seconds that were analysed.
    complete : bool
        Whether that is the whole recording.
    sample_rate : float
        Of the recording, in Hz.
    answer : str
        A class of the model, by its threshold if it has one.
    probabilities : dict of str to float
        From all windows together.
    windows : tuple of Window
        With ``start``, ``end`` and ``probabilities``. Empty if the model does not
        tell them, such as another classifier of scikit-learn.
    quality : Quality
        With ``quality`` (0 to 1), ``reasons`` why it is low, and ``indices``; of
        :func:`skheart.quality.assess_quality`.
    doubts : tuple of str
        Sentences with the reasons why this answer is unreliable; empty without any.
    heart_rate : HeartRate
        With ``bpm``, NaN without a heartbeat, and ``certainty``, 0 to 1.
    phases : tuple of Phase
        With ``start``, ``end`` and ``phase``.
    contribution : Contribution or None
        What each moment adds to the answer: ``times``, ``values``, ``bias``,
        ``positive`` and ``by_phase``. None if the network has no such sum.
    frequency_contribution : FrequencyContribution or None
        How much the answer depends on each frequency band: ``positive``, and ``bands``
        with ``low``, ``high``, ``value`` and ``share``. None of an exported model, or
        if the model is not a network.
    loudness : dict or None
        Of the phases, and their ratios; of :func:`skheart.segmentation.phase_loudness`.
        None without a heartbeat.
    average_beat : AverageBeat or None
        Of :func:`skheart.segmentation.average_beat`; None without a heartbeat.
    model : ModelFacts
        Name, hash, classes and all settings.
    performance : Performance
        How often answers like this one were right when they were measured.
    limits : tuple of str
        What the answer must not be used for.
    sound : Sound or None
        What a page plays and draws; not part of `as_dict`.

    See Also
    --------
    describe_recording : Describes a recording.
    description_schema : The schema of `as_dict`.
    """

    kind: ClassVar[str] = "recording"

    file: str | None
    location: str | None
    duration: float
    complete: bool
    sample_rate: float
    answer: str
    probabilities: dict[str, float]
    windows: tuple[Window, ...]
    quality: Any
    doubts: tuple[str, ...]
    heart_rate: Any
    phases: tuple[Phase, ...]
    contribution: Contribution | None
    frequency_contribution: FrequencyContribution | None
    loudness: dict[str, Any] | None
    average_beat: Any
    model: ModelFacts
    performance: Performance
    limits: tuple[str, ...]
    sound: Sound | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class LocationFinding:
    """What was found where the stethoscope was."""

    location: str  # AV, PV, TV, MV or Phc
    # The answer; "none" if it is a word for a healthy heart; "too noisy"; or "not
    # recorded".
    finding: str
    # The highest of the positive class here, or of the answer without such a class.
    probability: float | None
    quality: float | None  # of the recording with this probability
    n_recordings: int  # that could be used


@dataclass(frozen=True)
class PatientDescription(_AsDict):
    """What a model answers for a patient, from all recordings.

    Attributes
    ----------
    patient : str or None
    answer : str
        A class of the model, by its threshold for patients if it has one.
    probabilities : dict of str to float
        Of the patient.
    locations : tuple of LocationFinding
        The four valve locations, and others that were recorded.
    recordings : tuple of RecordingDescription
        Those that could be used.
    unusable : tuple of UnusableRecording
        Those that could not.
    model : ModelFacts
        Name, hash, classes and all settings.
    performance : Performance
        How often answers like this one were right when they were measured.
    limits : tuple of str
        What the answer must not be used for.

    See Also
    --------
    describe_patient : Describes a patient.
    description_schema : The schema of `as_dict`.
    """

    kind: ClassVar[str] = "patient"

    patient: str | None
    answer: str
    probabilities: dict[str, float]
    locations: tuple[LocationFinding, ...]
    recordings: tuple[RecordingDescription, ...]
    unusable: tuple[UnusableRecording, ...]
    model: ModelFacts
    performance: Performance
    limits: tuple[str, ...]


def plain(value: Any, digits: int = _DIGITS) -> Any:
    """Return a value as JSON has it; numbers that are not finite become None."""
    if isinstance(value, _AsDict):
        return value.as_dict()
    if hasattr(value, "__dataclass_fields__"):
        value = asdict(value)
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(name): plain(entry, digits) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry, digits) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), digits)
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value
