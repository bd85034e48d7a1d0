"""Measure the peak memory of ``skheart predict`` for more and more recordings.

The recordings are short parts of recordings of CirCor. Each stands in the folders under
many names (hard links), so that the disk holds it once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import soundfile

from skheart import export_onnx, load_pretrained, save_model

SIZES = (1_000, 10_000, 50_000)
CUT = 3  # seconds of each recording
DURATION = 5.0  # seconds that the model reads: one window of its network
IN_FOLDER = 1_000  # recordings

PREDICT = """\
import sys
from skheart.cli.main import main
code = main()
with open("/proc/self/status") as file:
    print(file.read().split("VmHWM:")[1].split()[0], file=sys.stderr)
sys.exit(code)
"""


def folders_of(paths: list[str], work: Path, n: int) -> list[str]:
    """Return folders with `n` recordings of some seconds in total."""
    clips = []
    for number, path in enumerate(paths):
        clip = work / "clips" / f"{number}.wav"
        clip.parent.mkdir(parents=True, exist_ok=True)
        rate = soundfile.info(path).samplerate
        samples, _ = soundfile.read(path, frames=CUT * rate, dtype="int16")
        soundfile.write(clip, samples, rate, subtype="PCM_16")
        clips.append(clip)
    folders = []
    for first in range(0, n, IN_FOLDER):
        folder = work / "many" / f"{first:06}"
        folder.mkdir(parents=True, exist_ok=True)
        folders.append(str(folder))
        for number in range(first, min(n, first + IN_FOLDER)):
            name = folder / f"{number:06}.wav"
            name.unlink(missing_ok=True)
            os.link(clips[number % len(clips)], name)
    return folders


def predicted(model: Path, folders: list[str], output: Path) -> dict[str, Any]:
    """Run the command in a process of its own; return its memory, time and rows."""
    command = [sys.executable, "-c", PREDICT, "predict", *folders, "-q", "--force"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--model", str(model), "-o", str(output)],
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"skheart predict failed:\n{done.stderr[-3000:]}")
    return {
        "peak memory, MB": round(int(done.stderr.split()[-1]) / 1024),
        "seconds": round(seconds, 1),
        "rows": len(output.read_text(encoding="utf-8").splitlines()) - 1,
    }


def measure(
    paths: list[str], work: Path, *, sizes: tuple[int, ...] = SIZES
) -> dict[str, Any]:
    """Predict some, more and many recordings with ONNX Runtime and TensorFlow.

    They are short parts of the recordings at `paths`.
    """
    folders = folders_of(paths, work, max(sizes))
    pipeline = load_pretrained("murmur").set_params(spectrogram__duration=DURATION)
    export_onnx(pipeline, work / "murmur.onnx")
    save_model(pipeline, work / "murmur.skheart")
    models = {"ONNX Runtime": "murmur.onnx", "TensorFlow": "murmur.skheart"}
    results: dict[str, Any] = {"seconds of sound": CUT, "duration": DURATION}
    for runtime, model in models.items():
        rows = results[runtime] = {}
        for n in sizes:
            chosen = folders[: -(-n // IN_FOLDER)]
            rows[str(n)] = predicted(work / model, chosen, work / "rows.csv")
            if rows[str(n)]["rows"] != n:
                raise RuntimeError(f"{rows[str(n)]['rows']} rows, expected {n}.")
    return results
