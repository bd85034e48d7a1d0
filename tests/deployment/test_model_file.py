"""Test that model files restore a model, and that all other files are refused."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skheart import (
    CNNClassifier,
    ModelFileError,
    SpectrogramTransformer,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.neural import AUROCLoss
from skheart.neural.building import readable

FIXTURES = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(16, duration=(2.0, 3.0), random_state=0)


def pipeline_of(**parameters):
    transformer = SpectrogramTransformer(duration=2.0, f_max=800.0)
    classifier = CNNClassifier(epochs=1, random_state=0, **parameters)
    return Pipeline([("spectrogram", transformer), ("cnn", classifier)])


@pytest.fixture(scope="module")
def fitted(sounds):
    return pipeline_of().fit(sounds.data, sounds.target)


@pytest.fixture
def path(tmp_path, fitted):
    save_model(fitted, tmp_path / "model.skheart")
    return tmp_path / "model.skheart"


CASES = {
    "plain": {},
    "crops": {"crop_frames": 40, "augment": True, "l2": 1e-4},
    "auroc": {"loss": "auroc", "class_weight": {"murmur": 2.0, "normal": 1}},
    "loss": {"loss": AUROCLoss(surrogate="squared_hinge", margin=2.0)},
    "loss of keras": {"loss": keras.losses.BinaryFocalCrossentropy(from_logits=True)},
    "optimizer": {"optimizer": keras.optimizers.Adam(1e-3)},
    "schedule": {
        "optimizer": keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.1, 5)
        )
    },
    "pretrained": {"weights": "murmur"},
    "stethoscope": {"network": "deep_stethoscope", "patience": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:patience=:UserWarning")
def test_a_loaded_model_is_identical(tmp_path, sounds, case):
    before = pipeline_of(**CASES[case])
    before.set_params(spectrogram__f_max=900.0)  # as in the pretrained model
    before.fit(sounds.data, sounds.target)
    save_model(before, tmp_path / "model")
    after = load_model(tmp_path / "model")
    np.testing.assert_array_equal(
        after.predict_proba(sounds.data), before.predict_proba(sounds.data)
    )
    assert after.classes_.tolist() == before.classes_.tolist()
    assert list(after.named_steps) == ["spectrogram", "cnn"]
    one, other = before["cnn"], after["cnn"]
    assert other.history_ == one.history_
    assert other.input_shape_ == one.input_shape_
    assert other.n_features_in_ == one.n_features_in_
    known = (bool, int, float, str, dict, type(None))
    for step in ("spectrogram", "cnn"):
        given = before[step].get_params(deep=False)
        assert {k: v for k, v in given.items() if isinstance(v, known)}.items() <= (
            after[step].get_params(deep=False).items()
        )
    # The loaded model can be saved to an identical file, and can be trained.
    save_model(after, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    after.fit(sounds.data, sounds.target)


@pytest.mark.parametrize("kind", [int, bool, "three"])
def test_labels_keep_their_type(tmp_path, sounds, kind):
    if kind == "three":
        y = np.array(["a", "b", "c"])[np.arange(16) % 3]
    else:
        y = (np.arange(16) % 2).astype(kind)
    before = pipeline_of().fit(sounds.data, y)
    save_model(before, tmp_path / "model")
    after = load_model(tmp_path / "model")
    assert after.classes_.dtype == before.classes_.dtype
    assert after.predict(sounds.data).tolist() == before.predict(sounds.data).tolist()


@pytest.mark.parametrize("name", ["murmur", "abnormal", "murmur3", "pascal"])
def test_pretrained_models_are_saved(tmp_path, sounds, name):
    before = load_pretrained(name)
    save_model(before, tmp_path / "model")
    after = load_model(tmp_path / "model")
    np.testing.assert_array_equal(
        after.predict_proba(sounds.data), before.predict_proba(sounds.data)
    )
    assert after["cnn"].training_ == before["cnn"].training_


def test_best_of_a_search(tmp_path, sounds):
    search = GridSearchCV(pipeline_of(), {"cnn__learning_rate": [1e-3]}, cv=2)
    search.fit(sounds.data, sounds.target)
    save_model(search, tmp_path / "model")
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict_proba(sounds.data),
        search.predict_proba(sounds.data),
    )


def test_settings_of_the_machine_are_not_saved(tmp_path, fitted):
    moved, cache = pickle.loads(pickle.dumps(fitted)), tmp_path / "cache"
    moved.set_params(spectrogram__n_jobs=2, spectrogram__cache=cache, cnn__verbose=1)
    save_model(moved, tmp_path / "model")
    after = load_model(tmp_path / "model")
    assert after["spectrogram"].n_jobs is None
    assert after["spectrogram"].cache is None
    assert after["cnn"].verbose == 0


def test_another_process_loads_it(path, sounds, fitted):
    code = (
        "import sys, numpy as np, skheart\n"
        "from skheart.datasets import make_heart_sounds\n"
        "sounds = make_heart_sounds(16, duration=(2.0, 3.0), random_state=0)\n"
        "p = skheart.load_model(sys.argv[1]).predict_proba(sounds.data)\n"
        "sys.stdout.buffer.write(p.astype('f4').tobytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True)
    assert done.returncode == 0, done.stderr
    given = np.frombuffer(done.stdout, np.float32).reshape(-1, 2)
    np.testing.assert_allclose(given, fitted.predict_proba(sounds.data), atol=1e-6)


def test_the_command_line_uses_it(tmp_path, path, sounds, capsys):
    import soundfile

    soundfile.write(tmp_path / "a.wav", sounds.data[0], 2000)
    assert main(["predict", "--model", str(path), str(tmp_path / "a.wav")]) == 0
    assert "probability_murmur" in capsys.readouterr().out
    home = tmp_path / "home"
    for index, (waveform, label) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (home / label).mkdir(parents=True, exist_ok=True)
        soundfile.write(home / label / f"{index}.wav", waveform, 2000)
    model = tmp_path / "trained.skheart"
    arguments = ["train", "folder", str(home), "-o", str(model), "--epochs", "1", "-q"]
    assert main(arguments) == 0
    assert load_model(model)["cnn"].training_["parts"][0]["n_recordings"] > 0
    assert main(["evaluate", "--model", str(model), "folder", str(home), "-q"]) == 0


# What cannot be saved ----------------------------------------------------------------


def my_network(n_bands, n_frames, n_outputs):
    inputs = keras.Input((n_bands, n_frames, 1))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def my_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": my_loss}, "loss is your own code.*cnn__loss"),
        ({"random_state": np.random.RandomState(0)}, "random_state="),
    ],
    ids=["loss", "random_state"],
)
def test_what_text_cannot_describe_is_refused(tmp_path, sounds, parameters, message):
    pipeline = pipeline_of()
    pipeline.set_params(**{f"cnn__{key}": v for key, v in parameters.items()})
    pipeline.fit(sounds.data, sounds.target)
    with pytest.raises(ValueError, match=message):
        save_model(pipeline, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_the_network_of_a_function_is_kept(tmp_path, sounds):
    pipeline = pipeline_of(network=my_network).fit(sounds.data, sounds.target)
    save_model(pipeline, tmp_path / "model")
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict_proba(sounds.data),
        pipeline.predict_proba(sounds.data),
    )


@pytest.mark.parametrize(
    "other",
    [
        LogisticRegression(),
        make_pipeline(SpectrogramTransformer(flatten=True), LogisticRegression()),
        None,
    ],
    ids=["classifier", "pipeline", "None"],
)
def test_other_pipelines_are_refused(tmp_path, other):
    with pytest.raises(ValueError, match="must be a Pipeline of a SpectrogramTransf"):
        save_model(other, tmp_path / "model")
    with pytest.raises(NotFittedError):
        save_model(pipeline_of(), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_bad_paths_are_errors(tmp_path, fitted):
    with pytest.raises(FileNotFoundError, match="no folder"):
        save_model(fitted, tmp_path / "none" / "model")
    with pytest.raises(IsADirectoryError):
        save_model(fitted, tmp_path)
    with pytest.raises(FileNotFoundError, match="no model file"):
        load_model(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="folder"):
        load_model(tmp_path)


KILLED = """
import os, resource, signal, sys
from skheart import load_model, save_model

