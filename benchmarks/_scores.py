"""The tasks, each with the score that is usual for its corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from _corpora import HEADS, N_FOLDS, Corpora
from _joint import COLUMNS
from scipy.special import expit, log_softmax

from skheart.metrics import (
    auroc_score,
    cinc2016_score,
    circor2022_score,
    pool_by_group,
)
from skheart.metrics.patients import rows_of_groups

WITHIN = ("a", "b", "d", "f")  # databases of CinC 2016 with enough of both classes
LEFT_OUT = ("a", "b", "f")  # the same, of those with more than 100 recordings
APART = "e"  # two populations: its figure tells how they were recorded
MURMUR3_POOLING = ("mean", "max", "mean")  # of Absent, Present, Unknown


@dataclass(frozen=True)
class Task:
    """A classification task on the recordings of a corpus."""

    name: str
    title: str
    unit: str  # name of the score
    goal: float  # the value that was aimed at
    head: str  # the head of `HEADS` that predicts it
    rows: Callable[[Corpora], np.ndarray]  # mask of the recordings of the task
    # Targets of a baseline: 1 for the positive class, or the label.
    truth: Callable[[Corpora], np.ndarray]
    answer: Callable[[np.ndarray], np.ndarray]  # probabilities of classes -> scores
    statistic: Callable[[Corpora, np.ndarray], float]  # of scores of recordings


def probabilities(logits: np.ndarray, head: str) -> np.ndarray:
    """Return the probabilities, (n, n_classes), in the order of the classes."""
    part = logits[:, COLUMNS[head]].astype(float)
    if part.shape[1] == 1:
        second = expit(part)  # the logit belongs to the second class
        return np.hstack([expit(-part), second])
    return np.exp(log_softmax(part, axis=1))


def auroc(truth: np.ndarray, score: np.ndarray) -> float:
    """Return the AUROC; NaN for a single class."""
    truth = np.asarray(truth, dtype=int)
    return float(auroc_score(truth, score)) if 0 < truth.sum() < len(truth) else np.nan


def _by_patient(how: str) -> Callable[[Corpora, np.ndarray], float]:
    def statistic(corpora: Corpora, score: np.ndarray) -> float:
        # All locations of a patient count, also those where the murmur is inaudible.
        present = (corpora.word != "Absent").astype(int)
        pooled = pool_by_group(
            score, corpora.visit, how=how, y_true=present, pos_label=1
        )
        return auroc(pooled.y_true, pooled.y_score)

    return statistic


def _weighted_accuracy(corpora: Corpora, score: np.ndarray) -> float:
    truth = np.where(corpora.word == "Inaudible", "Present", corpora.word)
    # A patient is Present if a murmur is audible at one location.
    pooled = pool_by_group(score, corpora.visit, how=MURMUR3_POOLING, y_true=truth)
    answer = np.array(HEADS["murmur3"])[pooled.y_score.argmax(axis=1)]
    return float(circor2022_score(pooled.y_true, answer))


def _outcome(corpora: Corpora, score: np.ndarray) -> float:
    truth = (corpora.codes["outcome"] == 0).astype(int)
    pooled = pool_by_group(score, corpora.visit, y_true=truth)
    return auroc(pooled.y_true, pooled.y_score)


def by_database(
    corpora: Corpora, score: np.ndarray, parts: tuple[str, ...] = WITHIN
) -> dict[str, float]:
    """Return the AUROC within each database of CinC 2016."""
    values = {}
    for part in parts:
        rows = corpora.part == part
        values[part] = auroc(corpora.word[rows] == "abnormal", score[rows])
    return values


def _within(corpora: Corpora, score: np.ndarray) -> float:
    values = list(by_database(corpora, score).values())
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan


def _left_out(corpora: Corpora, score: np.ndarray) -> float:
    return float(np.mean(list(by_database(corpora, score, LEFT_OUT).values())))


def _mean_accuracy(corpora: Corpora, score: np.ndarray) -> float:
    answer = np.where(score > 0.5, "abnormal", "normal")
    if len(np.unique(corpora.word)) < 2:
        return np.nan
    return float(cinc2016_score(corpora.word, answer, quality=corpora.quality))


def _word_is(word: str) -> Callable[[Corpora], np.ndarray]:
    return lambda corpora: (corpora.word == word).astype(int)


def _first(p: np.ndarray) -> np.ndarray:
    return p[:, 0]


def _log_odds(column: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda p: np.log(p[:, column] + 1e-12) - np.log(1 - p[:, column] + 1e-12)


def _is(name: str) -> Callable[[Corpora], np.ndarray]:
    return lambda corpora: corpora.corpus == name


def _set_b(*words: str) -> Callable[[Corpora], np.ndarray]:
    return lambda c: (
        (c.corpus == "pascal") & (c.part == "b") & (np.isin(c.word, words or c.word))
    )


def _auroc_of(word: str) -> Callable[[Corpora, np.ndarray], float]:
    return lambda corpora, score: auroc(corpora.word == word, score)


TASKS: dict[str, Task] = {
    task.name: task
    for task in [
        Task(
            "pascal_murmur",
            "PASCAL set B, murmur against normal",
            "AUROC",
            0.96,
            "murmur",
            _set_b("murmur", "normal"),
            _word_is("murmur"),
            _first,
            _auroc_of("murmur"),
        ),
        Task(
            "pascal_extrasystole",
            "PASCAL set B, extrasystole against the rest",
            "AUROC",
            0.75,
            "pascal",
            _set_b(),
            _word_is("extrasystole"),
            lambda p: p[:, 2] if p.shape[1] > 2 else p[:, 0],
            _auroc_of("extrasystole"),
        ),
        Task(
            "cinc_within",
            "CinC 2016, within databases a, b, d, f",
            "AUROC",
            0.88,
            "abnormal",
            _is("cinc2016"),
            _word_is("abnormal"),
            _first,
            _within,
        ),
        Task(
            "cinc_mean_accuracy",
            "CinC 2016, official mean accuracy",
            "MAcc",
            0.92,
            "abnormal",
            _is("cinc2016"),
            _word_is("abnormal"),
            _first,
            _mean_accuracy,
        ),
        Task(
            "circor_recording",
            "CirCor murmur, by recording",
            "AUROC",
            0.98,
            "murmur",
            lambda c: (c.corpus == "circor2022") & (c.codes["murmur"] >= 0),
            _word_is("Present"),
            _first,
            _auroc_of("Present"),
        ),
        Task(
            "circor_patient",
            "CirCor murmur, by patient",
            "AUROC",
            0.97,
            "murmur",
            lambda c: (c.corpus == "circor2022") & (c.word != "Unknown"),
            lambda c: (c.word == "Present").astype(int),
            _log_odds(0),
            _by_patient("max"),
        ),
        Task(
            "circor_weighted_accuracy",
            "CirCor murmur, official weighted accuracy",
            "weighted accuracy",
            0.82,
            "murmur3",
            _is("circor2022"),
            lambda c: np.where(c.word == "Inaudible", "Present", c.word),
            lambda p: p,
            _weighted_accuracy,
        ),
        Task(
            "circor_outcome",
            "CirCor outcome, by patient",
            "AUROC",
            0.75,
            "outcome",
            _is("circor2022"),
            lambda c: (c.codes["outcome"] == 0).astype(int),
            _log_odds(0),
            _outcome,
        ),
    ]
}

# This task is not scored in folds.
LEFT_OUT_TASK = Task(
    "cinc_left_out",
    "CinC 2016, a database left out, mean of a, b, f (e apart)",
    "AUROC",
    0.8,
    "abnormal",
    lambda c: (c.corpus == "cinc2016") & np.isin(c.part, (*LEFT_OUT, APART)),
    _word_is("abnormal"),
    _first,
    _left_out,
)


def repeated(task: Task) -> Task:
    """Return the task for scores with a column for each repetition."""

    def statistic(corpora: Corpora, score: np.ndarray) -> float:
        return float(np.mean([task.statistic(corpora, column) for column in score.T]))

    title = f"{task.title}, five times"
    return replace(task, name=f"{task.name}_repeated", title=title, statistic=statistic)


def figure(
    task: Task,
    corpora: Corpora,
    score: np.ndarray,
    *,
    fold: np.ndarray | None = None,
    by_fold: list[float] | None = None,
    n_resamples: int = 1000,
) -> dict[str, Any]:
    """Return the figure of a task by fold, and with an interval for all folds.

    The scores are by models that were not trained on the patient. `fold` is the test
    fold of each recording; `by_fold` are the figures of the folds, if `fold` cannot
    describe them.
    """
    if by_fold is None:
        by_fold = [
            task.statistic(corpora.take(rows), score[rows])
            for rows in (np.flatnonzero(fold == k) for k in range(N_FOLDS))
            if len(rows)
        ]
    low, high = bootstrap(task, corpora, score, n_resamples=n_resamples)
    parts = {}
    if task.name == "cinc_within":
        values = by_database(corpora, score)
        parts = {"parts": {part: round(value, 4) for part, value in values.items()}}
    return {
        "task": task.title,
        "score": task.unit,
        "folds": [round(float(value), 4) for value in by_fold],
        "mean": round(float(np.nanmean(by_fold)), 4),
        "sd": round(float(np.nanstd(by_fold)), 4),
        "value": round(task.statistic(corpora, score), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "recordings": len(corpora),
        "patients": len(np.unique(corpora.group)),
        **parts,
    }


def drawn_by_patient(group: np.ndarray, n_resamples: int) -> list[np.ndarray]:
    """Draw patients with replacement, and return the rows of each resample."""
    random = np.random.default_rng(0)
    _, rows_of = rows_of_groups(group)
    return [
        np.concatenate(
            [rows_of[i] for i in random.integers(0, len(rows_of), len(rows_of))]
        )
        for _ in range(n_resamples)
    ]


def bootstrap(
    task: Task, corpora: Corpora, score: np.ndarray, *, n_resamples: int = 1000
) -> tuple[float, float]:
    """Return the limits of a 95 % interval by drawing patients with replacement."""
    values = [
        task.statistic(part, score[rows])
        for part, rows in resamples(corpora, n_resamples)
    ]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def resamples(
    corpora: Corpora, n_resamples: int
) -> Iterator[tuple[Corpora, np.ndarray]]:
    """Draw patients with replacement; yield the recordings and their rows.

    A patient who is drawn twice counts as two patients.
    """
    random = np.random.default_rng(0)
    _, rows_of = rows_of_groups(corpora.group)
    for _ in range(n_resamples):
        drawn = random.integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[i] for i in drawn])
        times = np.repeat(np.arange(len(drawn)), [len(rows_of[i]) for i in drawn])
        part = corpora.take(rows)
        part.visit = np.char.add(part.visit, np.char.mod("/%d", times))
        yield part, rows
