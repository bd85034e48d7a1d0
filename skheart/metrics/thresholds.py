"""Choose the threshold of a probability for a required sensitivity, and judge it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from skheart._core.checks import check_number
from skheart.metrics.positive_classes import positive_class
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_scores,
    sorted_labels,
)


class ProportionInterval(NamedTuple):
    """A share and its confidence interval.

    Attributes
    ----------
    value : float
        The share itself; NaN of nothing.
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float


def choose_threshold(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    pos_label: Any = None,
    sensitivity: float | None = None,
    specificity: float | None = None,
    cost: tuple[float, float] | None = None,
) -> float:
    """Choose the minimum score of a recording or patient that counts as positive.

    Exactly one of `sensitivity`, `specificity` and `cost` must be given.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels of two classes, of recordings or of patients.
    y_score : array-like of shape (n,)
        Probability of the positive class, or another score that rises with it.
    pos_label : label, default=None
        The positive class, as in :func:`sensitivity_score`.
    sensitivity : float, default=None
        Choose the highest threshold with at least this sensitivity.
    specificity : float, default=None
        Choose the lowest threshold with at least this specificity.
    cost : tuple of two floats, default=None
        The costs of a false negative and of a false positive: choose the threshold
        with the lowest mean cost, of several the highest.

    Returns
    -------
    threshold : float
        Scores of at least this number are positive. It lies halfway between two
        scores that occur, so that rounding changes no decision.

    Raises
    ------
    ValueError
        If not exactly one target is given, one is out of range, `y_true` does not have
        two classes, or lengths differ.

    See Also
    --------
    proportion_interval : How far the sensitivity that is reached can be trusted.
    sklearn.model_selection.TunedThresholdClassifierCV : Chooses by cross-validation.

    Notes
    -----
    The sensitivity on other patients varies around the required one. Choose the
    threshold on patients that the model was not trained on, and report its sensitivity
    on yet other patients.

    Examples
    --------
    >>> from skheart.metrics import choose_threshold
    >>> y_true = ["murmur", "murmur", "normal", "murmur", "normal", "normal"]
    >>> y_score = [0.9, 0.8, 0.7, 0.4, 0.3, 0.1]
    >>> choose_threshold(y_true, y_score, sensitivity=0.6)
    0.75
    >>> choose_threshold(y_true, y_score, sensitivity=1.0)
    0.35
    """
    targets = {"sensitivity": sensitivity, "specificity": specificity, "cost": cost}
    given = [name for name, value in targets.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            "Exactly one of sensitivity, specificity and cost must be given, got "
            f"{' and '.join(given) or 'none'}."
        )
    for name in ("sensitivity", "specificity"):
        check_number(name, targets[name], high=1, optional=True)
    y_true = check_labels("y_true", y_true)
    y_score = check_scores("y_score", y_score)
    check_same_length(y_true=y_true, y_score=y_score)
    if y_score.ndim != 1:
        raise ValueError(f"y_score must be one-dimensional, got {y_score.ndim} axes.")
    labels = sorted_labels("y_true", y_true)
    if len(labels) != 2:
        raise ValueError(
            "y_true must have two classes to choose a threshold, got "
            f"{labels.tolist()}."
        )
    positive = y_true == positive_class(labels, pos_label)

    candidates = _candidates(y_score)
    found = 1 - _share_below(y_score[positive], candidates)
    cleared = _share_below(y_score[~positive], candidates)
    enough = 1e-12  # sums of shares are rounded
    if sensitivity is not None:
        return float(candidates[found >= sensitivity - enough].max())
    if specificity is not None:
        return float(candidates[cleared >= specificity - enough].min())
    missed, alarmed = _checked_costs(cost)
    share = positive.mean()
    costs = missed * share * (1 - found) + alarmed * (1 - share) * (1 - cleared)
    return float(candidates[costs <= costs.min() + enough].max())


def _candidates(scores: np.ndarray) -> np.ndarray:
    """Return all thresholds that differ: around and halfway between the scores."""
    values = np.unique(scores)
    middles = (values[:-1] + values[1:]) / 2
    # A probability of 1 must be able to stay below the highest threshold.
    return np.concatenate([[values[0]], middles, [np.nextafter(values[-1], np.inf)]])


def _share_below(scores: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(scores), candidates) / len(scores)


def _checked_costs(cost: Any) -> tuple[float, float]:
    try:
        missed, alarmed = cost
    except (TypeError, ValueError):
        raise ValueError(
            "cost must be two numbers, those of a false negative and of a false "
            f"positive, got {cost!r}."
        ) from None
    check_number("The cost of a false negative", missed)
    check_number("The cost of a false positive", alarmed)
    return missed, alarmed


def proportion_interval(
    n_right: float, n: float, *, confidence: float = 0.95
) -> ProportionInterval:
    """Wilson interval of a share, such as a sensitivity.

    Parameters
    ----------
    n_right : float
        How many of `n` have the property.
    n : float
        How many independent ones there are: patients. Recordings of one patient are
        not independent: for a share of recordings, pass the share times the number of
        patients, which counts each patient once and is cautious.
    confidence : float, default=0.95
        Share of intervals meant to contain the true value, between 0 and 1.

    Returns
    -------
    interval : ProportionInterval
        Named tuple ``(value, low, high)``; all NaN if `n` is 0.

    Raises
    ------
    ValueError
        If `n_right` is not between 0 and `n`, or `confidence` not between 0 and 1.

    References
    ----------
    Wilson, E. B. "Probable inference, the law of succession, and statistical
    inference." Journal of the American Statistical Association 22, 1927.
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from skheart.metrics import proportion_interval
    >>> [round(x, 3) for x in proportion_interval(38, 40)]
    [0.95, 0.835, 0.986]
    """
    check_number("confidence", confidence, high=1, closed="neither")
    if not 0 <= n_right <= n:
        raise ValueError(f"n_right must be between 0 and n={n}, got {n_right!r}.")
    if n == 0:
        return ProportionInterval(np.nan, np.nan, np.nan)
    z = float(ndtri((1 + confidence) / 2))
    share = n_right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    low = max(0.0, min(share, middle - half))  # whatever rounding does
    high = min(1.0, max(share, middle + half))
    return ProportionInterval(float(share), float(low), float(high))


def predictive_values(
    sensitivity: float, specificity: float, prevalence: float
) -> tuple[float, float]:
    """Positive and negative predictive value at a prevalence, by Bayes' rule.

    Parameters
    ----------
    sensitivity, specificity : float
        Of the model at its threshold.
    prevalence : float
        Share of diseased among those who will be examined, between 0 and 1. It is
        seldom that of a corpus.

    Returns
    -------
    ppv : float
        Probability that a positive answer is right; NaN if there is none.
    npv : float
        Probability that a negative answer is right; NaN if there is none.

    Raises
    ------
    ValueError
        If an argument is not between 0 and 1.

    Examples
    --------
    >>> from skheart.metrics import predictive_values
    >>> [round(x, 3) for x in predictive_values(0.95, 0.8, prevalence=0.02)]
    [0.088, 0.999]
    """
    for name, value in (
        ("sensitivity", sensitivity),
        ("specificity", specificity),
        ("prevalence", prevalence),
    ):
        if not np.isnan(value):
            check_number(name, value, high=1, closed="both")
    right = sensitivity * prevalence
    alarms = (1 - specificity) * (1 - prevalence)
    cleared = specificity * (1 - prevalence)
    missed = (1 - sensitivity) * prevalence
    ppv = right / (right + alarms) if right + alarms else np.nan
    npv = cleared / (cleared + missed) if cleared + missed else np.nan
    return float(ppv), float(npv)
