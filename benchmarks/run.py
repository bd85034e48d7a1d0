"""Compare the speed of skheart with code written by hand.

    python benchmarks/run.py DATA_HOME            # 45 minutes
    python benchmarks/run.py DATA_HOME --quick    # some minutes; only a check

DATA_HOME contains the folders circor2022 and pascal. Each benchmark times skheart and
the alternatives alternately. It reports the median, minimum and maximum of the ratio of
their times, because absolute times vary between runs. Results are written to
benchmarks/results/speed.json, with --quick to the folder --work.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from _results import RESULTS, write_results

from skheart import SpectrogramTransformer
from skheart.datasets import load_circor2022
from skheart.neural.threads import limit_threads

BENCHMARKS = (
    "spectrograms",
    "training",
    "prediction",
    "search",
    "search from whole spectrograms",
    "growth",
    "deployment",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_home", help="folder with circor2022 and pascal")
    parser.add_argument("--quick", action="store_true", help="fewer recordings, rounds")
    parser.add_argument("--work", type=Path, default=Path("build/speed"))
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS)
    parser.add_argument("--threads", type=int, default=None, help="for TensorFlow")
    options = parser.parse_args()
    limit_threads(options.threads)

    circor = load_circor2022(
        options.data_home, target="murmur_at_location", as_frame=False
    )
    paths, labels = circor.data.tolist(), circor.target
    path = (options.work if options.quick else RESULTS) / "speed.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    results.setdefault("benchmarks", {})
    for name in options.only:
        results["benchmarks"][name] = measured(name, paths, labels, options)
        write_results(path, results)
        print(json.dumps({name: results["benchmarks"][name]}, indent=1), flush=True)


def measured(name: str, paths: list[str], labels: Any, options: Any) -> dict[str, Any]:
    """Run one benchmark."""
    rounds = 3 if options.quick else 9
    if name == "spectrograms":
        from speed_spectrograms import measure

        chosen = paths[: 40 if options.quick else 200]
        return measure(chosen, options.work, rounds=rounds)
    if name == "training":
        from speed_training import measure as measure_training

        chosen = paths[: 128 if options.quick else 512]
        X = SpectrogramTransformer(n_jobs=-1).fit_transform(chosen)
        y = (labels[: len(chosen)] == "Present").astype(int)
        return measure_training(X, y, rounds=rounds, n_threads=options.threads)
    if name.startswith("search"):
        from speed_search import measure as measure_search

        whole = name != "search"
        rounds = 1 if options.quick or whole else 2
        return measure_search(
            options.data_home, rounds=rounds, quick=options.quick, whole=whole
        )
    if name == "growth":
        from speed_growth import measure as measure_growth

        return measure_growth(paths[:200], options.work, quick=options.quick)
    if name == "deployment":
        from speed_deployment import measure as measure_deployment

        work = options.work / "deployment"
        return measure_deployment(paths[:40], work, rounds=rounds, quick=options.quick)
    from speed_prediction import measure as measure_prediction

    n_batch = 100 if options.quick else 1000
    chosen = paths[: 30 if options.quick else 200]
    return measure_prediction(chosen, rounds=rounds, n_batch=n_batch)


if __name__ == "__main__":
    main()
