"""Measure the accuracy of skheart, by patient, on three public corpora.

    python benchmarks/accuracy.py DATA_HOME            # hours; resumes if interrupted
    python benchmarks/accuracy.py DATA_HOME --quick    # minutes; only a check

DATA_HOME contains the folders pascal, cinc2016 and circor2022 of the three corpora. All
figures are measured on patients who are not in the training data: with five folds by
patient, or with a database left out completely. All methods use the same folds. The
figures are written to benchmarks/results/accuracy.json (with --quick to the folder
--work), from which the page "Accuracy" of the documentation is made.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _baselines import BASELINES, classifier, features
from _calibration import (
    calibration,
    operating_point,
    patient_calibration,
    true_probabilities,
)
from _corpora import HEADS, N_FOLDS, Corpora, read_corpora, spectrograms
from _cut import start_without_pascal
from _joint import N_LOGITS, Recipe, logits_of, trained
from _recipes import MODELS, SPECTROGRAM, WITHOUT_PASCAL, Model
from _results import RESULTS, write_results
from _scores import (
    APART,
    LEFT_OUT,
    LEFT_OUT_TASK,
    TASKS,
    Task,
    bootstrap,
    by_database,
    figure,
    probabilities,
    repeated,
)
from joblib import Parallel, delayed, parallel_config
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skheart import CNNClassifier
from skheart._core.files import atomic_path
from skheart.neural.threads import limit_threads

PARTS = ("baselines", "skheart", "left_out", "transfer", "repeated")
# Tasks that are also scored with networks trained on no recording of their corpus.
TRANSFER = {"pascal_murmur": "pascal", "circor_recording": "circor2022"}
N_REPEATS = 5
# Settings of fine-tuning, as recommended in the documentation.
FINE_TUNING = {"learning_rate": 2e-4, "class_weight": "balanced", "augment": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--quick", action="store_true", help="few epochs, one fold")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--jobs", type=int, default=1, help="number of networks trained in parallel"
    )
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    path = (options.work if options.quick else RESULTS) / "accuracy.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    results.setdefault("figures", {})
    study = Study(corpora, options.work, quick=options.quick)
    if options.jobs > 1:
        study.prepare(options.parts, n_jobs=options.jobs)
    if "baselines" in options.parts:
        for kind in BASELINES:
            results["figures"][kind] = study.baseline(kind)
            write(path, results)
    if "skheart" in options.parts:
        results["figures"].setdefault("skheart", {}).update(study.shipped())
        results |= study.cards()
        write(path, results)
    if "left_out" in options.parts:
        for kind in BASELINES:
            row = study.baseline_left_out(kind)
            results["figures"].setdefault(kind, {})[LEFT_OUT_TASK.name] = row
        row = study.left_out()
        results["figures"].setdefault("skheart", {})[LEFT_OUT_TASK.name] = row
        write(path, results)
    if "transfer" in options.parts:
        results["figures"].setdefault("skheart", {}).update(study.transfer())
        write(path, results)
    if "repeated" in options.parts:
        row = study.fine_tuned(n_jobs=options.jobs)
        results["figures"].setdefault("skheart", {})["pascal_murmur_repeated"] = row
        write(path, results)
    print(table(results))


class Study:
    """The corpora, and the stored networks and features.

    Parameters
    ----------
    corpora : Corpora
    work : path
        Folder of the stored results.
    quick : bool
        Use one fold and two epochs.
    """

    def __init__(self, corpora: Corpora, work: Path, *, quick: bool) -> None:
        self.corpora, self.work, self.quick = corpora, work, quick
        self.folds = range(1) if quick else range(N_FOLDS)
        self.X = spectrograms(corpora, work, **SPECTROGRAM)

    def prepare(self, parts: tuple[str, ...], *, n_jobs: int) -> None:
        """Train the networks of some parts in several processes."""
        calls: dict[str, tuple[Any, ...]] = {}
        members = []
        if "skheart" in parts:
            members += [part for model in MODELS.values() for part in model.members]
        for member in members:
            for k in self.folds:
                rows = self._rows(member[0], k)
                calls[repr((member, k))] = ((member,), *rows)
        if "left_out" in parts:
            model = MODELS["abnormal"]
            for part in ("a",) if self.quick else (*LEFT_OUT, APART):
                rows = self._rows_without(part)
                for member in model.members:
                    calls[repr((part, member))] = ((member,), *rows)
        if "transfer" in parts:
            for name in TRANSFER:
                members, train, test = self._elsewhere(name)
                calls[name] = (members, train, test)
        with parallel_config("loky", n_jobs=n_jobs):
            Parallel()(delayed(_in_process)(self, call) for call in calls.values())

    def _rows(self, recipe: Recipe, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training rows and the test rows of a fold."""
        known = np.isin(self.corpora.corpus, recipe.corpora)
        test = self.corpora.fold == k
        return np.flatnonzero(known & ~test), np.flatnonzero(known & test)

    def _rows_without(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the same with a database of CinC 2016 left out."""
        recipe = MODELS["abnormal"].recipes[0]
        known = np.isin(self.corpora.corpus, recipe.corpora)
        here = (self.corpora.corpus == "cinc2016") & (self.corpora.part == part)
        return np.flatnonzero(known & ~here), np.flatnonzero(here)

    def _elsewhere(self, name: str) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the members without a task's corpus, training rows and test rows."""
        model = MODELS["murmur"]
        corpora = model.recipes[0].corpora
        others = tuple(corpus for corpus in corpora if corpus != TRANSFER[name])
        members = tuple((replace(r, corpora=others), s) for r, s in model.members)
        train = np.flatnonzero(np.isin(self.corpora.corpus, others))
        return members, train, np.flatnonzero(TASKS[name].rows(self.corpora))

    def baseline(self, kind: str) -> dict[str, Any]:
        """Score simple features with a linear classifier in the same folds."""
        figures = {}
        rows = None
        if kind != "majority":
            rows = features(kind, self.corpora.path.tolist(), self.work)
        for name, task in TASKS.items():
            asked = np.flatnonzero(task.rows(self.corpora))
            part = self.corpora.take(asked)
            truth = task.truth(part)
            F = np.zeros((len(asked), 1)) if rows is None else rows[asked]
            labels = np.unique(truth)
            p = np.full((len(asked), len(labels)), np.nan)
            for k in self.folds:
                train, test = part.fold != k, part.fold == k
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = classifier(kind).fit(F[train], truth[train])
                if hasattr(model, "predict_proba"):
                    p[test] = model.predict_proba(F[test])
                else:  # a ridge classifier returns distances
                    d = model.decision_function(F[test])
                    d = np.column_stack([-d, d]) if d.ndim == 1 else d
                    p[test] = np.exp(2 * d) / np.exp(2 * d).sum(axis=1, keepdims=True)
            score = p if len(labels) > 2 else p[:, -1]
            figures[name] = self._figure(task, part, score)
            print(kind, name, figures[name]["mean"], flush=True)
        return figures

    def baseline_left_out(self, kind: str) -> dict[str, Any]:
        """Score a baseline with each database of CinC 2016 left out."""
        chosen = np.flatnonzero(self.corpora.corpus == "cinc2016")
        cinc = self.corpora.take(chosen)
        F = np.zeros((len(chosen), 1))
        if kind != "majority":
            F = features(kind, self.corpora.path.tolist(), self.work)[chosen]
        truth, score = cinc.word == "abnormal", np.full(len(chosen), np.nan)
        for part in (*LEFT_OUT, APART):
            test = cinc.part == part
            model = classifier(kind).fit(F[~test], truth[~test])
            if hasattr(model, "predict_proba"):
                score[test] = model.predict_proba(F[test])[:, 1]
            else:
                score[test] = model.decision_function(F[test])
        return _left_out(cinc, score)

    def out_of_fold(self, model: Model) -> np.ndarray:
        """Return the logits of all heads from networks not trained on the patient."""
        logits = np.full((len(self.corpora), N_LOGITS), np.nan, np.float32)
        for k in self.folds:
            train, test = self._rows(model.recipes[0], k)
            logits[test] = self._logits(model.members, train, test)
        return logits

    def shipped(self) -> dict[str, Any]:
        """Score networks trained like the models of the package."""
        figures: dict[str, Any] = {}
        for task_name, task in TASKS.items():
            model = next(
                (m for m in MODELS.values() if m.head == task.head), MODELS["murmur"]
            )
            figures[task_name] = self._scored(task, model)
            print("skheart", task_name, figures[task_name]["mean"], flush=True)
        model = MODELS["murmur"]
        logits = self.out_of_fold(model)
        figures["circor_outcome_person"] = self.with_person(logits)
        return figures

    def cards(self) -> dict[str, Any]:
        """Return what the cards tell about probabilities and thresholds.

        Only the probabilities of two classes are calibrated.
        """
        logits = {name: self.out_of_fold(model) for name, model in MODELS.items()}
        heads = {name: model.head for name, model in MODELS.items()}
        return {
            "calibration": {
                name: calibration(self.corpora, rows, heads[name])
                for name, rows in logits.items()
                if len(HEADS[heads[name]]) == 2
            },
            "patient_calibration": {
                "murmur": patient_calibration(self.corpora, logits["murmur"])
            },
            "operating_point": {
                name: operating_point(self.corpora, rows, heads[name])
                for name, rows in logits.items()
            },
        }

    def left_out(self) -> dict[str, Any]:
        """Leave out each database of CinC 2016, but use the other corpora."""
        model = MODELS["abnormal"]
        score = np.full(len(self.corpora), np.nan)
        for part in ("a",) if self.quick else (*LEFT_OUT, APART):
            train, test = self._rows_without(part)
            logits = self._logits(model.members, train, test)
            score[test] = probabilities(logits, "abnormal")[:, 0]
        return _left_out(self.corpora, score)

    def transfer(self) -> dict[str, Any]:
        """Score murmurs of a corpus that no recording of the training is from."""
        figures = {}
        for name in TRANSFER:
            task = TASKS[name]
            members, train, test = self._elsewhere(name)
            logits = self._logits(members, train, test)
            part = self.corpora.take(test)
            score = task.answer(probabilities(logits, task.head))
            title = f"{task.title}, corpus left out"
            row = figure(replace(task, title=title), part, score, fold=part.fold)
            figures[f"{name}_left_out"] = row
            print("skheart", name, "left out", row["value"], flush=True)
        return figures

    def with_person(self, logits: np.ndarray) -> dict[str, Any]:
        """Score the outcome from sound, age, sex, height, weight and pregnancy.

        The log odds of two classifiers are added: the network, and a logistic
        regression on the personal data of the patients in the other folds.
        """
        task = TASKS["circor_outcome"]
        asked = np.flatnonzero(task.rows(self.corpora))
        part = self.corpora.take(asked)
        score = task.answer(probabilities(logits[asked], task.head)).astype(float)
        truth = task.truth(part)
        _, first = np.unique(part.visit, return_index=True)
        for k in self.folds:
            train, test = first[part.fold[first] != k], part.fold == k
            model = make_pipeline(
                SimpleImputer(add_indicator=True),
                StandardScaler(),
                LogisticRegression(C=0.1),
            ).fit(part.person[train], truth[train])
            score[test] += model.decision_function(part.person[test])
        title = f"{task.title}, with age, sex, height, weight, pregnancy"
        return self._figure(replace(task, title=title), part, score)

    def fine_tuned(self, *, n_jobs: int) -> dict[str, Any]:
        """Score a network of the other corpora that is fine-tuned on PASCAL.

        There are five repetitions of five folds; each repetition has other folds.
        """
        task = TASKS["pascal_murmur"]
        asked = np.flatnonzero(task.rows(self.corpora))
        part, X = self.corpora.take(asked), np.array(self.X[asked], np.float32)
        recipe = replace(WITHOUT_PASCAL, epochs=2) if self.quick else WITHOUT_PASCAL
        start = start_without_pascal(self.X, self.corpora, self.work, recipe)
        n_repeats = 1 if self.quick else N_REPEATS
        folds = [part.order_of(r) if r else part.fold for r in range(n_repeats)]
        calls = [(r, k) for r in range(n_repeats) for k in self.folds]
        with parallel_config("loky", n_jobs=n_jobs):
            answers = Parallel()(
                delayed(_tuned)(
                    start, X, part.word, folds[r] == k, seed=r, alone=n_jobs == 1
                )
                for r, k in calls
            )
        score = np.full((len(asked), n_repeats), np.nan)
        by_fold = []
        for (r, k), answer in zip(calls, answers, strict=True):
            test = folds[r] == k
            score[test, r] = answer
            by_fold.append(task.statistic(part.take(np.flatnonzero(test)), answer))
        known = np.flatnonzero(~np.isnan(score).any(axis=1))
        task = repeated(task)
        title = f"{task.title}, fine-tuned from CirCor and CinC 2016"
        return figure(
            replace(task, title=title), part.take(known), score[known], by_fold=by_fold
        )

    def _scored(
        self, task: Task, model: Model, n_resamples: int = 1000
    ) -> dict[str, Any]:
        logits = self.out_of_fold(model)
        asked = np.flatnonzero(task.rows(self.corpora))
        p = probabilities(logits, task.head)
        if len(HEADS[task.head]) == 2 and model.head == task.head:
            p = true_probabilities(self.corpora, logits, task.head)
        score = task.answer(p)[asked]
        part = self.corpora.take(asked)
        return self._figure(task, part, score, n_resamples)

    def _figure(
        self, task: Any, part: Corpora, score: np.ndarray, n_resamples: int = 1000
    ) -> dict[str, Any]:
        known = np.flatnonzero(np.isin(part.fold, list(self.folds)))
        part, score = part.take(known), score[known]
        return figure(task, part, score, fold=part.fold, n_resamples=n_resamples)

    def _logits(
        self,
        members: tuple[tuple[Recipe, int], ...],
        train: np.ndarray,
        test: np.ndarray,
    ) -> np.ndarray:
        """Return the mean logits of the networks, which are stored."""
        if self.quick:
            members = tuple((replace(r, epochs=2), seed) for r, seed in members[:1])
        parts = []
        for recipe, seed in members:
            model, key = trained(
                self.X, self.corpora, train, recipe, seed=seed, folder=self.work
            )
            path = self.work / f"logits-{key}.npz"
            if path.exists():
                with np.load(path) as kept:
                    known, logits = kept["rows"], kept["logits"]
                if np.array_equal(known, test):
                    parts.append(logits)
                    continue
            logits = logits_of(model, self.X[test], recipe.crop_frames)
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.savez(file, rows=test, logits=logits)
            parts.append(logits)
        return np.mean(parts, axis=0)


def _in_process(study: Study, call: tuple[Any, ...]) -> None:
    limit_threads(1)
    study._logits(*call)


def _tuned(
    start: CNNClassifier,
    X: np.ndarray,
    y: np.ndarray,
    test: np.ndarray,
    *,
    seed: int,
    alone: bool,
) -> np.ndarray:
    """Fine-tune on the other recordings, and score the test recordings."""
    if not alone:
        limit_threads(1)
    classifier = CNNClassifier(weights=start, random_state=seed, **FINE_TUNING)
    classifier.fit(X[~test], y[~test])
    return -classifier.decision_function(X[test])  # of murmur, the first class


def _left_out(corpora: Corpora, score: np.ndarray) -> dict[str, Any]:
    """Return the figure of the left-out databases that have scores."""
    known = LEFT_OUT_TASK.rows(corpora) & ~np.isnan(score)
    part, score = corpora.take(np.flatnonzero(known)), score[known]
    parts = {
        name: value
        for name, value in by_database(part, score, (*LEFT_OUT, APART)).items()
        if not np.isnan(value)
    }
    counted = [parts[name] for name in LEFT_OUT if name in parts]
    row: dict[str, Any] = {
        "task": LEFT_OUT_TASK.title,
        "score": LEFT_OUT_TASK.unit,
        "value": round(float(np.mean(counted)), 4),
        "parts": {name: round(value, 4) for name, value in parts.items()},
        "recordings": len(part),
        "patients": len(np.unique(part.group)),
    }
    if len(counted) == len(LEFT_OUT):
        low, high = bootstrap(LEFT_OUT_TASK, part, score)
        row |= {"low": round(low, 4), "high": round(high, 4)}
    return row


def write(path: Path, results: dict[str, Any]) -> None:
    """Write the current results, with the settings of the models."""
    models = {
        name: {
            "seeds": model.seeds,
            "recipes": [asdict(recipe) for recipe in model.recipes],
        }
        for name, model in MODELS.items()
    }
    write_results(path, results, {"spectrogram": SPECTROGRAM, "models": models})


def table(results: dict[str, Any]) -> str:
    """Return the figures as text."""
    goals = {task.name: task.goal for task in (*TASKS.values(), LEFT_OUT_TASK)}
    goals |= {f"{name}_left_out": TASKS[name].goal for name in TRANSFER}
    goals |= {
        "pascal_murmur_repeated": TASKS["pascal_murmur"].goal,
        "circor_outcome_person": TASKS["circor_outcome"].goal,
    }
    lines = []
    for name, goal in goals.items():
        for method, figures in results["figures"].items():
            if name not in figures:
                continue
            row = figures[name]
            if row.get("mean") is None:
                text = f"{row['value']:.3f}"
            else:
                text = (
                    f"{row['mean']:.3f} ± {row['sd']:.3f}; together {row['value']:.3f} "
                    f"({row['low']:.3f}-{row['high']:.3f})"
                )
            goal_text = f"  goal {goal}" if method == "skheart" else ""
            lines.append(f"{name:26} {method:12} {row['score']:18} {text}{goal_text}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
