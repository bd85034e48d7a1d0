"""Training a network: optimizer, early stopping, calibration."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from skheart.metrics import auroc_score
from skheart.neural.batches import TrainingBatches
from skheart.neural.checkpoint import Checkpoint
from skheart.neural.graphs import Forward, Trainer, architecture
from skheart.neural.layers import Calibration
from skheart.neural.losses import n_outputs, takes_codes
from skheart.neural.networks import build_network
from skheart.neural.windows import probabilities, windowed_logits

_WARM_UP = 0.1  # share of the steps over which the learning rate rises


def compiled_network(
    network: Any,
    loss: Any,
    optimizer: Callable[[], keras.optimizers.Optimizer],
    words: dict[str, Any],
) -> keras.Model:
    """Build and compile a network; called by SciKeras."""
    model = build_network(network, **words)
    # XLA makes these networks slower on processors without an accelerator.
    model.compile(optimizer=optimizer(), loss=loss, jit_compile=False)
    return model


def encoded_targets(codes: np.ndarray, loss: Any, n_classes: int) -> np.ndarray:
    """Encode the classes as the loss wants them, (n_recordings, n_outputs or 1)."""
    if takes_codes(loss) or n_outputs(loss, n_classes) == 1:
        return codes.astype(np.float32)[:, np.newaxis]
    return np.eye(n_classes, dtype=np.float32)[codes]


def make_optimizer(
    optimizer: Any, *, learning_rate: Any, weight_decay: float
) -> keras.optimizers.Optimizer:
    """Make a new optimizer from a name, or copy an instance with its own settings."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return type(optimizer).from_config(optimizer.get_config())
    if isinstance(optimizer, type):
        optimizer = optimizer.__name__
    try:
        # One name for all: TensorFlow keeps memory for each new name of a variable.
        name = {"name": "optimizer"}
        made = keras.optimizers.get({"class_name": optimizer, "config": name})
    except (ValueError, TypeError):
        raise ValueError(
            "optimizer must be the name of a Keras optimizer or a "
            f"keras.optimizers.Optimizer, got {optimizer!r}."
        ) from None
    # AdamW takes no None.
    decay = (
        weight_decay if weight_decay or type(made) is keras.optimizers.AdamW else None
    )
    made = type(made)(
        learning_rate=learning_rate, weight_decay=decay, clipnorm=1.0, **name
    )
    if weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def learning_rates(
    learning_rate: float, schedule: str | None, n_steps: int
) -> np.ndarray:
    """Give the learning rate of each step, (n_steps,).

    With ``"cosine"`` it rises in a straight line over the first tenth of the steps, and
    falls to 0 along half a wave.
    """
    if schedule is None:
        return np.full(n_steps, learning_rate)
    step = np.arange(n_steps)
    warm_up = round(_WARM_UP * n_steps)
    fallen = np.clip((step - warm_up) / max(1, n_steps - warm_up), 0, 1)
    rates = learning_rate * (1 + np.cos(np.pi * fallen)) / 2
    return np.where(step < warm_up, learning_rate * step / max(1, warm_up), rates)


def training_key(model: keras.Model, loss: Any, optimizer: Any, settings: Any) -> Any:
    """Give what the graph of a training step depends on; None if it cannot be told.

    Parameters
    ----------
    model : keras.Model
    loss, optimizer : Any
        As the classifier has them: names, functions or objects of Keras.
    settings : hashable
        What else the optimizer is made with, but for its learning rate.
    """
    parts: list[Any] = [architecture(model), settings]
    for part in (loss, optimizer):
        if isinstance(part, str | types.FunctionType | type):
            parts.append(part)
        elif type(part).__module__.startswith(("keras.", "skheart.")):
            try:
                config = json.dumps(part.get_config(), sort_keys=True)
            except (TypeError, ValueError, NotImplementedError):
                return None  # Keras says so of what cannot be described
            parts.append((type(part), config))
        else:
            return None
    return None if parts[0] is None else tuple(parts)


