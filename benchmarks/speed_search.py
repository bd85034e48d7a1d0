"""Time a grid search over six candidates in three folds by patient, on PASCAL.

The code written by hand computes spectrograms with librosa inside a
``FunctionTransformer``, and wraps the same network with SciKeras. It trains on whole
spectrograms, because random crops would need code of their own. Each alternative runs
in a separate process with its own joblib workers. The time includes their start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from skheart import SpectrogramTransformer
from skheart.spectrogram.parallel import SpectrogramJob

EPOCHS, N_FOLDS = 4, 3
RATES, DROPOUTS = (1e-3, 2e-3, 4e-3), (0.2, 0.4)
# Kind, number of jobs, and cache: joblib's memory, or that of the transformer.
WAYS: dict[str, tuple[str, int, str]] = {
    "skheart": ("skheart", 2, ""),
    "skheart, memory=": ("skheart", 2, "memory"),
    "skheart, cache=": ("skheart", 2, "cache"),
    "skheart, one job": ("skheart", 1, ""),
    "skheart, one job, memory=": ("skheart", 1, "memory"),
    "by hand": ("hand", 2, ""),
}
# Training on whole spectrograms, like the code written by hand.
WHOLE: dict[str, tuple[str, int, str]] = {
    "skheart": ("whole", 2, "cache"),
    "by hand": ("hand", 2, ""),
}


class Counting(SpectrogramTransformer):
    """Count the spectrograms that are computed and not read from a cache."""

    def _job(self) -> SpectrogramJob:
        job = super()._job()
        compute = job._computed

        def counted(*arguments: Any, **others: Any) -> np.ndarray:
            _count(1)
            return compute(*arguments, **others)

        object.__setattr__(job, "_computed", counted)
        return job


def spectrograms_by_librosa(paths: Any) -> np.ndarray:
    """Compute normalized spectrograms of 20 s, (n_recordings, n_bands, n_frames, 1)."""
    from speed_spectrograms import from_file_by_librosa

    _count(len(paths))
    return np.stack([from_file_by_librosa(path) for path in paths])[..., np.newaxis]


def network_by_hand(learning_rate: float, dropout: float) -> Any:
    """Return the compiled network "compact"."""
    import keras

    from skheart.neural import compact

    model = compact(n_bands=40, n_frames=1001, dropout=dropout)
    model.compile(
        optimizer=keras.optimizers.AdamW(learning_rate, weight_decay=1e-2),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model


def search_of(kind: str, n_jobs: int, kept: str, folder: str) -> Any:
    """Return the search of one alternative."""
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    if kind == "hand":
        from scikeras.wrappers import KerasClassifier

        network = KerasClassifier(
            network_by_hand, learning_rate=2e-3, dropout=0.3, epochs=EPOCHS, verbose=0,
            batch_size=32,
        )  # fmt: skip
        first: Any = FunctionTransformer(spectrograms_by_librosa)
    else:
        from skheart import CNNClassifier

        crop = {"crop_frames": None} if kind == "whole" else {}
        network = CNNClassifier(epochs=EPOCHS, random_state=0, **crop)
        first = Counting(cache=folder if kept == "cache" else None)
    pipeline = Pipeline(
        [("spectrogram", first), ("cnn", network)],
        memory=folder if kept == "memory" else None,
    )
    grid = {"cnn__learning_rate": RATES, "cnn__dropout": DROPOUTS}
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, grid, cv=folds, n_jobs=n_jobs, error_score="raise")


def _count(n: int) -> None:
    with open(os.environ["SPECTROGRAMS_COUNTED"], "a", encoding="ascii") as file:
        file.write(f"{n}\n")


def run_one(data_home: str, kind: str, n_jobs: int, kept: str) -> None:
    """Run one alternative, and print the measurements."""
    from _watch import Watch

    from skheart.datasets import load_pascal

    pascal = load_pascal(data_home, subsets="b", classes=["murmur", "normal"])
    y = (pascal.target == "murmur").astype(int)
    with tempfile.TemporaryDirectory() as folder:
        counted = Path(folder) / "counted"
        os.environ["SPECTROGRAMS_COUNTED"] = str(counted)
        with Watch() as watch:
            start = time.perf_counter()
            search = search_of(kind, n_jobs, kept, folder)
            search.fit(pascal.data, y, groups=pascal.groups)
            seconds = time.perf_counter() - start
        n_computed = sum(map(int, counted.read_text().split()))
    row = {
        "seconds": seconds,
        "spectrograms": n_computed,
        "score": float(search.best_score_),
        "workers_mb": sorted(watch.workers_mb, reverse=True)[:n_jobs],
        "own_mb": round(watch.peak_mb[os.getpid()]),
        "running": watch.running,
        "recordings": len(y),
    }
    print(json.dumps(row), flush=True)


def measure(
    data_home: str, *, rounds: int, quick: bool, whole: bool = False
) -> dict[str, Any]:
    """Run all alternatives alternately, each in a new process.

    With `quick`, the searches with one job are omitted; with `whole`, whole
    spectrograms are trained on.
    """
    from _turns import compared

    ways = WHOLE if whole else WAYS
    names = [name for name in ways if not (quick and "one job" in name)]
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            kind, n_jobs, kept = ways[name]
            command = [sys.executable, __file__, data_home, kind, str(n_jobs), kept]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{name} failed:\n{done.stderr[-3000:]}")
            row = json.loads(done.stdout.splitlines()[-1])
            print(name, row, flush=True)
            seen[name].append(row)
    rows = compared({k: [run["seconds"] for run in v] for k, v in seen.items()})
    for name, runs in seen.items():
        last = runs[-1]
        rows[name] |= {
            "spectrograms": last["spectrograms"],
            "best score": round(last["score"], 3),
            "most memory of each worker, MB": last["workers_mb"] or [last["own_mb"]],
            "most threads running": max(run["running"] for run in runs),
        }
    return {
        "recordings": seen[names[0]][0]["recordings"],
        "candidates": len(RATES) * len(DROPOUTS),
        "folds": N_FOLDS,
        "epochs": EPOCHS,
        "rounds": rounds,
        "search": rows,
    }


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Workers import the classes of this file by the name of its module.
    import speed_search

    _, data_home, kind, n_jobs, kept = sys.argv
    speed_search.run_one(data_home, kind, int(n_jobs), kept)
