"""Stop training when the AUROC of the validation part no longer rises."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras
import numpy as np

from skheart.metrics import auroc_score
from skheart.neural.graphs import Forward
from skheart.neural.inputs import TrainingData
from skheart.neural.windows import probabilities, windowed_logits


@dataclass
class EarlyStopping:
    """Score the validation part after each epoch, and keep the best weights."""

    data: TrainingData  # of the validation part
    n_crop: int  # frames in a window
    patience: int  # epochs without a better AUROC before training stops
    scores: list[float] = field(default_factory=list)  # AUROC after each epoch
    best_weights: list[np.ndarray] = field(default_factory=list)  # of the network

    def __post_init__(self) -> None:
        codes, self.weights = self.data.codes, self.data.weights
        if not all(self.weights[codes == code].any() for code in np.unique(codes)):
            self.weights = np.ones_like(self.weights)  # no pair would have a weight

    @property
    def best_epoch(self) -> int:
        """The first epoch with the best score."""
        return int(np.argmax(self.scores))

    @property
    def stops(self) -> bool:
        """Whether training must stop."""
        n_epochs = len(self.scores)
        return n_epochs > 0 and n_epochs - 1 - self.best_epoch >= self.patience

    def begin(self, model: keras.Model) -> None:
        """Score this network from now on."""
        self.model, self.forward = model, Forward(model)

    def score(self) -> float:
        """Score the network after one more epoch, and return its AUROC."""
        logits = windowed_logits(self.forward, self.data.X, self.n_crop)
        scores = logits[:, 0] if logits.shape[1] == 1 else probabilities(logits)
        labels = np.arange(max(2, logits.shape[1]))
        codes = self.data.codes
        auroc = auroc_score(codes, scores, labels=labels, sample_weight=self.weights)
        self.scores.append(float(auroc))
        if self.best_epoch == len(self.scores) - 1:
            self.best_weights = self.model.get_weights()
        return self.scores[-1]

    def restore_best(self) -> None:
        """Restore the weights of the best epoch."""
        self.model.set_weights(self.best_weights)
