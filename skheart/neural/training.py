"""Train a network: optimizer, learning rates, and the loop over the epochs."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from skheart.neural.batches import TrainingBatches
from skheart.neural.checkpoint import Checkpoint
from skheart.neural.early_stopping import EarlyStopping
from skheart.neural.graphs import Trainer, architecture
from skheart.neural.losses import n_outputs, takes_codes

_WARM_UP = 0.1  # share of the steps over which the learning rate rises


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
        made = keras.optimizers.get(optimizer)
    except (ValueError, TypeError):
        raise ValueError(
            "optimizer must be the name of a Keras optimizer or a "
            f"keras.optimizers.Optimizer, got {optimizer!r}."
        ) from None
    # AdamW takes no None.
    decay = (
        weight_decay if weight_decay or type(made) is keras.optimizers.AdamW else None
    )
    made = type(made)(learning_rate=learning_rate, weight_decay=decay, clipnorm=1.0)
    if weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def learning_rates(
    learning_rate: float, schedule: str | None, n_steps: int
) -> np.ndarray:
    """Return the learning rate of each step, (n_steps,).

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
    """Return a key of all that the graph of a training step depends on, or None.

    Parameters
    ----------
    model : keras.Model
    loss, optimizer : Any
        As the classifier has them: names, functions or objects of Keras.
    settings : hashable
        Other settings of the optimizer, without its learning rate.
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
    callbacks: list[keras.callbacks.Callback],
    advance: Callable[..., None],
) -> list[float]:
    """Train a network.

    Parameters
    ----------
    trainer : Trainer
    batches : TrainingBatches
    epochs : int
        Maximum number of times that all recordings are seen.
    rates : ndarray of shape (n_steps,) or None
        Learning rate of each step; None leaves it to the optimizer.
    stopping : EarlyStopping or None
    checkpoint : Checkpoint or None
        Where the state after each epoch is read and written.
    callbacks : list of keras.callbacks.Callback
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
    trainer.model.stop_training = False
    hooks = keras.callbacks.CallbackList(callbacks, model=trainer.model)
    hooks.on_train_begin()
    for epoch in range(len(losses), epochs):
        if stopping is not None and stopping.stops:
            break
        batches.go_to(epoch)
        hooks.on_epoch_begin(epoch)
        loss = _trained_epoch(trainer, batches, epoch, rates)
        losses.append(loss)
        logs, note = {"loss": loss}, f"loss {loss:.4f}"
        if stopping is not None:
            stopping.score(epoch)
            logs["val_auroc"] = stopping.scores[-1]
            note += f", validation AUROC {stopping.scores[-1]:.3f}"
        if checkpoint is not None:
            checkpoint.save(trainer, losses, stopping)
        advance(1, note)
        hooks.on_epoch_end(epoch, logs)
        if trainer.model.stop_training:
            break
    hooks.on_train_end()
    if stopping is not None:
        stopping.restore_best()
    if not all(np.isfinite(weight).all() for weight in trainer.model.get_weights()):
        raise ValueError(
            "Training diverged in its last step: weights are NaN or infinite; lower "
            "learning_rate."
        )
    return losses


def _trained_epoch(
    trainer: Trainer, batches: TrainingBatches, epoch: int, rates: np.ndarray | None
) -> float:
    """Train on all batches once, and return the mean loss."""
    parts, sizes = [], []
    for index in range(len(batches)):
        X, targets, *weights = batches[index]
        if rates is not None:
            trainer.optimizer.learning_rate = rates[epoch * len(batches) + index]
        weight = weights[0] if weights else np.ones(len(X))
        parts.append(trainer.step(X, targets, weight.astype(np.float32)))
        sizes.append(len(X))
    loss = float(np.average([float(part) for part in parts], weights=sizes))
    if not np.isfinite(loss):
        raise ValueError(
            f"Training diverged: the loss of epoch {epoch + 1} is {loss}; lower "
            "learning_rate, or look for divisions by zero in your network or loss."
        )
    return loss
