"""Measure the recordings that one worker of a cluster predicts in a second.

A worker is a process on one core that does what Dask and Ray let it do: it opens the
model that it was sent, and predicts chunks of recordings.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from _turns import median_and_range

from skheart import export_onnx, load_pretrained

WORKER = """\
import json, os, sys, time
started = time.perf_counter()
core, model, listed = sys.argv[1:]
os.sched_setaffinity(0, {int(core)})
from skheart.cli.cluster import _work
with open(listed) as file:
    paths = file.read().splitlines()
with open(model, "rb") as file:
    content = file.read()
chunks = [paths[start : start + 64] for start in range(0, len(paths), 64)]
_work(content, chunks[0])
ready = time.perf_counter()
errors = [error for chunk in chunks for error in _work(content, chunk)[1]]
seconds = time.perf_counter() - ready
with open("/proc/self/status") as file:
    peak = int(file.read().split("VmHWM:")[1].split()[0])
print(json.dumps({
    "recordings per second": len(paths) / seconds,
    "start, seconds": ready - started,
    "peak memory, MB": peak / 1024,
    "errors": sum(map(bool, errors)),
}))
"""
RUNTIMES = ("ONNX Runtime", "TensorFlow")


def workers_at_once(
    cores: list[int], model: Path, listed: Path
) -> list[dict[str, float]]:
    """Run a worker on each of these cores at the same time; return their figures."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(core), str(model), str(listed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for core in cores
    ]
    figures = [json.loads(process.communicate()[0]) for process in processes]
    if any(one["errors"] for one in figures):
        raise RuntimeError("A worker could not use a recording.")
    return figures


def models_in(work: Path) -> dict[str, Path]:
    """Write the model as it is sent to workers, for both runtimes."""
    import pickle

    from skheart.cli.prediction import open_model

    work.mkdir(parents=True, exist_ok=True)
    export_onnx(load_pretrained("murmur"), work / "murmur.onnx")
    models = {}
    for runtime, name in zip(RUNTIMES, (work / "murmur.onnx", "murmur"), strict=True):
        models[runtime] = work / f"{runtime}.pickle"
        models[runtime].write_bytes(pickle.dumps(open_model(str(name)).sent))
    return models


def measure(paths: list[str], work: Path, *, rounds: int) -> dict[str, Any]:
    """Run one worker alone, and one on each of two cores at once, in turns."""
    models = models_in(work)
    listed = work / "workers.txt"
    listed.write_text("\n".join(paths) + "\n", encoding="utf-8")
    cores = sorted(os.sched_getaffinity(0))[:2]
    alone: dict[str, list[dict[str, float]]] = {name: [] for name in RUNTIMES}
    both: dict[str, list[float]] = {name: [] for name in RUNTIMES}
    for _ in range(rounds):
        for runtime, model in models.items():
            alone[runtime] += workers_at_once(cores[:1], model, listed)
            rates = workers_at_once(cores, model, listed)
            both[runtime].append(sum(one["recordings per second"] for one in rates))
    seconds = [soundfile.info(path).duration for path in paths]
    sizes = [os.path.getsize(path) for path in paths]
    kinds = ("recordings per second", "start, seconds", "peak memory, MB")
    return {
        "recordings": len(paths),
        "rounds": rounds,
        "seconds of sound": round(float(np.mean(seconds)), 1),
        "bytes of a file": round(float(np.mean(sizes))),
        "of one worker": {
            runtime: {
                kind: median_and_range([figures[kind] for figures in every])
                for kind in kinds
            }
            for runtime, every in alone.items()
        },
        "recordings per second of two workers at once": {
            runtime: median_and_range(rates) for runtime, rates in both.items()
        },
    }
