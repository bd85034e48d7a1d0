"""The one place where probabilities become labels, or no label at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from skheart._core.checks import check_number, check_option
from skheart._core.patient_model import PatientModel, read_patient_model

UNSURE = "unsure"  # the answer for a recording that gets no class
MIN_QUALITY = 0.3  # of a recording that gets a class, where nothing else is said
_POOLS = ("mean", "median", "max")


@dataclass(frozen=True)
class Decision:
    """How a model decides: thresholds, pooling by patient, and when it is unsure.

    Parameters
    ----------
    positive : label or None
        The class that a recording or patient belongs to if its probability is at least
        the threshold. None if the most probable class is chosen.
    threshold : float or None
        Of recordings. None for the most probable class.
    patient_threshold : float or None
        Of patients, for the pooled probability. None as for recordings.
    pooling : str, list of str or None
        ``"mean"``, ``"median"`` or ``"max"`` of the probabilities of a patient's
        recordings; a list names one for each class. Of two classes, the probability of
        the positive one is pooled. None stands for ``"max"`` if there is a positive
        class, and else for ``"mean"``.
    chosen : dict
        How the thresholds were chosen, and what they reached.
    min_quality : float or None
        Recordings of a lower quality get the answer "unsure". None for no limit.
    min_confidence : float or None
        So do answers of a lower confidence: the highest probability, measured from
        the threshold if there is one. None for no limit.
    patient_model : PatientModel or None
        Answers for patients, in place of pooled probabilities.

    Raises
    ------
    ValueError
        If a threshold or limit is not between 0 and 1, a threshold has no positive
        class, or a way of pooling is unknown.

    See Also
    --------
    choose_threshold : Chooses a threshold for a required sensitivity.

    Examples
    --------
    >>> from skheart.metrics import Decision
    >>> decision = Decision(positive="murmur", threshold=0.3, patient_threshold=0.6)
    >>> decision.of_patients().threshold
    0.6
    """

    positive: Any = None
    threshold: float | None = None
    patient_threshold: float | None = None
    pooling: Any = None
    chosen: dict[str, Any] = field(default_factory=dict)
    min_quality: float | None = None
    min_confidence: float | None = None
    patient_model: PatientModel | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "patient_threshold", "min_quality", "min_confidence"):
            value = getattr(self, name)
            check_number(name, value, high=1, closed="both", optional=True)
            is_threshold = name.endswith("threshold")
            if is_threshold and value is not None and self.positive is None:
                raise ValueError(f"{name} needs the positive class, got None.")
        pools = self.pooling if isinstance(self.pooling, list) else [self.pooling]
        for pool in pools:
            check_option("pooling", pool, (*_POOLS, None))

    @property
    def abstains(self) -> bool:
        """Whether an answer can be "unsure"."""
        return self.min_quality is not None or self.min_confidence is not None

    def as_text(self) -> Decision:
        """Return the same decision with the positive class as text.

        Returns
        -------
        decision : Decision
        """
        if self.positive is None:
            return self
        return replace(self, positive=str(self.positive))

    def of_patients(self) -> Decision:
        """Return the decision on pooled probabilities: with the patients' threshold.

        Returns
        -------
        decision : Decision
        """
        if self.patient_threshold is None:
            return self
        return replace(self, threshold=self.patient_threshold)

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as JSON has it.

        Returns
        -------
        entry : dict
        """
        entry = asdict(self)
        if self.patient_model is None:
            del entry["patient_model"]
        return entry


