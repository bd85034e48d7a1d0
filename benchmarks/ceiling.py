"""What keeps figures from rising: labels that contradict each other, or few patients?

    python benchmarks/ceiling.py DATA_HOME --jobs 2

Labels: how often two labels of one patient differ. (Some patients did change between
two campaigns, so that not every difference is an error.) Patients: the figures of
networks trained on a quarter, a half and all of the patients of three folds, and tested
on another; the first fold has no part in it. Writes benchmarks/results/ceiling.json.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import Corpora, read_corpora, spectrograms
from _joint import logits_of, trained
from _recipes import JOINT, SPECTROGRAM
from _results import RESULTS, write_results
from _scores import TASKS, probabilities
from joblib import Parallel, delayed, parallel_config

from skheart._core.files import atomic_path
from skheart.metrics import proportion_interval
from skheart.neural.threads import limit_threads

UNTOUCHED = 0
TESTED = (1, 2)
SHARES = (0.25, 0.5, 1.0)
RECIPE = replace(JOINT, epochs=15)
ASKED = ("circor_recording", "circor_patient", "cinc_within", "pascal_murmur")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    results: dict[str, Any] = {"labels": labels(corpora)}
    for title, row in results["labels"].items():
        print(title, row)
    spectrograms(corpora, options.work, **SPECTROGRAM)
    calls = [(share, k) for k in TESTED for share in SHARES]
    with parallel_config("loky", n_jobs=options.jobs):
        answers = Parallel()(
            delayed(scored)(corpora, share, k, options.work) for share, k in calls
        )
    results["patients"] = {}
    for share in SHARES:
        own = [x for x, (one, _) in zip(answers, calls, strict=True) if one == share]
        row = {name: round(float(np.mean([x[name] for x in own])), 4) for name in ASKED}
        results["patients"][f"{share:g}"] = row
        print(share, row)
    write_results(RESULTS / "ceiling.json", results)


def labels(corpora: Corpora) -> dict[str, Any]:
    """Return how often labels of one patient differ."""
    circor = corpora.take(np.flatnonzero(corpora.corpus == "circor2022"))
    _, first = np.unique(circor.visit, return_index=True)
    visits = circor.take(first)
    known = visits.word != "Unknown"
    present = np.where(visits.word == "Absent", 0, 1)
    rows = {
        "CirCor, both campaigns, murmur": _pairs(visits.group[known], present[known]),
        "CirCor, both campaigns, outcome": _pairs(
            visits.group, visits.codes["outcome"]
        ),
    }
    cinc = corpora.take(np.flatnonzero(corpora.corpus == "cinc2016"))
    for part in "abf":
        here = cinc.part == part
        rows[f"CinC 2016 {part}, recordings of a patient"] = _pairs(
            cinc.group[here], cinc.codes["abnormal"][here]
        )
    with_murmur = np.isin(circor.word, ("Present", "Inaudible"))
    inaudible = circor.word[with_murmur] == "Inaudible"
    return {
        **{name: row for name, row in rows.items() if row},
        "CirCor, locations without the patient's murmur": _share(inaudible),
    }


def _pairs(group: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    """Return the share of pairs of one patient's labels that differ."""
    differ = []
    for patient in np.unique(group):
        own = label[group == patient]
        differ += [bool(own[i] != own[j]) for i in range(len(own)) for j in range(i)]
    if not differ:
        return {}
    return _share(np.array(differ))


def _share(values: np.ndarray) -> dict[str, Any]:
    interval = proportion_interval(float(values.sum()), len(values))
    return {
        "n": len(values),
        "share": round(interval.value, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
    }


def scored(corpora: Corpora, share: float, k: int, work: Path) -> dict[str, float]:
    """Train on a share of the patients of three folds, and score another fold."""
    limit_threads(1)
    X = spectrograms(corpora, work, **SPECTROGRAM)
    train = ~np.isin(corpora.fold, (UNTOUCHED, k))
    patients = np.unique(corpora.group[train])
    random = np.random.default_rng(0)
    chosen = random.permutation(patients)[: round(share * len(patients))]
    rows = np.flatnonzero(train & np.isin(corpora.group, chosen))
    # As many steps with fewer patients, so that only their number matters.
    recipe = replace(RECIPE, epochs=round(RECIPE.epochs / share))
    model, key = trained(X, corpora, rows, recipe, seed=0, folder=work)
    test = np.flatnonzero(corpora.fold == k)
    path = work / f"ceiling-{key}.npy"
    if not path.exists():
        logits = logits_of(model, X[test], recipe.crop_frames)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, logits)
    logits, part = np.load(path), corpora.take(test)
    found = {}
    for name in ASKED:
        task = TASKS[name]
        asked = np.flatnonzero(task.rows(part))
        score = task.answer(probabilities(logits, task.head))[asked]
        found[name] = task.statistic(part.take(asked), score)
    return found


if __name__ == "__main__":
    main()
