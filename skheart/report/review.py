"""A review: one's own yes or no for recordings, and the threshold that follows."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skheart._core.checks import check_number
from skheart.metrics import (
    ProportionInterval,
    choose_threshold,
    proportion_interval,
)
from skheart.report.answering import Answering


@dataclass(frozen=True)
class ReviewedThreshold:
    """A threshold that was chosen on reviewed recordings.

    Attributes
    ----------
    threshold : float
        Of the positive class.
    sensitivity, specificity : ProportionInterval
        The share that is right on these recordings, and its 95 % interval. Each
        recording counts as a patient of its own.
    n_positive, n_negative : int
        How many recordings were judged so.
    """

    threshold: float
    sensitivity: ProportionInterval
    specificity: ProportionInterval
    n_positive: int
    n_negative: int


def threshold_of_review(
    probabilities: Sequence[float],
    judgements: Sequence[bool | None],
    *,
    sensitivity: float,
) -> ReviewedThreshold:
    """Choose the threshold that reaches a sensitivity on reviewed recordings.

    Parameters
    ----------
    probabilities : sequence of float of length n_recordings
        Of the positive class.
    judgements : sequence of bool or None, of length n_recordings
        Whether the recording has it; None for a recording that was skipped.
    sensitivity : float
        What is required, above 0 and at most 1.

    Raises
    ------
    ValueError
        If there is not a recording of both kinds.
    """
    check_number("sensitivity", sensitivity, high=1)
    pairs = zip(probabilities, judgements, strict=True)
    judged = [(p, yes) for p, yes in pairs if yes is not None]
    scores = np.array([p for p, _ in judged])
    positive = np.array([yes for _, yes in judged], dtype=bool)
    if positive.all() or not positive.any():
        raise ValueError(
            "A threshold needs recordings that were judged yes and some that were "
            f"judged no, got {int(positive.sum())} yes and {int((~positive).sum())} no."
        )
    threshold = choose_threshold(
        positive, scores, sensitivity=sensitivity, pos_label=True
    )
    called = scores >= threshold
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    return ReviewedThreshold(
        threshold,
        proportion_interval(int(called[positive].sum()), n_positive),
        proportion_interval(int((~called[~positive]).sum()), n_negative),
        n_positive,
        n_negative,
    )


def save_with_threshold(
    model: Answering, chosen: ReviewedThreshold, path: str | os.PathLike[str]
) -> None:
    """Save a model with the threshold of a review.

    Raises
    ------
    ValueError
        If the model cannot be saved, such as one that was exported.
    """
    from skheart.deployment import save_model

    if not hasattr(model.model, "steps"):
        raise ValueError(
            "An exported model cannot be saved with another threshold; review with the "
            "model that it was exported from."
        )
    pipeline = copy.copy(model.model)
    *steps, (name, classifier) = pipeline.steps
    classifier = copy.copy(classifier)
    labels = {str(label): label for label in classifier.classes_.tolist()}
    classifier.decision_ = replace(
        classifier.decision_,
        positive=labels[model.decision.positive],
        threshold=chosen.threshold,
        patient_threshold=None,
        chosen={
            "by": "review",
            "sensitivity": list(chosen.sensitivity),
            "specificity": list(chosen.specificity),
            "n_positive": chosen.n_positive,
            "n_negative": chosen.n_negative,
        },
    )
    pipeline.steps = [*steps, (name, classifier)]
    save_model(pipeline, path)
