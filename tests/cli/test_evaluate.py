"""Test ``skheart evaluate``, and which patients it knows from the training."""

import csv
import io
import json
import re
import shlex
import zipfile

import numpy as np
import pytest
import soundfile

from skheart import (
    load_model,
    save_model,
)
from skheart.cli.main import main
from skheart.datasets import load_circor2022, make_heart_sounds
from skheart.report import predict_patients

PATTERN = ["--patient-pattern", "^([^_]+)_"]


def evaluated(model, home, capsys, *arguments):
    """Run ``skheart evaluate`` and return its report."""
    command = ["evaluate", "--model", str(model), "folder", str(home), "-q"]
    assert main([*command, "--format", "json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def rates(report, name):
    return report["by_recording"]["rates"][name]


def copied(folders, home, *, rename=str, n=None):
    """Copy the recordings to other class folders, and return their folder."""
    for path in sorted(folders.glob("*/*.wav"))[:n]:
        target = home / path.parent.name / rename(path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return home


def test_scores_the_patients_held_out(model, folders, capsys):
    arguments = ["evaluate", "--model", str(model), "folder", str(folders)]
    assert main([*arguments, "--format", "json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    (part,) = load_model(model)[1].training_["parts"]
    assert report["by_recording"]["n_patients"] == part["n_held_out"]
    assert report["by_recording"]["n"] == 80 - part["n_recordings"]
    assert report["positive"] == "murmur"
    value, low, high = (
        report["by_recording"]["auroc"][name] for name in ("value", "low", "high")
    )
    assert 0 <= low <= value <= high <= 1
    assert report["seen"] == "unseen"
    assert report["n_left_out"] == part["n_recordings"]
    assert main([*arguments, "--quiet"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"AUROC +{value:.3f} \({low:.3f} to {high:.3f}\)", text)
    assert "none of which the model was trained on" in text


def test_report_if_all_patients_were_trained_on(folders, tmp_path, capsys):
    path = str(tmp_path / "all.skheart")
    pattern = ["--patient-pattern", "^([^_]+)_"]
    arguments = ["train", "folder", str(folders), "-o", path, "--hold-out", "0"]
    assert main([*arguments, "--epochs", "1", "-q", *pattern]) == 0
    assert main(["evaluate", "--model", path, "folder", str(folders), "-q"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "ALL OF WHICH THE MODEL WAS TRAINED OR TUNED ON" in text


def test_other_labels_are_renamed(model, folders, tmp_path, capsys):
    (tmp_path / "Present").symlink_to(folders / "murmur")
    (tmp_path / "Absent").symlink_to(folders / "normal")
    arguments = ["evaluate", "--model", str(model), "folder", str(tmp_path), "-q"]
    arguments += ["--format", "json"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "does not know Absent, Present" in error
    assert "--rename Present=murmur" in error
    renaming = ["--rename", "Present=murmur", "Absent=normal"]
    assert main([*arguments, *renaming]) == 0
    report = json.loads(capsys.readouterr().out)
    # Recordings are recognised in another folder, too.
    assert report["seen"] == "unseen"
    assert report["by_recording"]["n"] == 80 - report["n_left_out"] < 80
    assert report["positive"] == "murmur"


def test_positive_class_can_be_chosen(model, folders, capsys):
    arguments = ["evaluate", "--model", str(model), "folder", str(folders), "-q"]
    arguments += ["--format", "json"]
    assert main(arguments) == 0
    murmur = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--positive", "normal"]) == 0
    normal = json.loads(capsys.readouterr().out)
    assert normal["positive"] == "normal"
    assert (
        rates(normal, "normal")["sensitivity"] == rates(murmur, "murmur")["specificity"]
    )
    auroc = murmur["by_recording"]["auroc"]["value"]
    assert normal["by_recording"]["auroc"]["value"] == pytest.approx(auroc)
    assert main([*arguments, "--positive", "click"]) == 2
    assert "--positive must be one of" in capsys.readouterr().err


def test_few_patients_have_no_interval(model, folders, tmp_path, capsys):
    for label in ("normal", "murmur"):
        (tmp_path / label).mkdir()
        source = sorted((folders / label).iterdir())[0]
        (tmp_path / label / f"x{label}_1.wav").write_bytes(source.read_bytes())
    arguments = ["evaluate", "--model", str(model), "folder", str(tmp_path), "-q"]
    assert main([*arguments, "--patient-pattern", "^x([a-z]+)"]) == 0
    assert re.search(r"AUROC +[01]\.000 \(no interval\)", capsys.readouterr().out)
    assert main([*arguments, "--patient-pattern", "(x)"]) == 0
    assert re.search(r"AUROC +[01]\.\d+ .* undefined", capsys.readouterr().out)
    single = [*arguments, "--patient-pattern", "(x)", "--format", "json"]
    assert main(single) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["by_patient"]["auroc"] == {"value": None, "low": None, "high": None}


def test_a_copied_folder_with_other_names_is_recognised(
    model, folders, tmp_path, capsys
):
    expected = evaluated(model, folders, capsys)
    home = copied(folders, tmp_path / "copy")
    assert evaluated(model, home, capsys) == expected
    home = copied(folders, tmp_path / "odd", rename=lambda name: f"z{name}")
    assert evaluated(model, home, capsys) == expected


def test_patients_of_another_pattern_are_unknown(model, folders, capsys):
    report = evaluated(model, folders, capsys, "--patient-pattern", "_([0-9]+)")
    assert report["seen"] == "unknown"
    assert report["n_left_out"] > 50


def test_new_recordings_are_unknown(model, tmp_path, capsys):
    sounds = make_heart_sounds(8, murmur_level=(-15.0, -8.0), random_state=9)
    for number, (sound, label) in enumerate(
        zip(sounds.data, sounds.target, strict=True)
    ):
        (tmp_path / label).mkdir(exist_ok=True)
        soundfile.write(tmp_path / label / f"p001_{number}.wav", sound, 2000)
    report = evaluated(model, tmp_path, capsys)
    assert (report["seen"], report["n_left_out"]) == ("unknown", 0)


def test_without_patients_independence_is_unknown(folders, tmp_path, capsys):
    path = tmp_path / "m.skheart"
    home = copied(folders, tmp_path / "home", n=60)
    arguments = ["train", "folder", str(home), "-o", str(path), "-q"]
    assert main([*arguments, "--epochs", "1"]) == 0
    assert "Each recording was counted as a patient" in capsys.readouterr().out
    report = evaluated(path, home, capsys)
    assert (report["seen"], report["has_patients"]) == ("unknown", False)
    assert report["n_left_out"] == 60 - report["by_recording"]["n"] > 0


def test_the_training_of_the_start_counts(model, folders, tmp_path, capsys):
    home = copied(folders, tmp_path / "new", rename=lambda name: f"n{name}")
    for path in home.glob("*/*.wav"):
        waveform, rate = soundfile.read(path)
        soundfile.write(path, waveform[: len(waveform) // 2], rate)
    tuned = tmp_path / "tuned.skheart"
    arguments = ["train", "folder", str(home), "--weights", str(model), "-q"]
    arguments += ["-o", str(tuned), "--epochs", "1", *PATTERN]
    assert main(arguments) == 0
    capsys.readouterr()
    classifier = load_model(tuned)[1]
    assert classifier.learning_rate == 2e-4
    assert len(classifier.training_["parts"]) == 2
    before = evaluated(model, folders, capsys)
    after = evaluated(tuned, folders, capsys)
    assert after["n_left_out"] == before["n_left_out"]
    assert after["seen"] == "unseen"


def test_a_start_without_a_record_makes_the_rest_unknown(
    model, folders, tmp_path, capsys
):
    pipeline = load_model(model)
    pipeline[1].training_ = {"parts": [], "complete": False}
    save_model(pipeline, tmp_path / "start.skheart")
    tuned = tmp_path / "tuned.skheart"
    arguments = ["train", "folder", str(folders), "-o", str(tuned), "-q", *PATTERN]
    arguments += ["--weights", str(tmp_path / "start.skheart"), "--epochs", "1"]
    assert main(arguments) == 0
    capsys.readouterr()
    assert evaluated(tuned, folders, capsys)["seen"] == "unknown"


def test_renames_are_kept_and_the_printed_command_works(folders, tmp_path, capsys):
    path = tmp_path / "my model.skheart"
    arguments = ["train", "folder", str(folders), "-o", str(path), "-q", *PATTERN]
    arguments += ["--rename", "murmur=sick", "normal=well", "--epochs", "1"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
    name, *command = shlex.split(printed)
    assert name == "skheart"
    # The positive class does not follow from these labels.
    assert main([*command, "-q"]) == 2
    assert "--positive must name the positive class" in capsys.readouterr().err
    assert main([*command, "-q", "--positive", "sick"]) == 0
    assert "none of which the model was trained on" in capsys.readouterr().out


def test_model_files_hold_no_names_and_no_paths(model, folders):
    with zipfile.ZipFile(model) as archive:
        text = archive.read("model.json").decode()
    assert str(folders) not in text
    names = {path.name.split("_")[0] for path in folders.glob("*/*.wav")}
    assert not [name for name in names if name in text]


def test_the_pattern_of_a_model_needs_permission(model, folders, tmp_path, capsys):
    pipeline = load_model(model)
    pipeline[1].training_["parts"][0]["patient_pattern"] = "^(p+)+$"
    save_model(pipeline, tmp_path / "m.skheart")
    arguments = ["evaluate", "--model", str(tmp_path / "m.skheart"), "folder"]
    assert main([*arguments, str(folders), "-q"]) == 2
    assert "pass it as --patient-pattern if you trust it" in capsys.readouterr().err


def test_a_public_corpus_is_evaluated_without_renaming(shared_data, capsys):
    arguments = ["evaluate", "--model", "murmur", "circor2022", "-q"]
    home = shared_data / "circor2022-official-sample"
    assert main([*arguments, str(home), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["seen"] == "seen"
    assert report["positive"] == "murmur"


def test_files_of_the_report(model, folders, tmp_path, capsys):
    page, answers = tmp_path / "page.html", tmp_path / "answers.csv"
    arguments = [
        "--report",
        str(page),
        "--answers",
        str(answers),
        "--prevalence",
        "0.1",
    ]
    report = evaluated(model, folders, capsys, *arguments)
    assert "medical device" in page.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(answers.read_text())))
    assert len(rows) == report["by_recording"]["n"]
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert report["by_recording"]["accuracy"]["value"] == pytest.approx(right)
    assert rates(report, "murmur")["prevalence"] == 0.1
    command = ["evaluate", "--model", str(model), "folder", str(folders), "-q"]
    assert main([*command, *arguments]) == 2
    assert "exists; pass --force to replace it" in capsys.readouterr().err


def test_threshold_moves_the_rates(model, folders, capsys):
    low = evaluated(model, folders, capsys, "--threshold", "0")
    high = evaluated(model, folders, capsys, "--threshold", "1")
    assert rates(low, "murmur")["sensitivity"]["value"] == 1
    assert rates(high, "murmur")["sensitivity"]["value"] == 0
    command = ["evaluate", "--model", str(model), "folder", str(folders), "-q"]
    assert main([*command, "--threshold", "1.1"]) == 2
    assert (
        "threshold must be a number, at least 0, at most 1" in capsys.readouterr().err
    )


@pytest.mark.slow
def test_official_score_of_a_shipped_model(shared_data, capsys):
    home = str(shared_data / "cinc2016")
    arguments = ["evaluate", "--model", "abnormal", "cinc2016", home, "-q"]
    assert main([*arguments, "--format", "json"]) == 0
    official = json.loads(capsys.readouterr().out)["official"]
    assert official["score"].startswith("MAcc")
    assert {"a", "b", "e"} <= set(official["by_database"])
    assert 0.5 < official["value"] <= 1


def test_a_patient_model_answers_for_patients(three, shared_data, capsys):
    home = shared_data / "circor2022-official-sample"
    arguments = ["evaluate", "--model", str(three), "circor2022", str(home), "-q"]
    assert main([*arguments, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pooling"] == "patient model"
    corpus = load_circor2022(home, as_frame=False)
    model = load_model(three)
    answers = predict_patients(model, corpus.data, corpus.groups)
    truth = dict(zip(corpus.groups, corpus.target, strict=True))
    confusion = [
        [
            sum(
                truth[patient] == row and label == column
                for patient, label in zip(*answers[:2], strict=True)
            )
            for column in model.classes_
        ]
        for row in model.classes_
    ]
    assert report["by_patient"]["confusion"] == confusion
    assert main([*arguments, "--positive", "Present"]) == 0
    text = capsys.readouterr().out
    assert "A patient model computes the probabilities of patients." in text
