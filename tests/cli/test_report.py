"""Test ``skheart report``, and the JSON of ``skheart predict``."""

import json
import shutil

import jsonschema
import pytest

from skheart.cli.main import main
from skheart.report import description_schema


@pytest.fixture(scope="module")
def ward(shared_data, tmp_path_factory):
    """Return a folder with real recordings of two patients and one damaged file."""
    folder = tmp_path_factory.mktemp("ward")
    source = shared_data / "circor2022" / "training_data"
    for name in ("9979_TV", "9979_AV", "2530_AV"):
        shutil.copy(source / f"{name}.flac", folder)
    (folder / "2530_MV.wav").write_text("no sound")
    return folder


def test_a_page_of_patients(ward, tmp_path, capsys):
    page = tmp_path / "ward.html"
    arguments = ["report", str(ward), "-o", str(page), "--patients", "^([0-9]+)_", "-q"]
    assert main(arguments) == 1  # one recording cannot be used
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "1 of 4 recordings could not be used; the output says why" in captured.err
    text = page.read_text(encoding="utf-8")
    assert text.count('<article class="sheet"') == 2 + 3
    assert "Patient 9979" in text
    assert "2530_MV.wav: " in text
    assert str(ward) not in text.replace(f"{ward}/2530_MV.wav", "")
    assert main(arguments) == 2
    assert "exists; pass --force to replace it" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 1


def test_a_page_of_recordings_with_the_threshold_of_the_user(ward, tmp_path, capsys):
    page, recording = tmp_path / "page.html", str(ward / "2530_AV.flac")
    for threshold, answer in (("0", "murmur"), ("1", "normal")):
        arguments = ["report", recording, "-o", str(page), "--force", "-q"]
        assert main([*arguments, "--threshold", threshold]) == 0
        assert f"<strong>{answer}</strong>" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "page.txt"], "-o must name a file that ends in .html or .htm"),
        (["-o", "no/page.html"], "There is no folder 'no'"),
        (["-o", "page.html", "--model", "x"], "There is no model file 'x'"),
        (["-o", "page.html", "--patients", "("], "must be a regular expression"),
        (["-o", "page.html", "--prevalence", "2"], "prevalence must be a positive"),
    ],
)
def test_wrong_options_are_one_sentence(
    ward, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(ward / "2530_AV.flac"), *arguments, "-q"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_nothing_that_can_be_used_is_an_error(ward, tmp_path, capsys):
    page = tmp_path / "page.html"
    for patients in ([], ["--patients", "^([0-9]+)_"]):
        arguments = ["report", str(ward / "2530_MV.wav"), "-o", str(page), *patients]
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "No recording could be used: " in error
        assert "2530_MV.wav' cannot be read as audio" in error
        assert not page.exists()


def test_json_of_recordings_and_patients_fits_the_schema(ward, capsys):
    validator = jsonschema.Draft202012Validator(description_schema())
    arguments = ["predict", str(ward), "--format", "json", "-q"]
    assert main(arguments) == 1
    entries = json.loads(capsys.readouterr().out)
    for entry in entries:
        validator.validate(entry)
    assert [entry["kind"] for entry in entries].count("unusable") == 1
    assert main([*arguments, "--patients", "^([0-9]+)_"]) == 1
    patients = json.loads(capsys.readouterr().out)
    for entry in patients:
        validator.validate(entry)
    assert [entry["patient"] for entry in patients] == ["2530", "9979"]
    assert patients[1]["answer"] == "murmur"
    assert patients[0]["unusable"][0]["file"] == "2530_MV.wav"


def test_json_of_a_patient_without_a_usable_recording(ward, capsys):
    arguments = ["predict", str(ward / "2530_MV.wav"), "--format", "json"]
    assert main([*arguments, "--patients", "^([0-9]+)_"]) == 1
    (entry,) = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(description_schema()).validate(entry)
    assert (entry["kind"], entry["patient"]) == ("unusable patient", "2530")


def test_json_of_an_exported_model(ward, murmur_onnx, capsys):
    arguments = ["predict", str(ward / "9979_TV.flac"), "--format", "json"]
    assert main([*arguments, "--model", str(murmur_onnx)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["answer"] == "murmur"
    assert entry["model"]["name"] == "murmur.onnx"


@pytest.mark.parametrize("option", [["--columns", "model"], ["--backend", "dask"]])
def test_options_of_csv(ward, capsys, option):
    arguments = ["predict", str(ward / "9979_TV.flac"), "--format", "json", *option]
    assert main(arguments) == 2
    assert f"{option[0]} is for --format csv" in capsys.readouterr().err
