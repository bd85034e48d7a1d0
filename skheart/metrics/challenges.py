"""Scores of the two PhysioNet challenges on heart sounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_option
from skheart.metrics.validation import check_labels, check_same_length, warn_undefined

_CINC2016_TRUTH = {"normal": -1, "abnormal": 1, -1: -1, 1: 1}
_CINC2016_ANSWER = {**_CINC2016_TRUTH, "unsure": 0, 0: 0}
_CINC2016_QUALITY = {0: 0, 1: 1}
# Reyna et al. 2023: what a true label of each kind counts.
_CIRCOR2022_WEIGHTS = {
    "murmur": {"Present": 5, "Unknown": 3, "Absent": 1},
    "outcome": {"Abnormal": 5, "Normal": 1},
}


def cinc2016_score(
    y_true: ArrayLike, y_pred: ArrayLike, *, quality: ArrayLike | None = None
) -> float:
    """Modified accuracy (MAcc) of the PhysioNet/CinC Challenge 2016.

    The mean of a sensitivity and a specificity in which the answer ``"unsure"`` is
    right for recordings of poor quality and wrong for those of good quality.

    Parameters
    ----------
    y_true : array-like of shape (n_recordings,)
        ``"normal"`` or ``"abnormal"``, or the challenge's codes -1 and 1.
    y_pred : array-like of shape (n_recordings,)
        The same, or ``"unsure"`` (code 0).
    quality : array-like of shape (n_recordings,), default=None
        1 for a recording of good, 0 for one of poor quality. By default all are good.

    Returns
    -------
    score : float
        Between 0 and 1. NaN if all recordings are normal or all are abnormal.

    Raises
    ------
    ValueError
        If the lengths differ or an entry is none of those named above.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` has one class only; the score is then NaN.

    See Also
    --------
    cinc2016_sensitivity_specificity : The two parts.

    Notes
    -----
    It is *not* an accuracy: both classes count one half however rare one is. Nor is it
    the challenge's ranking, which was of a hidden test set; on the public recordings
    the database of a recording predicts much of its label.

    References
    ----------
    Clifford, G. D. et al. "Classification of normal/abnormal heart sound recordings:
    The PhysioNet/Computing in Cardiology Challenge 2016." Computing in Cardiology 43,
    2016. doi:10.22489/CinC.2016.179-154

    Examples
    --------
    >>> from skheart.metrics import cinc2016_score
    >>> y_true = ["abnormal", "abnormal", "normal", "normal"]
    >>> y_pred = ["abnormal", "unsure", "normal", "unsure"]
    >>> cinc2016_score(y_true, y_pred)
    0.5
    >>> cinc2016_score(y_true, y_pred, quality=[1, 0, 1, 1])
    0.75
    """
    return float(np.mean(_cinc2016_parts(y_true, y_pred, quality)))


def cinc2016_sensitivity_specificity(
    y_true: ArrayLike, y_pred: ArrayLike, *, quality: ArrayLike | None = None
) -> tuple[float, float]:
    """Sensitivity and specificity as the PhysioNet/CinC Challenge 2016 defines them.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_recordings,)
    quality : array-like of shape (n_recordings,), default=None
        As of :func:`cinc2016_score`.

    Returns
    -------
    sensitivity : float
        Of the abnormal recordings; NaN if there is none.
    specificity : float
        Of the normal recordings; NaN if there is none.

    Raises
    ------
    ValueError
        As :func:`cinc2016_score`.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` has one class only; one of the two is then NaN.

    See Also
    --------
    cinc2016_score : Their mean, with the paper of the challenge.
    sensitivity_score, specificity_score : The usual ones.

    Notes
    -----
    The challenge adds the shares of right answers among recordings of good and of poor
    quality, weighted with how many of the class are good and poor. That sum is the
    share of right answers in the class, with ``"unsure"`` right where quality is poor;
    a stratum without recordings adds nothing. They are *not* the usual sensitivity
    and specificity as soon as one answer is ``"unsure"``.

    References
    ----------
    Liu, C. et al. "An open access database for the evaluation of heart sound
    algorithms." Physiological Measurement 37(12), 2016.
    doi:10.1088/0967-3334/37/12/2181

    Examples
    --------
    >>> from skheart.metrics import cinc2016_sensitivity_specificity
    >>> cinc2016_sensitivity_specificity(
    ...     [1, 1, -1, -1], [1, 0, -1, 0], quality=[1, 0, 1, 1]
    ... )
    (1.0, 0.5)
    """
    return _cinc2016_parts(y_true, y_pred, quality)


def _cinc2016_parts(
    y_true: ArrayLike, y_pred: ArrayLike, quality: ArrayLike | None
) -> tuple[float, float]:
    truth = _translate("y_true", y_true, _CINC2016_TRUTH)
    answer = _translate("y_pred", y_pred, _CINC2016_ANSWER)
    quality = np.ones(len(truth), dtype=int) if quality is None else quality
    good = _translate("quality", quality, _CINC2016_QUALITY)
    check_same_length(y_true=truth, y_pred=answer, quality=good)
    right = (answer == truth) | ((good == 0) & (answer == 0))
    parts = []
    for code, word in ((1, "abnormal"), (-1, "normal")):
        asked = truth == code
        if not asked.any():
            warn_undefined(
                f"The challenge's score needs a recording that is {word} in y_true, "
                "got none; the score is NaN.",
                stacklevel=4,
            )
        parts.append(float(right[asked].mean()) if asked.any() else np.nan)
    return parts[0], parts[1]


def circor2022_score(
    y_true: ArrayLike, y_pred: ArrayLike, *, target: str = "murmur"
) -> float:
    """Weighted accuracy of the George B. Moody PhysioNet Challenge 2022.

    The share of patients with the right answer, where a patient counts 5 with a murmur
    present, 3 where it is unknown and 1 where it is absent, or 5 with an abnormal and 1
    with a normal clinical outcome.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_patients,)
        True and predicted label of each patient: ``"Present"``, ``"Unknown"`` or
        ``"Absent"`` for the murmur, ``"Abnormal"`` or ``"Normal"`` for the outcome.
    target : {"murmur", "outcome"}, default="murmur"
        What the labels are about, as of :func:`~skheart.datasets.load_circor2022`.

    Returns
    -------
    score : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the lengths differ or a label does not belong to `target`.

    See Also
    --------
    pool_by_group : From scores of recordings to scores of patients.

    Notes
    -----
    It is a score of patients, *not* of recordings, and not an accuracy: calling every
    patient ``"Present"`` scores far above the share of patients with a murmur. For the
    outcome the challenge ranked by a cost of screening and treatment, *not* by this.

    References
    ----------
    Reyna, M. A. et al. "Heart murmur detection from phonocardiogram recordings: The
    George B. Moody PhysioNet Challenge 2022." PLOS Digital Health 2(9), 2023.
    doi:10.1371/journal.pdig.0000324

    Examples
    --------
    >>> from skheart.metrics import circor2022_score
    >>> circor2022_score(["Present", "Unknown", "Absent", "Absent"],
    ...                  ["Present", "Absent", "Absent", "Absent"])
    0.7
    """
    check_option("target", target, tuple(_CIRCOR2022_WEIGHTS))
    weights = _CIRCOR2022_WEIGHTS[target]
    # The labels of one target have different weights, so a weight stands for its label.
    truth = _translate("y_true", y_true, weights)
    answer = _translate("y_pred", y_pred, weights)
    check_same_length(y_true=truth, y_pred=answer)
    return float(truth[truth == answer].sum() / truth.sum())


def _translate(name: str, values: ArrayLike, table: dict) -> np.ndarray:
    """Return the number that `table` has for each of `values`."""
    labels = check_labels(name, values).tolist()
    unknown = next((label for label in labels if label not in table), None)
    if unknown is not None:
        listed = ", ".join(repr(key) for key in table)
        raise ValueError(f"{name} must hold only {listed}, got {unknown!r}.")
    return np.array([table[label] for label in labels])
