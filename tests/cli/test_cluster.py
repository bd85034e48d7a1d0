"""Test ``skheart predict`` on Dask and Ray with real worker processes."""

import csv
import io
import os
import warnings

import pytest

from skheart.cli import prediction
from skheart.cli.main import main

# Other packages warn when they start their workers.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

BACKENDS = ["dask", "ray"]
# Python imports this module when it starts, also in the processes of a cluster.
KILLER = """
import os, signal, sys

def kill(event, arguments):
    if event != "open" or not str(arguments[0]).endswith({recording!r}):
        return
    try:
        file = os.open(os.path.join({folder!r}, str({name})), os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return
    os.close(file)
    os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
"""


@pytest.fixture(autouse=True)
def small_chunks_and_no_files_at_home(monkeypatch):
    monkeypatch.setattr(prediction, "_CHUNK", 8)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else Ray writes a file to HOME
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.setenv("RAY_ADDRESS", "local")  # a cluster of its own for each test


def kill_workers(monkeypatch, folder, recording, *, always=False):
    """Let the first worker that opens a recording be killed, or each that does.

    Returns the folder that gets a file for each killed worker.
    """
    killed = folder / "killed"
    killed.mkdir()
    name = "os.getpid()" if always else "'once'"
    text = KILLER.format(recording=recording, folder=str(killed), name=name)
    (folder / "sitecustomize.py").write_text(text)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    return killed


def predicted(capsys, *arguments):
    """Return the exit code, the rows and the messages of ``skheart predict``."""
    code = main(["predict", "-q", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(captured.out))), captured.err


def check_rows(rows, expected):
    """Check that rows are equal; sums of other numbers of threads are rounded."""
    assert len(rows) == len(expected)
    for row, other in zip(rows, expected, strict=True):
        assert row.keys() == other.keys()
        for name, text in row.items():
            if name.startswith("probability_") and text:
                assert float(text) == pytest.approx(float(other[name]), abs=2e-6)
            else:
                assert text == other[name]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_rows_are_those_of_one_machine(model, folders, broken, capsys, backend):
    arguments = ["--model", model, folders, broken]
    expected = predicted(capsys, *arguments)
    assert len(expected[1]) == 86
    code, rows, messages = predicted(capsys, *arguments, "--backend", backend)
    assert code == expected[0] == 1
    check_rows(rows, expected[1])
    assert messages.endswith(expected[2])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lost_worker_loses_no_row(
    murmur_onnx, folders, tmp_path, monkeypatch, capsys, backend
):
    paths = sorted(map(str, folders.rglob("*.wav")))
    arguments = ["--model", murmur_onnx, *paths]
    expected = predicted(capsys, *arguments)
    assert [row["recording"] for row in expected[1]] == paths
    killed = kill_workers(monkeypatch, tmp_path, os.path.basename(paths[45]))
    code, rows, _ = predicted(capsys, *arguments, "--backend", backend)
    assert [file.name for file in killed.iterdir()] == ["once"]
    assert code == expected[0] == 0
    check_rows(rows, expected[1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_recording_that_stops_each_worker(
    murmur_onnx, folders, tmp_path, monkeypatch, capsys, backend
):
    paths = sorted(map(str, folders.rglob("*.wav")))
    killed = kill_workers(
        monkeypatch, tmp_path, os.path.basename(paths[45]), always=True
    )
    arguments = ["--model", murmur_onnx, *paths, "--backend", backend]
    code, rows, messages = predicted(capsys, *arguments)
    assert code == 2
    assert f"did not answer for the recordings {paths[40]!r} to {paths[47]!r}" in (
        messages
    )
    assert [row["recording"] for row in rows] == paths[: len(rows)]
    assert len(rows) <= 40
    assert len(list(killed.iterdir())) >= 4


def test_a_ray_cluster_that_cannot_be_reached(murmur_onnx, folders, tmp_path, capsys):
    output = tmp_path / "rows.csv"
    output.write_text("mine")
    arguments = ["--model", murmur_onnx, folders, "-o", output, "--force"]
    arguments += ["--backend", "ray", "--scheduler", "127.0.0.1:9"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        code, _, messages = predicted(capsys, *arguments)
    assert code == 2
    (message,) = [x for x in messages.splitlines() if x.startswith("skheart: error:")]
    assert "The Ray cluster '127.0.0.1:9' cannot be reached" in message
    assert output.read_text() == "mine"
