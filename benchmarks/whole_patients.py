"""Do other ways than the maximum join the recordings of a patient better?

    python benchmarks/whole_patients.py DATA_HOME

The model "murmur" scores each recording of CirCor, with networks that were not trained
on the patient (benchmarks/accuracy.py trains and stores them). A patient's score is the
maximum over the recordings; here it is compared with other means, and with logistic
regressions on several scores of the recordings, also on what systole and diastole
contribute. A regression is fitted on the patients of the other folds. Settings are
compared on the folds without the first. The phases are from the segmenter of the
package, which has seen the phases of the second to the fifth fold, not their murmurs.
Writes benchmarks/results/whole_patients.json.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora
from _cut import pipeline, saved
from _joint import trained
from _recipes import MODELS, SPECTROGRAM
from _results import RESULTS, write_results
from _scores import auroc, drawn_by_patient, probabilities
from accuracy import Study
from joblib import Parallel, delayed, parallel_config
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skheart._core.files import atomic_path
from skheart.audio.reading import read_recording
from skheart.datasets import load_circor2022
from skheart.inspection import frame_contributions, phase_contributions
from skheart.metrics.patients import rows_of_groups
from skheart.neural.threads import limit_threads
from skheart.segmentation import load_segmenter

KEPT_BACK = 0
N_RESAMPLES = 2000
LOCATIONS = ("AV", "PV", "TV", "MV")
# Ways to score a patient: features of a logistic regression, or one that is the score.
WAYS: dict[str, tuple[str, ...]] = {
    "maximum": ("highest",),
    "mean": ("mean",),
    "mean of the two highest": ("two highest",),
    "regression: maximum, mean": ("highest", "mean"),
    "regression: maximum, second, mean": ("highest", "second", "mean"),
    "regression: the same, and murmur3": (
        *("highest", "second", "mean"),
        *("highest Present", "mean Present", "mean Unknown"),
    ),
    "regression: each location": LOCATIONS,
    "regression: maximum, mean, systole, diastole": (
        *("highest", "mean"),
        *("highest systole", "highest diastole"),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    study = Study(corpora, options.work, quick=False)
    logits = study.out_of_fold(MODELS["murmur"])
    rows = np.flatnonzero(corpora.corpus == "circor2022")
    circor, logits = corpora.take(rows), logits[rows]
    phases = by_phase(study, rows, options)
    columns = recording_columns(logits, phases)
    frame = load_circor2022(options.data_home, target="murmur_at_location").frame
    place = {str(name): row for row, name in enumerate(frame["recording"])}
    order = [place[Path(path).stem] for path in circor.path]
    timing = np.array(frame["diastolic_murmur_timing"], dtype=object)[order]
    grades = np.array(frame["systolic_murmur_grading"], dtype=object)[order]
    results: dict[str, Any] = {
        "recordings": by_recording(circor, columns),
        "patients": by_patient(circor, columns),
        "diastolic": diastolic(timing, circor, columns),
        "grades": by_grade(grades, circor, columns),
    }
    for title, row in (results["recordings"] | results["patients"]).items():
        print(title, row)
    print(results["diastolic"], results["grades"])
    write_results(RESULTS / "whole_patients.json", results)


def recording_columns(logits: np.ndarray, phases: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of recordings by name."""
    p = probabilities(logits, "murmur")[:, 0]
    p3 = probabilities(logits, "murmur3")
    log_odds = {"murmur": p, "Present": p3[:, 1], "Unknown": p3[:, 2]}
    return {
        **{
            name: np.log(value + 1e-9) - np.log(1 - value + 1e-9)
            for name, value in log_odds.items()
        },
        "systole": phases[:, 0],
        "diastole": phases[:, 1],
    }


def by_phase(study: Study, rows: np.ndarray, options: Any) -> np.ndarray:
    """Return what systole and diastole add to the log odds, (n_recordings, 2)."""
    model = MODELS["murmur"]
    ((recipe, seed),) = model.members
    found = np.zeros((len(rows), 2))
    corpora = study.corpora
    for k in range(N_FOLDS):
        train, _ = study._rows(recipe, k)
        network, key = trained(
            study.X, corpora, train, recipe, seed=seed, folder=study.work
        )
        here = np.flatnonzero(corpora.fold[rows] == k)
        path = study.work / f"phases-{key}.npy"
        if not path.exists():
            part = saved(
                [network], model.head, name="", recipe=recipe, settings=SPECTROGRAM
            )
            paths = np.array_split(corpora.path[rows[here]], 4 * options.jobs)
            with parallel_config("loky", n_jobs=options.jobs):
                answers = Parallel()(delayed(_contributions)(part, p) for p in paths)
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.save(file, np.concatenate(answers))
        found[here] = np.load(path)
    return found


def _contributions(part: Any, paths: np.ndarray) -> np.ndarray:
    """Return the contributions of systole and diastole of some recordings."""
    limit_threads(1)
    contributions = frame_contributions(pipeline(part), paths.tolist())
    rows = []
    for path, one in zip(paths, contributions, strict=True):
        waveform, _ = read_recording(path, sample_rate=2000.0)
        (segmentation,) = load_segmenter(input_sample_rate=2000.0).predict([waveform])
        shares = phase_contributions(one, segmentation)
        total = np.maximum(one.values, 0).sum()
        rows.append([np.nan_to_num(shares[p]) * total for p in ("systole", "diastole")])
    return np.array(rows)


