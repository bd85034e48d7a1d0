"""Does a loss that approximates the AUROC improve the AUROC?

    python benchmarks/loss_study.py DATA_HOME --jobs 2

The same network is trained for the same number of epochs with cross-entropy (with
random batches, and with both classes in each batch), with the two forms of the AUROC
loss, and with the sum of both. There are ten repetitions of five folds by patient on
PASCAL set B, and three on CirCor. Differences are paired by fold, and their intervals
are bootstrapped over patients. Writes benchmarks/results/loss_study.json; finished
folds are stored in the folder --work.
"""

from __future__ import annotations

import argparse
import os
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora, spectrograms
from accuracy import RESULTS, write
from joblib import Parallel, delayed, parallel_config

from skheart import CNNClassifier
from skheart._core.files import atomic_path
from skheart.neural import AUROCLoss
from skheart.neural.threads import limit_threads

SPECTROGRAM = {"duration": 20.0}


class CrossEntropyAndAUROC(AUROCLoss):
    """The sum of both losses, with equal weights."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        ranking = super().__call__(y_true, y_pred, sample_weight)
        return ranking + cross_entropy(y_true, y_pred, sample_weight)


class CrossEntropy(AUROCLoss):
    """Cross-entropy with the batches and the calibration of the AUROC loss."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        return cross_entropy(y_true, y_pred, sample_weight)


SAME_BATCHES = "cross-entropy, batches as for AUROC"
LOSSES = {
    "cross-entropy": lambda: "crossentropy",
    SAME_BATCHES: CrossEntropy,
    "AUROC, sigmoid": lambda: AUROCLoss(surrogate="sigmoid"),
    "AUROC, squared hinge": lambda: AUROCLoss(surrogate="squared_hinge"),
    "cross-entropy + AUROC": lambda: CrossEntropyAndAUROC(surrogate="sigmoid"),
}
STUDIES = {
    "pascal": {"seeds": 10, "epochs": 20, "augment": 1.0},
    "circor2022": {"seeds": 3, "epochs": 10, "augment": 0.5},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--seeds", type=int, default=None, help="default: 10 and 3")
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    X = spectrograms(corpora, options.work, **SPECTROGRAM)
    results: dict[str, Any] = {"studies": {}}
    path = RESULTS / "loss_study.json"
    for corpus in options.only:
        asked = (corpora.corpus == corpus) & (corpora.codes["murmur"] >= 0)
        asked &= (corpora.part == "b") | (corpus != "pascal")
        rows = np.flatnonzero(asked)
        part = corpora.take(rows)
        seeds = range(options.seeds or STUDIES[corpus]["seeds"])
        # All losses of a fold in sequence, so that an unfinished study is balanced.
        calls = [
            (corpus, seed, fold, loss)
            for seed in seeds
            for fold in range(N_FOLDS)
            for loss in LOSSES
        ]
        spectrogram = np.array(X[rows])
        with parallel_config("loky", n_jobs=options.jobs):
            scores = Parallel()(
                delayed(scored)(spectrogram, part, call, options.work / "losses")
                for call in calls
            )
        results["studies"][corpus] = compared(part, calls, scores)
        write(path, results)
        for loss, row in results["studies"][corpus]["losses"].items():
            print(corpus, loss, row, flush=True)


def folds(part: Corpora, seed: int) -> np.ndarray:
    """Return the folds of a repetition, which depend on the seed."""
    return part.fold if seed == 0 else part.order_of(seed)


def scored(
    X: np.ndarray, part: Corpora, call: tuple[str, int, int, str], folder: Path
) -> np.ndarray:
    """Train with one loss in one fold, and return the logits of the test recordings."""
    corpus, seed, fold, loss = call
    key = f"{corpus}-{seed}-{fold}-{zlib.crc32(loss.encode()):08x}"
    path = folder / f"{key}.npy"
    if path.exists():
        return np.load(path)
    settings = STUDIES[corpus]
    test = folds(part, seed) == fold
    limit_threads(1)
    classifier = CNNClassifier(
        loss=LOSSES[loss](),
        epochs=settings["epochs"],
        augment=settings["augment"],
        random_state=seed,
    )
    classifier.fit(X[~test].astype(np.float32), part.codes["murmur"][~test] == 0)
    score = classifier.decision_function(X[test].astype(np.float32))
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, score)
    return score


def compared(
    part: Corpora, calls: list[Any], scores: list[np.ndarray], n_resamples: int = 2000
) -> dict[str, Any]:
    """Return the AUROC of each loss, and its difference from cross-entropy.

    Batches of the AUROC losses are stratified by class, those of cross-entropy are not.
    ``same_batches`` is the difference from cross-entropy with stratified batches.
    """
    _, patient = np.unique(part.group, return_inverse=True)
    n_patients = patient.max() + 1
    random = np.random.default_rng(0)
    # In the first row, each patient counts once.
    times = random.multinomial(
        n_patients, np.full(n_patients, 1 / n_patients), n_resamples
    )
    times = np.vstack([np.ones(n_patients), times])
    values: dict[str, list[np.ndarray]] = {loss: [] for loss in LOSSES}
    for (_, seed, fold, loss), score in zip(calls, scores, strict=True):
        test = folds(part, seed) == fold
        truth = part.codes["murmur"][test] == 0
        values[loss].append(_aurocs(truth, score, times[:, patient[test]]))
    mean = {loss: np.nanmean(rows, axis=0) for loss, rows in values.items()}
    rows: dict[str, Any] = {}
    for loss, value in mean.items():
        by_fold = np.array([row[0] for row in values[loss]])
        rows[loss] = {
            "mean": round(float(value[0]), 4),
            "sd": round(float(by_fold.std()), 4),
            **_difference(value - mean["cross-entropy"]),
            "same_batches": _difference(value - mean[SAME_BATCHES]),
            "folds": [round(float(v), 4) for v in by_fold],
        }
    return {
        "losses": rows,
        "recordings": len(part),
        "patients": int(n_patients),
        "seeds": len({seed for _, seed, _, _ in calls}),
        "fits": len(calls),
    }


def _difference(values: np.ndarray) -> dict[str, float]:
    """Return a difference (the first value) and its interval (from the others)."""
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return {
        "difference": round(float(values[0]), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def _aurocs(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the AUROC for each row of weights; no two scores may be equal."""
    order = np.argsort(score, kind="stable")
    positive = weights[:, order] * truth[order]
    negative = weights[:, order] * ~truth[order]
    below = np.cumsum(negative, axis=1)
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(axis=1) / (
            positive.sum(axis=1) * negative.sum(axis=1)
        )


if __name__ == "__main__":
    main()
