"""Training and applying a network: optimizer, early stopping, windows, calibration."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from skheart.losses import n_outputs, takes_codes
from skheart.metrics import auroc_score
from skheart.networks import build_network

_BATCH = 128  # windows a call in prediction
_WARM_UP = 0.1  # share of the steps over which the learning rate rises


def compiled_network(
    network: Any, loss: Any, optimizer: Any, words: dict[str, Any]
) -> keras.Model:
    """Build and compile a network; called by SciKeras."""
    model = build_network(network, **words)
    # XLA makes these networks slower on processors without an accelerator.
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
    return model


def encoded_targets(codes: np.ndarray, loss: Any, n_classes: int) -> np.ndarray:
    """Encode the classes as the loss wants them, (n_recordings, n_outputs or 1)."""
    if takes_codes(loss) or n_outputs(loss, n_classes) == 1:
        return codes.astype(np.float32)[:, np.newaxis]
    return np.eye(n_classes, dtype=np.float32)[codes]


def make_optimizer(
    optimizer: Any,
    *,
    learning_rate: float,
    weight_decay: float,
    schedule: str | None,
    n_steps: int,
) -> keras.optimizers.Optimizer:
    """Make a new optimizer from a name, or copy an instance with its own settings."""
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return type(optimizer).from_config(optimizer.get_config())
    rate: Any = learning_rate
    if schedule == "cosine":
        warm_up = round(_WARM_UP * n_steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warm_up else learning_rate,
            decay_steps=max(1, n_steps - warm_up),
            warmup_target=learning_rate if warm_up else None,
            warmup_steps=warm_up,
        )
    config = {"learning_rate": rate, "weight_decay": weight_decay or None}
    if isinstance(optimizer, type):
        optimizer = optimizer.__name__
    try:
        made = keras.optimizers.get({"class_name": optimizer, "config": {}})
    except (ValueError, TypeError):
        raise ValueError(
            "optimizer must be the name of a Keras optimizer or a "
            f"keras.optimizers.Optimizer, got {optimizer!r}."
        ) from None
    made = type(made)(**config, clipnorm=1.0)
    if weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


class Forward:
    """A network compiled for prediction: one graph for any number of spectrograms.

    The graph is made at the first call, and computes with the network's variables as
    they are at each call.

    Parameters
    ----------
    model : keras.Model
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.graph: Any = None

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        if self.graph is None:
            shape = (None, *self.model.inputs[0].shape[1:])
            self.graph = tf.function(
                lambda batch: self.model(batch, training=False),
                input_signature=[tf.TensorSpec(shape, tf.float32)],
            ).get_concrete_function()
        return self.graph(tf.constant(batch)).numpy()


def windowed_logits(
    forward: Callable[[np.ndarray], np.ndarray], X: np.ndarray, n_crop: int
) -> np.ndarray:
    """Average a network's logits over half-overlapping windows of each recording.

    Parameters
    ----------
    forward : callable
        A :class:`Forward`.
    X : ndarray of shape (n_recordings, n_bands, n_frames, n_channels)
        Recordings shorter than a window are repeated.
    n_crop : int
        Frames in a window.

    Returns
    -------
    logits : ndarray of shape (n_recordings, n_outputs), float32
    """
    n_frames = X.shape[2]
    if n_frames < n_crop:
        X = np.take(X, np.arange(n_crop) % n_frames, axis=2)
        n_frames = n_crop
    starts = window_starts(n_frames, n_crop)
    n_recordings = max(1, _BATCH // len(starts))
    logits = []
    for first in range(0, len(X), n_recordings):
        part = X[first : first + n_recordings]
        windows = np.stack([part[:, :, s : s + n_crop] for s in starts], axis=1)
        windows = windows.reshape(-1, *windows.shape[2:])
        # Few sizes of batch, since sums may be rounded otherwise in another.
        size = 1 << (len(windows) - 1).bit_length()
        filled = np.zeros((size, *windows.shape[1:]), dtype=np.float32)
        filled[: len(windows)] = windows
        output = forward(filled)[: len(windows)]
        logits.append(output.reshape(len(part), len(starts), -1).mean(axis=1))
    return np.concatenate(logits)


def window_starts(n_frames: int, n_crop: int) -> list[int]:
    """First frames of windows that overlap by about half and reach both ends.

    A tenth of a window more is not worth one more window: 5.02 s are one of 5 s.
    """
    spare = n_frames - n_crop
    steps = max(0, math.ceil((spare - n_crop / 10) / (n_crop / 2)))
    if steps == 0:
        return [spare // 2]
    return [round(step * spare / steps) for step in range(steps + 1)]


class DivergenceCheck(keras.callbacks.Callback):
    """Raise when the loss is no longer a number: the network would answer NaN."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look at the loss of the epoch."""
        if not np.isfinite(logs["loss"]):
            raise ValueError(
                f"Training diverged: the loss of epoch {epoch + 1} is {logs['loss']}; "
                "lower learning_rate, or look for divisions by zero in a network or "
                "loss of your own."
            )


class EarlyStopping(keras.callbacks.Callback):
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
        super().__init__()
        if weights is not None and not all(
            weights[codes == code].any() for code in np.unique(codes)
        ):
            weights = None  # no pair would have a weight
        self.X, self.codes, self.weights = X, codes, weights
        self.n_crop, self.patience = n_crop, patience
        self.scores: list[float] = []
        self.best_epoch = -1
        self.best_weights: list[np.ndarray] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Compile the network for prediction."""
        self.forward = Forward(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
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
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Go back to the best epoch."""
        self.model.set_weights(self.best_weights)


class EpochProgress(keras.callbacks.Callback):
    """Move a progress bar by one step an epoch, with the loss beside it."""

    def __init__(self, advance: Callable[..., None], stopping: EarlyStopping | None):
        super().__init__()
        self.advance, self.stopping = advance, stopping

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the epoch."""
        note = f"loss {logs['loss']:.4f}"
        if self.stopping is not None:
            note += f", validation AUROC {self.stopping.scores[-1]:.3f}"
        self.advance(1, note)


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
    layer = keras.layers.Rescaling(
        scale=float(np.exp(best[0]) / spread),
        offset=[float(value) for value in best[1:]],
        name="calibration",
    )
    return keras.Model(model.inputs, layer(model.outputs[0]), name=model.name)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Give class probabilities, (n_recordings, n_classes), for logits."""
    if logits.shape[1] == 1:
        positive = expit(logits)
        return np.hstack([1 - positive, positive])
    return np.exp(log_softmax(logits, axis=1))
