"""Run an exported model and the segmenter with requirements/inference.txt alone."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from skheart import OnnxClassifier, StreamingClassifier
from skheart.datasets import make_heart_sounds
from skheart.segmentation.scores import matches

DATA = Path(__file__).parent / "deployment" / "data"
MODEL = DATA / "small.onnx"  # written by tests/deployment/make_small_onnx.py
UNWANTED = "fsspec keras librosa matplotlib numba onnx pandas scikeras tensorflow"


def run() -> None:
    """Raise an error if a probability differs from TensorFlow's, stored in a file."""
    found = [name for name in UNWANTED.split() if importlib.util.find_spec(name)]
    if found:
        sys.exit(f"{', '.join(found)} installed, which this test must do without.")
    known = json.loads((DATA / "small.json").read_text())
    sounds = make_heart_sounds(3, duration=6.0, random_state=1)
    model = OnnxClassifier(MODEL)
    expected = np.array(known["probabilities"])
    np.testing.assert_allclose(model.predict_proba(sounds.data), expected, atol=1e-5)
    assert model.classes_.tolist() == known["classes"]
    stream = StreamingClassifier(model)
    parts = np.array_split(sounds.data[0], 9)
    answers = [answer for part in parts for answer in stream.push(part)]
    assert [(answer.time, answer.error) for answer in answers] == [(5.0, ""), (6.0, "")]
    np.testing.assert_allclose(answers[0].probabilities, expected[0], atol=1e-5)
    with tempfile.TemporaryDirectory() as folder:
        _run_commands(Path(folder), sounds, expected, known["classes"])
    print("An exported model and the segmenter run without TensorFlow.")


def _run_commands(folder: Path, sounds, expected, classes) -> None:
    """Check what `skheart predict` and `segment` print, and that they write no file."""
    home = folder / "home"
    home.mkdir()
    # Variables that turn telemetry off are removed: skheart must do it.
    kept = {"PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV"} & set(os.environ)
    environment = {name: os.environ[name] for name in kept}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    names = [str(folder / f"{number}.wav") for number in range(len(sounds.data))]
    for name, waveform in zip(names, sounds.data, strict=True):
        soundfile.write(name, waveform, 2000, subtype="FLOAT")

    def rows_of(*arguments: str) -> list[dict[str, str]]:
        done = subprocess.run(
            [sys.executable, "-m", "skheart", *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))

    rows = rows_of("predict", "--model", str(MODEL), *names)
    table = [[float(row[f"probability_{name}"]) for name in classes] for row in rows]
    np.testing.assert_allclose(table, expected, atol=1e-5)
    rows = rows_of("segment", *names)
    for name, true in zip(names, sounds.beats, strict=True):
        s1 = [row for row in rows if (row["recording"], row["phase"]) == (name, "s1")]
        found = np.array([float(row["start"]) for row in s1])
        assert len(matches(true, found, 0.06)[0]) >= len(true) - 2, name
    assert not list(home.rglob("*")), f"written: {list(home.rglob('*'))}"


if __name__ == "__main__":
    run()
