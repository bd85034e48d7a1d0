"""Test examples/browser: the page computes what skheart computes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skheart import export_onnx, load_pretrained, read_recording
from skheart.audio import resample
from skheart.datasets import load_circor2022, load_pascal

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "browser"


def installed(folder: Path) -> None:
    """Install the packages of the example, or skip with the reason."""
    if shutil.which("npm") is None:
        pytest.skip(
            "npm is not installed, so that the browser example cannot be built."
        )
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"npm cannot install the packages of the example: {done.stderr}")


@pytest.mark.slow
def test_equal_to_skheart_in_node_and_in_a_browser(shared_data, tmp_path):
    folder = tmp_path / "browser"
    ignored = shutil.ignore_patterns("node_modules", "dist", "model")
    shutil.copytree(EXAMPLE, folder, ignore=ignored)
    installed(folder)
    pipeline = load_pretrained("murmur")
    export_onnx(pipeline, tmp_path / "murmur.onnx")

    circor = load_circor2022(shared_data, as_frame=False).data[::80][:25]
    pascal = load_pascal(shared_data, subsets="b", as_frame=False).data[::12][:25]
    recordings, paths = [], []
    for number, path in enumerate([*circor, *pascal]):
        waveform, rate = read_recording(path)
        if number % 5 == 0:  # as published: at 4 kHz
            waveform, rate = resample(waveform, rate, 4000), 4000
        paths.append(str(tmp_path / f"{number}.wav"))
        soundfile.write(paths[-1], waveform, int(rate), subtype="FLOAT")
    probabilities = pipeline.predict_proba(paths)
    for path, values, label in zip(
        paths, probabilities, pipeline.predict(paths), strict=True
    ):
        recordings.append(
            {"path": path, "probabilities": values.tolist(), "prediction": str(label)}
        )
    resampled = []
    for path, rate in zip(pascal[:4], (4000, 8000, 44100, 48000), strict=True):
        waveform, own = read_recording(path)
        waveform = resample(waveform, own, rate)[: 3 * rate]
        result = resample(waveform, rate, 2000)
        entry = {"waveform": waveform.tolist(), "result": np.asarray(result).tolist()}
        resampled.append({"rate": rate, "new_rate": 2000, **entry})
    expected = tmp_path / "expected.json"
    expected.write_text(json.dumps({"recordings": recordings, "resampled": resampled}))

    for command in (
        ["npm", "run", "build", "--", str(tmp_path / "murmur.onnx")],
        ["npm", "test"],
    ):
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"SKHEART_EXPECTED": str(expected)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
