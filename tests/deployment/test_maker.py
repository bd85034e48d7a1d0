"""The maker's journey: programs of other runtimes and languages get equal answers.

docs/journey_maker.rst describes it. LiteRT for microcontrollers is tested in
run_micro.py, because its package is a pre-release for one version of Python.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skheart import OnnxClassifier, read_recording

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "journey_maker.rst"
EXAMPLES = ROOT / "examples" / "deployment"
CLASSIFY = "examples/deployment/python/classify.py"
SECONDS = 5.0


def run(*command, folder, stdin=None):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        input=stdin,
        capture_output=True,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.decode()


def unavailable(reason):
    """Skip what cannot run here; .ci/run installs Node.js where it can."""
    pytest.skip(reason)


def blocks(language):
    """Return the code of the page in one language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    found = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return textwrap.dedent("".join(found))


def commands():
    """Return the commands of the page, each with the number of lines that it prints."""
    steps = []
    for line in blocks("console").splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], 0])
        elif line:
            steps[-1][1] += 1
    return steps


def run_commands(programs, folder):
    """Run commands of the page that begin with these words."""
    places = {"python": sys.executable, "skheart": f"{sys.executable} -m skheart"}
    n_run = 0
    for command, n_lines in commands():
        first, *others = shlex.split(command)
        if f"{first} {others[0]}" in programs or first in programs:
            words = shlex.split(places.get(first, first))
            printed = run(*words, *others, folder=folder)
            assert first == "npm" or len(printed.splitlines()) == n_lines
            assert "WRONG" not in printed
            n_run += 1
    return n_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the examples and an exported model, as on the page."""
    folder = tmp_path_factory.mktemp("maker")
    shutil.copytree(
        EXAMPLES,
        folder / "examples" / "deployment",
        ignore=shutil.ignore_patterns("node_modules", "package-lock.json"),
    )
    run(sys.executable, "-c", blocks("python"), folder=folder)
    assert run_commands({"skheart export"}, folder) == 1
    return folder


@pytest.fixture(scope="module")
def recordings(folder, shared_data):
    """Return WAV files of five seconds at the rate of the model, from CirCor."""
    every = sorted((shared_data / "circor2022").rglob("*.flac"))
    paths = []
    for path in every[:: len(every) // 6][:6]:
        waveform, rate = read_recording(path, sample_rate=2000)
        target = folder / f"{path.stem}.wav"
        first = waveform[2000 : 2000 + round(SECONDS * rate)]
        soundfile.write(target, first, 2000, subtype="PCM_16")
        paths.append(target)
    shutil.copy(paths[0], folder / "recording.wav")
    return paths


@pytest.fixture(scope="module")
def expected(folder, recordings):
    """Return the answers of skheart, by recording."""
    model = OnnxClassifier(folder / "murmur5.onnx")
    probabilities = model.predict_proba(recordings)
    assert np.ptp(probabilities) > 0.5  # both classes are among them
    return list(zip(model.predict(recordings), probabilities, strict=True))


def same(printed, expected):
    """Check what an example printed for a recording."""
    answer, probabilities = expected
    assert printed["answer"] == answer
    np.testing.assert_allclose(printed["probabilities"], probabilities, atol=1e-4)


def test_the_page_in_python(folder, recordings):
    assert run_commands({"skheart predict", f"python {CLASSIFY}"}, folder) == 5


@pytest.mark.parametrize("model", ["murmur5.onnx", "murmur5.tflite"])
def test_python(folder, recordings, expected, model):
    program = [sys.executable, EXAMPLES / "python" / "classify.py", model]
    assert run(*program, folder=folder).count("as expected") == 4
    for path, answer in list(zip(recordings, expected, strict=True))[::2]:
        same(json.loads(run(*program, path, folder=folder)), answer)
    silent = folder / "silent.wav"
    soundfile.write(silent, np.zeros(10_000), 2000, subtype="PCM_16")
    printed = json.loads(run(*program, silent, folder=folder))
    assert printed == {"answer": None, "probabilities": [None, None]}


def test_a_program_refuses_the_sidecar_of_another_file(folder, tmp_path):
    shutil.copy(folder / "murmur5.onnx", tmp_path / "other.onnx")
    shutil.copy(folder / "murmur5.tflite.json", tmp_path / "other.onnx.json")
    program = [sys.executable, EXAMPLES / "python" / "classify.py", "other.onnx"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "does not belong to other.onnx" in done.stderr


@pytest.mark.slow
def test_javascript(folder, recordings, expected):
    if not (shutil.which("node") and shutil.which("npm")):
        unavailable("node and npm are not installed: JavaScript was NOT tested.")
    program = folder / "examples" / "deployment" / "javascript"
    done = subprocess.run(
        ["npm", "install", "--prefix", program],
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        unavailable(f"npm cannot install: JavaScript was NOT tested. {done.stderr}")
    assert run_commands({"node"}, folder) == 2
    command = ["node", program / "classify.mjs", "murmur5.onnx"]
    for path, answer in list(zip(recordings, expected, strict=True))[::2]:
        same(json.loads(run(*command, path, folder=folder)), answer)
