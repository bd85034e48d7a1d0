"""Compare a model in TensorFlow, ONNX and LiteRT: size, latency, start, streaming."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _turns import compared, in_turns, latency, process

from skheart import (
    OnnxClassifier,
    StreamingClassifier,
    export_litert,
    export_onnx,
    load_pretrained,
    save_model,
)

RATE = 2000

STREAM = """\
import os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from skheart import OnnxClassifier, StreamingClassifier
stream = StreamingClassifier(OnnxClassifier(sys.argv[1], n_threads=1), hop=1.0)
sound = np.random.default_rng(0).normal(size=2000 * 600).astype(np.float32)
stream.push(sound[: 2000 * 60])
start = time.perf_counter()
for first in range(2000 * 60, len(sound), 512):
    stream.push(sound[first : first + 512])
print(540 / (time.perf_counter() - start))
"""


def in_litert(path: Path, waveform: np.ndarray) -> Callable[[], Any]:
    """Return a function that runs a LiteRT file on a waveform."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]

    def run() -> None:
        interpreter.set_tensor(place, waveform)
        interpreter.invoke()

    return run


def of_duration(seconds: float, paths: list[str], work: Path, n: int) -> dict[str, Any]:
    """Return sizes and latencies of the model for recordings of some seconds."""
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=seconds)
    export_onnx(pipeline, work / "murmur.onnx")
    export_litert(pipeline, work / "murmur.tflite")
    export_litert(pipeline, work / "murmur_half.tflite", half=True)
    save_model(pipeline, work / "murmur.skheart")
    exported = OnnxClassifier(work / "murmur.onnx", n_threads=1)
    waveform = np.random.default_rng(0).normal(size=round(RATE * seconds))
    waveform = waveform.astype(np.float32)
    difference = np.abs(exported.predict_proba(paths) - pipeline.predict_proba(paths))

    def row(name: str, run: Callable[[], Any]) -> dict[str, Any]:
        return {
            "bytes": (work / name).stat().st_size,
            **latency(lambda _: run(), range(n), warm_up=5),
        }

    return {
        "TensorFlow, all cores": row(
            "murmur.skheart", lambda: pipeline.predict_proba([waveform])
        ),
        "ONNX Runtime, one thread": row(
            "murmur.onnx", lambda: exported.predict_proba([waveform])
        ),
        "LiteRT, one thread": row(
            "murmur.tflite", in_litert(work / "murmur.tflite", waveform)
        ),
        "LiteRT, half precision, one thread": row(
            "murmur_half.tflite", in_litert(work / "murmur_half.tflite", waveform)
        ),
        "largest difference of ONNX": float(difference.max()),
    }


def measure(
    paths: list[str], work: Path, *, rounds: int, quick: bool
) -> dict[str, Any]:
    """Measure sizes, latencies, the start of a process, and streaming."""
    work.mkdir(parents=True, exist_ok=True)
    n = 20 if quick else 200
    durations = {
        f"{seconds:g} s": of_duration(seconds, paths, work, n) for seconds in (5, 20)
    }
    export_onnx(load_pretrained("murmur"), work / "cold.onnx")
    predict = [sys.executable, "-m", "skheart", "predict"]

    def cold(*arguments: str) -> Callable[[], Any]:
        return process([*predict, *arguments, paths[0]])

    started = in_turns(
        {
            "skheart": cold("--model", str(work / "cold.onnx")),
            "with TensorFlow": cold("--model", "murmur"),
        },
        rounds=max(2, rounds // 2),
    )
    streamed = {}
    for seconds in (5, 20):
        pipeline = load_pretrained("murmur").set_params(spectrogram__duration=seconds)
        export_onnx(pipeline, work / "stream.onnx")
        done = subprocess.run(
            [sys.executable, "-c", STREAM, str(work / "stream.onnx")],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        streamed[f"{seconds} s"] = round(float(done.stdout), 1)
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=5.0)
    stream = StreamingClassifier(pipeline, hop=1.0)
    sound = np.random.default_rng(0).normal(size=RATE * 120).astype(np.float32)
    stream.push(sound)
    start = time.perf_counter()
    stream.push(sound)
    streamed["5 s, with TensorFlow on all cores"] = round(
        120 / (time.perf_counter() - start), 1
    )
    return {
        "of a recording": durations,
        "a new process": compared(started),
        "streaming, times real time": streamed,
    }
