"""Where training starts from: a new network, or one trained on something else."""

from __future__ import annotations

import functools
import json
import threading
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import scikeras.wrappers
from sklearn.utils.validation import check_is_fitted

from skheart._core.progress import progress_bar
from skheart.neural.batches import TrainingBatches
from skheart.neural.checkpoint import Checkpoint, fingerprint
from skheart.neural.graphs import Trainer, architecture, trainer_of
from skheart.neural.inputs import repeated
from skheart.neural.losses import n_outputs
from skheart.neural.networks import default_l2
from skheart.neural.packaged import SavedNetwork, read_network
from skheart.neural.stored import readable
from skheart.neural.threads import local_seed
from skheart.neural.training import (
    EarlyStopping,
    compiled_network,
    learning_rates,
    make_optimizer,
    train_network,
    training_key,
)

_ATTEMPTS = 20  # to build a network undisturbed
_HEAD = "logits"  # layers whose name starts so give the logits


class Start:
    """A trained network, to be trained further.

    Parameters
    ----------
    config : dict
        The network, as Keras writes it.
    weights : list of ndarray
    classes : list
        Labels that it tells apart, sorted.
    n_bands, n_crop, n_channels : int
        Bands, frames in a window and channels.
    """

    def __init__(
        self,
        config: dict[str, Any],
        weights: list[np.ndarray],
        *,
        classes: list[Any],
        n_bands: int,
        n_crop: int,
        n_channels: int = 1,
    ) -> None:
        self.config, self.weights, self.classes = config, weights, list(classes)
        self.n_bands, self.n_crop, self.n_channels = n_bands, n_crop, n_channels

    def fitting(self, X: Any) -> Any:
        """Check spectrograms, and repeat those shorter than a window."""
        if (X.shape[1], X.shape[3]) != (self.n_bands, self.n_channels):
            raise ValueError(
                f"X must hold spectrograms of {self.n_bands} bands and "
                f"{self.n_channels} channels, which the network of weights was trained "
                f"on, got {X.shape[1]} bands and {X.shape[3]} channels; compute them "
                "with the transformer that belongs to it."
            )
        if X.shape[2] < self.n_crop:
            X = repeated(X, self.n_crop)
        return X

    def network(self, *, n_outputs: int, dropout: float, classes: Any) -> keras.Model:
        """Build the network with these weights.

        The layer that gives the logits keeps its weights where the classes are the
        same; otherwise it is new, with one logit for each output.
        """
        config = readable(self.config)
        heads = []
        for layer in config["config"]["layers"]:
            words = layer["config"]
            if words["name"].startswith(_HEAD):
                heads.append(words["name"])
                words["units"] = n_outputs
            elif layer["class_name"] == "Dropout":
                words["rate"] = dropout
        model = keras.models.model_from_json(json.dumps(config))
        same = list(classes) == self.classes
        if not heads and not (same and model.output_shape == (None, n_outputs)):
            raise ValueError(
                f"weights must hold a network whose last dense layer is named "
                f"{_HEAD!r} when the classes are others ({self.classes} before), so "
                "that this layer can be made anew."
            )
        fresh = {
            id(variable)
            for name in heads
            for variable in model.get_layer(name).weights
            if not same
        }
        for variable, weight in zip(model.weights, self.weights, strict=True):
            if id(variable) not in fresh and variable.shape == weight.shape:
                variable.assign(weight)
            elif id(variable) not in fresh:
                raise ValueError(
                    f"weights must fit the network: {variable.path} has shape "
                    f"{tuple(variable.shape)}, got {weight.shape}; the losses must "
                    "need as many logits."
                )
        return model


def start_from(weights: Any) -> Start:
    """Read what the parameter `weights` of a classifier means."""
    if isinstance(weights, Start):
        return weights
    if isinstance(weights, str):
        weights = read_network(weights, parameter="weights")
    if isinstance(weights, SavedNetwork):
        return Start(
            weights.config,
            weights.weights,
            classes=weights.classes,
            n_bands=weights.n_bands,
            n_crop=weights.n_crop,
        )
    # What a FrozenEstimator and a search hold.
    fitted = getattr(weights, "estimator", weights)
    fitted = getattr(weights, "best_estimator_", fitted)
    if hasattr(fitted, "steps"):
        fitted = fitted.steps[-1][1]
    if not hasattr(fitted, "crop_frames"):
        raise ValueError(
            "weights must be None, the name of a pretrained model, or a fitted "
            f"CNNClassifier or a Pipeline that ends with one, got {weights!r}."
        )
    try:
        check_is_fitted(fitted)
    except ValueError:
        raise ValueError(
            "weights must be a fitted CNNClassifier, got one that is not fitted; if "
            "cloning it dropped what it had learned, as GridSearchCV does, pass "
            "sklearn.frozen.FrozenEstimator(classifier)."
        ) from None
    model = fitted.model_
    if model.layers[-1].name == "calibration":
        model = keras.Model(model.inputs, model.layers[-1].input, name=model.name)
    return Start(
        json.loads(model.to_json()),
        model.get_weights(),
        classes=list(fitted.classes_),
        n_bands=fitted.input_shape_[0],
        n_crop=fitted.n_crop_,
        n_channels=fitted.input_shape_[2],
    )


