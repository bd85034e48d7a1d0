"""Compare settings, with one change at a time.

    python benchmarks/trials.py DATA_HOME --jobs 2

Each recipe is trained twice: without the folds 0 and 1, and without the folds 0 and 2.
It is scored on fold 1 or 2, so that the patients of fold 0 have no influence on the
choice of settings. There is one seed; other seeds change figures by up to 0.01. Writes
benchmarks/results/trials.json, and does not repeat the trials in it.
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
from _joint import Recipe, described, logits_of, trained
from _networks import temporal
from _recipes import SPECTROGRAM
from _scores import TASKS, probabilities
from accuracy import RESULTS, write
from joblib import Parallel, delayed, parallel_config

from skheart.neural.threads import limit_threads

ASKED = (1, 2)
UNTOUCHED = 0
FINER = {**SPECTROGRAM, "window": 0.032, "hop": 0.010, "n_bands": 64}
FIRST = Recipe()
STRONG = replace(FIRST, augment=1.0, stretch=0.25, cinc_augment=0.0, inaudible=True)
LATER = Recipe(epochs=25, augment=1.0, cinc_augment=0.0, inaudible=True)
CINC = replace(LATER, corpora=("cinc2016",))
OTHERS = replace(LATER, corpora=("circor2022", "pascal"))
TRIALS: dict[str, Recipe] = {
    "First recipe (augment 0.5, 20 epochs)": FIRST,
    "Convolutions over time only (290 000 weights)": replace(FIRST, network=temporal),
    "Playback rate 0.8 to 1.25": replace(FIRST, stretch=0.25),
    "Augment 1": replace(FIRST, augment=1.0),
    "No augmentation of CinC 2016": replace(FIRST, cinc_augment=0.0),
    "Augment 1, rate, CinC plain and even, inaudible counts as Present": replace(
        STRONG, cinc_evenness=1.0
    ),
    "CirCor alone": replace(STRONG, corpora=("circor2022",)),
    "CinC 2016 alone": replace(STRONG, corpora=("cinc2016",)),
    "PASCAL alone, 60 epochs": replace(STRONG, corpora=("pascal",), epochs=60),
    "Later recipe (augment 1, CinC plain, 25 epochs)": LATER,
    "Later, 40 epochs": replace(LATER, epochs=40),
    "Later, phases of the beat learned too": replace(LATER, segmentation=0.3),
    "Later, murmurs of other corpora are abnormal": replace(LATER, wide_abnormal=True),
    "Later, CirCor and PASCAL alone": OTHERS,
    "The same, finer spectrogram, convolutions over time": replace(
        OTHERS, network=temporal, crop_frames=500
    ),
    "Later, CinC 2016 alone": CINC,
    "The same, crops of 10 s": replace(CINC, crop_frames=500),
    "The same, classes balanced over all its databases": replace(
        CINC, balanced_in="corpus"
    ),
    "The same, finer spectrogram and convolutions over time": replace(
        CINC, network=temporal, crop_frames=500
    ),
}


def spectrogram_of(title: str) -> dict[str, Any]:
    """Return the settings of the spectrograms of a trial."""
    return FINER if "finer spectrogram" in title else SPECTROGRAM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    path = RESULTS / "trials.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    known = results.get("trials", [])
    rows = [row for row in known if row["title"] in TRIALS and as_recorded(row)]
    done = [row["title"] for row in rows]
    titles = [title for title in options.only if title not in done]
    calls = [(title, k) for title in titles for k in ASKED]
    for settings in (SPECTROGRAM, FINER):  # computed before processes start
        spectrograms(corpora, options.work, **settings)
    with parallel_config("loky", n_jobs=options.jobs):
        answers = Parallel()(
            delayed(asked)(corpora, title, k, options.work) for title, k in calls
        )
    logits = dict(zip(calls, answers, strict=True))
    for title in titles:
        recipe = TRIALS[title]
        answers = {k: logits[title, k] for k in ASKED}
        figures = scores(corpora, recipe, answers)
        row = {"title": title, "recipe": described(recipe), "figures": figures}
        rows.append({**row, "spectrogram": spectrogram_of(title)})
        print(title, json.dumps(figures), flush=True)
    order = list(TRIALS)
    rows.sort(key=lambda row: order.index(row["title"]))
    results |= {"asked": ASKED, "untouched": UNTOUCHED, "trials": rows}
    write(path, results)


def as_recorded(row: dict[str, Any]) -> bool:
    """Return whether a recorded trial has the current settings of its title.

    Settings that were added later have their default in a recorded trial.
    """
    recorded = {**described(Recipe()), **row["recipe"]}
    recipe = described(TRIALS[row["title"]])
    settings = row.get("spectrogram", SPECTROGRAM)
    same = json.dumps(recorded) == json.dumps(recipe)  # lists are tuples otherwise
    return same and settings == spectrogram_of(row["title"])


def asked(corpora: Corpora, title: str, k: int, work: Path) -> np.ndarray:
    """Train without two folds, and return the logits of the recordings of one."""
    limit_threads(1)
    recipe, settings = TRIALS[title], spectrogram_of(title)
    X = spectrograms(corpora, work, **settings)
    folder = work / "finer" if settings is FINER else work
    known = np.isin(corpora.corpus, recipe.corpora)
    train = np.flatnonzero(known & (corpora.fold != UNTOUCHED) & (corpora.fold != k))
    model, _ = trained(X, corpora, train, recipe, seed=0, folder=folder)
    test = np.flatnonzero(corpora.fold == k)
    return logits_of(model, X[test], recipe.crop_frames)


def scores(
    corpora: Corpora, recipe: Recipe, logits: dict[int, np.ndarray]
) -> dict[str, float]:
    """Return the mean score over the folds, for each task of the recipe's corpora."""
    figures = {}
    for name, task in TASKS.items():
        if not set(corpora.corpus[task.rows(corpora)]) <= set(recipe.corpora):
            continue
        values = []
        for k, answer in logits.items():
            test = corpora.take(np.flatnonzero(corpora.fold == k))
            rows = np.flatnonzero(task.rows(test))
            score = task.answer(probabilities(answer, task.head))[rows]
            values.append(task.statistic(test.take(rows), score))
        figures[name] = round(float(np.mean(values)), 4)
    return figures


if __name__ == "__main__":
    main()
