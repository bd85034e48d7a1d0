"""Test the JSON file beside an exported model, and what the model says of itself."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline

from skheart import (
    CNNClassifier,
    SpectrogramTransformer,
    export_litert,
    export_onnx,
    load_pretrained,
)
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.deployment.sidecar import input_of
from skheart.pretrained import model_card, model_names

SCHEMA = json.loads(
    (files("skheart.deployment") / "sidecar.schema.json").read_text(encoding="utf-8")
)
PARTS = ("pipeline", "network")


def sidecar_beside(path):
    """Return the checked sidecar of a model."""
    notes = json.loads((path.parent / f"{path.name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(notes)
    assert notes["file"] == path.name
    assert notes["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return notes


def metadata_of(path):
    return {e.key: json.loads(e.value) for e in onnx.load(path).metadata_props}


def wrong_vectors(notes, run):
    """Return the test vectors whose outputs are not the expected ones."""
    tests = notes["test_vectors"]
    wrong = []
    for vector in tests["vectors"]:
        output = np.ravel(run(input_of(vector)))
        expected = np.array(vector["expected"], dtype=float)
        if not np.allclose(output, expected, 0, tests["tolerance"], equal_nan=True):
            wrong.append((vector, output))
    return wrong


def in_onnx(path):
    session = onnxruntime.InferenceSession(path)
    (given,), (computed, *_) = session.get_inputs(), session.get_outputs()
    return lambda value: session.run([computed.name], {given.name: value})[0]


def in_litert(path, notes):
    interpreter = Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner(notes["signature"])
    given, computed = notes["input"]["name"], notes["output"]["name"]
    return lambda value: runner(**{given: value})[computed]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("part", PARTS)
def test_onnx(tmp_path, part):
    path = tmp_path / "murmur3.onnx"
    pipeline = load_pretrained("murmur3")
    export_onnx(pipeline, path, part=part)
    notes = sidecar_beside(path)
    session = onnxruntime.InferenceSession(path)
    (given,), (computed, *windows) = session.get_inputs(), session.get_outputs()
    assert len(windows) == (part == "pipeline")
    for one, found in (
        (notes["input"], given),
        (notes["output"], computed),
        *((notes["window_output"], output) for output in windows),
    ):
        shape = [size if isinstance(size, int) else None for size in found.shape]
        assert (found.name, shape) == (one["name"], one["shape"])
    assert notes["runtime"] == "onnx"
    metadata = metadata_of(path)
    assert metadata["classes"] == ["Absent", "Present", "Unknown"]
    assert metadata["sample_rate"] == 2000.0
    assert metadata["decision"] == pipeline[-1].decision_.as_dict()
    assert metadata["card"]["limits"] == list(model_card("murmur3").limits)
    assert "Not a medical device" in metadata["notice"]
    assert "Not a medical device" in onnx.load(path).doc_string
    of_the_file = {"file", "sha256", "runtime", "precision", "signature"}
    of_the_file.add("test_vectors")
    kept = {key: value for key, value in notes.items() if key not in of_the_file}
    assert metadata["skheart"] == kept
    assert not wrong_vectors(notes, in_onnx(path))


@pytest.mark.parametrize(
    ("part", "half"), [("pipeline", False), ("pipeline", True), ("network", False)]
)
def test_litert(tmp_path, part, half):
    path = tmp_path / "murmur.tflite"
    export_litert(load_pretrained("murmur"), path, part=part, duration=5.0, half=half)
    notes = sidecar_beside(path)
    (signature,) = Interpreter(model_path=str(path)).get_signature_list().items()
    name, ends = signature
    assert name == notes["signature"]
    assert ends == {
        "inputs": [notes["input"]["name"]],
        "outputs": [notes["output"]["name"]],
    }
    runner = Interpreter(model_path=str(path)).get_signature_runner()
    for one, found in (
        (notes["input"], runner.get_input_details()),
        (notes["output"], runner.get_output_details()),
    ):
        assert found[one["name"]]["shape"].tolist() == one["shape"]
    assert notes["runtime"] == "litert"
    assert notes["window_output"] is None
    assert not wrong_vectors(notes, in_litert(path, notes))


def test_int8(tmp_path, shared_data):
    """The recordings that are classified are not those of the calibration."""
    every = sorted((shared_data / "circor2022").rglob("*.flac"))
    pipeline = load_pretrained("murmur")
    before = pipeline[-1].model_.get_weights()
    path = tmp_path / "int8.tflite"
    export_litert(pipeline, path, part="network", calibration=every[::40])
    notes = sidecar_beside(path)
    assert (notes["precision"], notes["runtime"]) == ("int8", "litert")
    assert path.stat().st_size < 130_000
    run = in_litert(path, notes)
    assert not wrong_vectors(notes, run)
    assert len(wrong_vectors(notes, lambda x: run(x) + np.float32(1))) == 2
    crops = pipeline[0].transform(every[7::150])[:, :, :250, np.newaxis]
    expected = pipeline[-1].model_(crops).numpy()
    given = np.vstack([run(crop[np.newaxis]) for crop in crops])
    assert np.ptp(expected) > 5
    assert 0 < np.abs(given - expected).max() < 1.0
    assert all(map(np.array_equal, before, pipeline[-1].model_.get_weights()))


def test_calibration_is_for_the_network(tmp_path):
    for settings in ({}, {"part": "network", "half": True}):
        with pytest.raises(ValueError, match='calibration needs part="network"'):
            export_litert(
                load_pretrained("murmur"),
                tmp_path / "a.tflite",
                calibration=["a.wav"],
                **settings,
            )
    with pytest.raises(FileNotFoundError, match=r"a\.wav"):
        export_litert(
            load_pretrained("murmur"),
            tmp_path / "a.tflite",
            part="network",
            calibration=[str(tmp_path / "a.wav")],
        )
    assert not list(tmp_path.iterdir())


def test_vectors_show_a_wrong_program(tmp_path):
    """A program that forgets the gain, or does not treat NaN, does not pass."""
    path = tmp_path / "murmur.onnx"
    pipeline = load_pretrained("murmur")
    export_onnx(pipeline, path)
    notes, run = sidecar_beside(path), in_onnx(path)
    vectors = notes["test_vectors"]["vectors"]
    assert len({tuple(vector["shape"]) for vector in vectors}) == 2
    assert [None in vector["expected"] for vector in vectors] == [0, 0, 1, 1]
    assert len(wrong_vectors(notes, lambda x: run(x[::-1].copy()))) >= 1
    assert len(wrong_vectors(notes, lambda x: run(x) + np.float32(0.001))) == 2
    assert len(wrong_vectors(notes, lambda x: np.nan_to_num(run(x)))) == 2


def test_the_generator_has_known_values():
    """Of the linear congruential generator of Numerical Recipes, from 0."""
    vector = {"seed": 0, "shape": [4], "period": 4, "burst": 2, "nan_at": None}
    drawn = np.array([1013904223, 1196435762, 3519870697, 2868466484])
    expected = (drawn / 2**31 - 1) * [1, 1, 1 / 64, 1 / 64]
    np.testing.assert_allclose(input_of(vector), expected, rtol=1e-6)


# The card ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", model_names())
def test_a_shipped_model_has_its_card(tmp_path, name):
    path = tmp_path / "model.onnx"
    export_onnx(load_pretrained(name).set_params(spectrogram__duration=9.0), path)
    card = sidecar_beside(path)["card"]
    assert card["name"] == name
    assert card["figures"] == list(model_card(name).figures)


def test_a_model_of_ones_own_has_no_foreign_figures(tmp_path):
    sounds = make_heart_sounds(8, random_state=0)
    path = tmp_path / "model.onnx"
    pipeline = make_pipeline(
        SpectrogramTransformer(duration=5.0),
        CNNClassifier(weights="murmur", epochs=1, random_state=0),
    ).fit(sounds.data, sounds.target)
    export_onnx(pipeline, path)
    card = sidecar_beside(path)["card"]
    assert (card["name"], "figures" in card) == (None, False)
    assert "started from the weights of 'murmur'" in card["summary"]
    # A path in `weights` is not written.
    pipeline[-1].set_params(weights="/home/someone/mine.skheart")
    export_onnx(pipeline, path)
    assert b"someone" not in path.read_bytes()
    assert "someone" not in json.dumps(sidecar_beside(path))


def test_the_threshold_is_said(tmp_path):
    path = tmp_path / "model.onnx"
    tuned = FixedThresholdClassifier(
        FrozenEstimator(load_pretrained("murmur")), threshold=0.3, pos_label="murmur"
    )
    export_onnx(tuned, path)
    decision = sidecar_beside(path)["decision"]
    assert (decision["positive"], decision["threshold"]) == ("murmur", 0.3)
    assert metadata_of(path)["decision"] == decision


# Both files or none -----------------------------------------------------------------


def test_both_are_written_or_none(tmp_path, monkeypatch):
    path = tmp_path / "murmur.onnx"
    path.write_text("mine")
    (tmp_path / "murmur.onnx.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"murmur\.onnx\.json"):
        export_onnx(load_pretrained("murmur"), path)
    assert path.read_text() == "mine"
    (tmp_path / "murmur.onnx.json").rmdir()
    (tmp_path / "murmur.onnx.json").write_text("my notes")

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)  # the sidecar does not fit
        with pytest.raises(OSError, match="No space left"):
            export_onnx(load_pretrained("murmur"), path)
    assert path.read_text() == "mine"
    assert (tmp_path / "murmur.onnx.json").read_text() == "my notes"
    assert len(list(tmp_path.iterdir())) == 2
    export_onnx(load_pretrained("murmur"), path)
    sidecar_beside(path)
    assert len(list(tmp_path.iterdir())) == 2


def test_force_is_needed_for_both(tmp_path, capsys):
    for option, name in (("--onnx", "a.onnx"), ("--litert", "a.tflite")):
        beside = tmp_path / f"{name}.json"
        beside.write_text("mine")
        command = ["export", "--model", "murmur", option, str(tmp_path / name)]
        command += ["--duration", "5"] if option == "--litert" else []
        assert main(command) == 2
        assert f"{name}.json' exists; pass --force" in capsys.readouterr().err
        assert beside.read_text() == "mine"
        assert not (tmp_path / name).exists()
        assert main([*command, "--force"]) == 0
        assert f"and {name}.json" in capsys.readouterr().out
        sidecar_beside(tmp_path / name)


def test_nothing_is_written_beside_a_device(monkeypatch):
    from skheart.deployment import sidecar

    monkeypatch.setattr(sidecar, "atomic_path", None)  # would fail
    sidecar.write_model("/dev/null", b"model", {})
