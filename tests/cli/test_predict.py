"""Test ``skheart predict``."""

import contextlib
import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skheart import (
    OnnxClassifier,
    SpectrogramTransformer,
    export_onnx,
    load_model,
    save_model,
)
from skheart.cli.main import main
from skheart.cli.row_writer import RowWriter
from skheart.quality import AbstainingClassifier
from skheart.report import predict_patients


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
    got = [
        [row["probabilities"][name] for name in ("murmur", "normal")] for row in rows
    ]
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
    assert one["location"] is None
    assert "error" not in one
    assert (other["kind"], other["file"]) == ("unusable", "text.wav")
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
    assert row["kind"] == "unusable"
    assert "NaN or infinite logits" in row["error"]


@pytest.mark.parametrize("format", ["csv", "json"])
def test_cells_are_not_formulas(tmp_path, format):
    names = ["=cmd|' /C calc'!A0", "+1", "-1", "@a", "\tx", "ok", "\ud800"]
    with RowWriter(tmp_path / "rows", format) as rows:
        for name in names:
            rows.write({"recording": name, "prediction": "=a"})
    text = (tmp_path / "rows").read_text(encoding="utf-8")
    if format == "json":
        assert [row["recording"] for row in json.loads(text)] == names
        return
    table = rows_of(text)
    assert [x["recording"] for x in table] == [
        *(f"'{name}" for name in names[:5]),
        *("ok", "\ufffd"),
    ]
    assert {row["prediction"] for row in table} == {"'=a"}


# Many recordings ----------------------------------------------------------------------


def predicted(capsys, *arguments):
    """Run ``skheart predict`` and return its exit code, rows and messages."""
    code = main(["predict", "-q", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, rows_of(captured.out), captured.err


def test_folders_and_patterns(model, folders, tmp_path, capsys, monkeypatch):
    for path in sorted(folders.glob("*/*.wav"))[::20]:
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        (tmp_path / path.parent.name / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "normal" / "notes.txt").write_text("no sound")
    code, rows, messages = predicted(capsys, "--model", model, ".")
    assert (code, len(rows)) == (0, 4)
    assert "notes.txt" in messages
    code, murmurs, _ = predicted(capsys, "--model", model, "murmur/**/*.wav")
    assert [row for row in rows if row["recording"].startswith("murmur")] == murmurs
    code, _, messages = predicted(capsys, "--model", model, "nothing*.wav")
    assert code == 2
    assert "No file matches the pattern 'nothing*.wav'" in messages


def test_list_on_standard_input(model, folders):
    paths = [str(path) for path in sorted((folders / "normal").iterdir())[:3]]
    done = subprocess.run(
        [sys.executable, "-m", "skheart", "predict", "--model", str(model), "-"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
    )
    assert [row["recording"] for row in rows_of(done.stdout)] == paths


def test_interrupted_rows_are_resumed(model, folders, tmp_path, capsys):
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    arguments = ["--model", model, folders / "normal", "-o"]
    assert predicted(capsys, *arguments, whole)[0] == 0
    lines = whole.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:11]) + lines[11][:5])  # a power failure
    assert predicted(capsys, *arguments, part, "--resume")[0] == 0
    assert part.read_bytes() == whole.read_bytes()
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    code, _, messages = predicted(capsys, *arguments, other, "--resume")
    assert code == 2
    assert "cannot be resumed: it does not start with the columns" in messages
    part.write_bytes(b"".join(lines[:11]))
    arguments[1] = "pascal"
    code, _, messages = predicted(capsys, *arguments, part, "--resume")
    assert code == 2
    assert "cannot be resumed: its columns are recording, prediction" in messages
    assert part.read_bytes() == b"".join(lines[:11])


def test_names_that_look_like_formulas_are_resumed(model, folders, tmp_path, capsys):
    for name in ("=1.wav", "+2.wav"):
        source = next((folders / "normal").iterdir())
        (tmp_path / name).write_bytes(source.read_bytes())
    with contextlib.chdir(tmp_path):
        arguments = ["--model", model, "--resume", "-o", "rows.csv", "*.wav"]
        assert predicted(capsys, *arguments)[0] == 0
        before = Path("rows.csv").read_bytes()
        assert predicted(capsys, *arguments)[0] == 0
        assert Path("rows.csv").read_bytes() == before
    assert before.count(b"\n") == 3


def test_a_full_disk_leaves_whole_rows(tmp_path):
    path = tmp_path / "rows.csv"
    row = {"recording": "a.wav", "prediction": "normal"}
    with RowWriter(path, "csv") as rows:
        rows.write(row)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                rows.write(row)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "recording,prediction\na.wav,normal\n"


