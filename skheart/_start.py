"""Where training starts from: a new network, or one trained on something else."""

from __future__ import annotations

import copy
import functools
import json
from typing import Any

import keras
import numpy as np
import scikeras.wrappers
from sklearn.utils.validation import check_is_fitted

from skheart._training import compiled_network, make_optimizer
from skheart._weights import SavedNetwork, read_network
from skheart.losses import n_outputs
from skheart.networks import default_l2

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

    def fitting(self, X: np.ndarray) -> np.ndarray:
        """Check spectrograms, and repeat those shorter than a window."""
        if (X.shape[1], X.shape[3]) != (self.n_bands, self.n_channels):
            raise ValueError(
                f"X must hold spectrograms of {self.n_bands} bands and "
                f"{self.n_channels} channels, which the network of weights was trained "
                f"on, got {X.shape[1]} bands and {X.shape[3]} channels; compute them "
                "with the transformer that belongs to it."
            )
        if X.shape[2] < self.n_crop:
            X = np.take(X, np.arange(self.n_crop) % X.shape[2], axis=2)
        return X

    def network(self, *, n_outputs: int, dropout: float, classes: Any) -> keras.Model:
        """Build the network with these weights.

        The layer that gives the logits keeps its weights where the classes are the
        same; otherwise it is new, with one logit for each output.
        """
        config = copy.deepcopy(self.config)
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
    classifier: Any,
    X: np.ndarray,
    codes: np.ndarray,
    loss: Any,
    *,
    n_steps: int,
    start: Start | None,
) -> scikeras.wrappers.KerasClassifier:
    """Let SciKeras build and compile the network of a classifier.

    Parameters
    ----------
    classifier : CNNClassifier
        With the attributes `classes_` and `n_crop_`.
    X : ndarray of shape (n_recordings, n_bands, n_frames, n_channels)
    codes : ndarray of shape (n_recordings,)
        Number of the class of each recording.
    loss : Any
        What the network is compiled with.
    n_steps : int
        Of training, for the learning rate.
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
        make_optimizer(
            classifier.optimizer,
            learning_rate=classifier.learning_rate,
            weight_decay=classifier.weight_decay,
            schedule=classifier.schedule,
            n_steps=n_steps,
        ),
        {
            "n_bands": X.shape[1],
            "n_frames": classifier.n_crop_,
            "n_channels": X.shape[3],
            "n_outputs": n_outputs(loss, len(classes)),
            "dropout": classifier.dropout,
            "l2": default_l2(classifier.network) if l2 is None else l2,
        },
    )
    holder = scikeras.wrappers.KerasClassifier(model=build, loss=loss)
    return holder.initialize(X[:, :, : classifier.n_crop_], codes)
