"""Test exported models that need only the packages of requirements/inference.txt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

from skheart import OnnxClassifier
from skheart.audio.recordings import Recording
from skheart.datasets import make_heart_sounds
from skheart.deployment.onnx_session import answers_of, read_onnx

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data"


def test_a_file_of_format_1_keeps_its_probabilities():
    known = json.loads((DATA / "small.json").read_text())
    model = OnnxClassifier(DATA / "small.onnx")
    sounds = make_heart_sounds(3, duration=6.0, random_state=1)
    np.testing.assert_allclose(
        model.predict_proba(sounds.data), known["probabilities"], atol=1e-5
    )
    assert model.classes_.tolist() == known["classes"]


class Unreadable(Recording):
    def load(self, *_, **__):
        raise OSError


def test_an_error_without_a_message_is_still_an_error():
    recordings = [Unreadable("lost.wav", 0)]
    model = read_onnx(str(DATA / "small.onnx"))
    probabilities, errors = answers_of(model, recordings, on_error="nan")
    assert np.isnan(probabilities).all()
    assert errors == ["OSError"]


def test_the_lean_requirements_are_among_those_of_the_project():
    text = (ROOT / "requirements" / "inference.txt").read_text()
    lean = {line for line in text.splitlines() if line and not line.startswith("#")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    whole = {*project["dependencies"], *project["optional-dependencies"]["onnx"]}
    assert lean <= whole
    left_out = {re.match(r"[\w-]+", line)[0] for line in whole - lean}
    assert left_out == {
        *("keras", "numba", "onnx", "scikeras", "tensorflow", "tf2onnx")
    }


def test_no_telemetry(tmp_path):
    """By default, ONNX Runtime writes a device id to HOME, except in CI."""
    code = (
        "import sys, numpy as np, skheart\n"
        "noise = np.random.default_rng(0).normal(size=12000)\n"
        "skheart.OnnxClassifier(sys.argv[1]).predict_proba([noise])\n"
    )
    unwanted = ("CI", "ORT_DISABLE_TELEMETRY", "TF_BUILD", "GITHUB_ACTIONS")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, str(DATA / "small.onnx")]
    subprocess.run(command, env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_a_forked_child_predicts():
    """A web server can load the model before it starts its workers."""
    code = (
        "import os, sys, numpy as np, skheart\n"
        "noise = [np.random.default_rng(0).normal(size=12000)]\n"
        "model = skheart.OnnxClassifier(sys.argv[1])\n"
        "expected = model.predict_proba(noise)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    same = np.array_equal(model.predict_proba(noise), expected)\n"
        "    os._exit(0 if same else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    command = [sys.executable, "-c", code, str(DATA / "small.onnx")]
    subprocess.run(command, check=True)
