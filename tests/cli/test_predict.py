"""Test ``skheart predict``."""

import csv
import io
import json
import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skheart import (
    SpectrogramTransformer,
    load_model,
    save_model,
)
from skheart.cli.main import main
from skheart.cli.tables import prediction_rows, rows_text


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_are_in_order_and_include_broken_recordings(
    model, folders, broken, tmp_path, capsys
):
    good = sorted(map(str, (folders / "murmur").iterdir()))[:2]
    bad = sorted(map(str, broken.iterdir()))
    given = [good[0], *bad, str(tmp_path / "absent.wav"), str(tmp_path), good[1]]
    assert main(["predict", "--model", str(model), *given]) == 1
    captured = capsys.readouterr()
    rows = rows_of(captured.out)
    assert [row["recording"] for row in rows] == given
    assert list(rows[0]) == [
        "recording",
        "prediction",
        "probability_murmur",
        "probability_normal",
        "error",
    ]
    for row in (rows[0], rows[-1]):
        assert row["error"] == ""
        murmur, normal = (
            float(row["probability_murmur"]),
            float(row["probability_normal"]),
        )
        assert murmur + normal == pytest.approx(1, abs=1e-5)
        assert row["prediction"] == ("murmur" if murmur > normal else "normal")
    for row in rows[1:-1]:
        assert os.path.basename(row["recording"]) in row["error"]
        assert row["prediction"] == row["probability_murmur"] == ""
    errors = {os.path.basename(row["recording"]): row["error"] for row in rows}
    assert "is an empty file" in errors["empty.wav"]
    assert "is truncated" in errors["cut.wav"]
    assert "is silent" in errors["silent.wav"]
    assert "NaN" in errors["nan.wav"]
    assert "sample rate of 1000 Hz" in errors["slow.wav"]
    assert "There is no file" in errors["absent.wav"]
    assert f"{len(bad) + 2} of {len(given)} recordings" in captured.err


def test_same_as_the_pipeline(model, folders, capsys):
    paths = sorted(map(str, (folders / "normal").iterdir()))[:3]
    assert main(["predict", "--model", str(model), "--format", "json", *paths]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = json.loads(captured.out)
    expected = load_model(model).predict_proba(paths)
    got = [[row["probability_murmur"], row["probability_normal"]] for row in rows]
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_output_file_and_odd_names(model, folders, tmp_path, capsys):
    source = next((folders / "normal").iterdir())
    odd = tmp_path / 'a, "b"\nc.wav'
    odd.write_bytes(source.read_bytes())
    output = tmp_path / "table.csv"
    assert main(["predict", "--model", str(model), "-o", str(output), str(odd)]) == 0
    assert capsys.readouterr().out == ""
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["recording"] for row in rows] == [str(odd)]


def test_name_that_is_not_utf8(murmur_onnx, folders, tmp_path):
    source = sorted((folders / "normal").iterdir())[0]
    odd = os.fsencode(tmp_path) + b"/bad\xffname.wav"
    with open(odd, "wb") as file:
        file.write(source.read_bytes())
    command = [sys.executable, "-m", "skheart", "predict", "--model", murmur_onnx]
    output = tmp_path / "out.csv"
    for arguments in ([], ["-o", output]):
        done = subprocess.run([*command, *arguments, odd, source], capture_output=True)
        assert done.returncode == 0, done.stderr
        table = output.read_bytes() if arguments else done.stdout
        recordings = [line.split(b",")[0] for line in table.splitlines()[1:]]
        assert recordings == [odd, os.fsencode(source)]


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "other", "linear"])
def test_wrong_models(kind, tmp_path, folders, capsys):
    path = tmp_path / "model.joblib"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("not a model")
    elif kind == "other":
        joblib.dump({"a": 1}, path)
    elif kind == "linear":
        flat = SpectrogramTransformer(flatten=True, duration=1.0)
        rng = np.random.default_rng(0)
        pipeline = make_pipeline(flat, LinearSVC())
        joblib.dump(pipeline.fit(rng.normal(size=(4, 2000)), [0, 0, 1, 1]), path)
    recording = str(next((folders / "normal").iterdir()))
    arguments = ["predict", "--allow-pickle", "--model", str(path), recording]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert str(path) in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("name", ["x.skheart", "x.joblib", "x", "x.pkl", "x.onnx"])
