"""Test what the program writes to standard output, standard error and pipes."""

import csv
import io
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile


def run(*command, **settings):
    return subprocess.run(
        [sys.executable, "-m", "skheart", *map(str, command)],
        capture_output=True,
        **settings,
    )


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_only_rows_are_written(model, folders):
    """TensorFlow, which this command imports, writes messages by default."""
    recording = next((folders / "normal").iterdir())
    done = run("predict", "--model", model, recording, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows_of(done.stdout)) == 1


def test_a_name_that_the_terminal_cannot_show(murmur_onnx, folders, tmp_path):
    odd = tmp_path / "Herzgeräusch ♥.wav"
    odd.write_bytes(next((folders / "normal").iterdir()).read_bytes())
    done = run(
        *("predict", "--model", murmur_onnx, odd),
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert [row["recording"] for row in rows_of(done.stdout.decode())] == [str(odd)]


def test_messages_are_not_written_among_the_rows(murmur_onnx, folders, broken):
    """Standard error is closed, so the next file that is opened gets its number."""
    paths = [next((folders / "normal").iterdir()), broken / "text.wav"]
    command = shlex.join([sys.executable, "-m", "skheart", "predict", "--model"])
    names = shlex.join(map(str, [murmur_onnx, *paths]))
    done = subprocess.run(
        f"{command} {names} 2>&-", shell=True, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 3
    assert "skheart:" not in done.stdout


def test_native_messages_are_not_written_among_the_rows():
    program = (
        "import ctypes, sys\n"
        "from skheart.cli.quiet import quiet_decoders\n"
        "print('before')\n"
        "with quiet_decoders():\n"
        "    ctypes.CDLL(None).printf(b'Error A : 7E\\n')\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("before\nafter\n", "")


READING = """
import sys
from skheart import read_recording
for path in sys.argv[1:]:
    try:
        read_recording(path)
    except ValueError:
        pass
"""


def test_messages_of_decoders_are_held_back(murmur_onnx, tmp_path):
    """The messages of the command itself, and the progress bar, are written."""
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number:02}.mp3" for number in range(20)]
    for path in paths:
        soundfile.write(path, random.normal(0, 0.1, 20_000), 8000, format="MP3")
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        damaged = random.integers(300, len(content), 60)
        content[damaged] = random.integers(0, 256, 60)
        path.write_bytes(content.tobytes())
    command = [sys.executable, "-c", READING, *map(str, paths)]
    native = subprocess.run(command, capture_output=True, text=True)
    assert native.returncode == 0, native.stderr
    assert len(native.stderr.splitlines()) > 10  # else there is nothing to hold back
    done = run("predict", "--model", murmur_onnx, *paths, text=True)
    rows = rows_of(done.stdout)
    assert [row["recording"] for row in rows] == [str(path) for path in paths]
    n_failed = sum(row["error"] != "" for row in rows)
    assert done.returncode == (1 if n_failed else 0)
    first, *rest = done.stderr.splitlines()
    assert "Predicting" in first
    assert "20/20" in first
    summary = f"skheart: {n_failed} of 20 recordings could not be used; "
    assert rest == ([f"{summary}see the error column."] if n_failed else [])


def test_a_reader_that_stops_reading():
    command = shlex.join([sys.executable, "-m", "skheart", "models", "murmur"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() in ("0", "141")
    assert done.stderr == ""


WITHOUT_DOCSTRINGS = os.environ | {"PYTHONOPTIMIZE": "2"}


def test_without_docstrings(murmur_onnx, folders):
    recording = next((folders / "normal").iterdir())
    for command in (["--help"], ["predict", "--model", murmur_onnx, recording]):
        done = run(*command, env=WITHOUT_DOCSTRINGS)
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.slow
def test_networks_without_docstrings(model, folders):
    recording = next((folders / "normal").iterdir())
    done = run("predict", "--model", model, recording, env=WITHOUT_DOCSTRINGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_pipe_as_output(murmur_onnx, folders, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    recording = next((folders / "normal").iterdir())
    cat = ["cat", str(pipe)]
    with subprocess.Popen(cat, stdout=subprocess.PIPE, text=True) as reader:
        try:
            done = run("predict", "--model", murmur_onnx, recording, "-o", pipe)
            assert done.returncode == 0, done.stderr
            assert pipe.is_fifo()
            assert len(rows_of(reader.communicate()[0])) == 1
        finally:
            reader.kill()
