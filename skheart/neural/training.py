"""Train a network: optimizer, learning rates, and the loop over the epochs."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from skheart._core.progress import progress_bar
from skheart.neural.batches import TrainingBatches
from skheart.neural.checkpoint import Checkpoint, described, open_checkpoint
from skheart.neural.early_stopping import EarlyStopping
from skheart.neural.graphs import Trainer, architecture, trainer_of
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
        made = keras.optimizers.get({"class_name": optimizer, "config": {}})
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

    `loss` and `optimizer` are names, functions or objects of Keras; `settings` are
    other settings of the optimizer, without its learning rate.
    """
    parts: list[Any] = [architecture(model), settings]
    for part in (loss, optimizer):
        is_code = isinstance(part, types.FunctionType | type)
        parts.append(part if is_code else described(part))
    return None if None in parts else tuple(parts)


def train_network(
    model: keras.Model,
    build: Callable[[], keras.Model],
    batches: TrainingBatches,
    *,
    loss: Any,
    optimizer: Any,
    learning_rate: float,
    weight_decay: float,
    schedule: str | None,
    epochs: int,
    stopping: EarlyStopping | None,
    checkpoint: str | os.PathLike[str] | None,
    callbacks: list[keras.callbacks.Callback],
    verbose: int,
) -> dict[str, list[float]]:
    """Train a compiled network that `build` has built, and return its history by epoch.

    A trainer of an earlier fit is used again where its graph is the same; otherwise one
    is kept for later fits, with another network that `build` builds. `checkpoint` is
    the folder in which the state after each epoch is read and written.
    """
    n_targets = batches.targets.shape[1]

    def make() -> Trainer:
        # What is kept for later fits is another network than the user's.
        kept = model if key is None else build()
        same = kept is model or architecture(kept) == architecture(model)
        return Trainer(kept if same else model, n_targets)

    key = training_key(model, loss, optimizer, (weight_decay, n_targets))
    rates = None  # an optimizer of the user's has its own
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        rates = learning_rates(learning_rate, schedule, epochs * len(batches))
    resumed = None
    if checkpoint is not None:
        resumed = open_checkpoint(
            checkpoint, model, loss, batches, stopping, epochs, rates
        )
    with (
        trainer_of(key, model, make) as trainer,
        progress_bar(
            "Training", total=epochs, shown=verbose > 0, unit="epochs"
        ) as advance,
    ):
        try:
            losses = _trained_epochs(
                trainer, batches, epochs, rates, stopping, resumed, callbacks, advance
            )
        finally:
            for callback in callbacks:
                callback.set_model(None)  # it is not the user's network
    return {"loss": losses} | ({"val_auroc": stopping.scores} if stopping else {})


def _trained_epochs(
    trainer: Trainer,
    batches: TrainingBatches,
    epochs: int,
    rates: np.ndarray | None,
    stopping: EarlyStopping | None,
    checkpoint: Checkpoint | None,
    callbacks: list[keras.callbacks.Callback],
    advance: Callable[..., None],
) -> list[float]:
    """Train for all epochs, or until it stops, and return the loss of each."""
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
            logs["val_auroc"] = stopping.score()
            note += f", validation AUROC {logs['val_auroc']:.3f}"
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
        X, targets, weights = batches[index]
        if rates is not None:
            trainer.optimizer.learning_rate = rates[epoch * len(batches) + index]
        parts.append(trainer.step(X, targets, weights))
        sizes.append(len(X))
    loss = float(np.average([float(part) for part in parts], weights=sizes))
    if not np.isfinite(loss):
        raise ValueError(
            f"Training diverged: the loss of epoch {epoch + 1} is {loss}; lower "
            "learning_rate, or look for divisions by zero in your network or loss."
        )
    return loss
