"""What may stand in a model file: text and numbers, and layers by name."""

from __future__ import annotations

import json
import math
from typing import Any

import keras
import numpy as np

from skheart._files import ModelFileError

_LARGEST = 1 << 20  # of a number in the description of a network
# Layers that compute from their weights and numbers alone. Others read files, hold
# code or call other libraries.
_LAYERS = frozenset(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention
    Average AveragePooling1D AveragePooling2D BatchNormalization Bidirectional
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Cropping1D Cropping2D
    Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Flatten GRU
    GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization
    GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU
    Masking MaxPooling1D MaxPooling2D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute RMSNormalization RNN ReLU RepeatVector Rescaling
    Reshape SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax
    SpatialDropout1D SpatialDropout2D SpectralNormalization Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D
    """.split()  # noqa: SIM905
)
_MODELS = frozenset({"Functional", "Sequential", "Model"})
_MODULES = {
    "keras.layers": _LAYERS,
    "keras": _MODELS | {"DTypePolicy", "KerasTensor"},
    "keras.models": _MODELS,
    "keras.src.models.functional": _MODELS,
    "keras.src.models.sequential": _MODELS,
}
# All of these are plain arithmetic.
_WHOLE_MODULES = (
    "keras.initializers", "keras.regularizers", "keras.constraints", "keras.losses",
    "keras.optimizers", "keras.optimizers.schedules", "keras.dtype_policies",
)  # fmt: skip


def check_network(config: Any) -> None:
    """Raise unless a description by Keras names nothing but what may stand in a file.

    Parameters
    ----------
    config : Any
        As Keras's ``to_json`` and ``serialize_keras_object`` write it.

    Raises
    ------
    ModelFileError
    """
    if isinstance(config, list):
        for part in config:
            check_network(part)
    elif isinstance(config, dict):
        if "class_name" in config:
            _check_class(config)
        for key, part in config.items():
            if key not in ("module", "class_name", "registered_name", "seed"):
                check_network(part)
    elif isinstance(config, int | float) and not abs(config) <= _LARGEST:
        raise ModelFileError(f"the number {config!r} is too large for a network")


def _check_class(config: dict[str, Any]) -> None:
    module, name = config.get("module"), config["class_name"]
    registered = config.get("registered_name")
    if name == "__keras_tensor__":
        return
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise ModelFileError("a class is named by something else than text")
    if module in _WHOLE_MODULES and isinstance(getattr(_module(module), name, 0), type):
        return
    if name in _MODULES.get(module, ()):
        return
    # What a program has registered itself, it has already imported.
    if isinstance(registered, str) and ">" in registered:
        known = keras.saving.get_registered_object(registered)
        # Of another name, such as "function", Keras would take what the module says.
        if isinstance(known, type) and known.__name__ == name:
            return
        raise ModelFileError(
            f"{registered!r} is not registered here; import the module that decorates "
            "it with keras.saving.register_keras_serializable first"
        )
    raise ModelFileError(f"{module}.{name} is not a layer that may stand in a file")


def _module(name: str) -> Any:
    module = keras
    for part in name.split(".")[1:]:
        module = getattr(module, part, None)
    return module


def plain(value: Any, name: str) -> Any:
    """Give a value as JSON has it.

    Raises
    ------
    ValueError
        If it is something else than text, numbers, and lists and tables of them.
    """
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
    """Give a parameter that can be an object of Keras as JSON has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, type) and value.__module__.startswith(("keras.", "skheart.")):
        return value.__name__
    if isinstance(value, keras.losses.Loss | keras.optimizers.Optimizer):
        written = keras.saving.serialize_keras_object(value)
        try:
            check_network(written)
            return {"keras": json.loads(json.dumps(written, allow_nan=False))}
        except (ModelFileError, TypeError, ValueError):
            pass
    raise ValueError(
        f"{name} is of your own making and cannot be saved as text and numbers; set it "
        f"by name (pipeline.set_params(cnn__{name}=...)) before saving, or save a "
        "pickle with joblib.dump."
    )


def restored_keras(value: Any) -> Any:
    """Build what :func:`plain_keras` wrote."""
    if isinstance(value, str):
        return value
    check_network(value["keras"])
    return keras.saving.deserialize_keras_object(value["keras"], safe_mode=True)
