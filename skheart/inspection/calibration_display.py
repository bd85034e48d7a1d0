"""The calibration of probabilities over patients."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skheart.inspection.axes import BLUE, GREY
from skheart.inspection.by_patient import pooled_scores, predicted_scores, square_axes
from skheart.metrics import (
    calibration_bins,
    expected_calibration_error,
)

__all__ = ["CalibrationByPatientDisplay"]


class CalibrationByPatientDisplay:
    """How probabilities of patients agree with the share of patients that is positive.

    Usually created with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    bins : list of dict
        From :func:`~skheart.metrics.calibration_bins`.
    error : float
        From :func:`~skheart.metrics.expected_calibration_error`.
    positive : label
        The positive class.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    line_ : matplotlib.container.ErrorbarContainer
        The share in each bin with its 95 % interval; exists after `plot`.
    perfect_line_ : matplotlib.lines.Line2D
        Where all probabilities would be right.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(
        self,
        bins: list[dict[str, float]],
        *,
        error: float,
        positive: Any,
        name: str | None = None,
    ) -> None:
        self.bins = bins
        self.error = error
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
        n_bins: int = 5,
        name: str | None = None,
    ) -> Self:
        """Predict recordings, pool them by patient, and compare with the labels.

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
        n_bins : int, default=5
            Maximum number of bins, which have equally many patients.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : CalibrationByPatientDisplay
            Call its `plot` method to draw it.
        """
        pos_label, scores = predicted_scores(estimator, X, pos_label)
        return cls.from_predictions(
            y, scores, groups, pos_label=pos_label, how=how, n_bins=n_bins, name=name
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_prob: ArrayLike,
        groups: ArrayLike,
        *,
        pos_label: Any = None,
        how: Any = "max",
        n_bins: int = 5,
        name: str | None = None,
    ) -> Self:
        """Pool the probabilities of recordings by patient, and compare with the labels.

        Parameters
        ----------
        y_true : array-like of shape (n_recordings,)
            True labels of two classes. A patient with one positive recording is
            positive.
        y_prob : array-like of shape (n_recordings,)
            Probability of the positive class.
        groups : array-like of shape (n_recordings,)
            The patient of each recording.
        pos_label : label, default=None
            The positive class, as in :func:`~skheart.metrics.sensitivity_score`.
        how : {"mean", "median", "max"} or callable, default="max"
            How the probabilities of a patient are pooled, as in
            :func:`~skheart.metrics.pool_by_group`.
        n_bins : int, default=5
            Maximum number of bins, which have equally many patients.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : CalibrationByPatientDisplay
            Call its `plot` method to draw it.

        Raises
        ------
        ValueError
            If lengths differ or a probability is not between 0 and 1.

        Examples
        --------
        >>> from skheart.inspection import CalibrationByPatientDisplay
        >>> display = CalibrationByPatientDisplay.from_predictions(
        ...     ["murmur", "normal"] * 10,
        ...     [0.8, 0.3] * 10,
        ...     [f"p{number}" for number in range(20)],
        ...     n_bins=2,
        ... )
        >>> [one["n"] for one in display.bins]
        [10, 10]
        """
        pos_label, positive, scores = pooled_scores(
            y_true, y_prob, groups, pos_label=pos_label, how=how
        )
        settings: dict[str, Any] = {"pos_label": True, "n_bins": n_bins}
        return cls(
            calibration_bins(positive, scores, **settings),
            error=expected_calibration_error(positive, scores, **settings),
            positive=pos_label,
            name=name,
        )

    def plot(self, ax: Any = None, **errorbar_options: Any) -> Self:
        """Draw the share of each bin against its mean probability.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **errorbar_options
            Passed to :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        self : CalibrationByPatientDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = square_axes(ax, user="CalibrationByPatientDisplay")
        (self.perfect_line_,) = ax.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        shares = np.array([one["share"] for one in self.bins])
        below = shares - [one["low"] for one in self.bins]
        above = np.array([one["high"] for one in self.bins]) - shares
        options = {"fmt": "o", "color": BLUE, "capsize": 2, **errorbar_options}
        options.setdefault("label", f"mean difference {self.error:.2f}")
        probabilities = [one["probability"] for one in self.bins]
        self.line_ = ax.errorbar(probabilities, shares, [below, above], **options)
        n_patients = int(sum(one["n"] for one in self.bins))
        ax.set(
            xlabel=f"Mean probability of {self.positive}",
            ylabel=f"Share of patients with {self.positive}",
        )
        ax.legend(loc="best", frameon=False, title=f"{n_patients} patients")
        if self.name:
            ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self
