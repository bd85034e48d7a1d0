"""In which phases of the heartbeat the score lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart.inspection.contributions import Contributions
from skheart.inspection.occlusion import OcclusionMap
from skheart.segmentation.frames import CLASSES, PHASES

__all__ = ["phase_contributions"]


def phase_contributions(
    contributions: Contributions | OcclusionMap, segmentation: Any
) -> dict[str, Any]:
    """Compute the share of the score that lies in each phase of the heartbeat.

    The positive contributions are summed by phase and divided by their total. Negative
    contributions are ignored. (In an occlusion map, each part counts by itself.)

    Parameters
    ----------
    contributions : Contributions or OcclusionMap
        From :func:`frame_contributions` or :func:`occlusion_map`.
    segmentation : Segmentation or tuple of (start, end, phase)
        The phases of the same recording, from
        :meth:`~skheart.segmentation.HeartSoundSegmenter.predict`.

    Returns
    -------
    shares : dict of str to float
        For ``"s1"``, ``"systole"``, ``"s2"``, ``"diastole"`` and ``"none"`` (where
        there is no phase); they add up to 1. NaN without positive contributions. With
        more than two classes, an ndarray of shape (n_classes,) for each.

    Notes
    -----
    Phases differ in length: diastole often takes more than half of a beat. A network
    that looks everywhere alike has a large share there. The compact network sees 160 ms
    as one frame, half a systole, so that the shares of its frames are blurred;
    :func:`occlusion_map` with a `time_step` of 0.05 is sharper.

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.inspection import frame_contributions, phase_contributions
    >>> from skheart.segmentation import load_segmenter
    >>> sounds = make_heart_sounds(1, classes="murmur", random_state=0)
    >>> (contributions,) = frame_contributions(load_pretrained(), sounds.data)
    >>> (segmentation,) = load_segmenter().predict(sounds.data)
    >>> shares = phase_contributions(contributions, segmentation)
    >>> round(sum(shares.values()), 3)
    1.0
    """
    start, end, phase = (np.asarray(part) for part in segmentation)
    values = contributions.values
    if isinstance(contributions, OcclusionMap):
        positive = np.maximum(values, 0).sum(axis=0)
    else:
        positive = np.maximum(values, 0)
    columns = positive.reshape(len(positive), -1)
    shares = {name: np.full(columns.shape[1], np.nan) for name in CLASSES}
    edges = _edges(contributions.times)
    for column, values in enumerate(columns.T):
        if not values.any():
            continue
        # What lies before each moment: each value is spread evenly over its time.
        before = np.r_[0, np.cumsum(values / values.sum())]
        inside = np.interp(end, edges, before) - np.interp(start, edges, before)
        for name in PHASES:
            shares[name][column] = inside[phase == name].sum()
        shares["none"][column] = max(0.0, before[-1] - inside.sum())
    if positive.ndim == 1:
        return {name: float(share[0]) for name, share in shares.items()}
    return shares


def _edges(times: np.ndarray) -> np.ndarray:
    """Return where the time of each value begins, and where that of the last ends."""
    middles = (times[1:] + times[:-1]) / 2
    half = middles[0] - times[0] if len(middles) else 0.5
    return np.r_[max(0.0, times[0] - half), middles, times[-1] + half]
