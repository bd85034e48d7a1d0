"""Does a loss that approximates the AUROC improve the AUROC?

    python benchmarks/loss_study.py DATA_HOME --jobs 2

The same network is trained for the same number of epochs with cross-entropy (with
random batches, and with both classes in each batch), with the two forms of the AUROC
loss, with that of the positive recordings of lowest score, and with the sum of
cross-entropy and AUROC. There are ten repetitions of five folds by patient on PASCAL
set B from scratch, three on CirCor, and three of fine-tuning on 100, 50 and 25
recordings of PASCAL (one on all). Differences are paired by fold, and their intervals
are bootstrapped over patients. Writes benchmarks/results/loss_study.json; finished
folds are stored in the folder --work.
"""

from __future__ import annotations

import argparse
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora, spectrograms
from _cut import start_without_pascal
from _recipes import SPECTROGRAM as JOINT_SPECTROGRAM
from accuracy import RESULTS, write
from fine_tuning import some
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


class LowestPositives(AUROCLoss):
    """The AUROC loss of the third of the positive recordings with the lowest scores.

    It approximates the area at high sensitivity.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Compute the loss of a batch, a scalar; murmur is the first class."""
        positive = 1 - keras.ops.cast(y_true, "float32")
        scores = -keras.ops.cast(y_pred, "float32")
        candidates = keras.ops.where(positive > 0, scores, float("inf"))
        n = keras.ops.sum(keras.ops.cast(positive, "int32"))
        last = keras.ops.maximum((n + 2) // 3, 1) - 1
        limit = keras.ops.sort(keras.ops.reshape(candidates, (-1,)))[last]
        kept = keras.ops.cast((positive < 1) | (scores <= limit), "float32")
        if sample_weight is not None:
            kept *= keras.ops.reshape(sample_weight, (-1, 1))
        return super().__call__(positive, scores, kept)


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
LOWEST = "AUROC of the lowest positives, squared hinge"
TUNING_LOSSES = {
    **LOSSES,
    LOWEST: lambda: LowestPositives(surrogate="squared_hinge"),
}


@dataclass(frozen=True)
class Study:
    """A data set and how networks are trained on it."""

    corpus: str
    seeds: int  # repetitions of five folds
    settings: dict[str, Any]  # parameters of the classifier
    pretrained: bool = False  # whether it starts from a network of CirCor and CinC 2016
    size: int | None = None  # recordings for training; None means all of four folds

    @property
    def losses(self) -> dict[str, Any]:
        """The losses that are compared, by name."""
        return TUNING_LOSSES if self.pretrained else LOSSES


TUNING = {"epochs": 20, "augment": 1.0, "learning_rate": 2e-4}
STUDIES = {
    "pascal": Study("pascal", 10, {"epochs": 20, "augment": 1.0}),
    "circor2022": Study("circor2022", 3, {"epochs": 10, "augment": 0.5}),
    "pascal, fine-tuned": Study("pascal", 1, TUNING, True),
    "pascal, fine-tuned on 100": Study("pascal", 3, TUNING, True, 100),
    "pascal, fine-tuned on 50": Study("pascal", 3, TUNING, True, 50),
    "pascal, fine-tuned on 25": Study("pascal", 3, TUNING, True, 25),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    parser.add_argument("--only", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--seeds", type=int, default=None, help="repetitions")
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    path = RESULTS / "loss_study.json"
    results = json.loads(path.read_text()) if path.exists() else {"studies": {}}
    for name in options.only:
        study = STUDIES[name]
        corpus = study.corpus
        settings = JOINT_SPECTROGRAM if study.pretrained else SPECTROGRAM
        X = spectrograms(corpora, options.work, **settings)
        start = None
        if study.pretrained:
            start = start_without_pascal(X, corpora, options.work)
        asked = (corpora.corpus == corpus) & (corpora.codes["murmur"] >= 0)
        asked &= (corpora.part == "b") | (corpus != "pascal")
        rows = np.flatnonzero(asked)
        part = corpora.take(rows)
        seeds = range(options.seeds or study.seeds)
        # All losses of a fold in sequence, so that an unfinished study is balanced.
        calls = [
            (name, seed, fold, loss)
            for seed in seeds
            for fold in range(N_FOLDS)
            for loss in study.losses
        ]
        spectrogram = np.array(X[rows])
        with parallel_config("loky", n_jobs=options.jobs):
            scores = Parallel()(
                delayed(scored)(spectrogram, part, call, options.work / "losses", start)
                for call in calls
            )
        results["studies"][name] = compared(part, calls, scores)
        known = [one for one in STUDIES if one in results["studies"]]
        results["studies"] = {one: results["studies"][one] for one in known}
        write(path, results)
        for loss, row in results["studies"][name]["losses"].items():
            print(name, loss, row, flush=True)


def folds(part: Corpora, seed: int) -> np.ndarray:
    """Return the folds of a repetition, which depend on the seed."""
    return part.fold if seed == 0 else part.order_of(seed)


def scored(
    X: np.ndarray,
    part: Corpora,
    call: tuple[str, int, int, str],
    folder: Path,
    start: CNNClassifier | None,
) -> np.ndarray:
    """Train with one loss in one fold, and return the logits of the test recordings."""
    name, seed, fold, loss = call
    key = f"{name}-{seed}-{fold}-{zlib.crc32(loss.encode()):08x}"
    path = folder / f"{key}.npy"
    if path.exists():
        return np.load(path)
    study = STUDIES[name]
    test = folds(part, seed) == fold
    rows = some(part, ~test, study.size, seed=10 * fold + seed)
    limit_threads(1)
    classifier = CNNClassifier(
        loss=study.losses[loss](), random_state=seed, weights=start, **study.settings
    )
    # In the network that training starts from, murmur is the first class.
    y = part.word if study.pretrained else part.codes["murmur"] == 0
    classifier.fit(X[rows].astype(np.float32), y[rows])
    score = classifier.decision_function(X[test].astype(np.float32))
    score = -score if study.pretrained else score
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
    losses = list(dict.fromkeys(loss for *_, loss in calls))
    values: dict[str, list[np.ndarray]] = {loss: [] for loss in losses}
    high: dict[str, list[np.ndarray]] = {loss: [] for loss in losses}
    for (_, seed, fold, loss), score in zip(calls, scores, strict=True):
        test = folds(part, seed) == fold
        truth = part.codes["murmur"][test] == 0
        counts = times[:, patient[test]]
        values[loss].append(_aurocs(truth, score, counts))
        high[loss].append(_aurocs(truth, score, counts, lowest=0.1))
    mean = {loss: np.nanmean(rows, axis=0) for loss, rows in values.items()}
    at_high = {loss: np.nanmean(rows, axis=0) for loss, rows in high.items()}
    rows: dict[str, Any] = {}
    for loss, value in mean.items():
        by_fold = np.array([row[0] for row in values[loss]])
        rows[loss] = {
            "mean": round(float(value[0]), 4),
            "sd": round(float(by_fold.std()), 4),
            **_difference(value - mean["cross-entropy"]),
            "same_batches": _difference(value - mean[SAME_BATCHES]),
            "at sensitivity 0.9 to 1": {
                "mean": round(float(at_high[loss][0]), 4),
                **_difference(at_high[loss] - at_high["cross-entropy"]),
            },
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


def _aurocs(
    truth: np.ndarray, score: np.ndarray, weights: np.ndarray, lowest: float = 1.0
) -> np.ndarray:
    """Return the AUROC for each row of weights; no two scores may be equal.

    With `lowest`, only this share of the positive recordings counts, those with the
    lowest scores: it is the mean specificity at the sensitivities above 1 - `lowest`.
    """
    order = np.argsort(score, kind="stable")
    positive = weights[:, order] * truth[order]
    negative = weights[:, order] * ~truth[order]
    below = np.cumsum(negative, axis=1)
    with np.errstate(invalid="ignore"):
        share = np.cumsum(positive, axis=1) / positive.sum(axis=1, keepdims=True)
        counted = np.diff(np.minimum(share, lowest), prepend=0, axis=1)
        return (counted * below).sum(axis=1) / (lowest * negative.sum(axis=1))


if __name__ == "__main__":
    main()
