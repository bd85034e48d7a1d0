"""Convert the values of a model to text and numbers, and back."""

from __future__ import annotations

import json
import math
from typing import Any

import keras
import numpy as np

from skheart._core.files import ModelFileError
from skheart.neural.layer_whitelist import check_loss, check_optimizer


def plain(value: Any, name: str) -> Any:
    """Return text, a number, or a list or table of these, as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise ValueError(f"{name} must be finite to be saved, got {value!r}.")
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part, name) for part in value]
    if isinstance(value, dict) and name == "class_weight":  # labels of any kind
        pairs = [[plain(key, name), plain(part, name)] for key, part in value.items()]
        return {"pairs": pairs}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(part, name) for key, part in value.items()}
    raise ValueError(
        f"{name}={value!r} cannot be saved as text and numbers; set it to None or a "
        "number before saving, or save a pickle with joblib.dump."
    )


def plain_keras(value: Any, name: str) -> Any:
    """Return a parameter that can be an object of Keras as JSON can hold it."""
    if isinstance(value, str):
        return value
    if isinstance(value, type) and value.__module__.startswith(("keras.", "skheart.")):
        return value.__name__
    if isinstance(value, keras.losses.Loss | keras.optimizers.Optimizer):
        try:
            written = keras.saving.serialize_keras_object(value)
            written = json.loads(json.dumps(written, allow_nan=False))
            check_keras({"keras": written}, name)
            return {"keras": written}
        except (ModelFileError, TypeError, ValueError):
            pass
    raise ValueError(
        f"{name} is your own code and cannot be saved as text and numbers; set it "
        f"by name (pipeline.set_params(cnn__{name}=...)) before saving, or save a "
        "pickle with joblib.dump."
    )


def check_keras(value: Any, name: str) -> None:
    """Raise unless the description of a loss or an optimizer is on the list."""
    if not isinstance(value, str):
        {"loss": check_loss, "optimizer": check_optimizer}[name](value["keras"])


def restored_keras(value: Any) -> Any:
    """Build what :func:`plain_keras` wrote and :func:`check_keras` has passed."""
    if isinstance(value, str):
        return value
    return keras.saving.deserialize_keras_object(value["keras"], safe_mode=True)
