"""Test that exported models compute the same probabilities without TensorFlow."""

from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, helper
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline

from skheart import (
    CNNClassifier,
    ModelFileError,
    OnnxClassifier,
    RecordingError,
    SpectrogramTransformer,
    __version__,
    export_litert,
    export_onnx,
    load_pretrained,
)
from skheart.audio import check_waveform
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds


@pytest.fixture(scope="module")
def sounds():
    # Some are shorter than the network's window, some longer than 30 seconds.
    return make_heart_sounds(12, duration=(2.2, 45.0), random_state=0)


@pytest.fixture(scope="module")
def murmur():
    return load_pretrained("murmur")


@pytest.fixture
def path(murmur_onnx):
    return murmur_onnx


def litert_output(path, value):
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()
    interpreter.set_tensor(taken["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


# Probabilities ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["murmur", "murmur3"])
def test_two_hundred_real_recordings(shared_data, tmp_path, name):
    corpora = ["pascal", "cinc2016", "circor2022"]
    chosen = []
    for corpus in corpora:
        files = sorted((shared_data / corpus).rglob("*.flac"))
        chosen += files[:: max(1, len(files) // 70)][:70]
    assert len(chosen) >= 200
    pipeline = load_pretrained(name).set_params(spectrogram__on_error="nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        spectrograms = pipeline[0].transform(chosen)
    usable = np.flatnonzero(np.isfinite(spectrograms).all(axis=(1, 2)))
    assert len(usable) >= 200
    expected = pipeline[1].predict_proba(spectrograms[usable])
    for part in ("pipeline", "network"):
        export_onnx(pipeline, tmp_path / "model.onnx", part=part)
        exported = OnnxClassifier(tmp_path / "model.onnx")
        given = exported.predict_proba([chosen[number] for number in usable])
        np.testing.assert_allclose(given, expected, atol=1e-5)
        np.testing.assert_array_equal(exported.classes_, pipeline.classes_)
        labels = exported.predict([chosen[number] for number in usable])
        np.testing.assert_array_equal(labels, pipeline.classes_[given.argmax(axis=1)])


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"duration": 3.0}, 1e-5),
        ({"duration": 7.3}, 1e-5),
        ({"duration": None}, 1e-5),
        ({"duration": 3.0, "padding": "constant"}, 1e-5),
        ({"padding": "constant"}, 1e-5),
        ({"normalize": "band"}, 1e-5),
        ({"normalize": None}, 1e-5),
        ({"scale": "linear", "n_fft": 512}, 1e-5),
        ({"window": 0.0505, "hop": 0.0197}, 1e-5),  # no whole numbers of values
        (
            {"dtype": "float16"},
            1e-3,
        ),  # rounding can differ in half precision
        ({"sample_rate": 4000.0}, 1e-5),
    ],
)
def test_every_setting_of_the_transformer(tmp_path, sounds, settings, tolerance):
    pipeline = load_pretrained("murmur")
    pipeline[0].set_params(input_sample_rate=2000.0, **settings)
    waveforms = [*sounds.data, sounds.data[0][:300]]
    # One by one: without a duration, the longest recording of a call decides.
    expected = np.vstack([pipeline.predict_proba([one]) for one in waveforms])
    assert np.ptp(expected) > 0.3
    for part in ("pipeline", "network"):
        export_onnx(pipeline, tmp_path / "model.onnx", part=part)
        exported = OnnxClassifier(tmp_path / "model.onnx", input_sample_rate=2000.0)
        given = exported.predict_proba(waveforms)
        np.testing.assert_allclose(given, expected, atol=tolerance)


def own_network(*, n_bands, n_frames, n_channels, n_outputs, activation="silu"):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Conv2D(4, 7, strides=3, activation=activation)(inputs)
    x = keras.layers.LayerNormalization()(x)
    x = keras.layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


@pytest.mark.parametrize(
    "parameters",
    [
        {"network": "deep_stethoscope", "crop_frames": 80},
        {"network": own_network},
        {"loss": "auroc"},
        {"loss": "categorical_crossentropy"},
    ],
    ids=["dense", "own", "calibrated", "softmax of two"],
)
def test_every_kind_of_network(tmp_path, sounds, parameters):
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=4.0)),
            ("cnn", CNNClassifier(epochs=1, random_state=0, **parameters)),
        ]
    )
    labels = np.where(sounds.target == "murmur", 7, 3)  # labels need not be text
    pipeline.fit(sounds.data, labels)
    export_onnx(pipeline, tmp_path / "model.onnx")
    export_litert(pipeline, tmp_path / "model.tflite")
    exported = OnnxClassifier(tmp_path / "model.onnx")
    expected = pipeline.predict_proba(sounds.data)
    np.testing.assert_allclose(exported.predict_proba(sounds.data), expected, atol=1e-5)
    assert set(exported.predict(sounds.data)) <= {3, 7}
    longest = max(range(len(sounds.data)), key=lambda n: len(sounds.data[n]))
    waveform = np.asarray(sounds.data[longest][:8000], dtype=np.float32)
    given = litert_output(tmp_path / "model.tflite", waveform)
    np.testing.assert_allclose(given, expected[longest], atol=1e-5)


