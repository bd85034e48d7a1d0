"""Reproduce the Deep Stethoscope study (2018), with splits at random and by patient.

The task is to classify PASCAL set B as normal or murmur. The methods are those of the
study: spectrograms at 1 kHz, two 5×5 convolutions with batch normalization, dense
layers of 100, 50 and 8 units with dropout and an L2 penalty, and a loss that
approximates the AUROC. With six folds, a fold has about as many test recordings as the
single split of the study (67). In a random split, patients of the test recordings are
also in the training data; in a split by patient, they are not.

    python examples/deep_stethoscope.py DATA_HOME

DATA_HOME is the folder with the unpacked PASCAL corpus. The script takes about five
minutes on two cores.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import load_pascal
from skheart.metrics import auroc_confidence_interval, auroc_score

LABELS = ["normal", "murmur"]  # the second is the positive class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the PASCAL corpus")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    corpus = load_pascal(options.data_home, subsets="b", classes=LABELS)
    X = SpectrogramTransformer(
        sample_rate=1000, f_min=0, f_max=500, scale="linear", duration=5.0
    ).fit_transform(corpus.data)
    y, patients = corpus.target, corpus.groups
    print(
        f"{len(y)} recordings of {len(np.unique(patients))} patients, "
        f"{np.mean(y == 'normal'):.1%} of the recordings normal"
    )
    print("The study reported, on one random split: accuracy 0.776, AUROC 0.768.")

    settings = {"n_splits": options.folds, "shuffle": True}
    for name, folds in [
        ("at random", StratifiedKFold(**settings, random_state=options.seed)),
        ("by patient", StratifiedGroupKFold(**settings, random_state=options.seed)),
    ]:
        report(name, folds, X, y, patients, options)


def report(name, folds, X, y, patients, options) -> None:
    """Cross-validate, and print accuracy and AUROC with their intervals."""
    scores = np.zeros(len(y))
    correct = np.zeros(len(y), dtype=bool)
    aurocs, shared = [], []
    by_patient = isinstance(folds, StratifiedGroupKFold)
    for train, test in folds.split(X, y, patients if by_patient else None):
        classifier = CNNClassifier(
            network="deep_stethoscope",
            loss="auroc",
            dropout=0.3,
            l2=1e-3,
            epochs=options.epochs,
            crop_frames=None,
            random_state=options.seed,
        ).fit(X[train], y[train])
        logit = classifier.decision_function(X[test])
        scores[test] = logit if classifier.classes_[1] == "murmur" else -logit
        correct[test] = classifier.predict(X[test]) == y[test]
        aurocs.append(auroc_score(y[test], scores[test], labels=LABELS))
        shared.append(np.mean(np.isin(patients[test], patients[train])))
    auroc, low, high = auroc_confidence_interval(
        y, scores, groups=patients, labels=LABELS, random_state=0
    )
    print(
        f"\nSplit {name}: {np.mean(shared):.0%} of the test recordings are of patients "
        "who are also in the training data"
    )
    accuracy_low, accuracy_high = interval_of_mean(correct, patients)
    print(
        f"  accuracy {correct.mean():.3f} (95 % interval over patients "
        f"{accuracy_low:.3f} to {accuracy_high:.3f})"
    )
    print(
        f"  AUROC {auroc:.3f} ({low:.3f} to {high:.3f}); by fold "
        f"{np.mean(aurocs):.3f}, sd {np.std(aurocs):.3f}, from {min(aurocs):.3f} to "
        f"{max(aurocs):.3f}",
        flush=True,
    )


def interval_of_mean(values, patients, *, n_resamples=2000):
    """Return the 95 % interval of a mean by drawing patients with replacement."""
    random = np.random.default_rng(0)
    _, codes = np.unique(patients, return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    drawn = random.integers(0, len(counts), (n_resamples, len(counts)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return np.quantile(means, [0.025, 0.975])


if __name__ == "__main__":
    main()
