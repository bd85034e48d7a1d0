"""Time ``skheart predict`` for many recordings, with the start of the process.

It is compared with a script of librosa and Keras, `_plain_script.py`.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _turns import compared, in_turns

from skheart import export_onnx, load_pretrained

WITH_ONNX, WITH_TENSORFLOW = "skheart, ONNX", "skheart, TensorFlow"
SCRIPT = Path(__file__).parent / "_plain_script.py"


def ways_of(
    paths: list[str], work: Path
) -> tuple[dict[str, Callable[[], Any]], dict[str, Path]]:
    """Return the programs, and the files that they write their rows to."""
    work.mkdir(parents=True, exist_ok=True)
    pipeline = load_pretrained("murmur")
    onnx, network, listed = work / "m.onnx", work / "network.keras", work / "list.txt"
    export_onnx(pipeline, onnx)
    pipeline["cnn"].model_.save(network)
    listed.write_text("\n".join(paths) + "\n", encoding="utf-8")
    rows = {
        WITH_ONNX: work / "onnx.csv",
        WITH_TENSORFLOW: work / "tensorflow.csv",
        "librosa and Keras, a call for each recording": work / "each.csv",
        "librosa and Keras, one call for all": work / "together.csv",
    }
    predict = [sys.executable, "-m", "skheart", "predict", "-", "-q", "--force"]
    script = [sys.executable, str(SCRIPT), str(network), str(listed)]
    first, second, each, together = map(str, rows.values())
    commands = [
        [*predict, "-o", first, "--model", str(onnx)],
        [*predict, "-o", second, "--model", "murmur"],
        [*script, each, "each"],
        [*script, together, "together"],
    ]

    def program(command: list[str]) -> Callable[[], Any]:
        def run() -> None:
            with listed.open(encoding="utf-8") as file:
                subprocess.run(command, stdin=file, check=True, capture_output=True)

        return run

    return dict(zip(rows, map(program, commands), strict=True)), rows


def probabilities_in(path: Path) -> np.ndarray:
    """Return the probability of a murmur in each row."""
    with path.open(newline="", encoding="utf-8") as file:
        return np.array(
            [float(row["probability_murmur"]) for row in csv.DictReader(file)]
        )


def measure(paths: list[str], work: Path, *, rounds: int) -> dict[str, Any]:
    """Time the programs in turns, after one run of each with ten recordings."""
    for run in ways_of(paths[:10], work)[0].values():
        run()
    ways, rows = ways_of(paths, work)
    for path in paths:  # so that none of the programs waits for the disk
        Path(path).read_bytes()
    seconds = in_turns(ways, rounds=rounds, warm_up=0)
    found = {name: probabilities_in(path) for name, path in rows.items()}
    if {len(values) for values in found.values()} != {len(paths)}:
        raise RuntimeError("A program did not write a row for each recording.")
    return {
        "recordings": len(paths),
        "rounds": rounds,
        "seconds": {
            name: [round(value, 2) for value in values]
            for name, values in seconds.items()
        },
        "largest difference from skheart, TensorFlow": {
            name: float(np.abs(values - found[WITH_TENSORFLOW]).max())
            for name, values in found.items()
        },
        WITH_ONNX: compared(seconds, ours=WITH_ONNX),
        WITH_TENSORFLOW: compared(seconds, ours=WITH_TENSORFLOW),
    }
