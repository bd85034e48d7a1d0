"""Test that only classes on a closed list of a model file reach Keras."""

from __future__ import annotations

import copy
import hashlib
import json
import zipfile

import keras
import pytest

from skheart import (
    CNNClassifier,
    ModelFileError,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.neural.layer_whitelist import check_network

OTHER_NAMES = ["abnormal", "murmur3", "pascal"]
NAMES = ["murmur", *(pytest.param(n, marks=pytest.mark.slow) for n in OTHER_NAMES)]


def command(path):
    """Return a nested network whose only layer runs a command that creates a file."""
    layer = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
        "name": "l",
        "inbound_nodes": [{"args": [f"touch {path}"], "kwargs": {}}],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [layer],
            "input_layers": [],
            "output_layers": [],
        },
        "registered_name": "Functional",
    }


def objects(path):
    """Return descriptions, by name, of objects that must never be built."""
    tensor = {"value": [1.0], "dtype": "float32"}
    layers = ("Lambda", "TFSMLayer", "TorchModuleWrapper", "StringLookup", "JaxLayer")
    return {
        "command": command(path),
        "function": {"module": "os", "class_name": "function", "config": "system"},
        "lambda": {"class_name": "__lambda__", "config": {"value": "4wEA"}},
        "tensor": {"class_name": "__tensor__", "config": tensor},
        "numpy": {"class_name": "__numpy__", "config": tensor},
        "typespec": {"class_name": "__typespec__", "spec_name": "x", "config": []},
        "get_file": {
            "module": "keras.utils",
            "class_name": "function",
            "config": "get_file",
        },
        **{
            name: {
                "module": "keras.layers",
                "class_name": name,
                "config": {"name": name, "vocabulary": "/etc/passwd"},
                "registered_name": None,
            }
            for name in layers
        },
    }


def places(value, path=()):
    """Yield the path to each value of a tree."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in entries:
        yield (*path, key)
        if isinstance(part, dict | list):
            yield from places(part, (*path, key))


def members_of(pipeline, path):
    """Save a model, and return its text and its weights."""
    save_model(pipeline, path)
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("model.json")), archive.read("weights.bin")


def write_members(path, text, weights):
    """Write a model file with a valid checksum."""
    content = json.dumps(text).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", content)
        archive.writestr("weights.bin", weights)
        archive.comment = hashlib.sha256(content).hexdigest().encode()


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """Return a function that checks that a changed model never reaches Keras."""

    def built(*args, **kwargs):
        pytest.fail(f"Keras was called with {args}")

    path = tmp_path / "changed.skheart"

    def check(text, weights):
        write_members(path, text, weights)
        with monkeypatch.context() as patched:
            patched.setattr(keras.models, "model_from_json", built)
            patched.setattr(keras.saving, "deserialize_keras_object", built)
            with pytest.raises(ModelFileError):
                load_model(path)

    return check


@pytest.mark.parametrize("name", NAMES)
def test_a_forbidden_object_in_any_place(tmp_path, refused, name):
    pipeline = load_pretrained(name).set_params(
        cnn__loss=keras.losses.BinaryFocalCrossentropy(),
        cnn__optimizer=keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.1, 5)
        ),
    )
    text, weights = members_of(pipeline, tmp_path / "model.skheart")
    write_members(tmp_path / "same.skheart", text, weights)
    load_model(tmp_path / "same.skheart")
    forbidden = list(objects(tmp_path / "ran").values())
    trees = [
        text["network"],
        text["classifier"]["loss"]["keras"],
        text["classifier"]["optimizer"]["keras"],
    ]
    n_places = 0
    for tree in trees:
        for way in list(places(tree)):
            parent = tree
            for key in way[:-1]:
                parent = parent[key]
            before = parent[way[-1]]
            # Keras expects text as module, class_name and registered_name.
            parent[way[-1]] = forbidden[n_places % len(forbidden)]
            refused(text, weights)
            if way[-1] in ("module", "class_name", "registered_name"):
                parent[way[-1]] = "os"
                refused(text, weights)
            parent[way[-1]] = before
            n_places += 1
    assert n_places > 500
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", objects("x"))
@pytest.mark.parametrize("argument", ["kernel_initializer", "seed", "units", "new"])
def test_every_forbidden_object_in_a_layer(tmp_path, refused, name, argument):
    text, weights = members_of(load_pretrained("murmur"), tmp_path / "model.skheart")
    layer = text["network"]["config"]["layers"][-1]
    layer["config"][argument] = objects(tmp_path / "ran")[name]
    refused(text, weights)


def test_a_nested_command_is_not_run(tmp_path):
    """Keras 3.6 and 3.8 run a network that is nested in the seed of an initializer."""
    text, _ = members_of(load_pretrained("murmur"), tmp_path / "model.skheart")
    initializer = text["network"]["config"]["layers"][1]["config"]["kernel_initializer"]
    initializer["config"]["seed"] = command(tmp_path / "ran")
    with pytest.raises(ModelFileError, match="seed of kernel_initializer of Conv2D"):
        check_network(text["network"], keras.saving.get_registered_object)
    assert not (tmp_path / "ran").exists()


def test_networks_of_many_kinds_of_layers_are_accepted():
    layers = keras.layers
    inputs = keras.Input((40, 30, 1))
    x = layers.Reshape((30, 40))(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.TimeDistributed(layers.Dense(3, activation="gelu"))(x)
    x = layers.GRU(4, recurrent_dropout=0.1, seed=2**40)(x)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(5)])
    x = layers.Dense(
        2,
        kernel_regularizer=keras.regularizers.L2(0.1),
        kernel_constraint="max_norm",
        kernel_initializer=keras.initializers.HeNormal(seed=2**31 + 5),
    )(inner(x))
    description = json.loads(keras.Model(inputs, x).to_json())
    check_network(description, keras.saving.get_registered_object)
    keras.models.model_from_json(json.dumps(description))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 2**21}, "too large"),
        ({"units": float("inf")}, "too large"),
        ({"activation": "os.system"}, "not an activation"),
        ({"dtype": "string"}, "dtype of Dense 'logits' is 'string'"),
        ({"surprise": 3}, "argument 'surprise', which is unknown"),
        ({"name": "__lambda__"}, "is no option"),
        ({"kernel_initializer": "stft"}, "expected a table"),
        ({"bias_initializer": {"module": "keras.initializers"}}, "not on the list"),
    ],
)
def test_values_of_the_wrong_kind(change, message):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, name="logits")])
    description = json.loads(model.to_json())
    check_network(copy.deepcopy(description), lambda name: None)
    description["config"]["layers"][1]["config"].update(change)
    with pytest.raises(ModelFileError, match=message):
        check_network(description, lambda name: None)


def test_the_outermost_object_must_be_a_network():
    description = keras.saving.serialize_keras_object(keras.layers.Dense(5))
    with pytest.raises(ModelFileError, match="not a network"):
        check_network(description, lambda name: None)


def test_layers_must_be_registered_in_this_process():
    assert CNNClassifier is not None  # its import registers the layers of skheart
    model = load_pretrained("murmur")["cnn"].model_
    model = keras.Model(model.inputs, model.outputs)  # not compiled
    description = json.loads(model.to_json())
    check_network(description, keras.saving.get_registered_object)
    with pytest.raises(ModelFileError, match="AttentionPooling' is not registered"):
        check_network(description, lambda name: None)