def test_one_row_for_each_patient(model, folders, capsys):
    arguments = ["--model", model, folders, "--patients", "^([^_]+)_"]
    code, rows, _ = predicted(capsys, *arguments, "--threshold", "0.4")
    assert code == 0
    assert list(rows[0]) == [
        *("patient", "prediction", "probability_murmur", "probability_normal"),
        *("n_recordings", "error"),
    ]
    _, recordings, _ = predicted(capsys, "--model", model, folders)
    for row in rows:
        own = [
            float(other["probability_murmur"])
            for other in recordings
            if Path(other["recording"]).name.startswith(f"{row['patient']}_")
        ]
        assert int(row["n_recordings"]) == len(own)
        assert float(row["probability_murmur"]) == max(own)
        assert row["prediction"] == ("murmur" if max(own) >= 0.4 else "normal")


def test_patients_of_a_table_with_broken_recordings(model, folders, tmp_path, capsys):
    good = sorted((folders / "normal").iterdir())[0]
    (tmp_path / "bad.wav").write_text("no sound")
    table = tmp_path / "table.csv"
    table.write_text(f"recording,who\n{good},A\nbad.wav,A\nabsent.wav,B\n")
    arguments = ["--model", model, "--table", table, "--patients", "who"]
    code, rows, messages = predicted(capsys, *arguments)
    assert code == 1
    assert "2 of 3 recordings could not be used" in messages
    row, lost = rows
    assert (row["patient"], row["n_recordings"]) == ("A", "1")
    assert row["prediction"] in ("murmur", "normal")
    assert "1 of 2 recordings cannot be used" in row["error"]
    assert (lost["patient"], lost["n_recordings"], lost["prediction"]) == ("B", "0", "")
    assert "1 of 1 recordings cannot be used: " in lost["error"]
    assert "absent.wav" in lost["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "1.1"], "threshold must be a number, at least 0, at most 1"),
        (["--patients", "("], "--patients must be a regular expression"),
        (["--patients", "^qqq"], "finds no patient in the name of"),
        (["--resume"], "--resume continues a CSV file"),
        (["--scheduler", "tcp://x"], "--scheduler is for --backend dask"),
        (["--table", "t.csv"], "Name recordings or a --table, not both"),
    ],
)
def test_options_that_do_not_fit(model, folders, capsys, arguments, message):
    recording = next((folders / "normal").iterdir())
    code, rows, messages = predicted(capsys, "--model", model, recording, *arguments)
    assert (code, rows) == (2, [])
    assert message in messages


def test_the_positive_class_of_a_threshold(model, folders, capsys):
    arguments = ["--model", model, folders / "normal", "--threshold", "0"]
    for positive in ("normal", "murmur"):
        _, rows, _ = predicted(capsys, *arguments, "--positive", positive)
        assert {row["prediction"] for row in rows} == {positive}


