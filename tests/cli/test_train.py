"""Test ``skheart train``."""

import csv
import inspect
import io
import re
import shlex

import pytest

from skheart import (
    CNNClassifier,
    SpectrogramTransformer,
    __version__,
    load_model,
)
from skheart.cli.main import main


def copied(folders, home, *, rename=str, n=None):
    """Copy the recordings to other class folders, and return their folder."""
    for path in sorted(folders.glob("*/*.wav"))[:n]:
        target = home / path.parent.name / rename(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return home


def test_model_is_a_pipeline_with_a_record_of_its_training(model):
    pipeline = load_model(model)
    assert isinstance(pipeline[0], SpectrogramTransformer)
    assert isinstance(pipeline[1], CNNClassifier)
    training = pipeline[1].training_
    assert training["complete"]
    (part,) = training["parts"]
    assert part["n_patients"] > part["n_held_out"] > 0
    assert sum(part["class_counts"].values()) == part["n_recordings"] < 80
    assert part["version"] == __version__


def test_models_are_not_overwritten_without_force(folders, model, capsys):
    before = model.read_bytes()
    arguments = ["train", "folder", str(folders), "-o", str(model)]
    assert main(arguments) == 2
    assert "pass --force" in capsys.readouterr().err
    assert model.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "epochs must be a positive integer, got 0"),
        (
            ["--hold-out", "0.9"],
            "--hold-out must be a positive number",
        ),
        (
            ["--classes", "normal", "click"],
            "--classes must name labels of",
        ),
        (["--classes", "normal"], "of two classes at least, got only 'normal'"),
        (["--rename", "click=normal"], "--rename must name labels of the corpus"),
        (["--loss", "nothing"], "loss must be"),
        (["--patient-pattern", "^(XX)"], "finds no patient in the name of"),
        (["--target", "murmur"], "--target is for circor2022 only"),
    ],
)
def test_errors_leave_nothing(folders, tmp_path, capsys, arguments, message):
    output = tmp_path / "model.skheart"
    code = main(["train", "folder", str(folders), "-o", str(output), *arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert message in captured.err
    assert captured.err.count("skheart: error:") == 1
    assert not list(tmp_path.iterdir())


def test_broken_recordings_are_all_named_or_skipped(broken, folders, tmp_path, capsys):
    home = tmp_path / "home"
    for label in ("normal", "murmur"):
        (home / label).mkdir(parents=True)
        for source in sorted((folders / label).iterdir())[:3]:
            (home / label / source.name).write_bytes(source.read_bytes())
    for name in ("text.wav", "nan.wav"):
        (home / "normal" / name).write_bytes((broken / name).read_bytes())
    output = tmp_path / "model.skheart"
    arguments = ["train", "folder", str(home), "-o", str(output), "--epochs", "1"]
    arguments += ["--hold-out", "0", "-q"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "2 of 8 recordings cannot be used" in error
    assert "text.wav" in error
    assert "nan.wav" in error
    assert not output.exists()
    assert main([*arguments, "--skip-unusable"]) == 2
    error = capsys.readouterr().err
    assert "2 of 5 recordings of 'normal' would be left out (the first one: " in error
    assert main([*arguments, "--skip-unusable", "--allow-losses"]) == 0
    assert "2 recordings could not be used and were left out" in capsys.readouterr().out
    assert load_model(output)[1].training_["parts"][0]["n_recordings"] == 6


def test_skipped_files_are_named(folders, tmp_path, capsys):
    home = copied(folders, tmp_path / "home", n=60)
    for number in range(5):
        (home / "normal" / f"notes{number}.txt").write_text("no sound")
    arguments = ["train", "folder", str(home), "-o", str(tmp_path / "m.skheart")]
    assert main([*arguments, "--epochs", "1", "-q"]) == 0
    error = capsys.readouterr().err
    assert "5 files or rows were left out" in error
    assert all(f"notes{number}.txt" in error for number in range(5))


def test_missing_corpus_error_names_its_source(tmp_path, capsys):
    code = main(["train", "pascal", str(tmp_path), "-o", str(tmp_path / "m.skheart")])
    assert code == 2
    error = capsys.readouterr().err
    assert str(tmp_path) in error
    assert "http://www.peterjbentley.com/heartchallenge" in error


@pytest.mark.parametrize("option", ["--force", "--resume"])
def test_foreign_files_in_a_checkpoint_are_kept(option, folders, tmp_path, capsys):
    output = tmp_path / "m.skheart"
    folder = tmp_path / "m.skheart.checkpoint"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    arguments = ["train", "folder", str(folders), "-o", str(output), option]
    assert main(arguments) == 2
    assert "but other files are in it" in capsys.readouterr().err
    assert (folder / "thesis.txt").read_text() == "mine"


def test_help_names_the_defaults_of_the_estimators(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    defaults = {
        parameter.name: parameter.default
        for estimator in (SpectrogramTransformer, CNNClassifier)
        for parameter in inspect.signature(estimator).parameters.values()
    }
    for name in (
        *("duration", "n_bands", "f_min", "f_max", "network", "epochs"),
        *("augment", "batch_size", "loss", "learning_rate"),
    ):
        flag = re.escape("--" + name.replace("_", "-"))
        found = re.search(rf" {flag} \S+ (?:(?! --).)*?\bdefault: ([\w.]+)", text)
        found = found or re.search(rf" {flag} \S+ (\w+) \(default\)", text)
        assert found[1].rstrip(".") == str(defaults[name]), name


def test_network_cannot_be_changed_with_weights(folders, tmp_path, capsys):
    arguments = ["train", "folder", str(folders), "-o", str(tmp_path / "m.skheart")]
    arguments += ["--weights", "murmur", "--network", "compact"]
    assert main(arguments) == 2
    assert "--network cannot be changed with --weights" in capsys.readouterr().err


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("corpus", ["pascal", "circor2022-official-sample"])
def test_real_recordings(shared_data, tmp_path, capsys, corpus):
    """Train, evaluate and predict on a published corpus."""
    model = str(tmp_path / "model.skheart")
    home = str(shared_data / corpus)
    name, options = "pascal", ["--classes", "normal", "murmur"]
    if corpus != "pascal":
        name, options = "circor2022", ["--classes", "Absent", "Present"]
        options += ["--hold-out", "0"]
    arguments = ["train", name, home, "-o", model, "--epochs", "2", "-q", *options]
    assert main(arguments) == 0
    assert main(["evaluate", "--model", model, name, home, "-q"]) == 0
    text = capsys.readouterr().out
    assert "by recording" in text
    files = sorted((shared_data / corpus).rglob("*.[fw][la][av]*"))[:3]
    assert len(files) == 3
    assert main(["predict", "--model", model, *map(str, files)]) == 0
    assert [row["recording"] for row in rows_of(capsys.readouterr().out)] == [
        str(file) for file in files
    ]


def test_table_with_patients(folders, tmp_path, capsys):
    paths = sorted(folders.glob("*/*.wav"))[:60]
    rows = [f"{p},{p.parent.name},{p.name.split('_')[0]}" for p in paths]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["recording,finding,who", *rows]))
    output = str(tmp_path / "m.skheart")
    columns = ["--label-column", "finding", "--patient-column", "who"]
    arguments = ["train", "--table", str(table), *columns, "-o", output, "-q"]
    assert main([*arguments, "--epochs", "1"]) == 0
    text = capsys.readouterr().out
    command = shlex.split(text.split("Score it on them: skheart ")[1])
    assert main([*command, "-q"]) == 0
    assert "none of which the model was trained on" in capsys.readouterr().out
    both = ["train", "folder", str(folders), "--table", str(table), "-o", output]
    assert main([*both, "--force"]) == 2
    assert "CORPUS with its folder or a --table, not both" in capsys.readouterr().err
