"""Compare a network in float32 with the same network in int8, in LiteRT.

    python benchmarks/int8.py DATA_HOME          # about ten minutes on two cores

DATA_HOME contains the folder circor2022. Four fifths of the patients of CirCor train a
network, and 200 of their recordings calibrate it in int8 (export_litert); the AUROC is
that of the patients kept back. The shipped model "murmur" is compared in the same way:
it was trained on all patients, so that only its difference means something. Results are
written to benchmarks/results/int8.json.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _results import RESULTS, write_results
from ai_edge_litert.interpreter import Interpreter
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart import (
    CNNClassifier,
    SpectrogramTransformer,
    export_litert,
    load_pretrained,
)
from skheart.datasets import load_circor2022
from skheart.metrics import auroc_confidence_interval, auroc_score
from skheart.neural.windows import window_starts

N_CALIBRATION = 200  # recordings


def crops_of(spectrogram: np.ndarray, n_crop: int) -> np.ndarray:
    """Return the windows of a recording, (n, n_bands, n_crop, 1)."""
    starts = window_starts(spectrogram.shape[1], n_crop)
    windows = [spectrogram[:, start : start + n_crop] for start in starts]
    return np.stack(windows)[..., np.newaxis].astype(np.float32)


def converted(classifier: Any, paths: np.ndarray | None) -> bytes:
    """Return a LiteRT file of the network, in int8 if there are paths to calibrate."""
    steps = [("spectrogram", SpectrogramTransformer(n_jobs=2)), ("cnn", classifier)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        export_litert(Pipeline(steps), path, part="network", calibration=paths)
        return path.read_bytes()


def scores_of(content: bytes, spectrograms: np.ndarray, n_crop: int) -> np.ndarray:
    """Return the mean logit of the crops of each recording."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    computed = interpreter.get_output_details()[0]["index"]
    scores = []
    for spectrogram in spectrograms:
        logits = []
        for crop in crops_of(spectrogram, n_crop):
            interpreter.set_tensor(given, crop[np.newaxis])
            interpreter.invoke()
            logits.append(interpreter.get_tensor(computed)[0, -1])
        scores.append(np.mean(logits))
    return np.array(scores)


def compare(
    classifier: Any,
    paths: np.ndarray,
    X: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
) -> dict[str, Any]:
    """Return the AUROC of both networks on the recordings that are not in `train`."""
    test = np.setdiff1d(np.arange(len(X)), train)
    n_crop = classifier.n_crop_
    draw = np.random.default_rng(0)
    chosen = paths[draw.choice(train, N_CALIBRATION, replace=False)]
    found: dict[str, Any] = {"recordings": len(test)}
    found["patients"] = len(np.unique(groups[test]))
    scores = {}
    for name, calibration in (("float32", None), ("int8", chosen)):
        content = converted(classifier, calibration)
        scores[name] = scores_of(content, X[test], n_crop)
        if classifier.classes_[-1] != "Present":
            scores[name] = -scores[name]
        interval = auroc_confidence_interval(
            target[test], scores[name], groups=groups[test], random_state=0
        )
        found[name] = {
            "auroc": interval.auroc,
            "low": interval.low,
            "high": interval.high,
            "bytes": len(content),
        }
    found["difference"] = found["int8"]["auroc"] - found["float32"]["auroc"]
    # Interval of the difference over patients, of the same draws for both.
    patients = np.unique(groups[test])
    rows_of = {p: np.flatnonzero(groups[test] == p) for p in patients}
    differences = []
    for _ in range(1000):
        drawn = draw.choice(patients, len(patients))
        rows = np.concatenate([rows_of[p] for p in drawn])
        if len(np.unique(target[test][rows])) == 2:
            both = [auroc_score(target[test][rows], scores[k][rows]) for k in scores]
            differences.append(both[1] - both[0])
    low, high = np.quantile(differences, [0.025, 0.975])
    found["difference low"], found["difference high"] = float(low), float(high)
    found["largest change of a logit"] = float(
        np.abs(scores["int8"] - scores["float32"]).max()
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_home", help="folder with circor2022")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    corpus = load_circor2022(options.data_home, target="murmur_at_location")
    kept = np.isin(corpus.target, ["Absent", "Present"])
    paths, target = np.asarray(corpus.data)[kept], np.asarray(corpus.target)[kept]
    groups = np.asarray(corpus.groups)[kept]
    X = SpectrogramTransformer(n_jobs=2).fit_transform(paths)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    train, _ = next(folds.split(X, target, groups))
    classifier = CNNClassifier(
        epochs=options.epochs, class_weight="balanced", augment=0.5, random_state=0
    ).fit(X[train], target[train])
    shipped = load_pretrained("murmur")[-1]
    results = {
        "trained on other patients": compare(
            classifier, paths, X, target, groups, train
        ),
        "shipped": compare(shipped, paths, X, target, groups, train),
    }
    print(results)
    settings = {"epochs": options.epochs, "calibration recordings": N_CALIBRATION}
    write_results(RESULTS / "int8.json", results, settings)


if __name__ == "__main__":
    main()
