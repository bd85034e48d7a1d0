"""Measure ``skheart predict`` for many recordings.

    python benchmarks/scale.py DATA_HOME            # half an hour
    python benchmarks/scale.py DATA_HOME --quick    # some minutes; only a check

DATA_HOME contains the folder circor2022. "program" compares the command for 1,000
recordings, start included, with a script of librosa and Keras; "workers" measures one
worker of a cluster; "memory" measures the peak memory for up to 50,000 recordings.
Results are written to benchmarks/results/scale.json, with --quick to the folder --work.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import scale_memory
import scale_program
import scale_workers
from _results import RESULTS, write_results

from skheart.datasets import load_circor2022

PARTS = ("program", "workers", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_home", help="folder with circor2022")
    parser.add_argument("--quick", action="store_true", help="fewer recordings, rounds")
    parser.add_argument("--work", type=Path, default=Path("build/scale"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    circor = load_circor2022(
        options.data_home, target="murmur_at_location", as_frame=False
    )
    path = (options.work if options.quick else RESULTS) / "scale.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for part in options.only:
        results[part] = measured(part, circor.data.tolist(), options)
        write_results(path, results)
        print(json.dumps({part: results[part]}, indent=1), flush=True)


def measured(part: str, paths: list[str], options: Any) -> dict[str, Any]:
    """Measure one part."""
    work = (options.work / part).resolve()
    rounds = 2 if options.quick else options.rounds
    if part == "program":
        chosen = paths[: 40 if options.quick else 1000]
        return scale_program.measure(chosen, work, rounds=rounds)
    if part == "workers":
        chosen = paths[: 128 if options.quick else 320]
        return scale_workers.measure(chosen, work, rounds=rounds)
    sizes = (1_000, 2_000) if options.quick else scale_memory.SIZES
    return scale_memory.measure(paths[:200], work, sizes=sizes)


if __name__ == "__main__":
    main()
