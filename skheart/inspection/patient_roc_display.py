"""The ROC curve over patients."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skheart.inspection.axes import BLUE, GREY
from skheart.inspection.by_patient import pooled_scores, predicted_scores, square_axes
from skheart.metrics import (
    AUROCInterval,
    RocBand,
    auroc_confidence_interval,
    roc_band,
)

__all__ = ["PatientRocDisplay"]


class PatientRocDisplay:
    """The ROC curve over patients, with a band by bootstrap over patients.

    Usually created with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    band : RocBand
        From :func:`~skheart.metrics.roc_band`.
    auroc : AUROCInterval
        From :func:`~skheart.metrics.auroc_confidence_interval`.
    n_patients : int
        Number of patients.
    positive : label
        The positive class.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The curve; exists after `plot`.
    band_ : matplotlib.collections.FillBetweenPolyCollection
        The 95 % band, at each false positive rate by itself.
    chance_line_ : matplotlib.lines.Line2D
        The curve of a score that says nothing.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(
        self,
        band: RocBand,
        *,
        auroc: AUROCInterval,
        n_patients: int,
        positive: Any,
        name: str | None = None,
    ) -> None:
        self.band = band
        self.auroc = auroc
        self.n_patients = n_patients
        self.positive = positive
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        groups: ArrayLike,
        *,
        pos_label: Any = None,
        how: Any = "max",
        n_resamples: int = 500,
        random_state: int | np.random.RandomState | None = None,
        name: str | None = None,
    ) -> Self:
        """Predict recordings, pool them by patient, and compute the curve.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `predict_proba`. It must not have been trained on these
            patients.
        X : array-like of shape (n_recordings, ...)
            Recordings, or what the estimator takes.
        y : array-like of shape (n_recordings,)
            True labels of two classes.
        groups : array-like of shape (n_recordings,)
            The patient of each recording.
        pos_label : label, default=None
            The positive class, as in :func:`~skheart.metrics.sensitivity_score`.
        how : {"mean", "median", "max"} or callable, default="max"
            How the probabilities of a patient are pooled, as in
            :func:`~skheart.metrics.pool_by_group`.
        n_resamples : int, default=500
            Number of resamples of patients.
        random_state : int, RandomState or None, default=None
            Seed of the resamples.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : PatientRocDisplay
            Call its `plot` method to draw it.
        """
        pos_label, scores = predicted_scores(estimator, X, pos_label)
        return cls.from_predictions(
            y,
            scores,
            groups,
            pos_label=pos_label,
            how=how,
            n_resamples=n_resamples,
            random_state=random_state,
            name=name,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        groups: ArrayLike,
        *,
        pos_label: Any = None,
        how: Any = "max",
        n_resamples: int = 500,
        random_state: int | np.random.RandomState | None = None,
        name: str | None = None,
    ) -> Self:
        """Pool the scores of recordings by patient, and compute the curve.

        Parameters
        ----------
        y_true : array-like of shape (n_recordings,)
            True labels of two classes. A patient with one positive recording is
            positive.
        y_score : array-like of shape (n_recordings,)
            Scores that rise with the positive class.
        groups : array-like of shape (n_recordings,)
            The patient of each recording.
        pos_label : label, default=None
            The positive class, as in :func:`~skheart.metrics.sensitivity_score`.
        how : {"mean", "median", "max"} or callable, default="max"
            How the scores of a patient are pooled, as in
            :func:`~skheart.metrics.pool_by_group`.
        n_resamples : int, default=500
            Number of resamples of patients.
        random_state : int, RandomState or None, default=None
            Seed of the resamples.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : PatientRocDisplay
            Call its `plot` method to draw it.

        Raises
        ------
        ValueError
            If lengths differ, a score is NaN, or all patients have the same label.

        Examples
        --------
        >>> from skheart.inspection import PatientRocDisplay
        >>> display = PatientRocDisplay.from_predictions(
        ...     ["murmur", "normal"] * 10,
        ...     [0.8, 0.3] * 10,
        ...     [f"p{number}" for number in range(20)],
        ...     random_state=0,
        ... )
        >>> display.n_patients, display.auroc.auroc
        (20, 1.0)
        """
        pos_label, positive, scores = pooled_scores(
            y_true, y_score, groups, pos_label=pos_label, how=how
        )
        if positive.all() or not positive.any():
            raise ValueError(
                "y_true must have patients of both classes for a ROC curve, got "
                f"{int(positive.sum())} positive ones of {len(positive)}."
            )
        resampling: dict[str, Any] = {
            "n_resamples": n_resamples,
            "random_state": random_state,
        }
        return cls(
            roc_band(positive, scores, **resampling),
            auroc=auroc_confidence_interval(positive, scores, **resampling),
            n_patients=len(positive),
            positive=pos_label,
            name=name,
        )

    def plot(self, ax: Any = None, **line_options: Any) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **line_options
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : PatientRocDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = square_axes(ax, user="PatientRocDisplay")
        false, true, low, high = self.band
        (self.chance_line_,) = ax.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        self.band_ = ax.fill_between(
            false, low, high, color=BLUE, alpha=0.2, linewidth=0
        )
        auroc = "AUROC {:.2f} ({:.2f}–{:.2f})".format(*self.auroc)
        options = {"color": BLUE, "label": auroc, **line_options}
        (self.line_,) = ax.plot(false, true, **options)
        ax.set(xlabel="1 − specificity", ylabel=f"Sensitivity for {self.positive}")
        ax.legend(loc="lower right", frameon=False, title=f"{self.n_patients} patients")
        if self.name:
            ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self
