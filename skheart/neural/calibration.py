"""Turn the scores of a network into probabilities (Platt's method)."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import log_softmax

from skheart.neural.layers import Calibration


def calibrated(
    model: keras.Model, logits: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> keras.Model:
    """Scale and shift a network's logits so that they give probabilities.

    A loss on the ranking does not determine the scale and the offset of the logits. One
    positive scale for all logits and one offset for each, which change no AUROC, are
    fitted by cross-entropy with smoothed targets, on the `logits` of `model` for
    recordings of the classes `codes`. They become one more layer at the end of `model`.

    References
    ----------
    .. [1] J. Platt, "Probabilistic outputs for support vector machines and comparisons
       to regularized likelihood methods", Advances in Large Margin Classifiers, 1999.
    """
    logits = logits.astype(np.float64)
    n_logits = logits.shape[1]
    n_classes = max(2, n_logits)
    if not weights.any():
        weights = np.ones_like(weights)
    counts = np.bincount(codes, minlength=n_classes)
    targets = np.full((len(codes), n_classes), 1.0)
    targets[np.arange(len(codes)), codes] += counts[codes]
    targets /= targets.sum(axis=1, keepdims=True)
    spread = logits.std(axis=0).mean() or 1.0

    def cross_entropy(parameters: np.ndarray) -> float:
        scaled = np.exp(parameters[0]) / spread * logits + parameters[1:]
        if n_logits == 1:
            scaled = np.hstack([np.zeros_like(scaled), scaled])
        losses = -np.sum(targets * log_softmax(scaled, axis=1), axis=1)
        return float(np.average(losses, weights=weights))

    # Bounded, so that uninformative scores do not collapse to one value.
    bounds = [(np.log(0.05), np.log(20.0))] + [(None, None)] * n_logits
    best = minimize(cross_entropy, np.zeros(1 + n_logits), bounds=bounds).x
    return shifted(model, scale=np.exp(best[0]) / spread, offsets=best[1:])


def shifted(model: keras.Model, *, scale: float, offsets: ArrayLike) -> keras.Model:
    """Add a last layer that computes ``scale * logit + offset`` for each logit.

    `offsets` has the shape (n_outputs,). A calibration that is there already is merged.
    """
    offsets = np.asarray(offsets, dtype=np.float64)
    last = model.layers[-1]
    inner = model.outputs[0]
    if isinstance(last, Calibration):  # both in one layer
        before, shift = last.get_weights()
        scale, offsets = scale * float(before), scale * shift + offsets
        inner = last.input
    layer = Calibration(name="calibration")
    model = keras.Model(model.inputs[0], layer(inner), name=model.name)
    layer.set_weights([scale, offsets])
    return model
