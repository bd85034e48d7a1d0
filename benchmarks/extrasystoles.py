"""Can extrasystoles be detected from the intervals between beats?

    python benchmarks/extrasystoles.py DATA_HOME

Simple classifiers use features of the rhythm, which are computed from the loudness of
the low bands in PASCAL set B. They are compared with features from the layer before the
last of a network trained on CirCor and CinC 2016 only. The five folds by patient are
those of the other benchmarks. Writes benchmarks/results/extrasystoles.json.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import soundfile
from _corpora import N_FOLDS, read_corpora, spectrograms
from _cut import start_without_pascal
from _recipes import SPECTROGRAM
from _scores import TASKS, figure
from accuracy import RESULTS, write
from scipy.signal import find_peaks
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HOP = 0.02  # seconds between the frames of the spectrograms
LOW_BANDS = 12  # up to about 290 Hz
SHORTEST, LONGEST = 0.4, 1.5  # duration of a beat, in seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    X = spectrograms(corpora, options.work, **SPECTROGRAM)
    start = start_without_pascal(X, corpora, options.work)
    task = TASKS["pascal_extrasystole"]
    rows = np.flatnonzero(task.rows(corpora))
    part, X = corpora.take(rows), X[rows].astype(np.float32)
    seconds = [soundfile.info(path).duration for path in part.path]
    beats = np.array([rhythm(x, s) for x, s in zip(X, seconds, strict=True)])
    learned = embedding(start.model_, X, start.n_crop_)
    linear = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000),
    )
    forest = RandomForestClassifier(
        500, min_samples_leaf=3, class_weight="balanced_subsample", random_state=0
    )
    ways: dict[str, tuple[Any, np.ndarray]] = {
        "rhythm, logistic regression": (linear, beats),
        "rhythm, random forest": (forest, beats),
        "network without PASCAL, logistic regression": (linear, learned),
        "both, logistic regression": (linear, np.hstack([learned, beats])),
    }
    truth = part.word == "extrasystole"
    results: dict[str, Any] = {"figures": {}}
    for way, (model, F) in ways.items():
        score = np.full(len(part), np.nan)
        for k in range(N_FOLDS):
            test = part.fold == k
            model.fit(F[~test], truth[~test])
            score[test] = model.predict_proba(F[test])[:, 1]
        row = figure(task, part, score, fold=part.fold)
        results["figures"][way] = row
        print(f"{way}: {row['value']} ({row['low']} to {row['high']})", flush=True)
    write(RESULTS / "extrasystoles.json", results)


def rhythm(x: np.ndarray, seconds: float) -> np.ndarray:
    """Compute 16 features of the rhythm of a recording.

    `x` is its spectrogram, (n_bands, n_frames), in which short recordings are repeated.
    The features are height and lag of the highest peak of the autocorrelation of the
    loudness, and its height at twice that lag. Over parts of three seconds: standard
    deviation of the lag; mean, minimum and standard deviation of the height. Of the
    intervals between sounds: mean, standard deviation, maximum, minimum, 90th
    percentile, and maximum divided by median. Sounds per second, duration, and standard
    deviation of the loudness.
    """
    n_frames = int(np.clip(seconds / HOP, LONGEST / HOP + 5, x.shape[1]))
    loudness = x[:LOW_BANDS, :n_frames].mean(axis=0)
    slow = np.convolve(loudness, np.ones(75) / 75, "same")
    loudness = np.maximum(loudness - slow, 0)
    loudness = np.convolve(loudness, np.hanning(7) / np.hanning(7).sum(), "same")
    height, place, twice = _peak(loudness)
    stretch = round(3 / HOP)
    starts = range(0, max(1, n_frames - stretch + 1), round(0.5 / HOP))
    local = np.array([_peak(loudness[i : i + stretch])[:2] for i in starts])
    sounds, _ = find_peaks(loudness, height=0.3 * loudness.max(), distance=8)
    interval = np.diff(sounds) * HOP
    if len(interval) < 3:
        interval = np.full(3, SHORTEST)
    return np.array(
        [
            height,
            place,
            twice,
            local[:, 1].std(),
            local[:, 0].mean(),
            local[:, 0].min(),
            local[:, 0].std(),
            interval.mean(),
            interval.std(),
            interval.max(),
            interval.min(),
            np.percentile(interval, 90),
            interval.max() / np.median(interval),
            len(sounds) / (n_frames * HOP),
            seconds,
            loudness.std(),
        ]
    )


def _peak(loudness: np.ndarray) -> tuple[float, float, float]:
    """Return height and lag of the autocorrelation's peak, and its height at 2 lags."""
    x = loudness - loudness.mean()
    n = len(x)
    together = np.correlate(x, x, "full")[n - 1 :] / np.arange(n, 0, -1)
    together /= max(together[0], 1e-12)
    first, last = round(SHORTEST / HOP), min(round(LONGEST / HOP), n)
    lag = first + int(np.argmax(together[first:last]))
    return together[lag], lag * HOP, together[min(2 * lag, n - 1)]


def embedding(model: keras.Model, X: np.ndarray, n_crop: int) -> np.ndarray:
    """Return the inputs of the last layer, averaged over half-overlapping windows."""
    before = keras.Model(model.inputs[0], model.get_layer("attention").output)
    starts = range(0, X.shape[2] - n_crop + 1, n_crop // 2)
    parts = [
        before.predict(X[:, :, i : i + n_crop, np.newaxis], verbose=0) for i in starts
    ]
    return np.mean(parts, axis=0)


if __name__ == "__main__":
    main()
