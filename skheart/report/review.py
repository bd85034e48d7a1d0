"""A review: one's own yes or no for recordings, and the threshold that follows."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skheart._core.checks import check_number
from skheart.metrics import choose_threshold, proportion_interval
from skheart.report.answering_model import Answering


def threshold_of_review(
    probabilities: Sequence[float],
    judgements: Sequence[bool | None],
    *,
    sensitivity: float,
) -> tuple[float, dict[str, Any]]:
    """Return the threshold that reaches a sensitivity, and what it reaches.

    A judgement is whether a recording has the positive class, None for a recording that
    was skipped. Each recording counts as a patient of its own.
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
    n_found, n_cleared = int(called[positive].sum()), int((~called[~positive]).sum())
    return threshold, {
        "by": "review",
        "sensitivity": list(proportion_interval(n_found, n_positive)),
        "specificity": list(proportion_interval(n_cleared, n_negative)),
        "n_positive": n_positive,
        "n_negative": n_negative,
    }


def save_with_threshold(
    model: Answering,
    threshold: float,
    chosen: dict[str, Any],
    path: str | os.PathLike[str],
) -> None:
    """Save a model with the threshold of a review, and what it reaches."""
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
        threshold=threshold,
        patient_threshold=None,
        chosen=chosen,
    )
    pipeline.steps = [*steps, (name, classifier)]
    save_model(pipeline, path)
