"""Measure peak memory and time of fit and predict as a corpus grows.

Spectrograms are in memory or on disk. Recordings of CirCor are repeated under other
names, with a different first value, so that each spectrogram is computed and stored.
Each size runs in a separate process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import soundfile

TIMES = (1, 4, 16)
CUT = 20.0  # seconds of each recording


def grown(paths: list[str], folder: Path, times: int) -> list[str]:
    """Write each recording several times as a WAV file, and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, path in enumerate(paths):
        samples, rate = soundfile.read(path, dtype="int16")
        for time_ in range(times):
            name = folder / f"{number}-{time_}.wav"
            names.append(str(name))
            if not name.exists():
                samples[0] = time_
                soundfile.write(name, samples, rate, subtype="PCM_16")
    return names


def run_one(folder: Path, times: int, n: int, where: str) -> None:
    """Fit and predict once, and print memory and times."""
    from sklearn.pipeline import Pipeline

    from skheart import CNNClassifier, SpectrogramTransformer

    paths = [
        str(folder / f"{number}-{time_}.wav")
        for time_ in range(times)
        for number in range(n)
    ]
    y = [number % 2 for number in range(len(paths))]
    kept: dict[str, Any] = {}
    if where == "on disk":
        cache = folder / f"cache-{times}"
        kept = {"cache": cache, "lazy": True, "dtype": "float16"}
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=CUT, **kept)),
            ("cnn", CNNClassifier(epochs=1, random_state=0)),
        ]
    )
    start = time.perf_counter()
    pipeline.fit(paths, y)
    fitted = time.perf_counter()
    pipeline.predict_proba(paths)
    row = {
        "recordings": len(paths),
        "fit, s": round(fitted - start, 2),
        "predict, s": round(time.perf_counter() - fitted, 2),
        "peak, MB": round(_peak_mb()),
    }
    print(json.dumps(row), flush=True)


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("The system does not report the peak memory of this process.")


def measure(paths: list[str], work: Path, *, quick: bool) -> dict[str, Any]:
    """Run all sizes, with `quick` without the largest, each in a new process."""
    sizes = TIMES[:-1] if quick else TIMES
    folder = work / "grown"
    grown(paths, folder, sizes[-1])
    rows: dict[str, Any] = {}
    for where in ("in memory", "on disk"):
        rows[where] = {}
        for times in sizes:
            sizes_given = [str(times), str(len(paths))]
            command = [sys.executable, __file__, str(folder), *sizes_given, where]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{where} failed:\n{done.stderr[-3000:]}")
            rows[where][f"{times} x"] = json.loads(done.stdout.splitlines()[-1])
        peaks = [row["peak, MB"] for row in rows[where].values()]
        rows[where]["largest against smallest"] = round(peaks[-1] / peaks[0], 2)
    return rows


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _, folder, times, n, where = sys.argv
    run_one(Path(folder), int(times), int(n), where)
