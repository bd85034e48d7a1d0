"""The estimator that may answer "unsure"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted, column_or_1d

from skheart._core.checks import check_number
from skheart._core.decisions import (
    MIN_QUALITY,
    Decision,
    confidence_of,
    decided,
    labels_of,
    low_quality,
    with_unsure,
)
from skheart._core.fitted import (
    decision_of_model,
    plain_model,
    rate_of_model,
    takes_recordings,
)
from skheart.audio.recordings import decoded_batches
from skheart.metrics.positive_classes import positive_class
from skheart.metrics.validation import check_same_length
from skheart.quality.transformer import QualityTransformer

__all__ = ["AbstainingClassifier"]

# Subtracted from the lowest confidence that gets a class, because an exported model
# rounds it differently.
_ROUNDING = 1e-5


class AbstainingClassifier(ClassifierMixin, BaseEstimator):
    """Answer a class, or "unsure" where a fitted model should not be relied upon.

    A recording gets the answer "unsure" if its quality is below `min_quality`, such as
    noise, or if the answer's confidence is below `min_confidence`. The model itself is
    never trained here. :func:`~skheart.save_model`, :func:`~skheart.export_onnx` and
    :class:`~skheart.StreamingClassifier` keep both limits.

    Parameters
    ----------
    estimator : Pipeline, fitted search or OnnxClassifier
        A fitted model that takes recordings, such as of
        :func:`~skheart.load_pretrained`.
    min_quality : float or None, default=0.3
        Minimum :func:`signal_quality`, from 0 to 1. None ignores the quality.
    min_confidence : float or None, default=None
        Minimum confidence, from 0 to 1: the highest probability; with a threshold, an
        answer at the threshold has the confidence 0.5. None for no limit, unless `fit`
        chooses it.
    coverage : float, default=None
        Share of the recordings in `fit` that get a class: `fit` chooses the largest
        `min_confidence` that leaves as many.
    sensitivity : float, default=None
        Minimum sensitivity among the recordings in `fit` that get a class: `fit`
        chooses the smallest `min_confidence` that reaches it.
    pos_label : label, default=None
        The positive class of `sensitivity`. By default that of the model's threshold;
        without one, as in :func:`~skheart.metrics.sensitivity_score`.
    n_jobs : int, default=None
        Number of threads that assess recordings; see :class:`QualityTransformer`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Of the model; "unsure" is not one of them.
    min_confidence_ : float
        The chosen limit; only after `fit` with `coverage` or `sensitivity`.
    decision_ : Decision
        The model's decision with both limits.

    See Also
    --------
    signal_quality : What `min_quality` is compared with.

    Notes
    -----
    Call `fit` with recordings of patients that the model was not trained on. After
    :func:`sklearn.base.clone` the model is unfitted, as in a cross-validation; wrap it
    in a :class:`sklearn.frozen.FrozenEstimator` to keep it.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.quality import AbstainingClassifier
    >>> beats = make_heart_sounds(1, classes="normal", random_state=0).data[0]
    >>> noise = np.random.default_rng(0).normal(size=len(beats))
    >>> model = AbstainingClassifier(load_pretrained("murmur"))
    >>> model.predict([beats, noise]).tolist()
    ['normal', 'unsure']
    """

    def __init__(
        self,
        estimator: Any,
        *,
        min_quality: float | None = MIN_QUALITY,
        min_confidence: float | None = None,
        coverage: float | None = None,
        sensitivity: float | None = None,
        pos_label: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.min_quality = min_quality
        self.min_confidence = min_confidence
        self.coverage = coverage
        self.sensitivity = sensitivity
        self.pos_label = pos_label
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any) -> Self:
        """Choose `min_confidence_` for the coverage or sensitivity; train nothing.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Recordings of patients that the model was not trained on.
        y : array-like of shape (n_recordings,)
            Their labels.

        Returns
        -------
        self : AbstainingClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, or no limit reaches what is required. The
            message says what is reached.
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        """
        check_is_fitted(self.estimator)
        self.__dict__.pop("min_confidence_", None)
        for name in ("coverage", "sensitivity"):
            check_number(name, getattr(self, name), high=1, optional=True)
        targets = [self.coverage, self.sensitivity, self.min_confidence]
        if sum(target is not None for target in targets) > 1:
            raise ValueError(
                "At most one of min_confidence, coverage and sensitivity can be given."
            )
        decision = self._base_decision()
        y = column_or_1d(y)
        probabilities, qualities = self._probabilities(X, decision)
        check_same_length(X=qualities, y=y)
        rows = np.array([not low_quality(decision, each) for each in qualities])
        if not rows.any():
            raise ValueError(
                f"No recording in X has the quality min_quality={self.min_quality}."
            )
        confidences = confidence_of(probabilities[rows], self.classes_, decision)
        if self.coverage is not None:
            self.min_confidence_ = _for_coverage(confidences, len(y), self.coverage)
        elif self.sensitivity is not None:
            found = labels_of(probabilities[rows], self.classes_, decision)
            given = decision.positive if self.pos_label is None else self.pos_label
            positive = positive_class(self.classes_, given)
            self.min_confidence_ = _for_sensitivity(
                confidences, y[rows] == positive, found == positive, self.sensitivity
            )
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each recording, or "unsure".

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths, waveforms or whatever else the model takes.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Labels of `classes_` and "unsure": text, or objects if labels are no text.
        """
        return self._answers(X)[0]

    def reasons(self, X: Any) -> list[str]:
        """Return why recordings get the answer "unsure".

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `predict`.

        Returns
        -------
        reasons : list of str, of length n_recordings
            Such as ``"quality 0.08 is below 0.30 (no heartbeat found)"``; "" for
            recordings that get a class.
        """
        return self._answers(X)[1]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the model, also where the answer is "unsure".

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `predict`.

        Returns
        -------
        probabilities : ndarray of shape (n_recordings, n_classes)
        """
        return self.estimator.predict_proba(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy among the recordings that get a class.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `predict`.
        y : array-like of shape (n_recordings,)
            Labels.
        sample_weight : array-like of shape (n_recordings,), default=None

        Returns
        -------
        accuracy : float
            NaN if every answer is "unsure".
        """
        answers, reasons = self._answers(X)
        answered = np.array([not reason for reason in reasons])
        if not answered.any():
            return float("nan")
        right = (answers == column_or_1d(y))[answered]
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[answered]
        return float(np.average(right, weights=sample_weight))

    @property
    def classes_(self) -> np.ndarray:
        return self.estimator.classes_

    @property
    def decision_(self) -> Decision:
        chosen = vars(self).get("min_confidence_")
        if chosen is None and (self.coverage or self.sensitivity) is not None:
            raise NotFittedError(
                "AbstainingClassifier chooses its min_confidence in fit, for coverage "
                "or sensitivity; call fit with recordings of new patients first."
            )
        decision = self._base_decision()
        return decision if chosen is None else replace(decision, min_confidence=chosen)

    def _base_decision(self) -> Decision:
        """Return the model's decision with the limits of the parameters."""
        return replace(
            decision_of_model(_checked(self.estimator)),
            min_quality=self.min_quality,
            min_confidence=self.min_confidence,
        )

    def _answers(self, X: Any) -> tuple[np.ndarray, list[str]]:
        """Return the label and the reason of each recording."""
        decision = self.decision_
        probabilities, qualities = self._probabilities(X, decision)
        known = np.where(np.isnan(probabilities), 0, probabilities)
        labels, reasons = decided(known, self.classes_, decision, qualities)
        return with_unsure(labels, reasons), reasons

    def _probabilities(
        self, X: Any, decision: Decision
    ) -> tuple[np.ndarray, list[Any]]:
        """Return probabilities, NaN where the quality is too low, and qualities."""
        if decision.min_quality is None:
            probabilities = np.asarray(self.predict_proba(X))
            return probabilities, [None] * len(probabilities)
        transformer = QualityTransformer(
            input_sample_rate=rate_of_model(self.estimator), n_jobs=self.n_jobs
        )
        batches = decoded_batches(X) if takes_recordings(self.estimator) else None
        found, qualities = [], []
        for batch in [X] if batches is None else batches:
            assessed = transformer.assess(batch)
            good = [not low_quality(decision, quality) for quality in assessed]
            probabilities = np.full((len(good), len(self.classes_)), np.nan)
            if any(good):
                probabilities[good] = self.predict_proba(_rows(batch, good))
            found.append(probabilities)
            qualities += assessed
        return np.concatenate(found), qualities

    def __sklearn_is_fitted__(self) -> bool:
        if (self.coverage or self.sensitivity) is not None:
            return "min_confidence_" in vars(self)
        check_is_fitted(self.estimator)
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _for_coverage(confidences: np.ndarray, n: int, coverage: float) -> float:
    """Return the largest limit that leaves the share of n recordings."""
    n_answered = int(np.ceil(coverage * n - 1e-9))
    if n_answered > len(confidences):
        raise ValueError(
            f"coverage={coverage:g} cannot be reached: only {len(confidences)} of {n} "
            "recordings have the quality min_quality; lower one of both."
        )
    return float(np.sort(confidences)[::-1][n_answered - 1]) - _ROUNDING


