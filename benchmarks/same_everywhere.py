"""Check that searches on loky, Dask and Ray always have the scores of one process.

    python benchmarks/same_everywhere.py                  # twenty times each
    python benchmarks/same_everywhere.py --times 3 --only ray

Two other processes keep the machine busy. Every score of every search must be identical
to that of the serial search; at the first difference, the program stops with an error.
It uses simulated recordings and takes 15 minutes on two cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import make_heart_sounds
from skheart.metrics import auroc_scorer


def busy() -> None:
    while True:
        pass


def scores(n_jobs: int | None = None) -> np.ndarray:
    """Return all scores of one search."""
    sounds = make_heart_sounds(40, duration=(2.0, 3.0), random_state=0)
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=2.0)),
            ("cnn", CNNClassifier(epochs=2, random_state=0)),
        ]
    )
    search = GridSearchCV(
        pipeline,
        {"cnn__learning_rate": [1e-3, 8e-3]},
        cv=StratifiedGroupKFold(2),
        scoring=auroc_scorer,
        refit=False,
        error_score="raise",
        n_jobs=n_jobs,
    )
    results = search.fit(sounds.data, sounds.target, groups=sounds.groups).cv_results_
    return np.array([results[f"split{fold}_test_score"] for fold in range(2)])


def repeat(name: str, times: int, expected: np.ndarray) -> None:
    """Repeat the search on the current backend of joblib, and compare the scores."""
    for number in range(times):
        found = scores(n_jobs=2)
        if not np.array_equal(found, expected):
            raise SystemExit(f"{name}, search {number + 1}: {found}, not {expected}")
    print(f"{name}: {times} searches, all scores equal to those of one process")


def on_loky(times: int, expected: np.ndarray) -> None:
    repeat("loky", times, expected)


def on_dask(times: int, expected: np.ndarray) -> None:
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        repeat("Dask", times, expected)


def on_ray(times: int, expected: np.ndarray) -> None:
    # Otherwise Ray's workers let the busy processes go first, and take minutes.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (Ray spells it so)
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    with joblib.parallel_config(backend="ray"):
        repeat("Ray", times, expected)
    ray.shutdown()


BACKENDS: dict[str, Callable[[int, np.ndarray], None]] = {
    "loky": on_loky,
    "dask": on_dask,
    "ray": on_ray,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    options = parser.parse_args()
    others = [multiprocessing.Process(target=busy, daemon=True) for _ in range(2)]
    for process in others:
        process.start()
    expected = scores()
    print(f"one process: {expected.ravel()}")
    for name in options.only:
        BACKENDS[name](options.times, expected)


if __name__ == "__main__":
    main()
