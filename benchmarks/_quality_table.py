"""Fit the table of `skheart.quality`: additive logistic regression on hat functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

# Settings chosen before any result: no figure was optimised over them.
KNOTS = (2, 20, 40, 60, 80, 98)  # percentiles of an index
PENALTY = 1.0  # C of the logistic regression


def fit_table(
    X: dict[str, np.ndarray], good: np.ndarray, source: np.ndarray
) -> dict[str, Any]:
    """Fit a curve for each index.

    Every source has the same weight, and in each, good and poor recordings have.

    Parameters
    ----------
    X : dict of str to ndarray of shape (n,)
    good : ndarray of shape (n,)
        1 good, 0 poor, or between.
    source : ndarray of shape (n,)
    """
    curves, columns = {}, []
    for name, values in X.items():
        at = np.unique(np.round(np.percentile(values, KNOTS), 4))
        if len(at) < 2:
            at = np.unique(np.round([values.min(), values.max()], 4))
        if len(at) < 2:
            continue
        curves[name] = at
        columns += [np.interp(values, at, hat) for hat in np.eye(len(at))]
    B = np.column_stack(columns)
    yes, no = weights_of(good, source)
    model = LogisticRegression(C=PENALTY, max_iter=5000).fit(
        np.concatenate([B, B]),
        np.repeat([1, 0], len(B)),
        sample_weight=np.concatenate([yes, no]),
    )
    adds = np.split(model.coef_[0], np.cumsum([len(at) for at in curves.values()])[:-1])
    offset = float(model.intercept_[0])
    table: dict[str, Any] = {"offset": 0.0, "curves": {}}
    for (name, at), added in zip(curves.items(), adds, strict=True):
        # The highest point of each curve is zero: a curve says what an index costs.
        offset += float(added.max())
        table["curves"][name] = {
            "at": at.tolist(),
            "adds": np.round(added - added.max(), 4).tolist(),
        }
    table["offset"] = round(offset, 4)
    return table


def weights_of(good: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of each recording as a good one, and as a poor one."""
    yes, no = np.zeros(len(good)), np.zeros(len(good))
    names = np.unique(source)
    for name in names:
        rows = source == name
        for weights, share in ((yes, good[rows]), (no, 1 - good[rows])):
            if share.sum() > 0:
                weights[rows] = share / share.sum()
    scale = len(good) / (yes.sum() + no.sum())
    return yes * scale, no * scale