path, moment = sys.argv[1:]
model = load_model(f"{path}.new")

def kill_at(event):
    def hook(name, arguments):
        if name == event:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

if moment == "writing":  # the system ends a process that exceeds a limit
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
else:
    kill_at({"replacing": "os.rename", "afterwards": "os.remove"}[moment])
save_model(model, path)
"""


@pytest.mark.parametrize(
    ("moment", "by", "left"),
    [
        ("writing", signal.SIGXFSZ, "old"),
        pytest.param("replacing", signal.SIGKILL, "old", marks=pytest.mark.slow),
        pytest.param("afterwards", signal.SIGKILL, "new", marks=pytest.mark.slow),
    ],
)
def test_a_killed_process_leaves_a_complete_file(tmp_path, fitted, moment, by, left):
    path = tmp_path / "model"
    copy, contents = pickle.loads(pickle.dumps(fitted)), {}
    for version, bias in (("old", 0.0), ("new", 1.0)):
        copy["cnn"].model_.layers[-1].bias.assign([bias])
        save_model(copy, f"{path}.{version}")
        contents[version] = Path(f"{path}.{version}").read_bytes()
    assert contents["old"] != contents["new"]
    path.write_bytes(contents["old"])
    command = [sys.executable, "-B", "-c", KILLED, str(path), moment]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -by, done.stderr
    assert path.read_bytes() == contents[left]


# Files that are not models -----------------------------------------------------------


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path, members, *, comment=None):
    """Write an archive of any members with valid checksums."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
        text = dict(members).get("model.json", b"")
        archive.comment = comment or hashlib.sha256(text).hexdigest().encode()
    return path


