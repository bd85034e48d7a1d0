"""Plots of scores over patients: the ROC curve with its band, and calibration."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skheart.inspection.axes import BLUE, GREY, axes_for
from skheart.metrics import (
    AUROCInterval,
    RocBand,
    auroc_confidence_interval,
    calibration_bins,
    expected_calibration_error,
    pool_by_group,
    roc_band,
)
from skheart.metrics.positive_classes import positive_class

__all__ = ["CalibrationByPatientDisplay", "PatientRocDisplay"]


class _ByPatientDisplay:
    """What both displays of scores over patients share."""

    from_predictions: Any

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        groups: ArrayLike,
        *,
        pos_label: Any = None,
        **options: Any,
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
        **options
            The other keyword arguments of `from_predictions`.

        Returns
        -------
        display : object of this class
            Call its `plot` method to draw it.

        Raises
        ------
        ValueError
            If the estimator does not have two classes, or as `from_predictions`.
        """
        classes = np.asarray(estimator.classes_).tolist()
        if len(classes) != 2:
            raise ValueError(
                f"estimator must have two classes, got {len(classes)}; pass the "
                "probabilities of one of them, and y == label, to from_predictions."
            )
        pos_label = positive_class(classes, pos_label)
        scores = estimator.predict_proba(X)[:, classes.index(pos_label)]
        return cls.from_predictions(y, scores, groups, pos_label=pos_label, **options)


class PatientRocDisplay(_ByPatientDisplay):
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
        pos_label, positive, scores = _pooled(y_true, y_score, groups, pos_label, how)
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
        ax = _square_axes(ax, user="PatientRocDisplay.plot")
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


class CalibrationByPatientDisplay(_ByPatientDisplay):
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
        pos_label, positive, scores = _pooled(y_true, y_prob, groups, pos_label, how)
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
        ax = _square_axes(ax, user="CalibrationByPatientDisplay.plot")
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


def _pooled(
    y_true: ArrayLike, y_score: ArrayLike, groups: ArrayLike, pos_label: Any, how: Any
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return the positive class, which patients are positive, and their scores."""
    labels = np.asarray(y_true)
    if pos_label is None or len(np.unique(labels)) > 1:
        pos_label = positive_class(np.unique(labels), pos_label)
    pooled = pool_by_group(y_score, groups, how=how, y_true=labels, pos_label=pos_label)
    return pos_label, np.asarray(pooled.y_true == pos_label), pooled.y_score


def _square_axes(ax: Any, *, user: str) -> Any:
    """Return square axes that show 0 to 1 in both directions."""
    ax = axes_for(ax, user=user, size=(4.2, 4.2))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_aspect("equal")
    return ax
