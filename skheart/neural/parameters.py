"""Check the parameters of a classifier, and the settings of Keras."""

from __future__ import annotations

import os
import warnings
from typing import Any

import keras
import numpy as np

from skheart._core.checks import check_number, check_option

# What `weights` makes unused, with the defaults.
_OF_NEW_NETWORKS = {"network": "compact", "crop_frames": 250, "l2": None}


def check_parameters(given: dict[str, Any]) -> None:
    """Raise if a parameter of a classifier is out of range, or Keras is set wrongly."""
    check_number("learning_rate", given["learning_rate"])
    check_option("schedule", given["schedule"], ("cosine", None))
    check_number("weight_decay", given["weight_decay"], closed="left")
    check_number("dropout", given["dropout"], high=1, closed="left")
    check_number("l2", given["l2"], closed="left", optional=True)
    for name in ("epochs", "batch_size"):
        check_number(name, given[name], integer=True)
    for name in ("crop_frames", "patience"):
        check_number(name, given[name], integer=True, optional=True)
    if not isinstance(given["augment"], bool | np.bool_):
        check_number("augment", given["augment"], closed="left")
    validation = given["validation"]
    if isinstance(validation, bool) or not hasattr(validation, "split"):
        check_number("validation", validation, high=0.5, closed="right")
    callbacks = given["callbacks"]
    if callbacks is not None and not (
        isinstance(callbacks, list | tuple)
        and all(isinstance(one, keras.callbacks.Callback) for one in callbacks)
    ):
        raise ValueError(
            "callbacks must be a list of keras.callbacks.Callback or None, got "
            f"{callbacks!r}."
        )
    checkpoint = given["checkpoint"]
    if not isinstance(checkpoint, str | os.PathLike | None):
        raise ValueError(
            f"checkpoint must name a folder or be None, got {checkpoint!r}."
        )
    check_keras()


def check_keras() -> None:
    """Raise if Keras has settings with which networks compute something else."""
    for name, found, expected in (
        ("backend", keras.backend.backend(), "tensorflow"),
        ("floatx", keras.config.floatx(), "float32"),
        ("image_data_format", keras.config.image_data_format(), "channels_last"),
    ):
        if found != expected:
            raise ValueError(
                f"The {name} of Keras must be {expected!r} for skheart, got {found!r}; "
                "change it in ~/.keras/keras.json, in the environment or in your "
                "program before Keras is imported."
            )


def warn_of_unused(given: dict[str, Any]) -> None:
    """Warn of parameters that have no effect beside the others in `fit`."""
    defaults = _OF_NEW_NETWORKS.items()
    ignored = [name for name, default in defaults if given[name] != default]
    if given["weights"] is not None and ignored:
        warnings.warn(
            f"{', '.join(ignored)} have no effect with weights, whose network is used "
            "as it is; leave them at their defaults.",
            UserWarning,
            stacklevel=3,
        )
    if given["checkpoint"] is not None and given["random_state"] is None:
        warnings.warn(
            "checkpoint needs random_state: without it each fit draws a new seed, so "
            "no saved state matches.",
            RuntimeWarning,
            stacklevel=3,
        )


def warn_of_training_again() -> None:
    """Warn that `fit` trains the clone of a loaded model."""
    warnings.warn(
        "A clone of a loaded model is trained here, so that its network is no longer "
        "the loaded one. To choose a threshold or a calibration for the loaded "
        "network, wrap the pipeline in sklearn.frozen.FrozenEstimator; to fine-tune, "
        "use CNNClassifier(weights=...), which does not warn.",
        UserWarning,
        stacklevel=3,
    )
