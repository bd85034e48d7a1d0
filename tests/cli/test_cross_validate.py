"""Test cross-validation by patient from the command line."""

import csv
import io
import json

import pytest
import soundfile

from skheart import load_model
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.metrics import auroc_score


def test_each_recording_is_predicted_once(folders, tmp_path, capsys):
    command = [
        "cross-validate",
        "folder",
        str(folders),
        "--folds",
        "2",
        "--epochs",
        "1",
    ]
    command += ["--patient-pattern", "^([^_]+)_", "--duration", "3", "-q"]
    answers = tmp_path / "answers.csv"
    assert main([*command, "--format", "json", "--answers", str(answers)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["by_recording"]["n"] == 80
    assert len(report["auroc_of_folds"]) == report["folds"] == 2
    rows = list(csv.DictReader(io.StringIO(answers.read_text())))
    assert len({row["recording"] for row in rows}) == 80
    assert main(command) == 0
    assert "was not trained on it" in " ".join(capsys.readouterr().out.split())


def test_too_many_folds(folders, capsys):
    command = ["cross-validate", "folder", str(folders), "-q", "--folds", "50"]
    assert main([*command, "--duration", "1"]) == 2
    assert "--folds must be at most" in capsys.readouterr().err


@pytest.mark.parametrize("folds", ["1", "0"])
def test_too_few_folds(folders, capsys, folds):
    assert main(["cross-validate", "folder", str(folders), "--folds", folds]) == 2
    assert "--folds must be an integer, at least 2" in capsys.readouterr().err


def test_weights_that_were_trained_on_the_patients(folders, model, tmp_path, capsys):
    command = ["cross-validate", "folder", str(folders), "--weights", str(model), "-q"]
    command += ["--folds", "2", "--epochs", "1", "--patient-pattern", "^([^_]+)_"]
    assert main(command) == 2
    assert "so that no fold is independent of it" in capsys.readouterr().err
    command[command.index("--weights") + 1] = "murmur"
    assert main(command) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "It is unknown whether the network of --weights was trained on these" in text


def test_pretrained_weights_on_their_own_corpus(shared_data, capsys):
    command = [
        "cross-validate",
        "pascal",
        str(shared_data),
        "--weights",
        "murmur",
        "-q",
    ]
    assert main([*command, "--classes", "murmur", "normal"]) == 2
    assert "--weights murmur was trained on" in capsys.readouterr().err


def test_weights_of_a_file(model, tmp_path, capsys):
    """Each fold starts from the weights in the file, also in a clone."""
    sounds = make_heart_sounds(24, murmur_level=(-15.0, -8.0), random_state=9)
    for number, (sound, label, patient) in enumerate(
        zip(sounds.data, sounds.target, sounds.groups, strict=True)
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        path = tmp_path / label / f"{patient}_{number}.wav"
        soundfile.write(path, sound, sounds.sample_rate)
    command = ["cross-validate", "folder", str(tmp_path), "--weights", str(model)]
    command += ["--folds", "2", "--epochs", "1", "--learning-rate", "1e-6", "-q"]
    command += ["--patient-pattern", "^([^_]+)_"]
    assert main([*command, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    # Hardly trained, it is as good as the network of the file.
    paths = [str(path) for path in sorted(tmp_path.glob("*/*.wav"))]
    murmur = load_model(model).predict_proba(paths)[:, 0]
    truth = [path.split("/")[-2] for path in paths]
    expected = auroc_score(truth, murmur, labels=["normal", "murmur"])
    assert report["by_recording"]["auroc"]["value"] == pytest.approx(expected, abs=0.1)
    assert expected > 0.6
