"""Compare changes that shall help on other hospitals and stethoscopes.

    python benchmarks/shift.py DATA_HOME --jobs 2

Each training leaves out one database of CinC 2016 and one fold of all patients, so that
the same network tells the figure of a database left out and those of known databases:
a and fold 1, b and fold 2, f and fold 3, e and fold 4. The patients of fold 0 have no
influence on the choice of settings. The difference to the recipe without the change has
an interval by bootstrap over patients. With --only, the other changes keep their rows
in the results. Writes benchmarks/results/trials.json, part "shift".
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import Corpora, read_corpora, spectrograms
from _joint import N_LOGITS, Recipe, described, logits_of, trained
from _networks import residual_compact
from _recipes import SPECTROGRAM
from _results import RESULTS, write_results
from _scores import auroc, probabilities
from joblib import Parallel, delayed, parallel_config

from skheart._core.files import atomic_path
from skheart.neural.threads import limit_threads

UNTOUCHED = 0
SPLITS = {"a": 1, "b": 2, "f": 3, "e": 4}  # the database and the fold left out
SEEDS = (0, 1, 2)
N_RESAMPLES = 1000
# The recipe of the first campaign, but for fewer epochs.
SHORT = Recipe(epochs=15, augment=1.0, cinc_augment=0.0, stretch=0.25, inaudible=True)
TRIALS: dict[str, Recipe] = {
    "joint recipe, 15 epochs": SHORT,
    "styles mixed (0.5)": replace(SHORT, mix_styles=0.5),
    "device responses (0.6)": replace(SHORT, response=0.6),
    "both": replace(SHORT, mix_styles=0.5, response=0.6),
    "noise (0.5)": replace(SHORT, noise=0.5),
    "residual normalisation": replace(SHORT, network=residual_compact),
    "murmurs of other corpora are abnormal": replace(SHORT, wide_abnormal=True),
    "classes of CinC 2016 equally often": replace(SHORT, cinc_evenness=1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=["a", "b", "f"])
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    spectrograms(corpora, options.work, **SPECTROGRAM)
    calls = [
        (title, seed, database)
        for seed in options.seeds
        for title in options.only
        for database in options.splits
    ]
    with parallel_config("loky", n_jobs=options.jobs):
        answers = Parallel()(
            delayed(asked)(corpora, title, seed, database, options.work)
            for title, seed, database in calls
        )
    logits = dict(zip(calls, answers, strict=True))
    rows = compared(corpora, logits, options)
    path = RESULTS / "trials.json"
    results = json.loads(path.read_text())
    known = results.get("shift", {}).get("trials", [])
    found = {row["title"]: row for row in (*known, *rows)}
    trials = [found[title] for title in TRIALS if title in found]
    results["shift"] = {"splits": SPLITS, "untouched": UNTOUCHED, "trials": trials}
    write_results(path, results)


def asked(
    corpora: Corpora, title: str, seed: int, database: str, work: Path
) -> np.ndarray:
    """Train without a database and two folds; return the logits of all recordings.

    They are NaN for recordings of the training and of the untouched fold.
    """
    limit_threads(1)
    recipe = TRIALS[title]
    X = spectrograms(corpora, work, **SPECTROGRAM)
    train, test = split(corpora, recipe, database)
    model, key = trained(
        X, corpora, np.flatnonzero(train), recipe, seed=seed, folder=work
    )
    path = work / f"shift-{key}.npy"
    if not path.exists():
        found = np.full((len(corpora), N_LOGITS), np.nan, np.float32)
        found[test] = logits_of(model, X[test], recipe.crop_frames)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, found)
    return np.load(path)


def split(
    corpora: Corpora, recipe: Recipe, database: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the training and the test recordings."""
    here = (corpora.corpus == "cinc2016") & (corpora.part == database)
    touched = corpora.fold != UNTOUCHED
    test = touched & (here | (corpora.fold == SPLITS[database]))
    known = np.isin(corpora.corpus, recipe.corpora)
    return known & touched & ~test, test


