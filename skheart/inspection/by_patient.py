"""Pool scores by patient, and make square axes for the displays of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skheart.inspection.axes import axes_for
from skheart.metrics import pool_by_group
from skheart.metrics.positive import positive_class


def predicted_scores(estimator: Any, X: Any, pos_label: Any) -> tuple[Any, np.ndarray]:
    """Return the positive class, and its probability for each recording."""
    classes = np.asarray(estimator.classes_).tolist()
    if len(classes) != 2:
        raise ValueError(
            f"estimator must have two classes, got {len(classes)}; pass the "
            "probabilities of one of them, and y == label, to from_predictions."
        )
    pos_label = positive_class(classes, pos_label)
    return pos_label, estimator.predict_proba(X)[:, classes.index(pos_label)]


def pooled_scores(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: ArrayLike,
    *,
    pos_label: Any,
    how: Any,
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return the positive class, which patients are positive, and their scores."""
    labels = np.asarray(y_true)
    if pos_label is None or len(np.unique(labels)) > 1:
        pos_label = positive_class(np.unique(labels), pos_label)
    pooled = pool_by_group(y_score, groups, how=how, y_true=labels, pos_label=pos_label)
    return pos_label, np.asarray(pooled.y_true == pos_label), pooled.y_score


def square_axes(ax: Any, *, user: str) -> Any:
    """Return square axes from 0 to 1."""
    ax = axes_for(ax, user=user, size=(4.2, 4.2))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_aspect("equal")
    return ax