# Recordings and patients --------------------------------------------------------------


def by_recording(circor: Corpora, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Compare the log odds with regressions that also know the phases."""
    known = np.flatnonzero(circor.codes["murmur"] >= 0)
    part = circor.take(known)
    positive = part.codes["murmur"] == 0
    ways = {
        "log odds": ("murmur",),
        "log odds, systole, diastole": ("murmur", "systole", "diastole"),
    }
    scores = {
        title: in_folds(
            np.column_stack([columns[name][known] for name in names]),
            positive,
            part.fold,
        )
        for title, names in ways.items()
    }
    return compared(scores, positive, part.group, part.fold)


def by_patient(circor: Corpora, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Compare the ways to score a patient."""
    asked = np.flatnonzero(circor.word != "Unknown")
    part = circor.take(asked)
    _, rows_of = rows_of_groups(part.visit)
    first = np.array([rows[0] for rows in rows_of])
    positive = part.word[first] != "Absent"
    own = {name: values[asked] for name, values in columns.items()}
    features = [patient_features(own, part.location, rows) for rows in rows_of]
    scores = {}
    for title, names in WAYS.items():
        F = np.array([[row[name] for name in names] for row in features])
        scores[title] = in_folds(F, positive, part.fold[first])
    return compared(scores, positive, part.group[first], part.fold[first])


def patient_features(
    columns: dict[str, np.ndarray], location: np.ndarray, rows: np.ndarray
) -> dict[str, float]:
    """Return the features of a patient."""
    murmur = np.sort(columns["murmur"][rows])[::-1]
    found = {
        "highest": murmur[0],
        "second": murmur[:2][-1],
        "two highest": murmur[:2].mean(),
        "mean": murmur.mean(),
        "highest Present": columns["Present"][rows].max(),
        "mean Present": columns["Present"][rows].mean(),
        "mean Unknown": columns["Unknown"][rows].mean(),
        "highest systole": columns["systole"][rows].max(),
        "highest diastole": columns["diastole"][rows].max(),
    }
    for name in LOCATIONS:  # a location without a recording has the patient's mean
        here = rows[location[rows] == name]
        found[name] = columns["murmur"][here].mean() if len(here) else murmur.mean()
    return {name: float(value) for name, value in found.items()}


def in_folds(F: np.ndarray, positive: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the scores by regressions of the other folds; of one feature, itself."""
    if F.shape[1] == 1:
        return F[:, 0]
    score = np.zeros(len(F))
    for k in range(N_FOLDS):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
        model.fit(F[fold != k], positive[fold != k])
        score[fold == k] = model.decision_function(F[fold == k])
    return score


def compared(
    scores: dict[str, np.ndarray],
    positive: np.ndarray,
    group: np.ndarray,
    fold: np.ndarray,
) -> dict[str, Any]:
    """Return AUROCs by fold, together, and the difference to the first way."""
    drawn = drawn_by_patient(group, N_RESAMPLES)
    samples = {
        title: np.array([auroc(positive[rows], score[rows]) for rows in drawn])
        for title, score in scores.items()
    }
    base = next(iter(scores))
    rows = {}
    for title, score in scores.items():
        folds = [auroc(positive[fold == k], score[fold == k]) for k in range(N_FOLDS)]
        rows[title] = {
            "folds": [round(value, 4) for value in folds],
            "mean": round(float(np.mean(folds)), 4),
            "mean without the first": round(float(np.mean(folds[1:])), 4),
            "value": round(auroc(positive, score), 4),
            "interval": _limits(samples[title]),
            "difference": round(
                auroc(positive, score) - auroc(positive, scores[base]), 4
            ),
            "of the difference": _limits(samples[title] - samples[base]),
        }
    return rows


def diastolic(
    timing: np.ndarray, circor: Corpora, columns: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Tell how recordings with a diastolic murmur rank among normal ones."""
    has = timing.astype(bool)
    present = has & (circor.word == "Present")
    normal = circor.word == "Absent"
    return {
        "patients": len(np.unique(circor.visit[present])),
        "recordings": int(present.sum()),
        "AUROC against normal recordings": {
            name: round(
                auroc(
                    np.r_[np.ones(present.sum()), np.zeros(normal.sum())],
                    np.r_[columns[column][present], columns[column][normal]],
                ),
                4,
            )
            for name, column in (
                ("log odds", "murmur"),
                ("diastole", "diastole"),
                ("systole", "systole"),
            )
        },
    }


def by_grade(
    grades: np.ndarray, circor: Corpora, columns: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Tell how patients rank among those without a murmur, by the grade of theirs."""
    _, rows_of = rows_of_groups(circor.visit)
    score = np.array([columns["murmur"][rows].max() for rows in rows_of])
    first = np.array([rows[0] for rows in rows_of])
    grade = np.array([grade or "" for grade in grades[first]])
    absent = circor.word[first] == "Absent"
    found = {}
    for name in sorted(set(grade) - {""}):
        here = grade == name
        truth = np.r_[np.ones(here.sum()), np.zeros(absent.sum())]
        value = auroc(truth, np.r_[score[here], score[absent]])
        found[str(name)] = {"patients": int(here.sum()), "AUROC": round(value, 4)}
    return found


def _limits(values: np.ndarray) -> list[float]:
    return [round(float(v), 4) for v in np.nanquantile(values, [0.025, 0.975])]


if __name__ == "__main__":
    main()