def changed(path, change):
    """Change the text or the weights of a model file, with valid checksums."""
    members = members_of(path)
    text = json.loads(members["model.json"])
    given = change(text)
    if isinstance(given, bytes):
        members["weights.bin"] = given
    text["sha256"] = hashlib.sha256(members["weights.bin"]).hexdigest()
    members["model.json"] = json.dumps(text).encode()
    return written(path, members.items())


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


FOREIGN = {
    "nothing": b"",
    "text": b"a model",
    "pickle": pickle.dumps(Evil()),
    "random": np.random.default_rng(0).bytes(10_000),
    "zip of nothing": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_other_files_are_refused(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.skheart").write_bytes(FOREIGN[case])
    with pytest.raises(ModelFileError, match=r"model\.skheart"):
        load_model("model.skheart")
    assert os.listdir(tmp_path) == ["model.skheart"]


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="pipe"):
        load_model(tmp_path / "pipe")


def test_truncated_anywhere(path):
    content = path.read_bytes()
    for length in [*range(1, 200), *range(200, len(content), 5_003)]:
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=r"model\.skheart"):
            load_model(path)


def test_a_flipped_bit_anywhere(path):
    """It is detected, except in names, times and flags that have no effect."""
    content = path.read_bytes()
    expected = members_of(path)
    random = np.random.default_rng(0)
    places = random.integers(0, len(content), 150)
    n_found = 0
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        path.write_bytes(flipped)
        try:
            load_model(path)
        except ModelFileError:
            n_found += 1
        else:
            assert members_of(path) == expected
    assert n_found > 140