@pytest.mark.slow  # Dask tries for twenty seconds
def test_a_cluster_that_cannot_be_reached(model, folders, tmp_path, capsys):
    output = tmp_path / "rows.csv"
    output.write_text("mine")
    arguments = ["--model", model, folders, "-o", output, "--force"]
    arguments += ["--backend", "dask", "--scheduler", "tcp://127.0.0.1:9"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        code, _, messages = predicted(capsys, *arguments)
    assert code == 2
    assert "scheduler 'tcp://127.0.0.1:9' cannot be reached" in messages
    assert output.read_text() == "mine"


@pytest.mark.slow
def test_dask_gives_the_rows_of_one_machine(model, folders, capsys):
    arguments = ["--model", model, folders]
    expected = predicted(capsys, *arguments)
    assert predicted(capsys, *arguments, "--backend", "dask") == expected


def test_unsure_is_an_answer_with_its_reason(model, folders, tmp_path, capsys):
    heart = min(map(str, (folders / "normal").iterdir()))
    noise, silent = tmp_path / "noise.wav", tmp_path / "silent.wav"
    waveform = np.random.default_rng(0).normal(size=16_000) / 5
    soundfile.write(noise, waveform, 2000)
    soundfile.write(silent, 0 * waveform, 2000)
    names = [heart, str(noise), str(silent)]
    command = ["predict", "--model", str(model), *names]
    assert main([*command, "--abstain"]) == 1  # one cannot be used
    rows = rows_of(capsys.readouterr().out)
    known, unsure, failed = rows
    assert list(rows[0])[-3:] == ["quality", "reason", "error"]
    assert known["prediction"] in {"murmur", "normal"}
    assert (known["reason"], known["error"]) == ("", "")
    assert float(known["quality"]) >= 0.5 > float(unsure["quality"])
    assert unsure["prediction"] == "unsure"
    assert unsure["reason"].startswith("quality 0.")
    assert unsure["probability_murmur"]
    assert (failed["prediction"], failed["quality"]) == ("", "")
    assert "is silent" in failed["error"]
    main([*command, "--min-confidence", "1", "--format", "json"])
    answers = json.loads(capsys.readouterr().out)
    assert [one.get("answer") for one in answers] == ["unsure", "unsure", None]
    assert "The answer is unsure: confidence" in answers[0]["doubts"][0]
    main(command)
    assert "quality" not in capsys.readouterr().out.splitlines()[0]


def test_patients_without_a_usable_recording_are_unsure(
    model, folders, tmp_path, capsys
):
    heart = min(map(str, (folders / "normal").iterdir()))
    patient = Path(heart).name.split("_")[0]
    noise = [tmp_path / f"{name}_noise.wav" for name in (patient, "noisy")]
    for path in noise:
        soundfile.write(path, np.random.default_rng(0).normal(size=16_000) / 5, 2000)
    command = ["predict", "--model", str(model), heart, *map(str, noise)]
    command += ["--patients", "^([^_]+)_"]
    assert main([*command, "--abstain"]) == 0
    rows = {row["patient"]: row for row in rows_of(capsys.readouterr().out)}
    assert rows[patient]["prediction"] in {"murmur", "normal"}
    assert (rows[patient]["n_recordings"], rows[patient]["reason"]) == ("1", "")
    assert "1 of 2 recordings cannot be used: quality" in rows[patient]["error"]
    assert rows["noisy"]["prediction"] == "unsure"
    assert rows["noisy"]["n_recordings"] == "0"
    assert "quality 0." in rows["noisy"]["reason"]
    assert main([*command, "--min-confidence", "1"]) == 0
    rows = {row["patient"]: row for row in rows_of(capsys.readouterr().out)}
    assert rows["noisy"]["prediction"] == "unsure"
    assert rows["noisy"]["reason"].startswith("confidence")


def test_a_model_keeps_its_limits(model, folders, tmp_path, capsys):
    saved = tmp_path / "limits.skheart"
    save_model(AbstainingClassifier(load_model(model), min_confidence=1.0), saved)
    heart = min(map(str, (folders / "normal").iterdir()))
    assert main(["predict", "--model", str(saved), heart]) == 0
    (row,) = rows_of(capsys.readouterr().out)
    assert row["prediction"] == "unsure"
    assert row["reason"].startswith("confidence")
    assert main(["predict", "--model", str(saved), heart, "--min-quality", "2"]) == 2
    expected = "--min-quality must be a number, at least 0, at most 1, got 2.0."
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model", "three", "onnx"])
def test_python_has_the_rows_of_patients(
    name, model, three, folders, broken, tmp_path, capsys
):
    paths = sorted(folders.glob("*/*.wav"))[::4]
    silent = tmp_path / f"{paths[0].name.split('_')[0]}_silent.wav"
    silent.write_bytes((broken / "silent.wav").read_bytes())
    alone = tmp_path / "x_silent.wav"
    alone.write_bytes(silent.read_bytes())
    paths = [str(path) for path in [*paths, silent, alone]]
    groups = [Path(path).name.split("_")[0] for path in paths]
    used = model if name == "model" else three
    pipeline = load_model(used)
    if name == "onnx":
        used = tmp_path / "three.onnx"
        export_onnx(pipeline, used)
        pipeline = OnnxClassifier(used)
    arguments = ["--model", used, "--patients", "^([^_]+)_"]
    code, rows, _ = predicted(capsys, *arguments, *paths)
    assert code == 1
    answers = predict_patients(pipeline, paths, groups, on_error="nan")
    assert [row["patient"] for row in rows] == answers.groups.tolist()
    for row, label, values, n_used, error in zip(rows, *answers[1:], strict=True):
        assert row["prediction"] == ("" if label is None else label)
        assert row["n_recordings"] == str(n_used)
        assert row["error"] == error
        for column, value in zip(pipeline.classes_, values, strict=True):
            cell = row[f"probability_{column}"]
            assert (cell == "") == bool(np.isnan(value))
            assert cell == "" or float(cell) == pytest.approx(value, abs=2e-6)
    assert any("silent" in error for error in answers.errors)
