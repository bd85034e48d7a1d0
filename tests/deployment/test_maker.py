"""The maker's journey: programs of other runtimes and languages get equal answers.

docs/journey_maker.rst describes it. LiteRT for microcontrollers is tested in
run_micro.py, because its package is a pre-release for one version of Python.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skheart import OnnxClassifier, load_pretrained, read_recording, save_model
from skheart.cli.main import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "deployment"
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
    """Skip, but fail where everything must be tested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with an exported model, as the page describes it."""
    folder = tmp_path_factory.mktemp("maker")
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=SECONDS)
    save_model(pipeline, folder / "murmur5.skheart")
    targets = ["--onnx", "murmur5.onnx", "--litert", "murmur5.tflite"]
    command = ["export", "--model", "murmur5.skheart", *targets]
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main(command) == 0
    finally:
        os.chdir(before)
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


@pytest.mark.parametrize("model", ["murmur5.onnx", "murmur5.tflite"])
def test_python(folder, recordings, expected, model):
    program = [sys.executable, EXAMPLES / "python" / "classify.py", model]
    assert run(*program, folder=folder).count("as expected") == 4
    for path, answer in zip(recordings, expected, strict=True):
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
def test_javascript(folder, recordings, expected, tmp_path):
    if not (shutil.which("node") and shutil.which("npm")):
        unavailable("node and npm are not installed: JavaScript was NOT tested.")
    program = tmp_path / "javascript"
    shutil.copytree(
        EXAMPLES / "javascript",
        program,
        ignore=shutil.ignore_patterns("node_modules", "package-lock.json"),
    )
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund"],
        cwd=program,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        unavailable(f"npm cannot install: JavaScript was NOT tested. {done.stderr}")
    command = ["node", program / "classify.mjs", folder / "murmur5.onnx"]
    assert run(*command, folder=program).count("as expected") == 4
    for path, answer in zip(recordings, expected, strict=True):
        same(json.loads(run(*command, path, folder=program)), answer)