def test_other_rates_are_resampled(path, murmur, sounds):
    twice = [np.repeat(waveform, 2) for waveform in sounds.data]
    exported = OnnxClassifier(path, input_sample_rate=4000)
    pipeline = clone(murmur[0]).set_params(input_sample_rate=4000)
    expected = murmur[1].predict_proba(pipeline.transform(twice))
    np.testing.assert_allclose(exported.predict_proba(twice), expected, atol=1e-5)


@pytest.mark.parametrize("half", [False, True])
def test_litert(tmp_path, murmur, sounds, half):
    path = tmp_path / "murmur.tflite"
    export_litert(murmur, path, duration=5.0, half=half)
    assert path.stat().st_size < (0.3e6 if half else 0.6e6)
    short = clone(murmur[0]).set_params(duration=5.0)
    for waveform in sounds.data[:4]:
        filled = np.resize(waveform, 10_000).astype(np.float32)
        expected = murmur[1].predict_proba(short.transform([filled]))[0]
        given = litert_output(path, filled)
        np.testing.assert_allclose(given, expected, atol=1e-3 if half else 1e-5)
    with zipfile.ZipFile(path) as notes:
        assert notes.read("labels.txt").decode().split() == ["murmur", "normal"]
        settings = json.loads(notes.read("skheart.json"))
    assert settings["spectrogram"]["duration"] == 5.0
    assert settings["spectrogram"]["sample_rate"] == 2000.0


