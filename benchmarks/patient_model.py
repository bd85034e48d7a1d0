"""Fit the patient model of "murmur3", and measure it in five folds by patient.

    python benchmarks/patient_model.py DATA_HOME           # measures
    python benchmarks/patient_model.py DATA_HOME --ship    # and writes it into murmur3

The patient model answers Present, Unknown or Absent for a patient of CirCor, from the
probabilities of the recordings and their number. The probabilities come from networks
that were not trained on the patient; benchmarks/accuracy.py trains and stores them, and
missing ones are trained here. The model of a fold is fitted on the patients of the
other folds.

Features and the strength of the regularization are chosen on folds 1 to 4, by the
lowest log loss (the "trials" in the results). Fold 0 is kept back from the choice.
An earlier version also tried the duration of the recordings and how clear and regular
the heartbeat is, which brought nothing: the lowest log loss was 0.370 without them and
0.371 with them.

Writes benchmarks/results/patient_model.json.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import HEADS, N_FOLDS, Corpora, read_corpora
from _joint import described
from _recipes import MODELS
from _results import RESULTS, write_results
from _scores import MURMUR3_POOLING, auroc, drawn_by_patient, probabilities
from accuracy import Study
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skheart._core.decisions import Decision
from skheart._core.patient_model import PatientModel, patient_features
from skheart.metrics import circor2022_score, expected_calibration_error
from skheart.metrics.patients import pool_answers, rows_of_groups

CLASSES = np.array(HEADS["murmur3"])
WEIGHTS = [1.0, 5.0, 3.0]  # of the challenge's score, in the order of CLASSES
KEPT_BACK = 0  # fold whose patients had no part in any choice
N_RESAMPLES = 1000

SCORES = [
    *("highest_Present", "mean_Present"),
    *("highest_Unknown", "mean_Unknown"),
    *("highest_Absent", "mean_Absent"),
]
FEATURES: dict[str, list[str]] = {
    "scores": SCORES,
    "scores, number of recordings": [*SCORES, "n_recordings"],
}
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)  # inverse, of the regularization


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--trials", action="store_true", help="stop after the trials")
    parser.add_argument("--output", type=Path, default=RESULTS / "patient_model.json")
    parser.add_argument("--ship", action="store_true", help="write into the package")
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    logits = Study(corpora, options.work, quick=False).out_of_fold(MODELS["murmur3"])
    rows = np.flatnonzero(corpora.corpus == "circor2022")
    circor, p = corpora.take(rows), probabilities(logits[rows], "murmur3")
    table = patients_of(circor, p)
    tried = trials(table)
    if options.trials:
        print("\n".join(map(json.dumps, tried)))
        return
    choice = min(tried, key=lambda row: row["log loss"])
    results = {
        "trials": tried,
        "chosen": choice,
        "figures": all_figures(table, circor, p, choice),
    }
    print(json.dumps(results["figures"], indent=1))
    (recipe,) = MODELS["murmur3"].recipes
    write_results(options.output, results, {"recipe": described(recipe)})
    if options.ship:
        every = np.ones(len(table), bool)
        ship(fit(table, choice, every))


@dataclass
class Table:
    """The patients of CirCor; one who came to both campaigns is in it twice."""

    truth: np.ndarray  # Absent, Present or Unknown
    fold: np.ndarray
    group: np.ndarray  # the person
    features: list[dict[str, float]]  # everything that a patient model may use

    def __len__(self) -> int:
        return len(self.truth)

    def columns(self, names: list[str]) -> np.ndarray:
        """Return some of the features, (n_patients, n_features)."""
        return np.array([[row[name] for name in names] for row in self.features])


# What is known of the recordings ------------------------------------------------------


def patients_of(circor: Corpora, p: np.ndarray) -> Table:
    """Return the table of patients."""
    _, rows_of = rows_of_groups(circor.visit)
    first = np.array([rows[0] for rows in rows_of])
    word = np.where(circor.word == "Inaudible", "Present", circor.word)
    return Table(
        truth=word[first],
        fold=circor.fold[first],
        group=circor.group[first],
        features=[patient_features(p[rows], CLASSES.tolist()) for rows in rows_of],
    )


# The model ---------------------------------------------------------------------------


def fit(table: Table, choice: dict[str, Any], rows: np.ndarray) -> PatientModel:
    """Fit a patient model with the features and strength of a choice on some patients.

    The classes are not weighted, so that the probabilities are calibrated; the weights
    of the challenge come in when the class is chosen.
    """
    names = FEATURES[choice["features"]]
    F = table.columns(names)[rows]
    scaler = StandardScaler().fit(F)
    regression = LogisticRegression(C=choice["strength"], max_iter=1000)
    regression.fit(scaler.transform(F), table.truth[rows])
    assert regression.classes_.tolist() == CLASSES.tolist()
    return PatientModel(
        features=names,
        means=_rounded(scaler.mean_),
        scales=_rounded(scaler.scale_),
        coefficients=_rounded(regression.coef_),
        intercepts=_rounded(regression.intercept_),
        weights=WEIGHTS,
    )


def in_folds(table: Table, choice: dict[str, Any], folds: list[int]) -> np.ndarray:
    """Return the probabilities of patients by models of the other folds."""
    names = FEATURES[choice["features"]]
    p = np.full((len(table), len(CLASSES)), np.nan)
    for k in folds:
        others = [fold for fold in folds if fold != k]
        model = fit(table, choice, np.isin(table.fold, others))
        test = table.fold == k
        p[test] = model.predict_proba(table.columns(names)[test])
    return p


def answers_of(p: np.ndarray, weights: Any = WEIGHTS) -> np.ndarray:
    return CLASSES[(p * weights).argmax(axis=1)]


def trials(table: Table) -> list[dict[str, Any]]:
    """Score every choice on the folds that are not kept back."""
    folds = [k for k in range(N_FOLDS) if k != KEPT_BACK]
    asked = table.fold != KEPT_BACK
    rows = []
    for title in FEATURES:
        for strength in STRENGTHS:
            choice = {"features": title, "strength": strength}
            p = in_folds(table, choice, folds)[asked]
            truth = table.truth[asked]
            right = p[np.arange(len(p)), np.searchsorted(CLASSES, truth)]
            rows.append(
                {
                    **choice,
                    "weighted accuracy": round(
                        float(circor2022_score(truth, answers_of(p))), 4
                    ),
                    "log loss": round(float(-np.log(right).mean()), 4),
                }
            )
    return rows


# Figures -----------------------------------------------------------------------------


def all_figures(
    table: Table, circor: Corpora, p: np.ndarray, choice: dict[str, Any]
) -> dict[str, Any]:
    """Return the figures of the model, and of the rule without a model."""
    rule = Decision(pooling=list(MURMUR3_POOLING))
    pooled, _ = pool_answers(p, CLASSES, circor.visit, rule)
    every = list(range(N_FOLDS))
    of_patients = in_folds(table, choice, every)
    found = figures(table, of_patients, WEIGHTS)
    found["calibration error"] = {
        word: round(
            expected_calibration_error(
                table.truth == word, of_patients[:, column], pos_label=True
            ),
            4,
        )
        for column, word in enumerate(CLASSES.tolist())
    }
    return {"rule": figures(table, pooled, np.ones(3)), "model": found}


def figures(table: Table, p: np.ndarray, weights: Any) -> dict[str, Any]:
    """Return the weighted accuracy over all folds, and of the patients kept back."""
    answers = answers_of(p, weights)
    by_fold = [
        float(circor2022_score(table.truth[rows], answers[rows]))
        for rows in (table.fold == k for k in range(N_FOLDS))
    ]
    every = np.ones(len(table), bool)
    return {
        "task": "CirCor murmur, official weighted accuracy",
        "score": "weighted accuracy",
        "folds": [round(value, 4) for value in by_fold],
        "mean": round(float(np.mean(by_fold)), 4),
        "sd": round(float(np.std(by_fold)), 4),
        **_figures_of(table, p, answers, every),
        "kept back": _figures_of(table, p, answers, table.fold == KEPT_BACK),
    }


def _figures_of(
    table: Table, p: np.ndarray, answers: np.ndarray, rows: np.ndarray
) -> dict[str, Any]:
    truth, given = table.truth[rows], answers[rows]
    drawn = drawn_by_patient(table.group[rows], N_RESAMPLES)
    values = [circor2022_score(truth[one], given[one]) for one in drawn]
    low, high = np.quantile(values, [0.025, 0.975])
    unknown = truth == "Unknown"
    return {
        "value": round(float(circor2022_score(truth, given)), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "patients": len(np.unique(table.group[rows])),
        "confusion": [
            [int(((truth == row) & (given == column)).sum()) for column in CLASSES]
            for row in CLASSES
        ],
        "AUROC of Unknown": round(auroc(unknown, p[rows][:, 2]), 4),
        "Unknown": int(unknown.sum()),
        "answered Unknown": int((given == "Unknown").sum()),
        "of them right": int((unknown & (given == "Unknown")).sum()),
    }


# The package -------------------------------------------------------------------------


def ship(model: PatientModel) -> None:
    """Write the patient model and its figures into the description of murmur3."""
    from _packaging import write_description
    from train_pretrained import with_patient_model

    from skheart.neural.packaged_networks import read_description

    description = read_description("murmur3")
    decision = Decision(pooling=list(MURMUR3_POOLING), patient_model=model)
    description["decision"] = decision.as_dict()
    description["card"] = with_patient_model(description["card"])
    write_description("murmur3", description)


def _rounded(values: np.ndarray) -> Any:
    return np.round(values, 6).tolist()


if __name__ == "__main__":
    main()
