"""Other ways to detect arrhythmic beats in CinC 2016 b, which were tried.

Each was written down before its result was seen, and is scored as the detector of
`_rhythm_study` is: five folds by patient, in five orders.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer

from skheart.segmentation import decoding, rhythm, rhythm_features
from skheart.segmentation.periodicity import period

Scores = Callable[..., np.ndarray]  # of X, y, groups and a detector
_STRICT = -60.0  # logarithm of the share of durations that no mean explains


def scores_of_trials(
    probabilities: list[list[np.ndarray]],
    y: np.ndarray,
    group: np.ndarray,
    *,
    detector: Callable[[int], Pipeline],
    cross_validated: Scores,
) -> dict[str, np.ndarray]:
    """Return the scores of the recordings for each trial.

    The probabilities of each recording are from several networks that have not heard
    it; `y` is whether a beat is arrhythmic.
    """
    first = [several[0] for several in probabilities]
    plain = np.array([rhythm_features(probability) for probability in first])
    both = np.array([both_sounds(probability) for probability in first])
    forced = np.array([forced_rhythm(probability) for probability in first])
    mean = np.array([rhythm_features(np.mean(p, axis=0)) for p in probabilities])
    trials: dict[str, tuple[np.ndarray, Callable[[int], Pipeline]]] = {
        "also early where S1 and S2 agree": (np.c_[plain, both], detector),
        "also what a regular rhythm costs": (np.c_[plain, forced], detector),
        "both of these": (np.c_[plain, both, forced], detector),
        "logistic regression": (plain, logistic),
        "mean probabilities of several networks": (mean, detector),
    }
    return {
        name: cross_validated(X, y, group, model) for name, (X, model) in trials.items()
    }


def logistic(seed: int = 0) -> Pipeline:
    """Return a logistic regression of the features' ranks."""
    return make_pipeline(
        SimpleImputer(strategy="median"),
        QuantileTransformer(n_quantiles=50),
        LogisticRegression(C=0.3, class_weight="balanced"),
    )


def both_sounds(probability: np.ndarray) -> np.ndarray:
    """Compute how early and late beats are where first and second sounds agree.

    Where one sound is missed or misplaced, the other one tells that the beat is not
    early. The five features are the earliest, the latest, the largest product of early
    and then late, the share beyond 0.15, the standard deviation; all in units of the
    median interval. NaN where there are fewer than three intervals.
    """
    first, _ = rhythm._peaks(probability, "s1")
    second, _ = rhythm._peaks(probability, "s2")
    nothing = np.full(5, np.nan)
    if len(first) < 4 or len(second) == 0:
        return nothing
    unbroken = rhythm._unbroken(first, probability)
    systole = rhythm._systoles(first, np.r_[first[1:], np.inf], second)
    intervals = np.where(unbroken, [np.diff(first), np.diff(first + systole)], np.nan)
    if np.isfinite(intervals[1]).sum() < 3:
        return nothing
    one, other = intervals / np.nanmedian(intervals, axis=1, keepdims=True) - 1
    agreed = np.sign(one) * np.minimum(np.abs(one), np.abs(other))
    change = np.where(np.sign(one) == np.sign(other), agreed, 0)
    change[~np.isfinite(one + other)] = np.nan
    early, late = np.fmax(-change, 0), np.fmax(change, 0)
    products = np.nan_to_num(early[:-1] * late[1:])
    return np.array(
        [
            *(np.nanmax(early), np.nanmax(late), products.max(initial=0)),
            *(np.nanmean(np.abs(change) > 0.15), np.nanstd(change)),
        ]
    )


def forced_rhythm(probability: np.ndarray) -> np.ndarray:
    """Compute what the phases lose in probability if the rhythm must be regular.

    The six features are the least probable systole and diastole of the usual decoding,
    and how many are improbable; logarithms lost in a second by free against usual, free
    against strictly regular, and usual against strictly regular durations. NaN without
    a period.
    """
    probability = np.asarray(probability, dtype=float)
    found = period(probability)
    if not found.certainty > 0:
        return np.full(6, np.nan)
    logarithm = np.log(np.maximum(probability, 1e-4))

    def decoded(duration: np.ndarray, survival: np.ndarray) -> tuple[Any, float]:
        states = decoding.most_likely(probability, duration, survival)
        picked = logarithm[np.arange(len(states)), states]
        return states, 100 * float(picked.mean())

    usual = decoding.durations(found)
    states, value = decoded(*usual)
    _, free = decoded(*decoding.any_durations())
    rare, decoding._RARE = decoding._RARE, _STRICT
    try:
        _, strict = decoded(*decoding.durations(found))
    finally:
        decoding._RARE = rare
    change = np.flatnonzero(np.diff(states)) + 1
    least, n_improbable = {1: 0.0, 3: 0.0}, 0
    for begin, end in pairwise(change):
        state = int(states[begin])
        if state in least:
            logarithms = usual[0][state]
            lost = logarithms[end - begin - 1] - logarithms.max()
            least[state] = min(least[state], float(lost))
            n_improbable += lost < -5
    lost = free - value, free - strict, value - strict
    return np.array([least[1], least[3], n_improbable, *lost])
