"""Stop training when the AUROC of the validation part no longer rises."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from skheart.metrics import auroc_score
from skheart.neural.graphs import Forward
from skheart.neural.windows import probabilities, windowed_logits


class EarlyStopping:
    """Score the validation part after each epoch, and keep the best weights.

    Parameters
    ----------
    X : ndarray of shape (n_recordings, n_bands, n_frames, n_channels)
    codes : ndarray of shape (n_recordings,)
        Number of the class of each recording.
    weights : ndarray of shape (n_recordings,) or None
        Weight of each recording in the AUROC.
    n_crop : int
        Frames in a window.
    patience : int
        Epochs without a better AUROC before training stops.

    Attributes
    ----------
    scores : list of float
        AUROC after each epoch.
    stops : bool
        Whether training must stop.
    """

    def __init__(
        self,
        X: Any,
        codes: np.ndarray,
        weights: np.ndarray | None,
        *,
        n_crop: int,
        patience: int,
    ) -> None:
        if weights is not None and not all(
            weights[codes == code].any() for code in np.unique(codes)
        ):
            weights = None  # no pair would have a weight
        self.stops = False
        self.X, self.codes, self.weights = X, codes, weights
        self.n_crop, self.patience = n_crop, patience
        self.scores: list[float] = []
        self.best_epoch = -1
        self.best_weights: list[np.ndarray] = []

    def begin(self, model: keras.Model) -> None:
        """Score this network from now on."""
        self.model, self.forward = model, Forward(model)

    def score(self, epoch: int) -> None:
        """Score the epoch."""
        logits = windowed_logits(self.forward, self.X, self.n_crop)
        scores = logits[:, 0] if logits.shape[1] == 1 else probabilities(logits)
        labels = np.arange(max(2, logits.shape[1]))
        auroc = auroc_score(
            self.codes, scores, labels=labels, sample_weight=self.weights
        )
        self.scores.append(float(auroc))
        if self.best_epoch < 0 or self.scores[-1] > self.scores[self.best_epoch]:
            self.best_epoch = epoch
            self.best_weights = self.model.get_weights()
        elif epoch - self.best_epoch >= self.patience:
            self.stops = True

    def restore_best(self) -> None:
        """Restore the weights of the best epoch."""
        self.model.set_weights(self.best_weights)
