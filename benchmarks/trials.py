"""What was tried, one change at a time.

    python benchmarks/trials.py DATA_HOME --jobs 2

Each recipe is trained without the first fold and the fold that it is asked about, which
is the second and then the third: patients of the first fold stay unseen while settings
are chosen. One seed; differences of less than 0.01 are within what another seed does.
Writes benchmarks/results/trials.json, and does not repeat what is in it.
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

from skheart._runtime import limit_threads

ASKED = (1, 2)
UNTOUCHED = 0
FIRST = Recipe()
STRONG = replace(FIRST, augment=1.0, stretch=0.25, cinc_augment=0.0, inaudible=True)
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
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    X = spectrograms(corpora, options.work, **SPECTROGRAM)
    path = RESULTS / "trials.json"
    known = json.loads(path.read_text())["trials"] if path.exists() else []
    rows = [
        row
        for row in known
        if json.loads(json.dumps(described(TRIALS[row["title"]]))) == row["recipe"]
    ]
    done = [row["title"] for row in rows]
    calls = [(title, k) for title in TRIALS if title not in done for k in ASKED]
    with parallel_config("loky", n_jobs=options.jobs):
        answers = Parallel()(
            delayed(asked)(X, corpora, TRIALS[title], k, options.work)
            for title, k in calls
        )
    logits = dict(zip(calls, answers, strict=True))
    for title in dict.fromkeys(title for title, _ in calls):
        recipe = TRIALS[title]
        answers = {k: logits[title, k] for k in ASKED}
        figures = scores(corpora, recipe, answers)
        rows.append({"title": title, "recipe": described(recipe), "figures": figures})
        print(title, json.dumps(figures), flush=True)
    results: dict[str, Any] = {"asked": ASKED, "untouched": UNTOUCHED, "trials": rows}
    write(path, results)


def asked(
    X: np.ndarray, corpora: Corpora, recipe: Recipe, k: int, folder: Path
) -> np.ndarray:
    """Train without two folds; the logits of the recordings of one of them."""
    limit_threads(1)
    known = np.isin(corpora.corpus, recipe.corpora)
    train = np.flatnonzero(known & (corpora.fold != UNTOUCHED) & (corpora.fold != k))
    model, _ = trained(X, corpora, train, recipe, seed=0, folder=folder)
    test = np.flatnonzero(corpora.fold == k)
    return logits_of(model, X[test], recipe.crop_frames)


def scores(
    corpora: Corpora, recipe: Recipe, logits: dict[int, np.ndarray]
) -> dict[str, float]:
    """Mean over the folds of the score of each task that the network can do."""
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
