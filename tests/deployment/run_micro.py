"""Test that LiteRT for microcontrollers runs an exported model; run by tox -e micro.

pytest does not collect this file by itself, because the package tflite-micro is a
pre-release for one version of Python.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tflite_micro import runtime

from skheart import export_litert, load_pretrained
from skheart.datasets import make_heart_sounds

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "examples" / "deployment" / "micro" / "check_micro.py"
PAGE = (ROOT / "docs" / "deployment.rst").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["pipeline", "network", "int8"])
def path(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("micro") / f"{request.param}.tflite"
    part = "pipeline" if request.param == "pipeline" else "network"
    calibration = None
    if request.param == "int8":
        calibration = make_heart_sounds(40, random_state=1).data
    export_litert(
        load_pretrained("murmur"),
        path,
        part=part,
        duration=5.0,
        calibration=calibration,
    )
    return path


def in_litert(path):
    runner = Interpreter(model_path=str(path)).get_signature_runner()
    (given,), (computed,) = runner.get_input_details(), runner.get_output_details()
    return lambda value: runner(**{given: value})[computed]


def in_micro(path, arena):
    interpreter = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=arena)

    def run(value):
        interpreter.set_input(value, 0)
        interpreter.invoke()
        return interpreter.get_output(0)

    return run


def test_the_program_and_the_arena_of_the_page(path):
    done = subprocess.run(
        [sys.executable, PROGRAM, path], capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    notes = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
    n_vectors = len(notes["test_vectors"]["vectors"])
    assert done.stdout.count("as expected") == n_vectors
    measured = int(re.search(r"arena: (\d+) bytes", done.stdout)[1])
    row = {"int8": "Network, int8", "network": "Network", "pipeline": "Pipeline"}
    cells = rf"\* - {row[path.stem]}\n     - .*\n     - \d+ kB\n     - (\d+) kB\n"
    stated = re.search(cells, PAGE)
    assert measured / 1000 == pytest.approx(int(stated[1]), rel=0.03)


def test_equal_answers(path):
    on_desktop, micro = in_litert(path), in_micro(path, 4 << 20)
    if path.stem == "pipeline":
        sounds = make_heart_sounds(6, duration=5.0, random_state=0)
        inputs = [np.resize(x, 10_000).astype(np.float32) for x in sounds.data]
        inputs += [0 * inputs[0], np.full_like(inputs[0], 0.3), inputs[0] * 1e-30]
    else:
        shape = (6, 1, 40, 250, 1)
        inputs = list(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    if path.stem != "int8":  # which has no NaN
        inputs.append(inputs[0].copy())
        inputs[-1].flat[77] = np.nan
    outputs = [on_desktop(value) for value in inputs]
    assert np.isfinite(outputs[:6]).all()
    assert path.stem == "int8" or np.isnan(outputs[-1]).all()
    # In int8, the two round differently, by about 0.1 at each step.
    tolerance = 0.6 if path.stem == "int8" else 1e-4
    for value, expected in zip(inputs, outputs, strict=True):
        np.testing.assert_allclose(micro(value), expected, atol=tolerance)