def compared(
    corpora: Corpora, logits: dict[Any, np.ndarray], options: Any
) -> list[dict[str, Any]]:
    """Return the figures of each trial, and their differences to the first."""
    first = options.only[0]
    drawn = resamples(corpora)
    base: list[dict[str, float]] = []
    rows = []
    for title in options.only:
        answers = [
            {database: logits[title, seed, database] for database in options.splits}
            for seed in options.seeds
        ]
        figures = _mean([scores(corpora, answer) for answer in answers])
        samples = [
            _mean([scores(corpora, answer, count) for answer in answers])
            for count in drawn
        ]
        base = base or samples
        row: dict[str, Any] = {"title": title, "recipe": described(TRIALS[title])}
        row |= {"seeds": options.seeds, "figures": _rounded(figures)}
        if title != first:
            row["differences"] = difference(samples, base)
        rows.append(row)
        print(title, json.dumps(row["figures"]), json.dumps(row.get("differences")))
    return rows


def difference(
    samples: list[dict[str, float]], base: list[dict[str, float]]
) -> dict[str, list[float]]:
    """Return the 95 % interval of each figure's difference to the first trial's."""
    return {
        name: np.nanquantile(
            [one[name] - other[name] for one, other in zip(samples, base, strict=True)],
            [0.025, 0.975],
        )
        .round(4)
        .tolist()
        for name in samples[0]
    }


def scores(
    corpora: Corpora, logits: dict[str, np.ndarray], count: np.ndarray | None = None
) -> dict[str, float]:
    """Return AUROCs: databases left out, known databases, CirCor and PASCAL.

    `count` tells how often each recording was drawn.
    """
    found: dict[str, float] = {}
    within: dict[str, list[Any]] = {}
    murmur: dict[str, list[Any]] = {"circor2022": [], "pascal": []}
    for database, answer in logits.items():
        abnormal = probabilities(answer, "abnormal")[:, 0]
        cinc = corpora.corpus == "cinc2016"
        left = cinc & (corpora.part == database) & (corpora.fold != UNTOUCHED)
        found[f"left out {database}"] = _auroc(
            corpora.word[left] == "abnormal", abnormal[left], count, left
        )
        test = corpora.fold == SPLITS[database]
        for part in "abdf":
            rows = test & cinc & (corpora.part == part) & ~left
            within.setdefault(part, []).append((rows, abnormal))
        p = probabilities(answer, "murmur")[:, 0]
        for corpus, parts in murmur.items():
            rows = test & (corpora.corpus == corpus) & (corpora.codes["murmur"] >= 0)
            parts.append((rows, p))
    left_out = [found[f"left out {d}"] for d in logits if d != "e"]
    found["left out"] = float(np.mean(left_out))
    found["within"] = float(
        np.mean(
            [
                _pooled(parts, corpora.word == "abnormal", count)
                for parts in within.values()
            ]
        )
    )
    for corpus, parts in murmur.items():
        found[corpus] = _pooled(parts, corpora.codes["murmur"] == 0, count)
    return found


def _pooled(parts: list[Any], positive: np.ndarray, count: Any) -> float:
    rows = np.concatenate([np.flatnonzero(rows) for rows, _ in parts])
    score = np.concatenate([score[rows] for rows, score in parts])
    return _auroc(positive[rows], score, count, rows)


def _auroc(truth: Any, score: np.ndarray, count: Any, rows: np.ndarray) -> float:
    if count is None:
        return auroc(truth, score)
    times = count[rows]
    return auroc(np.repeat(truth, times), np.repeat(score, times))


def resamples(corpora: Corpora) -> list[np.ndarray]:
    """Return how often each recording counts when patients are drawn."""
    random = np.random.default_rng(0)
    _, patient = np.unique(corpora.group, return_inverse=True)
    n = patient.max() + 1
    return [
        np.bincount(random.integers(0, n, n), minlength=n)[patient]
        for _ in range(N_RESAMPLES)
    ]


def _mean(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()
