"""Test what the program writes to standard output, standard error and pipes."""

import csv
import io
import os
import shlex
import subprocess
import sys

import pytest


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