@pytest.mark.parametrize(
    "command", ["predict", "weights", "models", "evaluate", "export"]
)
def test_pickles_are_not_loaded_without_permission(tmp_path, capsys, name, command):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / name
    joblib.dump(Runs(), path)
    arguments = {
        "predict": ["predict", "--model", str(path), "a.wav"],
        "weights": [
            *("train", "folder", str(tmp_path), "--weights", str(path)),
            *("-o", str(tmp_path / "out.skheart")),
        ],
        "models": ["models", str(path)],
        "evaluate": ["evaluate", "--model", str(path), "folder", str(tmp_path)],
        "export": [
            "export",
            "--model",
            str(path),
            "--onnx",
            str(tmp_path / "out.onnx"),
        ],
    }[command]
    assert main(arguments) == 2
    assert not (tmp_path / "ran").exists()
    captured = capsys.readouterr()
    assert str(path) in captured.err + captured.out
    if name == "x.joblib":
        assert "pass --allow-pickle" in captured.err


def test_options_between_recordings(model, folders, capsys):
    one, two = sorted(map(str, (folders / "murmur").iterdir()))[:2]
    assert main(["predict", one, "--model", str(model), "-q", two]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [row["recording"] for row in rows] == [one, two]


def test_recordings_after_two_dashes(model, folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = next((folders / "murmur").iterdir())
    (tmp_path / "-a.wav").write_bytes(source.read_bytes())
    arguments = ["--model", str(model), "-o", "out.csv", "--", "-a.wav"]
    assert main(["predict", *arguments]) == 0
    (row,) = rows_of((tmp_path / "out.csv").read_text())
    assert row["recording"] == "'-a.wav"  # so that spreadsheets see no formula


@pytest.mark.parametrize("name", ["ft.joblib", "m.skheart", "m.ONNX", "pascal"])
def test_a_model_in_place_of_a_recording(name, capsys):
    assert main(["predict", "a.wav", name]) == 2
    error = capsys.readouterr().err
    assert f"{name!r} is a model and not a recording; name it with --model" in error


def test_json_has_null_for_missing_values(model, folders, broken, capsys):
    good, bad = next((folders / "normal").iterdir()), broken / "text.wav"
    arguments = ["predict", "--model", str(model), "--format", "json"]
    assert main([*arguments, str(good), str(bad)]) == 1
    one, other = json.loads(capsys.readouterr().out)
    assert one["error"] is None
    assert other["prediction"] is other["probability_murmur"] is None
    assert "text.wav" in other["error"]


def test_probabilities_that_are_not_finite_are_errors(model, folders, tmp_path, capsys):
    pipeline = load_model(model)
    weights = pipeline[1].model_.get_weights()
    pipeline[1].model_.set_weights([np.full_like(w, 1e30) for w in weights])
    path, recording = tmp_path / "m.skheart", next((folders / "normal").iterdir())
    save_model(pipeline, path)
    arguments = ["predict", "--model", str(path), "--format", "json"]
    assert main([*arguments, str(recording)]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert "NaN or infinite logits" in row["error"]
    assert row["prediction"] is row["probability_murmur"] is None


def test_cells_are_not_formulas():
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@a", "\tx", "ok", "\ud800"]
    rows = prediction_rows(
        names,
        np.full((7, 2), 0.5),
        np.full(7, "", dtype=object),
        np.array(["=a", "b"]),
    )
    table = rows_of(rows_text(rows, "csv").encode().decode())
    got = [row["recording"] for row in table]
    assert got == [*(f"'{name}" for name in names[:5]), "ok", "\ufffd"]
    assert {row["prediction"] for row in table} == {"'=a"}
    assert [row["recording"] for row in json.loads(rows_text(rows, "json"))] == names
