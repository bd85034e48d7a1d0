"""Bad input of a ward: each is named in one sentence, and nothing is lost."""

import contextlib
import csv
import io
import json
import re
import resource
import signal
import sys

import av
import numpy as np
import pytest

from skheart.cli.main import main


@pytest.fixture
def table(folders, tmp_path):
    """Return a function that writes a table of some recordings."""

    def write(columns="recording,label,patient", *, labels=("murmur", "normal")):
        lines = [columns]
        for label in labels:
            for number, path in enumerate(sorted((folders / label).iterdir())[:30]):
                lines.append(f"{path},{label},{label[0]}{number // 2}")
        path = tmp_path / "labels.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


def refused(capsys, *arguments):
    """Run a command that must fail, and return its one message."""
    assert main([*map(str, arguments), "-q"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (message,) = captured.err.splitlines()
    assert message.startswith("skheart: error: ")
    return message


@contextlib.contextmanager
def nearly_full_disk(n_bytes):
    """Let every write beyond `n_bytes` of a file fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def film(path, *, container="ipod"):
    """Write a film without sound."""
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        picture = np.zeros((64, 64, 3), dtype=np.uint8)
        file.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        file.mux(stream.encode(None))


COMMANDS = {
    "train": ["train", "--epochs", "1", "-o", "new.skheart"],
    "tune": ["tune", "--sensitivity", "0.95", "-o", "new.skheart"],
    "evaluate": ["evaluate", "--report", "new.html", "--answers", "new.csv"],
    "cross-validate": ["cross-validate", "--epochs", "1", "--report", "new.html"],
}


@pytest.fixture
def command(model, tmp_path, monkeypatch):
    """Return a function that returns a command for a table."""
    monkeypatch.chdir(tmp_path)

    def with_table(name, path):
        own = ["--model", str(model)] if name in ("tune", "evaluate") else []
        return [*COMMANDS[name], *own, "--table", str(path)]

    return with_table


@pytest.mark.parametrize("name", COMMANDS)
def test_missing_columns(name, command, table, tmp_path, capsys):
    for columns, missing in (
        ("recording,finding,patient", "no column 'label' for the label; its columns"),
        ("file,label,patient", "no column 'recording' for the recording; its columns"),
    ):
        assert missing in refused(capsys, *command(name, table(columns)))
    with_patients = [*command(name, table()), "--patient-column", "who"]
    assert "no column 'who' for the patient" in refused(capsys, *with_patients)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.parametrize("name", COMMANDS)
def test_empty_labels(name, command, table, tmp_path, capsys):
    path = table()
    path.write_text(path.read_text().replace(",murmur,", ",,").replace("normal,", ","))
    message = refused(capsys, *command(name, path))
    assert "has no row that can be used: line 2 has no label" in message
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.parametrize("name", COMMANDS)
def test_labels_of_one_class(name, command, table, tmp_path, capsys):
    path = table(labels=["normal"])
    expected = {
        "train": "Training needs recordings of two classes at least, got only 'normal'",
        "tune": "tune needs recordings of both classes that the model was not trained",
        "cross-validate": "Training needs recordings of two classes at least, got only",
    }
    if name == "evaluate":  # the specificity alone is worth knowing
        assert main([*command(name, path), "-q"]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "AUROC undefined" in printed
        assert "murmur: sensitivity undefined" in printed
    else:
        assert expected[name] in refused(capsys, *command(name, path))
        assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_an_empty_m4a_and_a_film_without_sound(model, folders, tmp_path, capsys):
    good = next((folders / "normal").iterdir())
    (tmp_path / "empty.m4a").touch()
    film(tmp_path / "film.m4a")
    film(tmp_path / "film.mp4", container="mp4")
    recordings = [tmp_path / "empty.m4a", tmp_path / "film.m4a", good]
    recordings += [tmp_path / "film.mp4"]
    assert main(["predict", "--model", str(model), *map(str, recordings), "-q"]) == 1
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert [row["recording"] for row in rows] == [str(path) for path in recordings]
    assert [bool(row["prediction"]) for row in rows] == [False, False, True, False]
    assert "empty.m4a' is an empty file" in rows[0]["error"]
    for row in (rows[1], rows[3]):
        assert row["error"].endswith("holds no sound: it has no audio stream.")
    assert "3 of 4 recordings could not be used; see the error column" in captured.err


@pytest.mark.parametrize("kind", ["tune", "evaluate"])
def test_recordings_that_cannot_be_used_are_named(kind, command, table, capsys):
    path = table()
    names = [f"film{number}.m4a" for number in range(8)]
    for name in names:
        film(path.with_name(name))
    rows = "".join(f"{name},normal,{name}\n" for name in names)
    path.write_text(path.read_text() + rows)
    # Whichever patients were trained on, these are more than a tenth of the others.
    arguments = [*command(kind, path), "-q", "--force"]
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert "recordings of 'normal' would be left out (the first one: " in message
    assert not path.with_name("new.skheart").exists()
    assert main([*arguments, "--allow-losses"]) == 0
    message = capsys.readouterr().err
    assert "8 files or rows were left out" in message
    assert "film0.m4a' holds no sound" in message


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name, command, table, tmp_path, capsys):
    arguments = command(name, table())
    outputs = [word for word in arguments if word.startswith("new.")]
    for output in outputs:
        (tmp_path / output).write_text("mine")
    with nearly_full_disk(20_000):
        assert main([*arguments, "-q", "--force"]) == 2
    message = capsys.readouterr().err
    assert message.count("skheart: error:") == 1
    assert "' cannot be written (File too large); make room, or write to" in message
    # The page is written last.
    assert (tmp_path / outputs[0]).read_text() == "mine"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("evaluate", "--threshold", "threshold must be a number, at least 0, at most"),
        ("tune", "--specificity", "specificity must be a positive number, at most 1"),
        ("evaluate", "--prevalence", "prevalence must be a positive number, below 1"),
    ],
)
def test_shares_above_one(name, option, expected, command, table, capsys):
    arguments = command(name, table())
    if name == "tune":
        arguments[1:3] = []
    assert expected in refused(capsys, *arguments, option, "1.5")


def test_patients_of_the_training_are_left_out(model, folders, table, capsys):
    """The table has other names of patients, but the sound is known."""
    command = ["evaluate", "--model", str(model), "--table", str(table())]
    assert main([*command, "--format", "json", "-q"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n_left_out"] > report["by_recording"]["n"] > 0


def test_every_row_of_a_table_is_answered(model, folders, tmp_path, capsys):
    good = next((folders / "normal").iterdir())
    (tmp_path / "empty.m4a").touch()
    path = tmp_path / "new.csv"
    lines = ["recording,patient", f"{good},", "empty.m4a,7", "gone.m4a,8"]
    path.write_text("\n".join(lines))
    assert main(["predict", "--model", str(model), "--table", str(path), "-q"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [bool(row["prediction"]) for row in rows] == [True, False, False]
    assert "empty.m4a' is an empty file" in rows[1]["error"]
    assert "gone.m4a" in rows[2]["error"]


def test_m4a_files_of_a_folder_without_pyav(
    model, folders, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "av", None)
    good = next((folders / "normal").iterdir())
    (tmp_path / "2.wav").write_bytes(good.read_bytes())
    (tmp_path / "1.m4a").write_bytes(b"\0\0\0\x14ftypM4A \0\0\0\0")
    (tmp_path / "notes.txt").write_text("no sound")
    assert main(["predict", "--model", str(model), str(tmp_path), "-q"]) == 1
    captured = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    assert [bool(row["prediction"]) for row in rows] == [False, True]
    assert 'pip install "skheart[formats]"' in rows[0]["error"]
    assert "notes.txt" in captured.err


def test_patients_in_the_table_of_the_training_and_in_another(
    folders, table, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    first = table()
    train = ["train", "--table", str(first), "--epochs", "1", "-q", "-o", "m.skheart"]
    assert main(train) == 0
    lines = ["recording,label,patient"]
    for number, label in enumerate(["murmur", "normal", "murmur", "normal"]):
        path = sorted((folders / label).iterdir())[31 + number]
        # m0 to m14 are patients of the first table.
        lines.append(f"{path},{label},{label[0]}{14 if number < 2 else 90 + number}")
    second = tmp_path / "second.csv"
    second.write_text("\n".join(lines))
    capsys.readouterr()
    command = ["evaluate", "--model", "m.skheart", "--table", str(second), "-q"]
    assert main(command) == 0
    text = " ".join(capsys.readouterr().out.split())
    found = re.search(r"(\d) recordings are of patients with names that", text)
    assert int(found[1]) in (
        1,
        2,
    )  # of the patients m14 and n14 one can have been held out