def train_network(
    trainer: Trainer,
    batches: TrainingBatches,
    *,
    epochs: int,
    rates: np.ndarray | None,
    stopping: EarlyStopping | None,
    checkpoint: Checkpoint | None,
    advance: Callable[..., None],
) -> list[float]:
    """Train a network.

    Parameters
    ----------
    trainer : Trainer
    batches : TrainingBatches
    epochs : int
        Times that all recordings are seen, at most.
    rates : ndarray of shape (n_steps,) or None
        Learning rate of each step; None leaves it to the optimizer.
    stopping : EarlyStopping or None
    checkpoint : Checkpoint or None
        Where to go on from, and where to leave the state after each epoch.
    advance : callable
        Moves a progress bar.

    Returns
    -------
    losses : list of float
        By epoch.
    """
    losses: list[float] = []
    if stopping is not None:
        stopping.begin(trainer.model)
    if checkpoint is not None:
        losses = checkpoint.restore(trainer, batches, stopping)
        advance(len(losses), "")
    steps = iter(range(len(losses) * len(batches), epochs * len(batches)))
    for epoch in range(len(losses), epochs):
        if stopping is not None and stopping.stops:
            break
        parts, sizes = [], []
        for index in range(len(batches)):
            X, targets, *weights = batches[index]
            step = next(steps)
            if rates is not None:
                trainer.optimizer.learning_rate = rates[step]
            weight = weights[0] if weights else np.ones(len(X))
            parts.append(trainer.step(X, targets, weight.astype(np.float32)))
            sizes.append(len(X))
        loss = float(np.average([float(part) for part in parts], weights=sizes))
        if not np.isfinite(loss):  # the network would answer NaN
            raise ValueError(
                f"Training diverged: the loss of epoch {epoch + 1} is {loss}; "
                "lower learning_rate, or look for divisions by zero in a network or "
                "loss of your own."
            )
        losses.append(loss)
        note = f"loss {loss:.4f}"
        if stopping is not None:
            stopping.score(epoch)
            note += f", validation AUROC {stopping.scores[-1]:.3f}"
        if checkpoint is not None:
            checkpoint.save(trainer, losses, stopping)
        advance(1, note)
        batches.on_epoch_end()
    if stopping is not None:
        stopping.go_back()
    return losses


class EarlyStopping:
    """Stop when the AUROC of the validation part no longer rises; keep the best.

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
        Epochs without a better AUROC after which training stops.

    Attributes
    ----------
    scores : list of float
        AUROC after each epoch.
    stops : bool
        Whether there has been no better epoch for long enough.
    """

    def __init__(
        self,
        X: np.ndarray,
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
        """Watch a network."""
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

    def go_back(self) -> None:
        """Go back to the best epoch."""
        self.model.set_weights(self.best_weights)


def calibrated(
    model: keras.Model, logits: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> keras.Model:
    """Scale and shift a network's logits so that they say probabilities.

    A loss on the ranking leaves the scale of the logits and their place to chance. One
    positive scale for all and one offset for each logit, which change no AUROC, are
    fitted by cross-entropy with smoothed targets.

    Parameters
    ----------
    model : keras.Model
    logits : ndarray of shape (n_recordings, n_outputs)
        What `model` gives for some recordings.
    codes : ndarray of shape (n_recordings,)
        Number of the class of each of them.
    weights : ndarray of shape (n_recordings,)
        Their weights.

    Returns
    -------
    model : keras.Model
        The same network with a last layer more.

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

    def price(parameters: np.ndarray) -> float:
        scaled = np.exp(parameters[0]) / spread * logits + parameters[1:]
        if n_logits == 1:
            scaled = np.hstack([np.zeros_like(scaled), scaled])
        losses = -np.sum(targets * log_softmax(scaled, axis=1), axis=1)
        return float(np.average(losses, weights=weights))

    # Bounded, lest scores that say nothing are all made one, to the last digit.
    bounds = [(np.log(0.05), np.log(20.0))] + [(None, None)] * n_logits
    best = minimize(price, np.zeros(1 + n_logits), bounds=bounds).x
    layer = Calibration(name="calibration")
    model = keras.Model(model.inputs[0], layer(model.outputs[0]), name=model.name)
    layer.set_weights([np.exp(best[0]) / spread, best[1:]])
    return model