def _for_sensitivity(
    confidences: np.ndarray, positive: np.ndarray, called: np.ndarray, required: float
) -> float:
    """Return the smallest limit that reaches the sensitivity."""
    best = 0.0
    for limit in np.unique(confidences):
        answered = positive & (confidences >= limit)
        if not answered.any():
            break
        reached = called[answered].mean()
        if reached >= required - 1e-12:
            return float(limit) - _ROUNDING
        best = max(best, float(reached))
    raise ValueError(
        f"sensitivity={required:g} cannot be reached on these recordings by answering "
        f"fewer of them: at best {best:.3f} is; choose a threshold, with "
        "skheart.metrics.choose_threshold or skheart tune."
    )


def _rows(X: Any, chosen: list[bool]) -> Any:
    """Return the chosen recordings."""
    if hasattr(X, "shape") and len(X.shape) == 2:
        return X.loc[chosen] if hasattr(X, "loc") else np.asarray(X)[chosen]
    return [item for item, keep in zip(X, chosen, strict=True) if keep]


def _checked(estimator: Any) -> Any:
    """Return the fitted model that an estimator contains; raise for other kinds."""
    model = plain_model(estimator)
    exported = hasattr(model, "sample_rate_") and hasattr(model, "decision_")
    if isinstance(model, Pipeline) or exported:
        return model
    raise ValueError(
        "estimator must be a fitted Pipeline, a fitted search around one or an "
        f"OnnxClassifier, got {type(model).__name__}. A threshold or calibration "
        "around a pipeline becomes part of it with skheart.save_model and load_model."
    )


def abstaining(model: Any, decision: Decision) -> AbstainingClassifier:
    """Return a model with the limits of a decision."""
    return AbstainingClassifier(
        model,
        min_quality=decision.min_quality,
        min_confidence=decision.min_confidence,
    )
