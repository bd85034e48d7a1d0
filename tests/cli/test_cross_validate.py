"""Test cross-validation by patient from the command line."""

import csv
import io
import json

import pytest

from skheart.cli.main import main


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