def read_decision(entry: Any, classes: list[Any]) -> Decision:
    """Return the decision that :meth:`Decision.as_dict` wrote, or the default for None.

    Raise ValueError if it is not a decision between these classes.
    """
    if entry is None:
        return Decision()
    try:
        patient_model = read_patient_model(entry.get("patient_model"), classes)
        decision = Decision(**{**entry, "patient_model": patient_model})
    except (AttributeError, TypeError) as error:
        raise ValueError(f"decision has unknown or wrong entries ({error}).") from error
    if decision.positive is not None and decision.positive not in classes:
        raise ValueError(f"decision names the unknown class {decision.positive!r}.")
    if decision.threshold is not None and len(classes) != 2:
        raise ValueError("decision has a threshold, which needs two classes.")
    if isinstance(decision.pooling, list) and len(decision.pooling) != len(classes):
        raise ValueError("decision must name one way of pooling for each class.")
    return decision


def labels_of(
    probabilities: np.ndarray,
    classes: np.ndarray,
    decision: Decision,
    *,
    weights: Any = None,
) -> np.ndarray:
    """Return the class of each recording or patient, (n,), from (n, n_classes).

    Without a threshold, the answer has the largest product of probability and weight,
    by default the largest probability; of equal ones, the first of `classes`. NaN
    raises ValueError: no class is then the most probable one.
    """
    if np.isnan(probabilities).any():
        first = int(np.flatnonzero(np.isnan(probabilities).any(axis=1))[0])
        raise ValueError(
            f"The probabilities of recording {first} are NaN, so it has no class; the "
            "network computes numbers that are too large. Train it again with a lower "
            "learning_rate."
        )
    if decision.threshold is None:
        valued = probabilities if weights is None else probabilities * weights
        return classes[valued.argmax(axis=1)]
    if len(classes) != 2:
        raise ValueError(
            f"A threshold needs a model of two classes, got {len(classes)} classes."
        )
    column = classes.tolist().index(decision.positive)
    called = probabilities[:, column] >= decision.threshold
    return classes[np.where(called, column, 1 - column)]


def confidence_of(
    probabilities: np.ndarray, classes: np.ndarray, decision: Decision
) -> np.ndarray:
    """Return how confident each answer of :func:`labels_of` is, (n,).

    That is the highest probability. With a threshold, the odds are divided by those of
    the threshold first, so that an answer at the threshold has the confidence 0.5.
    """
    if decision.threshold is None:
        return probabilities.max(axis=1)
    p = probabilities[:, classes.tolist().index(decision.positive)].astype(float)
    p, t = np.clip(p, 1e-9, 1 - 1e-9), np.clip(decision.threshold, 1e-9, 1 - 1e-9)
    moved = p * (1 - t) / (p * (1 - t) + (1 - p) * t)
    return np.maximum(moved, 1 - moved)


def low_quality(decision: Decision, quality: Any) -> str:
    """Return why a recording's quality is too low for an answer; "" if it is not."""
    least = decision.min_quality
    if least is None or quality.quality >= least:
        return ""
    why = f" ({', '.join(quality.reasons)})" if quality.reasons else ""
    return f"quality {quality.quality:.2f} is below {least:.2f}{why}"


def decided(
    probabilities: np.ndarray, classes: np.ndarray, decision: Decision, qualities: Any
) -> tuple[np.ndarray, list[str]]:
    """Return the class of each recording, and why it gets the answer "unsure".

    The reason is "" for a recording that gets its class. `qualities` holds a Quality
    for each, or None where the decision has no `min_quality`.
    """
    reasons = []
    least = decision.min_confidence
    confidences = confidence_of(probabilities, classes, decision)
    for confidence, quality in zip(confidences, qualities, strict=True):
        reason = low_quality(decision, quality)
        if not reason and least is not None and confidence < least:
            reason = f"confidence {confidence:.2f} is below {least:.2f}"
        reasons.append(reason)
    return labels_of(probabilities, classes, decision), reasons


def with_unsure(labels: np.ndarray, reasons: list[str]) -> np.ndarray:
    """Return labels with "unsure" where there is a reason: text, or objects."""
    text = labels.dtype.kind == "U"
    answers = labels.astype(object)
    answers[[reason != "" for reason in reasons]] = UNSURE
    return answers.astype(str) if text else answers
