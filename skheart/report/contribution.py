"""What each moment and each frequency band of a recording adds to an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from skheart.report.answering import Answering
from skheart.report.description import (
    BandContribution,
    Contribution,
    FrequencyContribution,
)


def contribution_of(
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


def frequency_contribution_of(
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
