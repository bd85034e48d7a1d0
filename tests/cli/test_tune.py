"""Test thresholds that are chosen on patients a model has not seen."""

import json

import numpy as np
import pytest
import soundfile

from skheart import OnnxClassifier, export_onnx, load_model
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds


def tune(model, folders, path, *arguments):
    command = ["tune", "--model", model, "folder", folders, "-q", "-o", path]
    return main([*map(str, command), *arguments])


@pytest.fixture(scope="module")
def tuned_model(model, folders, tmp_path_factory):
    path = tmp_path_factory.mktemp("tuned") / "tuned.skheart"
    assert tune(model, folders, path, "--sensitivity", "0.9") == 0
    return path


def test_thresholds_reach_the_sensitivity(tuned_model):
    decision = load_model(tuned_model)[-1].decision_
    assert decision.positive == "murmur"
    assert decision.chosen["aim"] == {"sensitivity": 0.9}
    for what in ("recordings", "patients"):
        rate = decision.chosen[what]["sensitivity"]
        assert rate["low"] <= rate["value"] <= rate["high"]
        assert rate["value"] >= 0.9


def test_every_use_of_the_model_has_the_threshold(
    tuned_model, folders, tmp_path, capsys
):
    pipeline = load_model(tuned_model)
    threshold = pipeline[-1].decision_.threshold
    paths = [str(path) for path in sorted(folders.glob("*/*.wav"))]
    murmur = pipeline.predict_proba(paths)[:, 0]
    expected = np.where(murmur >= threshold, "murmur", "normal")
    np.testing.assert_array_equal(pipeline.predict(paths), expected)
    export_onnx(pipeline, tmp_path / "tuned.onnx")
    light = OnnxClassifier(tmp_path / "tuned.onnx")
    np.testing.assert_array_equal(light.predict(paths), expected)
    for model in (tuned_model, tmp_path / "tuned.onnx"):
        command = ["predict", "--model", str(model), "--format", "json", "-q", *paths]
        assert main(command) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["answer"] for row in rows] == expected.tolist()
        assert rows[0]["model"]["threshold"] == threshold


def test_patients_that_were_tuned_on_are_seen(tuned_model, folders, tmp_path, capsys):
    command = ["evaluate", "--model", str(tuned_model), "folder", str(folders), "-q"]
    assert main([*command, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["seen"] == "seen"
    path = tmp_path / "other.skheart"
    assert tune(tuned_model, folders, path, "--sensitivity", "0.9") == 2
    assert "was trained or tuned on all patients of this" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs exactly one of --sensitivity, --specificity and --cost, got 0"),
        (["--sensitivity", "0.9", "--cost", "fn=5,fp=1"], "exactly one of"),
        (["--cost", "5"], "such as fn=5,fp=1, got '5'"),
        (["--sensitivity", "1.5"], "sensitivity must be a positive number, at most 1"),
    ],
)
def test_wrong_aims(model, folders, tmp_path, capsys, arguments, message):
    assert tune(model, folders, tmp_path / "x.skheart", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_cost(model, folders, tmp_path):
    path = tmp_path / "x.skheart"
    assert tune(model, folders, path, "--cost", "fn=100,fp=1") == 0
    chosen = load_model(path)[-1].decision_.chosen
    assert chosen["recordings"]["sensitivity"]["value"] == 1


def test_the_report_names_both_thresholds(tuned_model, tmp_path, capsys):
    sounds = make_heart_sounds(12, murmur_level=(-15.0, -8.0), random_state=9)
    for number, (sound, label) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        soundfile.write(tmp_path / label / f"q{number}_1.wav", sound, 2000)
    command = ["evaluate", "--model", str(tuned_model), "folder", str(tmp_path), "-q"]
    assert main(command) == 0
    decision = load_model(tuned_model)[-1].decision_
    expected = f"Threshold: {decision.threshold:.3g}, of patients "
    assert expected + f"{decision.patient_threshold:.3g}" in capsys.readouterr().out
