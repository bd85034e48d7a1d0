"""The AUROC as a scorer for scikit-learn's model selection."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# Private in name, but the one class that scikit-learn's model selection treats as a
# scorer; what metadata routing asks of one differs between its versions.
from sklearn.metrics._scorer import _BaseScorer

from skheart.metrics.auroc import auroc_score
from skheart.metrics.validation import check_labels, label_list, sorted_labels


class _AUROCScorer(_BaseScorer):
    """Area under the ROC curve of a fitted classifier, for ``scoring=``.

    ``auroc_scorer(estimator, X, y, sample_weight=None)`` takes the scores from
    `decision_function`, or from `predict_proba` where there is none, and returns
    :func:`auroc_score` of them with the columns named by ``estimator.classes_``.

    It differs in three ways from ``scoring="roc_auc"`` and ``"roc_auc_ovr"``. It takes
    two classes as well as more. A part of the data that lacks a class is scored on the
    others; one with a single class scores NaN with an `UndefinedMetricWarning`. A
    class of `y` that the estimator was not trained on gets the same score for every
    recording, hence an area of 0.5, and a `UserWarning`.

    The score is *not* that of `predict`, and with groups it is still one of recordings,
    not of patients. With three or more classes `decision_function` and `predict_proba`
    can give different areas, as a softmax compares the classes of each recording.

    Under metadata routing, ``auroc_scorer.set_score_request(sample_weight=True)``
    gives a scorer that asks for weights; `auroc_scorer` itself stays as it is.

    See Also
    --------
    auroc_score : The same from labels and scores.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from skheart.metrics import auroc_scorer
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> y = np.array(["Absent", "Present"]).repeat(6)
    >>> patients = np.tile([1, 2, 3], 4)
    >>> cross_val_score(LogisticRegression(), X, y, groups=patients,
    ...                 cv=GroupKFold(3), scoring=auroc_scorer)
    array([1., 1., 1.])
    """

    __name__ = "auroc_scorer"  # displays of scikit-learn write it at their axis

    def __init__(self) -> None:
        super().__init__(auroc_score, 1, {}, ("decision_function", "predict_proba"))

    def __repr__(self) -> str:
        return "auroc_scorer"

    def set_score_request(self, **kwargs: bool | str | None) -> _AUROCScorer:
        """Return a copy that requests metadata, such as ``sample_weight=True``."""
        return super(_AUROCScorer, copy.deepcopy(self)).set_score_request(**kwargs)

    def _score(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: Any,
        y_true: ArrayLike,
        **kwargs: Any,
    ) -> float:
        classes = getattr(estimator, "classes_", None)
        if classes is None:
            raise ValueError(
                "auroc_scorer needs a fitted classifier with classes_, got "
                f"{estimator!r}."
            )
        method = next((m for m in self._response_method if hasattr(estimator, m)), None)
        if method is None:
            raise ValueError(
                "auroc_scorer needs a classifier with decision_function or "
                f"predict_proba, got {estimator!r}."
            )
        classes = np.asarray(classes)
        y_true = check_labels("y", y_true)
        found = sorted_labels("y", y_true).tolist()
        unseen = [label for label in found if label not in classes.tolist()]
        if 2 <= len(found) == len(unseen):
            raise ValueError(
                "y must have labels that the classifier was trained on, "
                f"{label_list(classes)}, got {label_list(found)}."
            )
        # Not through `method_caller`: its cache mixes up the columns of scorers that
        # differ in their positive label.
        y_score = np.asarray(getattr(estimator, method)(X))
        if unseen:
            warnings.warn(
                f"The classifier was not trained on {label_list(unseen)}, which y "
                "has; its AUROC there counts as 0.5.",
                UserWarning,
                stacklevel=3,
            )
            if y_score.ndim == 1 and len(classes) == 2:
                y_score = np.column_stack([-y_score, y_score])
            blank = np.zeros((len(y_true), len(unseen)))
            y_score = np.column_stack([y_score, blank])
            classes = np.array([*classes.tolist(), *unseen])
        labels = classes if len(classes) > 1 else None
        return float(auroc_score(y_true, y_score, labels=labels, **kwargs))


auroc_scorer = _AUROCScorer()