@pytest.mark.parametrize(
    "case",
    ["missing", "extra", "escaping", "twice", "altered text", "altered weights"],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_are_what_was_saved(path, case):
    members = list(members_of(path).items())
    comment = hashlib.sha256(dict(members)["model.json"]).hexdigest().encode()
    if case == "missing":
        members = members[:1]
    elif case == "extra":
        members.append(("more.json", b"{}"))
    elif case == "escaping":
        members.append(("../../evil.py", b"evil"))
    elif case == "twice":
        members.append(members[0])
    elif case == "altered text":
        members[0] = ("model.json", members[0][1].replace(b"900", b"901"))
        members[0] = ("model.json", members[0][1] + b" ")
    else:
        members[1] = ("weights.bin", members[1][1][:-4] + b"\0\0\0\0")
    written(path, members, comment=comment)
    with pytest.raises(ModelFileError, match=r"model\.skheart.*"):
        load_model(path)
    assert not (path.parent.parent / "evil.py").exists()


def test_a_bomb_is_not_unpacked(path):
    members = members_of(path)
    members["model.json"] = bytes(100 << 20)  # 100 MB, compressed to 0.1 MB
    written(path, members.items())
    assert path.stat().st_size < 1e6
    with pytest.raises(ModelFileError, match="too large"):
        load_model(path)


def _nested(text):
    text["network"] = json.loads("[" * 900 + "]" * 900)


def _layer(**entries):
    def change(text):
        layers = text["network"]["config"]["layers"]
        layers[3] = {**layers[3], **entries}

    return change


def _units(text):
    text["network"]["config"]["layers"][-1]["config"]["units"] = 10**9


def _nan(text):
    return np.full(sum(map(int, map(np.prod, text["shapes"]))), np.nan, "<f4").tobytes()


CHANGES = {
    "format": (lambda text: text.update(format=3), "format 3.*knows .1, 2."),
    "no format": (lambda text: text.pop("format"), "format None"),
    "no network": (lambda text: text.pop("network"), "cannot be loaded"),
    "module": (_layer(module="os", class_name="system"), "os.system is not a layer"),
    "builtin": (_layer(module="builtins", class_name="eval"), "builtins.eval"),
    "lambda": (_layer(class_name="Lambda"), "Lambda is not a layer"),
    "files": (_layer(class_name="TFSMLayer"), "TFSMLayer is not a layer"),
    "pickles": (_layer(class_name="TorchModuleWrapper"), "not a layer"),
    "private": (_layer(module="keras.src.utils.io_utils"), "not a layer"),
    "function": (
        _layer(module="os", class_name="function", config="system"),
        "settings of a layer .* are not a table",
    ),
    "function by another name": (
        _layer(
            module="os",
            class_name="function",
            config="system",
            registered_name="skheart>AttentionPooling",
        ),
        "settings of a layer .* are not a table",
    ),
    "another class of that name": (
        _layer(
            module="os",
            class_name="system",
            registered_name="skheart>AttentionPooling",
        ),
        "not registered here",
    ),
    "no class": (_layer(module="keras.losses", class_name="get"), "not a layer"),
    "unregistered": (
        _layer(module="somewhere", class_name="X", registered_name="some>X"),
        "'some>X' is not registered here",
    ),
    "loss": (
        lambda text: text["classifier"].update(
            loss={"keras": {"module": "os", "class_name": "system", "config": {}}}
        ),
        "loss is os.system, which is not on the list",
    ),
    "huge": (_units, "too large"),
    "shapes": (lambda text: text["shapes"].pop(), "as many as its shapes"),
    "negative": (lambda text: text["shapes"].append([-1, 4]), "got -1"),
    "NaN": (_nan, "NaN"),
    "parameter": (
        lambda text: text["classifier"].update(surprise=1),
        "cannot be loaded",
    ),
    "value": (lambda text: text["spectrogram"].update(hop=-1), "hop must be"),
    "class": (lambda text: text["classes"].append("more"), "cannot be loaded"),
    "steps": (lambda text: text.update(steps=[1, 2]), "not two names"),
    "list": (lambda text: text.update(spectrogram=[1]), "cannot be loaded"),
    "deep": (_nested, "cannot be loaded"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changed_text_is_refused(path, case):
    change, message = CHANGES[case]
    changed(path, change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert "model.skheart" in str(caught.value)


def test_a_model_file_cannot_set_a_cache(path, tmp_path, sounds):
    folder = tmp_path / "theirs"
    changed(path, lambda text: text["spectrogram"].update(cache=str(folder)))
    load_model(path).predict(sounds.data)
    assert not folder.exists()


def test_layers_of_ones_own_must_be_registered(tmp_path, sounds):
    class Mine(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    def network(n_bands, n_frames, n_outputs):
        inputs = keras.Input((n_bands, n_frames, 1))
        x = keras.layers.GlobalAveragePooling2D()(Mine()(inputs))
        return keras.Model(inputs, keras.layers.Dense(n_outputs, name="logits")(x))

    pipeline = pipeline_of(network=network).fit(sounds.data, sounds.target)
    with pytest.raises(ValueError, match="register_keras_serializable"):
        save_model(pipeline, tmp_path / "model")


# Older formats -----------------------------------------------------------------------


def test_a_file_of_format_1(sounds):
    """The file was written by skheart 0.1.0; every weight of its network is 0.01."""
    pipeline = load_model(FIXTURES / "format_1.skheart")
    assert pipeline.classes_.tolist() == ["murmur", "normal"]
    assert pipeline["spectrogram"].f_max == 800.0
    assert pipeline["cnn"].history_ == {"loss": [0.5, 0.25]}
    weights = pipeline["cnn"].model_.get_weights()
    assert all((weight == np.float32(0.01)).all() for weight in weights)
    p = pipeline.predict_proba(sounds.data)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)


def test_settings_of_a_newer_keras_are_removed(fitted):
    """This is done only where they have no effect."""
    network = json.loads(fitted["cnn"].model_.to_json())
    newer = json.loads(fitted["cnn"].model_.to_json())
    layers = newer["config"]["layers"]
    for layer in (one for one in layers if one["module"] == "keras.layers"):
        layer["config"]["to_come"] = None
        for part in layer["config"].values():
            if isinstance(part, dict) and part.get("module") == "keras.initializers":
                part["config"]["to_come"] = None
    assert newer != network
    assert readable(newer) == readable(network)
    keras.models.model_from_json(json.dumps(readable(newer)))
    layers[1]["config"]["to_come"] = 3
    assert readable(newer) != readable(network)
