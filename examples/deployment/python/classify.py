"""Run an exported model, ONNX or LiteRT, without skheart.

    python classify.py murmur.onnx                   # compute the test vectors
    python classify.py murmur.onnx recording.wav     # classify a recording

It needs numpy, and onnxruntime or ai-edge-litert. The sidecar, such as
murmur.onnx.json, must be beside the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def load(path: Path) -> tuple[dict[str, Any], Callable[[np.ndarray], np.ndarray]]:
    """Return the sidecar of a model, and a function that runs the model."""
    content = path.read_bytes()
    notes = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
    if notes["format"] != 1 or hashlib.sha256(content).hexdigest() != notes["sha256"]:
        sys.exit(f"{path.name}.json does not belong to {path.name}: export it again.")
    given, computed = notes["input"]["name"], notes["output"]["name"]
    if notes["runtime"] == "onnx":
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before it is imported
        import onnxruntime

        session = onnxruntime.InferenceSession(content)
        return notes, lambda value: session.run([computed], {given: value})[0]
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=content).get_signature_runner(notes["signature"])
    return notes, lambda value: runner(**{given: value})[computed]


def input_of(vector: dict[str, Any]) -> np.ndarray:
    """Compute the input of a test vector; the sidecar states the rule."""
    values = np.zeros(int(np.prod(vector["shape"])))
    if vector["seed"] is not None:
        x = vector["seed"]
        for i in range(len(values)):
            x = (1664525 * x + 1013904223) % 2**32
            weight = 1 if i % vector["period"] < vector["burst"] else 1 / 64
            values[i] = (x / 2**31 - 1) * weight
    if vector["nan_at"] is not None:
        values[vector["nan_at"]] = np.nan
    return values.astype(np.float32).reshape(vector["shape"])


def check(notes: dict[str, Any], run: Callable[[np.ndarray], np.ndarray]) -> int:
    """Compute the test vectors; return how many outputs are not as expected."""
    tests, n_wrong = notes["test_vectors"], 0
    for vector in tests["vectors"]:
        output = run(input_of(vector)).ravel()
        expected = np.array(vector["expected"], dtype=float)  # None becomes NaN
        same = np.allclose(output, expected, 0, tests["tolerance"], equal_nan=True)
        print("as expected" if same else "WRONG", output.tolist())
        n_wrong += not same
    return n_wrong


def read(path: str, notes: dict[str, Any]) -> np.ndarray:
    """Read a WAV file of 16 bits and one channel, at the rate of the model."""
    with wave.open(path) as file:
        kind = (file.getsampwidth(), file.getnchannels(), file.getframerate())
        if kind != (2, 1, notes["sample_rate"]):
            sys.exit(f"{path}: expected 16 bits, mono, {notes['sample_rate']:g} Hz.")
        waveform = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    waveform = (waveform / 32768).astype(np.float32)
    length = notes["input"]["shape"][0]
    return waveform if length is None else np.resize(waveform, length)


def decide(notes: dict[str, Any], probabilities: np.ndarray) -> Any:
    """Return the class, or None if the recording cannot be classified."""
    classes, decision = notes["classes"], notes["decision"]
    if np.isnan(probabilities).any():
        return None
    if decision["threshold"] is None:
        return classes[int(probabilities.argmax())]
    positive = classes.index(decision["positive"])
    called = probabilities[positive] >= decision["threshold"]
    return classes[positive if called else 1 - positive]


def main(model: str, recording: str | None = None) -> int:
    notes, run = load(Path(model))
    if recording is None:
        return int(check(notes, run) > 0)
    probabilities = run(read(recording, notes))
    answer = decide(notes, probabilities)
    values = [float(x) if np.isfinite(x) else None for x in probabilities]
    print(json.dumps({"answer": answer, "probabilities": values}))
    print(notes["notice"], file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
