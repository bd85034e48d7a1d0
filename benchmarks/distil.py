"""Does one network learn more from teachers of other kinds than from labels alone?

    python benchmarks/distil.py DATA_HOME --jobs 2

For each test fold, a teacher of each kind is trained once for each of the four other
folds, without it and without the test fold. What they say of the fold they have not
seen is averaged over the kinds; a student learns from the mean of that and the labels.
The plain recipe learns from the labels alone. Both have three seeds. For comparison,
teachers trained on all four folds are scored themselves, and their mean.

Fold 1 is tested; no patient of fold 0 is scored. Differences have intervals by
bootstrap over patients. Writes benchmarks/results/trials.json, part "distilled".
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import HEADS, N_FOLDS, Corpora, read_corpora, spectrograms
from _joint import COLUMNS, N_LOGITS, Recipe, logits_of, network, train, trained
from _networks import temporal
from _recipes import JOINT, SPECTROGRAM
from _results import RESULTS, write_results
from _scores import TASKS, probabilities, resamples
from joblib import Parallel, delayed, parallel_config
from trials import FINER

from skheart._core.files import atomic_path
from skheart.neural.threads import limit_threads
from skheart.segmentation import load_segmenter

ASKED = (1,)  # test folds; each takes 20 teachers
SEEDS = (0, 1, 2)
N_RESAMPLES = 1000
SCORED = ("cinc_within", "circor_recording", "circor_patient", "pascal_murmur")
PLAIN = replace(JOINT, epochs=15)
OVER_TIME = replace(PLAIN, network=temporal, crop_frames=500, segmentation=0.0)


@dataclass(frozen=True)
class Teacher:
    """A kind of teacher: what it hears, and how it is trained."""

    recipe: Recipe
    heard: str = "plain"


TEACHERS = {
    "compact": Teacher(PLAIN),
    "compact, crops of 10 s": Teacher(replace(PLAIN, crop_frames=500)),
    "convolutions over time, finer spectrogram": Teacher(OVER_TIME, "finer"),
    "the same, phases of the beat as input": Teacher(OVER_TIME, "phases"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    options = parser.parse_args()
    corpora, work = read_corpora(options.data_home), options.work
    for heard in ("plain", "finer", "phases"):  # computed before processes start
        inputs(corpora, heard, work)
    alone = [(title, (k,)) for title in TEACHERS for k in ASKED]
    pairs = {tuple(sorted((k, j))) for k in ASKED for j in range(N_FOLDS) if j != k}
    nested = [(title, pair) for title in TEACHERS for pair in sorted(pairs)]
    learners = [(taught, k, s) for k in ASKED for s in SEEDS for taught in (0, 1)]
    with parallel_config("loky", n_jobs=options.jobs):
        calls = alone + nested
        found = Parallel()(delayed(teacher)(corpora, *call, work) for call in calls)
        teachers = dict(zip(calls, found, strict=True))
        found = Parallel()(
            delayed(learner)(corpora, soft_targets(corpora, teachers, k), k, seed, work)
            if taught
            else delayed(learner)(corpora, None, k, seed, work)
            for taught, k, seed in learners
        )
    learned = dict(zip(learners, found, strict=True))
    answers = {"plain recipe": [_folds(learned, 0, s) for s in SEEDS]}
    answers["student"] = [_folds(learned, 1, s) for s in SEEDS]
    for title in TEACHERS:
        answers[title] = [{k: teachers[title, (k,)] for k in ASKED}]
    answers["mean of the four teachers"] = [
        {k: np.mean([teachers[t, (k,)] for t in TEACHERS], axis=0) for k in ASKED}
    ]
    path = RESULTS / "trials.json"
    results = json.loads(path.read_text())
    rows = compared(corpora, answers)
    results["distilled"] = {"folds": ASKED, "teachers": list(TEACHERS), "trials": rows}
    write_results(path, results)


def _folds(learned: dict[Any, Any], taught: int, seed: int) -> dict[int, np.ndarray]:
    return {k: learned[taught, k, seed] for k in ASKED}


def inputs(corpora: Corpora, heard: str, work: Path) -> np.ndarray:
    """Return what a teacher hears: a spectrogram, with the phases below it or not."""
    if heard == "plain":
        return spectrograms(corpora, work, **SPECTROGRAM)
    finer = spectrograms(corpora, work, **FINER)
    if heard == "finer":
        return finer
    path = work / "finer-with-phases.npy"
    if not path.exists():
        n, n_bands, n_frames = finer.shape
        found = load_segmenter(on_error="nan", n_jobs=-1).predict_proba(
            corpora.path.tolist()
        )
        with_phases = np.empty((n, n_bands + 4, n_frames), np.float16)
        with_phases[:, :n_bands] = finer
        # Columns are s1, systole, s2, diastole. Short recordings are repeated, as in
        # the spectrogram.
        for row, p in enumerate(found):
            rows = np.arange(n_frames) % len(p)
            with_phases[row, n_bands:] = 2 * np.nan_to_num(p[rows, :4].T) - 1
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, with_phases)
    return np.load(path, mmap_mode="r")


def teacher(
    corpora: Corpora, title: str, left_out: tuple[int, ...], work: Path
) -> np.ndarray:
    """Train a teacher without some folds; return its logits for them.

    Returns
    -------
    logits : ndarray of shape (n, N_LOGITS)
        NaN for recordings of the training.
    """
    limit_threads(1)
    kind = TEACHERS[title]
    X, folder = inputs(corpora, kind.heard, work), work / kind.heard
    test = np.isin(corpora.fold, left_out)
    model, key = trained(
        X, corpora, np.flatnonzero(~test), kind.recipe, seed=0, folder=folder
    )
    path = folder / f"left-out-{key}.npy"
    if not path.exists():
        _store(path, _logits(model, X, test, kind.recipe))
    return np.load(path)


def soft_targets(corpora: Corpora, teachers: dict[Any, Any], k: int) -> np.ndarray:
    """Return the mean probabilities by teachers that saw neither `k` nor the patient.

    Returns
    -------
    soft : ndarray of shape (n, N_LOGITS)
        In the columns of the logits; 0 for the recordings of fold `k`.
    """
    soft = np.zeros((len(corpora), N_LOGITS), np.float32)
    for j in range(N_FOLDS):
        if j == k:
            continue
        here = corpora.fold == j
        pair = tuple(sorted((k, j)))
        logits = np.mean([teachers[t, pair][here] for t in TEACHERS], axis=0)
        for head, columns in COLUMNS.items():
            p = probabilities(logits, head)
            # The single logit of two classes is of the second.
            soft[here, columns] = p[:, 1:] if len(HEADS[head]) == 2 else p
    return soft


def learner(
    corpora: Corpora, soft: np.ndarray | None, k: int, seed: int, work: Path
) -> np.ndarray:
    """Train on labels, and on soft targets if given; return the logits of fold `k`."""
    limit_threads(1)
    path = work / f"{'plain' if soft is None else 'student'}-{k}-{seed}.npy"
    if not path.exists():
        X = inputs(corpora, "plain", work)
        test = corpora.fold == k
        rows = np.flatnonzero(~test)
        with_loss = train(
            np.array(X[rows]),
            corpora.take(rows),
            PLAIN,
            seed=seed,
            soft=None if soft is None else soft[rows],
        )
        model = network(X.shape[1], PLAIN)  # Keras could not find the loss again
        model.set_weights(with_loss.get_weights())
        _store(path, _logits(model, X, test, PLAIN))
    return np.load(path)


def _logits(model: Any, X: np.ndarray, test: np.ndarray, recipe: Recipe) -> np.ndarray:
    found = np.full((len(X), N_LOGITS), np.nan, np.float32)
    found[test] = logits_of(model, X[test], recipe.crop_frames)
    return found


def _store(path: Path, array: np.ndarray) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def compared(
    corpora: Corpora, answers: dict[str, list[dict[int, np.ndarray]]]
) -> list[dict[str, Any]]:
    """Return the figures of each kind, and their differences to the plain recipe."""
    found = {
        (title, name): [score(corpora, name, answer) for answer in seeds]
        for title, seeds in answers.items()
        for name in SCORED
    }
    rows = []
    for title, seeds in answers.items():
        row: dict[str, Any] = {"title": title, "seeds": len(seeds), "figures": {}}
        differences = {}
        for name in SCORED:
            value, resampled = mean_over_seeds(found[title, name])
            row["figures"][name] = round(value, 4)
            _, plain = mean_over_seeds(found["plain recipe", name])
            interval = np.nanquantile(resampled - plain, [0.025, 0.975])
            differences[name] = interval.round(4).tolist()
        if title != "plain recipe":
            row["differences"] = differences
        rows.append(row)
        print(title, json.dumps(row), flush=True)
    return rows


def mean_over_seeds(
    of_seeds: list[tuple[float, np.ndarray]],
) -> tuple[float, np.ndarray]:
    """Return the mean of figures, and of those of each resample."""
    values, resampled = zip(*of_seeds, strict=True)
    return float(np.mean(values)), np.mean(resampled, axis=0)


def score(
    corpora: Corpora, name: str, answer: dict[int, np.ndarray]
) -> tuple[float, np.ndarray]:
    """Return the mean figure of a task over the folds, and that of each resample."""
    task = TASKS[name]
    values, resampled = [], []
    for k, logits in answer.items():
        asked = np.flatnonzero((corpora.fold == k) & task.rows(corpora))
        part = corpora.take(asked)
        scores = task.answer(probabilities(logits[asked], task.head))
        values.append(task.statistic(part, scores))
        drawn = resamples(part, N_RESAMPLES)
        resampled.append([task.statistic(some, scores[rows]) for some, rows in drawn])
    return float(np.mean(values)), np.mean(resampled, axis=0)


if __name__ == "__main__":
    main()
