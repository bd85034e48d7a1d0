"""Measure the benefit of a pretrained network when few recordings are labelled.

    python benchmarks/fine_tuning.py DATA_HOME

A classifier for PASCAL set B (murmur, normal) is trained on some recordings of four
fifths of the patients, and scored on the other patients. It starts from scratch, or
from a network trained on CirCor and CinC 2016 only, since the pretrained models of the
package were trained on PASCAL, too. Writes benchmarks/results/fine_tuning.json.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora, spectrograms
from _cut import start_without_pascal
from _recipes import SPECTROGRAM
from accuracy import RESULTS, write

from skheart import CNNClassifier
from skheart.metrics import auroc_score
from skheart.neural.threads import limit_threads

SIZES = (25, 50, 100, None)  # None means all recordings
WAYS: dict[str, dict[str, Any]] = {
    "from scratch": {},
    "from scratch, 80 epochs": {"epochs": 80},
    "pretrained": {"weights": True},
    "pretrained, learning rate 0.0002": {"weights": True, "learning_rate": 2e-4},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    limit_threads(options.threads)

    corpora = read_corpora(options.data_home)
    X = spectrograms(corpora, options.work, **SPECTROGRAM)
    start = start_without_pascal(X, corpora, options.work)

    asked = (corpora.corpus == "pascal") & (corpora.part == "b")
    rows = np.flatnonzero(asked & (corpora.codes["murmur"] >= 0))
    X, part = X[rows].astype(np.float32), corpora.take(rows)
    truth = part.word
    by_fold: dict[str, list[float]] = {"untouched": []}
    for k in range(N_FOLDS):
        test = part.fold == k
        # The positive class is murmur, the first one.
        score = start.predict_proba(X[test])[:, 0]
        by_fold["untouched"].append(auroc_score(truth[test] == "murmur", score))
        for repeat in range(options.repeats):
            for size in SIZES:
                chosen = some(part, part.fold != k, size, seed=10 * k + repeat)
                for way, settings in WAYS.items():
                    weights = start if "weights" in settings else None
                    classifier = CNNClassifier(
                        class_weight="balanced",
                        augment=1.0,
                        random_state=repeat,
                        **settings | {"weights": weights},
                    ).fit(X[chosen], truth[chosen])
                    score = classifier.predict_proba(X[test])[:, 0]
                    name = f"{way}, {size or 'all'}"
                    value = auroc_score(truth[test] == "murmur", score)
                    by_fold.setdefault(name, []).append(value)
                    print(k, repeat, name, round(value, 3), flush=True)
    results: dict[str, Any] = {
        "figures": {
            name: {
                "mean": round(float(np.mean(values)), 4),
                "sd": round(float(np.std(values)), 4),
                "values": [round(float(value), 4) for value in values],
            }
            for name, values in by_fold.items()
        },
        "sizes": [size or "all" for size in SIZES],
        "recordings": len(part),
        "patients": len(np.unique(part.group)),
    }
    write(RESULTS / "fine_tuning.json", results)
    print(json.dumps({k: v["mean"] for k, v in results["figures"].items()}, indent=1))


def some(part: Corpora, allowed: np.ndarray, size: int | None, *, seed: int) -> Any:
    """Draw patients up to `size` recordings, a third of them with a murmur."""
    rows = np.flatnonzero(allowed)
    if size is None:
        return rows
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for label, share in (("murmur", 1 / 3), ("normal", 2 / 3)):
        wanted = round(size * share)
        patients = random.permutation(np.unique(part.group[rows]))
        drawn: list[int] = []
        for patient in patients:
            here = rows[(part.group[rows] == patient) & (part.word[rows] == label)]
            drawn += here.tolist()
            if len(drawn) >= wanted:
                break
        chosen += drawn[:wanted]
    return np.array(chosen)


if __name__ == "__main__":
    main()