def build_network_of(
    classifier: Any, loss: Any, *, n_bands: int, n_channels: int, start: Start | None
) -> scikeras.wrappers.KerasClassifier:
    """Let SciKeras build and compile the network of a classifier.

    Parameters
    ----------
    classifier : CNNClassifier
        With the attributes `classes_` and `n_crop_`.
    loss : Any
        What the network is compiled with.
    n_bands, n_channels : int
        Of the spectrograms.
    start : Start or None
        What to start from; None for a new network.
    """
    network, l2 = classifier.network, classifier.l2
    classes = classifier.classes_.tolist()
    if start is not None:
        network = functools.partial(start.network, classes=classes)
    build = functools.partial(
        compiled_network,
        network,
        loss,
        functools.partial(
            make_optimizer,
            classifier.optimizer,
            learning_rate=classifier.learning_rate,
            weight_decay=classifier.weight_decay,
        ),
        {
            "n_bands": n_bands,
            "n_frames": classifier.n_crop_,
            "n_channels": n_channels,
            "n_outputs": n_outputs(loss, len(classes)),
            "dropout": classifier.dropout,
            "l2": default_l2(classifier.network) if l2 is None else l2,
        },
    )
    holder = scikeras.wrappers.KerasClassifier(model=build, loss=loss)
    # SciKeras looks at nothing but shapes and classes.
    shape = (len(classes), n_bands, classifier.n_crop_, n_channels)
    return holder.initialize(np.zeros(shape, np.float32), np.arange(len(classes)))


def built_with_seed(
    build: Callable[[], scikeras.wrappers.KerasClassifier], seed: int
) -> scikeras.wrappers.KerasClassifier:
    """Build a network whose weights depend on nothing but the seed.

    Keras draws from Python's global random numbers, from which other threads may draw
    at the same time: those of a notebook or of a cluster's worker do. Where there are
    any, the network is built until two are the same.
    """
    with local_seed(seed):
        holder = build()
    for _ in range(_ATTEMPTS):
        if threading.active_count() == 1:
            break
        before = holder.model_.variables  # with the states of dropout's seeds
        with local_seed(seed):
            holder = build()
        pairs = zip(before, holder.model_.variables, strict=True)
        if all(np.array_equal(one.numpy(), other.numpy()) for one, other in pairs):
            break
    else:
        warnings.warn(
            "Other threads draw from Python's global random numbers all the time, from "
            "which Keras takes its seeds: the same random_state can give another "
            "network. Fit in a process of its own.",
            RuntimeWarning,
            stacklevel=5,
        )
    return holder


def train_network_of(
    classifier: Any,
    holder: scikeras.wrappers.KerasClassifier,
    loss: Any,
    batches: TrainingBatches,
    stopping: EarlyStopping | None,
    *,
    seed: int,
) -> dict[str, list[float]]:
    """Train the network that SciKeras has built, and give the history.

    Parameters
    ----------
    classifier : CNNClassifier
    holder : scikeras.wrappers.KerasClassifier
        Of :func:`build_network_of`.
    loss : Any
        What its network is compiled with.
    batches : TrainingBatches
    stopping : EarlyStopping or None
    seed : int
    """
    model, rates = holder.model_, None
    if not isinstance(classifier.optimizer, keras.optimizers.Optimizer):
        n_steps = classifier.epochs * len(batches)
        rates = learning_rates(classifier.learning_rate, classifier.schedule, n_steps)
    n_targets = batches.targets.shape[1]
    settings = (classifier.weight_decay, n_targets)
    key = training_key(model, loss, classifier.optimizer, settings)

    def make() -> Trainer:
        kept = model
        if key is not None:
            # What is kept for fits to come is another network than the user's.
            with local_seed(seed):
                kept = holder.model()
            if architecture(kept) != architecture(model):
                kept = model
        return Trainer(kept, n_targets)

    checkpoint = None
    if classifier.checkpoint is not None:
        settings = {"epochs": classifier.epochs, "rates": rates}
        name = fingerprint(model, classifier.loss, batches, stopping, settings)
        if name is not None:
            checkpoint = Checkpoint(classifier.checkpoint, name)
        else:
            warnings.warn(
                "checkpoint has no effect with a loss, an optimizer or layers of your "
                "own, whose code can change under the same name.",
                RuntimeWarning,
                stacklevel=5,
            )
    total, shown = classifier.epochs, classifier.verbose > 0
    with (
        trainer_of(key, model, make) as trainer,
        progress_bar("Training", total=total, shown=shown, unit="epochs") as advance,
    ):
        losses = train_network(
            trainer,
            batches,
            epochs=classifier.epochs,
            rates=rates,
            stopping=stopping,
            checkpoint=checkpoint,
            advance=advance,
        )
    history = {"loss": losses}
    if stopping is not None:
        history["val_auroc"] = stopping.scores
    return history
