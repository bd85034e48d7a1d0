"""Does one network learn more from several others than from labels alone?

    python benchmarks/distil.py DATA_HOME --jobs 2

The teachers are the networks of benchmarks/shift.py, one for each change, with the
first seed; missing ones are trained. Their probabilities for the recordings of the
training are averaged, and a student of the plain recipe learns from the mean of these
and the labels. It is scored as in shift.py, beside the plain recipe and the mean of the
teachers. No teacher has seen a test recording. Writes benchmarks/results/trials.json,
part "distilled".
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import HEADS, Corpora, read_corpora, spectrograms
from _joint import COLUMNS, N_LOGITS, logits_of, network, train, trained
from _recipes import SPECTROGRAM
from _results import RESULTS, write_results
from _scores import probabilities
from joblib import Parallel, delayed, parallel_config
from shift import SHORT, TRIALS, asked, difference, resamples, scores, split

from skheart._core.files import atomic_path
from skheart.neural.threads import limit_threads

SPLITS = ("a", "b", "f")
PLAIN = next(iter(TRIALS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    spectrograms(corpora, options.work, **SPECTROGRAM)
    work = options.work
    with parallel_config("loky", n_jobs=options.jobs):
        of_teachers = Parallel()(
            delayed(asked)(corpora, title, 0, database, work)
            for database in SPLITS
            for title in TRIALS
        )
        Parallel()(
            delayed(taught)(corpora, title, database, work)
            for database in SPLITS
            for title in TRIALS
        )
        of_students = Parallel()(
            delayed(student)(corpora, database, work) for database in SPLITS
        )
    teachers = np.array(of_teachers).reshape(len(SPLITS), len(TRIALS), -1, N_LOGITS)
    answers = {
        "plain recipe": dict(zip(SPLITS, teachers[:, 0], strict=True)),
        "mean of all teachers": dict(zip(SPLITS, teachers.mean(axis=1), strict=True)),
        "student of the teachers": dict(zip(SPLITS, of_students, strict=True)),
    }
    drawn = resamples(corpora)
    samples = {
        title: [scores(corpora, answer, count) for count in drawn]
        for title, answer in answers.items()
    }
    rows = []
    for title, answer in answers.items():
        row: dict[str, Any] = {"title": title, "seeds": [0]}
        figures = scores(corpora, answer)
        row["figures"] = {name: round(value, 4) for name, value in figures.items()}
        if title != "plain recipe":
            row["differences"] = difference(samples[title], samples["plain recipe"])
        rows.append(row)
        print(title, json.dumps(row))
    path = RESULTS / "trials.json"
    results = json.loads(path.read_text())
    results["distilled"] = {"teachers": list(TRIALS), "trials": rows}
    write_results(path, results)


def taught(corpora: Corpora, title: str, database: str, work: Path) -> np.ndarray:
    """Return the logits of a teacher for the recordings of its training."""
    limit_threads(1)
    X = spectrograms(corpora, work, **SPECTROGRAM)
    train_rows, _ = split(corpora, TRIALS[title], database)
    rows = np.flatnonzero(train_rows)
    model, key = trained(X, corpora, rows, TRIALS[title], seed=0, folder=work)
    path = work / f"taught-{key}.npy"
    if not path.exists():
        logits = logits_of(model, X[rows], TRIALS[title].crop_frames)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.save(file, logits)
    return np.load(path)


def student(corpora: Corpora, database: str, work: Path) -> np.ndarray:
    """Train the student, and return the logits of all test recordings."""
    path = work / f"student-{database}.npy"
    if path.exists():
        return np.load(path)
    limit_threads(1)
    logits = np.mean([taught(corpora, t, database, work) for t in TRIALS], axis=0)
    soft = np.zeros_like(logits)
    for head, columns in COLUMNS.items():
        p = probabilities(logits, head)
        # The single logit of two classes is of the second.
        soft[:, columns] = p[:, 1:] if len(HEADS[head]) == 2 else p
    X = spectrograms(corpora, work, **SPECTROGRAM)
    train_rows, test = split(corpora, SHORT, database)
    rows = np.flatnonzero(train_rows)
    with_loss = train(np.array(X[rows]), corpora.take(rows), SHORT, seed=0, soft=soft)
    model = network(X.shape[1], SHORT)  # Keras could not find the loss again
    model.set_weights(with_loss.get_weights())
    found = np.full((len(corpora), N_LOGITS), np.nan, np.float32)
    found[test] = logits_of(model, X[test], SHORT.crop_frames)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, found)
    return found


if __name__ == "__main__":
    main()
