"""Can early and irregular beats be detected from the rhythm?

Experts labelled arrhythmic beats in CinC 2016 (database b). In CirCor, early beats are
spliced into recordings; PASCAL has the word "extrasystole".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _auroc import auroc, by_patient
from _corpora import Corpora
from _rhythm_trials import scores_of_trials
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline

from skheart.audio.reading import read_recording
from skheart.datasets import load_cinc2016, read_segmentation, splice_ectopic_beats
from skheart.segmentation import RHYTHM_FEATURES, rhythm_features
from skheart.segmentation.frames import SAMPLE_RATE, decibels
from skheart.segmentation.segmenter import probabilities

N_REPEATS = 5
# Whether a beat is arrhythmic, by the words of CinC 2016; "unclear" is left out.
ARRHYTHMIC = {"none": 0, "one beat": 1, "two beats": 1, "medium": 1, "severe": 1}


def detector(seed: int = 0) -> Pipeline:
    """Return the classifier of rhythms; its settings were chosen before any result."""
    trees = ExtraTreesClassifier(
        500, min_samples_leaf=3, class_weight="balanced", random_state=seed
    )
    return make_pipeline(SimpleImputer(strategy="median"), trees)


def rhythm_results(
    data_home: Path,
    corpora: Corpora,
    circor: Corpora,
    waveforms: list[np.ndarray],
    weights: list[list[np.ndarray]],
    clean: list[np.ndarray],
) -> dict[str, Any]:
    """Return the figures of the three corpora."""
    results: dict[str, Any] = {}
    X, y, length = spliced_features(circor, waveforms, weights, clean)
    score = cross_validated(X, y, circor.group)
    results["CirCor with spliced beats"] = {
        **auroc(y, score, circor.group),
        "one feature": best_feature(X, y),
        "by length": by_length(y, score, circor.group, length, (0, 10, 20, 30)),
    }
    learned = detector().fit(X, y)
    for name, (X_b, y_b, group, length) in {
        "CinC 2016 b, arrhythmic beats": set_b(data_home, weights[0]),
        "PASCAL B, extrasystole": pascal_b(corpora, weights[0]),
    }.items():
        score = cross_validated(X_b, y_b, group)
        trained_on_spliced = learned.predict_proba(X_b)[:, 1]
        more = np.column_stack([X_b, trained_on_spliced])
        stacked = cross_validated(more, y_b, group)
        results[name] = {
            **both(y_b, score, group),
            "trained on CirCor's spliced beats only": both(
                y_b, trained_on_spliced, group
            ),
            "with that score as one more feature": both(y_b, stacked, group),
            "one feature": best_feature(X_b, y_b),
            "by length": by_length(y_b, score, group, length, (0, 3, 5, 8, 12)),
        }
    results["CinC 2016 b, arrhythmic beats"]["tried"] = tried(data_home, weights[:2])
    for name, figures in results.items():
        print(name, figures, flush=True)
    return results


def tried(data_home: Path, weights: list[list[np.ndarray]]) -> dict[str, Any]:
    """Return the figures of other ways to detect arrhythmic beats in database b."""
    paths, y, group = arrhythmic(data_home)
    probabilities = [[read(path, one)[0] for one in weights] for path in paths]
    scores = scores_of_trials(
        probabilities, y, group, detector=detector, cross_validated=cross_validated
    )
    return {name: both(y, score, group) for name, score in scores.items()}


def both(y: np.ndarray, score: np.ndarray, group: np.ndarray) -> dict[str, Any]:
    """Return the AUROC of recordings, with that of patients."""
    return {**auroc(y, score, group), "by patient": by_patient(y, score, group)}


def features_of(
    paths: np.ndarray, weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of recordings, and their lengths in seconds."""
    probability, length = zip(*(read(path, weights) for path in paths), strict=True)
    return np.array(list(map(rhythm_features, probability))), np.array(length)


def read(path: str, weights: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the probabilities of a recording, and its length in seconds."""
    waveform, _ = read_recording(path, sample_rate=SAMPLE_RATE)
    length = len(waveform) / SAMPLE_RATE
    return probabilities(weights, decibels(waveform)), length


def arrhythmic(data_home: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the recordings of database b that have the label, labels and patients."""
    cinc = load_cinc2016(data_home, databases="b")
    words = cinc.frame["arrhythmia"]
    rows = np.flatnonzero(np.isin(words, list(ARRHYTHMIC)))
    y = np.array([ARRHYTHMIC[word] for word in words[rows]])
    return cinc.data[rows], y, cinc.groups[rows]


def spliced_features(
    circor: Corpora,
    waveforms: list[np.ndarray],
    weights: list[list[np.ndarray]],
    clean: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splice early beats into half of the recordings; return features, labels, lengths.

    Recordings in which no beat can come a fifth earlier stay as they are.
    """
    X, y = [], []
    for row, waveform in enumerate(waveforms):
        early = np.zeros(0)
        if np.random.default_rng(row).random() < 0.5:
            waveform, early = splice_ectopic_beats(
                waveform,
                read_segmentation(circor.segmentation[row]),
                sample_rate=SAMPLE_RATE,
                random_state=row,
            )
        probability = clean[row]
        if len(early):
            network = weights[circor.fold[row]]
            probability = probabilities(network, decibels(waveform))
        X.append(rhythm_features(probability))
        y.append(len(early) > 0)
    length = np.array([len(waveform) / SAMPLE_RATE for waveform in waveforms])
    return np.array(X), np.array(y).astype(int), length


def set_b(
    data_home: Path, weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return features, whether a beat is arrhythmic, patients and lengths."""
    paths, y, group = arrhythmic(data_home)
    X, length = features_of(paths, weights)
    return X, y, group, length


def pascal_b(
    corpora: Corpora, weights: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return features, whether the label is extrasystole, patients and lengths."""
    rows = np.flatnonzero((corpora.corpus == "pascal") & (corpora.part == "b"))
    part = corpora.take(rows)
    X, length = features_of(part.path, weights)
    return X, (part.word == "extrasystole").astype(int), part.group, length


def cross_validated(
    X: np.ndarray,
    y: np.ndarray,
    group: np.ndarray,
    model_of: Callable[[int], Pipeline] = detector,
) -> np.ndarray:
    """Return scores from five folds by patient, averaged over five orders."""
    total = np.zeros(len(y))
    for seed in range(N_REPEATS):
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for train, test in folds.split(X, y, group):
            model = model_of(seed).fit(X[train], y[train])
            total[test] += model.predict_proba(X[test])[:, 1]
    return total / N_REPEATS


def best_feature(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the feature with the highest AUROC, in either direction.

    It is chosen on the same recordings, and too good by that.
    """
    best: tuple[float, str] = (0.0, "")
    for name, column in zip(RHYTHM_FEATURES, X.T, strict=True):
        value = roc_auc_score(y, np.nan_to_num(column, nan=np.nanmedian(column)))
        best = max(best, (max(value, 1 - value), name))
    return {"name": best[1], "auroc": round(float(best[0]), 3)}


def by_length(
    y: np.ndarray,
    score: np.ndarray,
    group: np.ndarray,
    length: np.ndarray,
    shortest: tuple[float, ...],
) -> dict[str, Any]:
    """Return the AUROC of recordings at least so long, in seconds."""
    found = {}
    for low in shortest:
        rows = length >= low
        found[f">= {low} s"] = auroc(y[rows], score[rows], group[rows])
    return found
