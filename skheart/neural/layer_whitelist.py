"""The closed list of what the description of a network may hold.

A description that Keras writes is a tree of dictionaries, and Keras builds whatever
class a dictionary names, wherever it stands. So every dictionary, list and value is
compared here with what its place may hold, before Keras sees any of it. This module
needs no Keras.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from typing import Any

from skheart._core.files import ModelFileError

_LARGEST = 1 << 20  # of any number but a seed
_TEXT = re.compile(r"[\w ./,:>+-]{0,200}")  # names, options and equations

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
    """.split()
)
_MODELS = {
    "keras": frozenset({"Functional", "Sequential", "Model"}),
    "keras.models": frozenset({"Functional", "Sequential", "Model"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.models.sequential": frozenset({"Sequential"}),
}
_INITIALIZERS = frozenset(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity
    IdentityInitializer LecunNormal LecunUniform Ones Orthogonal OrthogonalInitializer
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros constant
    glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal
    lecun_uniform ones orthogonal random_normal random_uniform truncated_normal
    variance_scaling zeros
    """.split()
)
_REGULARIZERS = frozenset(
    {"L1", "L1L2", "L2", "OrthogonalRegularizer", "l1", "l1_l2", "l2"}
)
_CONSTRAINTS = frozenset(
    "MaxNorm MinMaxNorm NonNeg UnitNorm max_norm min_max_norm non_neg unit_norm".split()
)
_ACTIVATIONS = frozenset(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish
    hard_tanh leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid
    silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax
    squareplus swish tanh tanh_shrink threshold
    """.split()
)
_DTYPES = frozenset({"bfloat16", "float16", "float32", "float64", "mixed_float16"})
_LOSSES = frozenset(
    """
    BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy
    CategoricalFocalCrossentropy CategoricalHinge CosineSimilarity Dice Hinge Huber
    KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError
    MeanSquaredError MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy
    SquaredHinge Tversky
    """.split()
)
_OPTIMIZERS = frozenset(
    "Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop "
    "SGD".split()
)
_SCHEDULES = frozenset(
    "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay "
    "PiecewiseConstantDecay PolynomialDecay".split()
)
_OBJECT = frozenset({"module", "class_name", "config", "registered_name"})
_LAYER = _OBJECT | frozenset(
    "name inbound_nodes build_config compile_config shared_object_id".split()
)
# Arguments of layers: numbers, options and lists of these, but for the activations,
# dtype, layer, backward_layer and cell, which are checked each in its own way.
_OF_LAYERS = frozenset(
    """
    activation alpha attention_axes autocast axes axis backward_layer batch_shape
    batch_size bias_axes cell center cropping data_format depth_multiplier
    dilation_rate dims dropout dtype epsilon equation filters flash_attention
    go_backwards groups head_dim interpolation invert keepdims kernel_size key_dim
    l1 l2 layer lora_alpha lora_rank mask_value max_value mean merge_mode momentum n
    name negative_slope noise_shape normalize num_heads num_key_value_heads
    num_query_heads offset optional output_padding output_shape padding pool_size
    power_iterations ragged rate recurrent_activation recurrent_dropout renorm
    renorm_clipping renorm_momentum reset_after return_sequences return_state scale
    score_mode seed shape shared_axes size sliding_window sparse stateful stddev
    strides supports_masking synchronized target_shape threshold trainable
    unit_forget_bias units unroll use_bias use_cudnn use_gate use_scale value_dim
    variance zero_output_for_mask
    """.split()
)
# Arguments of initializers, regularizers, constraints, losses, optimizers, schedules.
_OF_OBJECTS = frozenset(
    """
    adam_beta_1 adam_beta_2 adam_lr_ratio adam_weight_decay alpha amsgrad
    apply_class_balancing axis beta beta_1 beta_2 beta_2_decay boundaries centered
    clip_threshold clipnorm clipvalue cycle decay_rate decay_steps delta distribution
    dtype ema_momentum ema_overwrite_frequency end_learning_rate epsilon epsilon_1
    epsilon_2 exclude_embeddings exclude_layers factor first_decay_steps from_logits
    gain gamma global_clipnorm gradient_accumulation_steps ignore_class
    initial_accumulator_value initial_learning_rate input_axes l1
    l1_regularization_strength l2 l2_regularization_strength
    l2_shrinkage_regularization_strength label_smoothing learning_rate
    learning_rate_power loss_scale_factor m_mul margin max_value maxval mean min_value
    minval mode momentum muon_a muon_b muon_c name nesterov ns_steps output_axes power
    rate reduction relative_step rho rms_rate scale seed staircase stddev surrogate
    t_mul temperature trainable use_ema value values warmup_steps warmup_target
    weight_decay
    """.split()
)
# Others end in these words, and are objects of these classes.
_KINDS = {
    "initializer": _INITIALIZERS,
    "regularizer": _REGULARIZERS,
    "constraint": _CONSTRAINTS,
}
_MODEL_CONFIG = frozenset(
    "name trainable dtype layers input_layers output_layers build_input_shape".split()
)

Registered = Callable[[str], Any]


def check_network(description: Any, registered: Registered) -> None:
    """Raise ModelFileError unless a network holds only what is on the list.

    `description` is what ``keras.Model.to_json`` writes, parsed. `registered` returns
    the layer class that the running program has registered under a name
    (``keras.saving.get_registered_object``), or None.
    """
    _check_layer(description, registered, "the network", models_only=True)


def check_loss(description: Any) -> None:
    """Raise unless the description of a loss holds only what is on the list."""
    if isinstance(description, dict) and description.get("class_name") == "AUROCLoss":
        module = str(description.get("module"))
        known_as = description.get("registered_name")
        if module.startswith("skheart.") and known_as == "skheart>AUROCLoss":
            _table(description, "the loss", _OBJECT)
            return _check_arguments(description.get("config"), "the loss")
    return _check_object(description, "keras.losses", _LOSSES, "the loss")


def check_optimizer(description: Any) -> None:
    """Raise unless the description of an optimizer holds only what is on the list."""
    where = "the optimizer"
    if isinstance(description, dict) and isinstance(description.get("config"), dict):
        rate = description["config"].get("learning_rate")
        if isinstance(rate, dict):
            module = "keras.optimizers.schedules"
            _check_object(rate, module, _SCHEDULES, f"learning_rate of {where}")
            rest = {**description["config"], "learning_rate": 0.0}
            description = {**description, "config": rest}
    _check_object(description, "keras.optimizers", _OPTIMIZERS, where)


def _check_layer(
    layer: Any, registered: Registered, where: str, *, models_only: bool = False
) -> None:
    """Check a layer or a model, and all that is inside."""
    layer = _table(layer, where, _LAYER)
    if layer.get("compile_config"):  # empty in all that is not compiled
        raise ModelFileError(f"{where} comes with settings of a training")
    module, name = layer.get("module"), layer.get("class_name")
    known_as, config = layer.get("registered_name"), layer.get("config")
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise ModelFileError(f"the class of {where} is not named by text")
    _check_plain(layer.get("name"), where)
    _check_plain(layer.get("shared_object_id"), where)
    for node in _list(layer.get("inbound_nodes") or [], where):
        call = _table(node, f"the inputs of {where}", {"args", "kwargs"})
        named = _table(call.get("kwargs") or {}, f"the inputs of {where}")
        _check_inputs([call.get("args"), *named.values()], f"the inputs of {where}")
    for key, value in _table(layer.get("build_config") or {}, where).items():
        if not (key.endswith("shape") or key == "shapes_dict"):
            raise ModelFileError(f"{where} is built with {key!r}, which is unknown")
        _check_plain(value, f"the shapes of {where}", tables=True)
    if not isinstance(config, dict):
        raise ModelFileError(f"the settings of {where} are not a table")
    inner = f"{name} {config.get('name')!r}"
    if name in _MODELS.get(module or "", ()):
        _check_name(known_as, name, inner)
        return _check_model(config, registered, inner)
    if models_only:
        raise ModelFileError(f"{module}.{name} is not a network that may be in a file")
    if module == "keras.layers" and name in _LAYERS:
        _check_name(known_as, name, inner)
        return _check_settings(config, registered, inner)
    if not (isinstance(known_as, str) and ">" in known_as):
        raise ModelFileError(f"{module}.{name} is not a layer that may be in a file")
    # A program's own layer: the program has imported it already, and Keras takes it by
    # this name, whatever the module is called.
    kind = registered(known_as)
    if not (isinstance(kind, type) and kind.__name__ == name):
        raise ModelFileError(
            f"{known_as!r} is not registered here; first import the module that "
            "decorates it with keras.saving.register_keras_serializable"
        )
    ours = known_as.startswith("skheart>")
    if ours and not (module or "").startswith("skheart."):
        raise ModelFileError(f"{module}.{name} is not a layer of skheart")
    return _check_settings(config, registered, inner, any_argument=not ours)


def _check_model(config: dict[str, Any], registered: Registered, where: str) -> None:
    _table(config, where, _MODEL_CONFIG)
    for layer in _list(config.get("layers"), where):
        _check_layer(layer, registered, f"a layer of {where}")
    for key, value in config.items():
        if key == "dtype":
            _check_dtype(value, where)
        elif key != "layers":
            tables = key in ("input_layers", "output_layers", "build_input_shape")
            _check_plain(value, f"{key} of {where}", tables=tables)


def _check_inputs(value: Any, where: str) -> None:
    """Check numbers, and tensors by the layers that they come from, in lists."""
    if isinstance(value, list):
        for part in value:
            _check_inputs(part, where)
    elif isinstance(value, dict):
        _table(value, where, {"class_name", "config"})
        if value.get("class_name") != "__keras_tensor__":
            raise ModelFileError(f"{where} hold {value.get('class_name')!r}")
        tensor = _table(value.get("config"), where, {"shape", "dtype", "keras_history"})
        _check_plain(list(tensor.values()), where, tables=True)
    elif isinstance(value, str):
        raise ModelFileError(f"{where} hold text")
    else:
        _check_plain(value, where)


def _check_settings(
    config: dict[str, Any],
    registered: Registered,
    where: str,
    *,
    any_argument: bool = False,
) -> None:
    """Check the arguments of a layer, each by what its name says that it is."""
    for key, value in config.items():
        if value is None:
            continue
        place = f"{key} of {where}"
        kind = next((kind for kind in _KINDS if key.endswith(kind)), None)
        known = key in _OF_LAYERS or (kind and key.endswith(f"_{kind}"))
        if not (known or any_argument):
            raise ModelFileError(f"{where} has the argument {key!r}, which is unknown")
        if kind:
            _check_object(value, f"keras.{kind}s", _KINDS[kind], place)
        elif key.endswith("activation"):
            if not (isinstance(value, str) and value in _ACTIVATIONS):
                raise ModelFileError(f"{place} is not an activation of Keras")
        elif key == "dtype":
            _check_dtype(value, where)
        elif key in ("layer", "backward_layer", "cell") and isinstance(value, dict):
            _check_layer(value, registered, place)
        else:
            _check_plain(value, place, seed=key == "seed")


def _check_object(value: Any, module: str, names: frozenset[str], where: str) -> None:
    """Check an object by its class, with numbers and options as its arguments."""
    if isinstance(value, str) and value in names:
        return
    value = _table(value, where, _OBJECT)
    name, place = value.get("class_name"), value.get("module")
    if place != module or not isinstance(name, str) or name not in names:
        raise ModelFileError(f"{where} is {place}.{name}, which is not on the list")
    _check_name(value.get("registered_name"), name, where)
    _check_arguments(value.get("config"), where)


def _check_arguments(config: Any, where: str) -> None:
    for key, part in _table(config, where).items():
        if key == "dtype":
            _check_dtype(part, where)
        elif key in _OF_OBJECTS or part is None:
            _check_plain(part, f"{key} of {where}", seed=key == "seed")
        else:
            raise ModelFileError(f"{where} has the argument {key!r}, which is unknown")


def _check_dtype(value: Any, where: str) -> None:
    where = f"dtype of {where}"
    if isinstance(value, dict):
        config = _table(_table(value, where, _OBJECT).get("config"), where, {"name"})
        name = (value.get("module"), value.get("class_name"))
        if name != ("keras", "DTypePolicy") or value.get("registered_name"):
            raise ModelFileError(f"{where} is not a policy of Keras")
        value = config.get("name")
    if value is not None and not (isinstance(value, str) and value in _DTYPES):
        raise ModelFileError(f"{where} is {value!r}")


def _check_name(registered_name: Any, class_name: str, where: str) -> None:
    if registered_name not in (None, class_name):
        raise ModelFileError(f"{where} is registered under another name")


def _check_plain(
    value: Any, where: str, *, seed: bool = False, tables: bool = False
) -> None:
    """Check a number, an option, None, or a list (with `tables`, a table) of these."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int | float):
        largest = 1 << 63 if seed else _LARGEST
        if not (math.isfinite(value) and abs(value) <= largest):
            raise ModelFileError(f"the number {value!r} ({where}) is too large")
    elif isinstance(value, str):
        if not _TEXT.fullmatch(value) or value.startswith("__"):
            raise ModelFileError(f"the text {value[:40]!r} ({where}) is no option")
    elif isinstance(value, list) and len(value) <= 10_000:
        for part in value:
            _check_plain(part, where, tables=tables)
    elif tables and isinstance(value, dict) and "class_name" not in value:
        for part in value.values():
            _check_plain(part, where, tables=True)
    else:
        raise ModelFileError(f"{where} is a {type(value).__name__}")


def _table(
    value: Any, where: str, allowed: Collection[str] | None = None
) -> dict[str, Any]:
    """Return a table; raise if it is none, or has an entry that is not allowed."""
    if not isinstance(value, dict):
        raise ModelFileError(f"{where} is a {type(value).__name__}, expected a table")
    for key in value:
        if allowed is not None and key not in allowed:
            raise ModelFileError(f"{where} has the entry {key!r}, which is unknown")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ModelFileError(f"{where} is a {type(value).__name__}, expected a list")
    return value
