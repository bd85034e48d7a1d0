"""Train a classifier of murmurs on CirCor, in five folds by patient.

The classes are recordings with an audible murmur (Present), and recordings of patients
without a murmur (Absent). The script excludes patients whose murmur is uncertain, and
locations where a patient's murmur is inaudible. It computes the AUROC by recording and
by patient (with the maximum score of the patient's locations).

    python examples/train_murmur.py DATA_HOME

DATA_HOME is the folder with the unpacked CirCor DigiScope corpus. The script takes
about five minutes on two cores.

The strength of the augmentation was chosen on two of these folds, so the figures are
slightly optimistic; ``--augment 0`` is the setting before that choice.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import load_circor2022
from skheart.metrics import auroc_confidence_interval, auroc_score, pool_by_group


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the CirCor DigiScope corpus")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--augment", type=float, default=0.5)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    corpus = load_circor2022(options.data_home, target="murmur_at_location")
    kept = np.isin(corpus.target, ["Absent", "Present"])
    paths, target = corpus.data[kept], corpus.target[kept]
    patients = corpus.groups[kept]
    print(
        f"{len(paths)} recordings of {len(np.unique(patients))} patients, "
        f"{np.mean(target == 'Present'):.1%} of the recordings with a murmur"
    )

    spectrograms = SpectrogramTransformer(n_jobs=2, verbose=1)
    X = spectrograms.fit_transform(paths)  # does not depend on the labels
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=options.seed)
    scores = np.full(len(paths), np.nan)
    by_recording, by_patient = [], []
    for number, (train, test) in enumerate(folds.split(X, target, patients), 1):
        classifier = CNNClassifier(
            epochs=options.epochs,
            class_weight="balanced",
            augment=options.augment,
            random_state=options.seed,
            verbose=1,
        ).fit(X[train], target[train])
        scores[test] = classifier.decision_function(X[test])
        by_recording.append(auroc_score(target[test], scores[test]))
        by_patient.append(auroc_of_patients(scores[test], target[test], patients[test]))
        print(
            f"fold {number}: AUROC by recording {by_recording[-1]:.3f}, "
            f"by patient {by_patient[-1]:.3f}",
            flush=True,
        )

    pooled = pool_by_group(
        scores, patients, how="max", y_true=target, pos_label="Present"
    )
    for name, values, interval in [
        (
            "recording",
            by_recording,
            auroc_confidence_interval(target, scores, groups=patients, random_state=0),
        ),
        (
            "patient",
            by_patient,
            auroc_confidence_interval(pooled.y_true, pooled.y_score, random_state=0),
        ),
    ]:
        print(
            f"AUROC by {name}: mean {np.mean(values):.3f}, sd {np.std(values):.3f} "
            f"over {options.folds} folds; all folds together {interval.auroc:.3f} "
            f"(95 % interval over patients {interval.low:.3f} to {interval.high:.3f})"
        )


def auroc_of_patients(scores, target, patients):
    """Return the AUROC by patient, with the maximum score of each patient."""
    pooled = pool_by_group(
        scores, patients, how="max", y_true=target, pos_label="Present"
    )
    return auroc_score(pooled.y_true, pooled.y_score)


if __name__ == "__main__":
    main()