FAINT_OR_LOUD = {"faint": 1e-30, "loud": 1e38, "integers of 24 bit": 8e6}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return a function that runs a waveform of five seconds in ONNX and in LiteRT."""
    folder = tmp_path_factory.mktemp("both")
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=5.0)
    export_litert(pipeline, folder / "murmur.tflite")
    export_onnx(pipeline, folder / "murmur.onnx")
    session = onnxruntime.InferenceSession(folder / "murmur.onnx")

    def run(waveform):
        in_onnx = session.run(None, {"waveform": waveform})[0]
        return in_onnx, litert_output(folder / "murmur.tflite", waveform)

    return run


def five_seconds(sounds):
    sound = np.resize(sounds.data[0], 10_000)
    return sound / np.abs(sound).max()


def test_onnx_and_litert_agree_on_any_level(both, sounds):
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=5.0)
    sound = five_seconds(sounds)
    expected = pipeline.predict_proba([sound])[0]
    for factor in FAINT_OR_LOUD.values():
        for output in both((factor * sound).astype(np.float32)):
            np.testing.assert_allclose(output, expected, atol=1e-5)


def bad_waveforms(sound):
    """Yield 160 waveforms that no recording is, and 40 that are almost such."""
    draw = np.random.default_rng(0)
    n_times = len(sound)
    levels = 10 ** draw.uniform(-37, 38, 54)
    for level in (0.0, 1.0, 0.3, *levels * draw.choice([-1, 1], 54)):
        yield np.full(n_times, level)  # silence
    for level in 10 ** draw.uniform(-44.5, -40, 20):  # less than float32 resolves
        yield level * draw.uniform(-1, 1, n_times)
    for value in (np.nan, np.inf, -np.inf):
        for count in (1, 1, 1, 1, 1, 1, 2, 7, 100, n_times // 2, n_times - 1, n_times):
            waveform = sound.copy()
            waveform[draw.choice(n_times, count, replace=False)] = value
            yield waveform
        for place in (0, 99, 5000, n_times - 41, n_times - 1):
            waveform = np.zeros(n_times)
            waveform[place] = value
            yield waveform
        for start in range(0, n_times - 1000, 999):
            waveform = 1e-3 * sound
            waveform[start : start + 1000] = value
            yield waveform
    mixed = sound.copy()
    mixed[::3], mixed[1::3] = np.inf, -np.inf
    yield from (mixed, np.where(sound > 0, np.nan, sound))
    # Almost silent, but these have answers.
    for place in (0, 1, 50, 99, 100, 5000, 9959, 9960, 9998, 9999):
        waveform = np.zeros(n_times)  # one click
        waveform[place] = 10 ** draw.uniform(-30, 3)
        yield waveform
    for level in 10 ** draw.uniform(-3, 3, 10):  # steps of the last bit of float32
        steps = draw.integers(0, 2, n_times).astype(np.float32)
        yield np.float32(level) * (1 + steps * np.float32(2**-23))
    for level in 10 ** draw.uniform(-2, 4, 10):  # an offset
        yield level + sound
    for gain in 10 ** draw.uniform(0.5, 4, 10):  # overdriven
        yield np.clip(gain * sound, -1, 1)


def test_two_hundred_bad_inputs(both, sounds):
    """Where skheart finds no sound, the exports answer NaN and not a class."""
    waveforms = [x.astype(np.float32) for x in bad_waveforms(five_seconds(sounds))]
    assert len(waveforms) == 200
    n_refused = 0
    for waveform in waveforms:
        in_onnx, in_litert = both(waveform)
        np.testing.assert_allclose(in_litert, in_onnx, atol=1e-4)  # NaN equals NaN
        try:
            check_waveform(waveform)
        except RecordingError:
            assert np.isnan(in_onnx).all()
            n_refused += 1
        else:
            assert np.isfinite(in_onnx).all()
    assert n_refused == 160


def test_short_waveforms_have_no_probabilities(path, sounds):
    session = onnxruntime.InferenceSession(path)
    waveform = sounds.data[0].astype(np.float32)
    for length in (1, 2, 41, 99):
        output = session.run(None, {"waveform": waveform[:length]})[0]
        assert np.isnan(output).all()
        with pytest.raises(
            RecordingError, match=r"Recording 0 of X lasts .* less than"
        ):
            OnnxClassifier(path).predict([waveform[:length]])
    output = session.run(None, {"waveform": waveform[:100]})[0]
    assert np.isfinite(output).all()
    np.testing.assert_allclose(
        output, OnnxClassifier(path).predict_proba([waveform[:100]])[0]
    )


def test_the_network_alone_refuses_nan(tmp_path, murmur):
    crop = np.random.default_rng(0).normal(size=(2, 40, 250, 1)).astype(np.float32)
    export_onnx(murmur, tmp_path / "network.onnx", part="network")
    export_litert(murmur, tmp_path / "network.tflite", part="network")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    for value in (np.nan, np.inf, -np.inf):
        crop[1, 7, 11] = value
        logits = session.run(None, {"spectrogram": crop})[0]
        assert np.isfinite(logits[0]).all()
        assert np.isnan(logits[1]).all()
        assert np.isnan(litert_output(tmp_path / "network.tflite", crop[1:])).all()


@pytest.mark.parametrize("padding", ["repeat", "constant"])
def test_litert_has_builtin_operations_only(tmp_path, padding):
    pipeline = load_pretrained("murmur").set_params(spectrogram__padding=padding)
    export_litert(pipeline, tmp_path / "murmur.tflite", duration=5.0)
    interpreter = Interpreter(
        model_path=str(tmp_path / "murmur.tflite"),
        # With delegates, some operations are listed as DELEGATE.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    names = {operation["op_name"] for operation in interpreter._get_ops_details()}
    assert "CONV_2D" in names
    assert not [name for name in names if "Flex" in name or "SELECT" in name]


def test_litert_of_the_network_alone(tmp_path, murmur, sounds):
    path = tmp_path / "network.tflite"
    export_litert(murmur, path, part="network")
    window = murmur[0].transform(sounds.data[:1])[:, :, :250, np.newaxis]
    expected = murmur[1].model_(window).numpy()
    np.testing.assert_allclose(litert_output(path, window), expected, atol=1e-4)


def test_litert_needs_a_length(tmp_path, sounds):
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=None)
    with pytest.raises(ValueError, match="duration must be a number of seconds"):
        export_litert(pipeline, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_the_metadata_can_be_read_by_other_programs(path):
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["classes"]) == ["murmur", "normal"]
    notes = json.loads(metadata["skheart"])
    assert set(notes["training"]) == {"corpora", "complete"}
    assert notes["spectrogram"]["sample_rate"] == 2000.0
    assert notes["versions"]["skheart"] == __version__ == model.producer_version
    assert [value.name for value in model.graph.input] == ["waveform"]
    outputs = [value.name for value in model.graph.output]
    assert outputs == ["probabilities", "window_probabilities"]


def test_only_the_corpora_of_the_training_are_written(tmp_path, sounds):
    pipeline = load_pretrained("murmur")
    pipeline[1].training_ = {
        "parts": [{"corpus": "pascal", "patients": ["secret"]}, {"corpus": "folder"}],
        "complete": True,
    }
    export_onnx(pipeline, tmp_path / "model.onnx")
    metadata = {
        entry.key: entry.value
        for entry in onnx.load(tmp_path / "model.onnx").metadata_props
    }
    training = json.loads(metadata["skheart"])["training"]
    assert training == {"corpora": ["folder", "pascal"], "complete": True}
    assert b"secret" not in (tmp_path / "model.onnx").read_bytes()


# Without TensorFlow -----------------------------------------------------------------


def run(code, *arguments):
    heavy = "{'tensorflow', 'keras', 'librosa', 'matplotlib'}"
    code += f"\nassert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_tensorflow_is_not_imported(path, shared_data):
    recording = next((shared_data / "pascal").rglob("normal*.flac"))
    code = (
        "import sys, numpy as np, skheart\n"
        "model = skheart.OnnxClassifier(sys.argv[1])\n"
        "print(model.predict_proba([sys.argv[2]])[0, 1])\n"
        "stream = skheart.StreamingClassifier(model)\n"
        "noise = np.random.default_rng(0).normal(size=12000)\n"
        "assert len(stream.push(noise)) == 2\n"
    )
    given = float(run(code, path, recording))
    expected = load_pretrained("murmur").predict_proba([recording])[0, 1]
    assert given == pytest.approx(expected, abs=1e-5)


def test_the_command_line_does_not_import_tensorflow(path, shared_data):
    recording = next((shared_data / "pascal").rglob("normal*.flac"))
    code = (
        "import sys\nfrom skheart.cli.main import main\n"
        "assert main(['predict', '--model', *sys.argv[1:]]) == 0\n"
        "assert 'sklearn' not in sys.modules\n"
    )
    rows = run(code, path, recording).splitlines()
    assert rows[0] == "recording,prediction,probability_murmur,probability_normal,error"
    assert len(rows) == 2


# As a classifier of scikit-learn -----------------------------------------------------


def test_a_classifier_among_others(path, murmur, sounds):
    exported = OnnxClassifier(path)
    assert is_classifier(exported)
    assert exported.duration_ == murmur[0].duration
    assert exported.sample_rate_ == murmur[0].sample_rate
    expected = exported.predict_proba(sounds.data)
    again = pickle.loads(pickle.dumps(exported))
    np.testing.assert_array_equal(again.predict_proba(sounds.data), expected)
    assert clone(exported).get_params() == exported.get_params()
    scores = cross_val_score(
        exported,
        sounds.data,
        sounds.target,
        groups=sounds.groups,
        cv=StratifiedGroupKFold(2),
        scoring="roc_auc",
    )
    assert np.isfinite(scores).all()
    search = GridSearchCV(exported, {"n_threads": [1, 2]}, cv=2)
    search.fit(sounds.data, sounds.target)
    np.testing.assert_allclose(search.predict_proba(sounds.data), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"y holds 'sick', which is not one of"):
        exported.fit(sounds.data, ["sick"] * len(sounds.data))


def test_predictions_in_eight_threads(path, sounds, in_eight_threads):
    exported = OnnxClassifier(path)
    expected = OnnxClassifier(path).predict_proba(sounds.data)
    for result in in_eight_threads(lambda: exported.predict_proba(sounds.data)):
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_recordings_that_cannot_be_used_are_named(path, tmp_path):
    exported = OnnxClassifier(path)
    soundfile.write(tmp_path / "flat.wav", np.zeros(4000), 2000)
    quiet = np.r_[np.zeros(60_000), np.ones(4000)]
    for bad, message in [
        (tmp_path / "flat.wav", "flat.wav' is silent"),
        (tmp_path / "none.wav", "There is no file"),
        (np.array([1.0, np.nan] * 500), "Recording 0 of X holds NaN"),
        (quiet, r"Recording 0 of X.* first 30 seconds.* is silent"),
    ]:
        with pytest.raises((RecordingError, OSError), match=message):
            exported.predict_proba([bad])


def multiplied(path, target, factor):
    """Write a copy of a model that multiplies its probabilities by a factor."""
    model = onnx.load(path)
    for node in model.graph.node:
        names = [x if x != "probabilities" else "before" for x in node.output]
        node.output[:] = names
    factor = np.asarray(factor, dtype=np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(factor, "factor"))
    node = helper.make_node("Mul", ["before", "factor"], ["probabilities"])
    model.graph.node.append(node)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, target)


@pytest.mark.parametrize(
    "factor",
    [np.nan, np.inf, [3.0, 3.0], [np.nan, 1.0], np.ones((1, 2))],
    ids=["NaN", "infinite", "too large", "one NaN", "another shape"],
)
def test_invalid_probabilities_are_an_error(path, tmp_path, sounds, factor, capsys):
    target, recording = tmp_path / "model.onnx", tmp_path / "a.wav"
    multiplied(path, target, factor)
    soundfile.write(recording, sounds.data[0], 2000)
    for method in ("predict", "predict_proba"):
        with pytest.raises(RecordingError, match=r"a\.wav' has no probabilities"):
            getattr(OnnxClassifier(target), method)([recording])
    assert main(["predict", "--model", str(target), str(recording)]) == 1
    row = capsys.readouterr().out.splitlines()[1]
    assert "has no probabilities: the model computed" in row
    assert row.split(",")[1:4] == ["", "", ""]


# Errors -----------------------------------------------------------------------------


def test_what_cannot_be_exported(tmp_path, sounds, murmur):
    target = tmp_path / "model.onnx"
    target.write_text("mine")
    fresh = Pipeline([("spectrogram", murmur[0]), ("cnn", CNNClassifier())])
    flat = make_pipeline(SpectrogramTransformer(flatten=True), LogisticRegression())
    for export in (export_onnx, export_litert):
        with pytest.raises(NotFittedError):
            export(fresh, target)
        with pytest.raises(ValueError, match="got one of SpectrogramTransformer, Log"):
            export(flat, target)
        with pytest.raises(ValueError, match="got CNNClassifier"):
            export(murmur[1], target)
        with pytest.raises(ValueError, match="The transformer has flatten=True"):
            export(
                load_pretrained("murmur").set_params(spectrogram__flatten=True), target
            )
        with pytest.raises(ValueError, match="part must be"):
            export(murmur, target, part="all")
        with pytest.raises(FileNotFoundError, match="There is no folder"):
            export(murmur, tmp_path / "none" / "model")
        with pytest.raises(IsADirectoryError):
            export(murmur, tmp_path)
    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_network_with_operations_that_onnx_lacks(tmp_path, sounds):
    network = functools.partial(own_network, activation="gelu")  # needs "Erfc"
    classifier = CNNClassifier(network=network, epochs=1, random_state=0)
    pipeline = make_pipeline(SpectrogramTransformer(duration=2.0), classifier)
    pipeline.fit(sounds.data, sounds.target)
    with pytest.raises(ValueError, match=r"cannot be written as ONNX .*Erfc"):
        export_onnx(pipeline, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_missing_packages_are_named(tmp_path, murmur, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"needs tf2onnx;.*skheart\[onnx\]"):
        export_onnx(murmur, tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs onnxruntime;.*skheart\[onnx\]"):
        OnnxClassifier(path).predict([np.ones(9)])
    assert not hasattr(OnnxClassifier(path), "classes_")


def with_metadata(path, target, change):
    """Write a copy of a model with other metadata."""
    model = onnx.load(path)
    (entry,) = [entry for entry in model.metadata_props if entry.key == "skheart"]
    notes = json.loads(entry.value)
    change(notes)
    entry.value = json.dumps(notes)
    onnx.save(model, target)


def with_setting(path, target, *, name, value):
    with_metadata(
        path, target, lambda notes: notes["spectrogram"].update({name: value})
    )


def foreign(target):
    node = helper.make_node("Relu", ["waveform"], ["out"])
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None])
        for name in ("waveform", "out")
    ]
    graph = helper.make_graph([node], "foreign", values[:1], values[1:])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), target)


def with_weights_elsewhere(path, target):
    """Write a copy of a model that keeps its weights in another file."""
    onnx.save_model(
        onnx.load(path),
        target,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
        convert_attribute=True,
    )


def inside_a_branch(path, target):
    """Write a copy with a tensor in another file, inside the branch of an If."""
    model = onnx.load(path)
    tensor = TensorProto(name="far", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])
    node = helper.make_node("Identity", ["far"], ["out"])
    branch = helper.make_graph([node], "branch", [], [out], [tensor])
    model.graph.node.append(
        helper.make_node(
            "If", ["yes"], ["o"], name="if", then_branch=branch, else_branch=branch
        )
    )
    target.write_bytes(model.SerializeToString())


ELSEWHERE = "weights are in another file"
FAULTS = {
    "weights elsewhere": (with_weights_elsewhere, ELSEWHERE),
    "weights elsewhere in a branch": (inside_a_branch, ELSEWHERE),
    "text": (lambda p, t: t.write_text("no"), "cannot be run as an ONNX model"),
    "empty": (lambda p, t: t.write_bytes(b""), "cannot be run|is not a model of"),
    "cut": (
        lambda p, t: t.write_bytes(Path(p).read_bytes()[:50_000]),
        "cannot be run as an ONNX model",
    ),
    "pickle": (lambda p, t: t.write_bytes(pickle.dumps([1])), "cannot be run as an"),
    "foreign": (lambda p, t: foreign(t), "is not a model of skheart"),
    "format": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.update(format=99)),
        "has format 99, and this version of skheart reads 1: install a newer",
    ),
    "part": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.update(part="network")),
        r"part='network' does not match its inputs \['waveform'\]",
    ),
    **{
        f"{name}={value!r}": (
            functools.partial(with_setting, name=name, value=value),
            f"is not a model of skheart .{name} must be",
        )
        for name, value in [
            ("sample_rate", "fast"),
            ("sample_rate", 1e-300),
            ("sample_rate", float("inf")),
            ("window", 1e4),
            ("f_max", 2000.0),
            ("duration", 1e9),
            ("hop", 1e-9),
            ("n_fft", 1 << 28),
            ("n_bands", 1 << 28),
        ]
    },
    "classes": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.update(classes=[{}, 1])),
        "its classes must be a list of labels",
    ),
    "n_crop": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.update(n_crop=10**12)),
        "n_crop must be a positive integer, at most",
    ),
    "no settings": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.pop("spectrogram")),
        "is not a model of skheart",
    ),
    "list": (
        lambda p, t: with_metadata(p, t, lambda notes: notes.clear()),
        "its metadata have no entry of skheart",
    ),
    "folder": (lambda p, t: t.mkdir(), "is a folder"),
    "absent": (lambda p, t: None, "There is no model file"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_other_files_are_refused(path, tmp_path, kind, capsys, monkeypatch):
    make, message = FAULTS[kind]
    target = tmp_path / "model.onnx"
    monkeypatch.chdir(tmp_path)
    make(path, target)
    model = OnnxClassifier(target)
    for name in ("classes_", "sample_rate_", "duration_"):
        assert not hasattr(model, name)
    with pytest.raises((ModelFileError, OSError), match=message) as caught:
        model.predict_proba([np.ones(9)])
    with pytest.raises(AttributeError, match="no classes_ because its file"):
        _ = model.classes_
    assert str(target) in str(caught.value)
    assert main(["predict", "--model", str(target), "a.wav"]) == 2
    assert str(target) in capsys.readouterr().err


def test_a_model_file_cannot_set_a_cache(tmp_path, murmur, sounds):
    export_onnx(murmur, tmp_path / "model.onnx", part="network")
    folder = tmp_path / "theirs"
    strange = {"cache": str(folder), "lazy": False, "n_jobs": 2}
    with_metadata(
        tmp_path / "model.onnx",
        tmp_path / "changed.onnx",
        lambda notes: notes["spectrogram"].update(strange),
    )
    OnnxClassifier(tmp_path / "changed.onnx").predict_proba(sounds.data[:1])
    assert not folder.exists()


def test_wrong_parameters(path):
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, got int"):
        OnnxClassifier(3).predict([np.ones(9)])
    with pytest.raises(ValueError, match="n_threads must be"):
        OnnxClassifier(path, n_threads=0).predict([np.ones(9)])
    with pytest.raises(ValueError, match="input_sample_rate must be"):
        OnnxClassifier(path, input_sample_rate=-1).predict_proba([np.arange(9000.0)])


# The command line -------------------------------------------------------------------


def test_command_line(tmp_path, sounds, capsys):
    target, small = tmp_path / "m.onnx", tmp_path / "m.tflite"
    arguments = [
        "export",
        "--model",
        "murmur",
        "--onnx",
        str(target),
        "--litert",
        str(small),
    ]
    assert main([*arguments, "--duration", "5", "--half"]) == 0
    assert capsys.readouterr().out.count("Wrote") == 2
    soundfile.write(tmp_path / "a.wav", sounds.data[0], 2000)
    tables = []
    for model in (str(target), "murmur"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        recordings = [str(tmp_path / "a.wav"), str(tmp_path / "empty")]
        assert main(["predict", "--model", model, *recordings]) == 1
        tables.append(capsys.readouterr().out)
    one, other = (table.splitlines()[1].split(",")[:2] for table in tables)
    assert one == other
    assert "is a folder, expected a sound file" in tables[0].splitlines()[2]
    assert main(["predict", str(target), str(tmp_path / "a.wav")]) == 2
    assert "is a model and not a recording" in capsys.readouterr().err
    assert main(["evaluate", "folder", str(tmp_path), "--model", str(small)]) == 2
    assert "is an exported model, which cannot be" in capsys.readouterr().err
    assert main(["export", "--model", "murmur"]) == 2
    assert "Nothing to write" in capsys.readouterr().err
