"""The demonstration: the whole job, on simulated recordings."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import joblib
import numpy as np
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.datasets import make_heart_sounds
from skheart.inspection.displays import SpectrogramDisplay
from skheart.metrics import auroc_confidence_interval, auroc_scorer
from skheart.neural.classifier import CNNClassifier
from skheart.spectrogram.transformer import SpectrogramTransformer

_N_FOLDS = 3
_GRID = {"cnn__loss": ["crossentropy", "auroc"]}


def run_demo(folder: Path, *, seed: int = 0, verbose: bool = True) -> None:
    """Search, train, score, draw, save and reload a model.

    Parameters
    ----------
    folder : pathlib.Path
        Where to write ``model.joblib``, ``roc.png`` and ``spectrogram.png``.
    seed : int, default=0
        Seed of the recordings and of the training.
    verbose : bool, default=True
        Show progress bars on standard error.
    """
    matplotlib = optional_import("matplotlib", user="skheart demo", extra="plot")
    matplotlib.use("Agg")
    started = perf_counter()
    folder.mkdir(parents=True, exist_ok=True)

    # Murmurs that a trained ear would hear: forty patients are few to learn from.
    sounds = make_heart_sounds(120, murmur_level=(-24.0, -10.0), random_state=seed)
    train, test = next(
        StratifiedGroupKFold(3, shuffle=True, random_state=seed).split(
            sounds.data, sounds.target, sounds.groups
        )
    )
    print(
        f"1. Simulated {len(sounds.data)} recordings of "
        f"{len(np.unique(sounds.groups))} patients; "
        f"{len(np.unique(sounds.groups[test]))} patients are held out."
    )

    search = _search(sounds, train, seed=seed, verbose=verbose)
    results = search.cv_results_
    print(f"2. Grid search by patient, {_N_FOLDS} folds, mean AUROC:")
    for parameters, mean in zip(
        results["params"], results["mean_test_score"], strict=True
    ):
        chosen = "  <- chosen" if parameters == search.best_params_ else ""
        print(f"     loss={parameters['cnn__loss']:<14}{mean:.3f}{chosen}")

    score = _murmur_logit(search.best_estimator_, sounds.data[test])
    truth = sounds.target[test]
    auroc, low, high = auroc_confidence_interval(
        truth,
        score,
        groups=sounds.groups[test],
        labels=["normal", "murmur"],
        random_state=seed,
    )
    print(
        f"3. AUROC on the held-out patients: {auroc:.3f} "
        f"(95 % interval over patients {low:.3f} to {high:.3f})"
    )

    _draw(folder, sounds, test, truth, score)
    print(f"4. Drew {folder / 'roc.png'} and {folder / 'spectrogram.png'}")

    with atomic_path(folder / "model.joblib") as temporary:
        joblib.dump(search.best_estimator_, temporary, compress=3)
    again = _murmur_logit(joblib.load(folder / "model.joblib"), sounds.data[test])
    if not np.array_equal(again, score):
        raise RuntimeError(
            f"{folder / 'model.joblib'} does not predict what was saved; please report "
            "this."
        )
    print(f"5. Saved {folder / 'model.joblib'}; reloaded, it predicts the same.")
    print(f"Done in {perf_counter() - started:.0f} s.")


def _search(sounds: Any, train: np.ndarray, *, seed: int, verbose: bool) -> Any:
    """Search the grid on the training patients."""
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=5.0, n_jobs=2)),
            ("cnn", CNNClassifier(epochs=10, augment=0.5, random_state=seed)),
        ]
    )
    n_fits = len(_GRID["cnn__loss"]) * _N_FOLDS + 1
    with progress_bar(
        "Grid search", total=n_fits, shown=verbose, unit="fits"
    ) as advance:
        search = GridSearchCV(
            pipeline,
            _GRID,
            scoring=_CountingScorer(advance),
            cv=StratifiedGroupKFold(_N_FOLDS, shuffle=True, random_state=seed),
        )
        search.fit(
            sounds.data[train], sounds.target[train], groups=sounds.groups[train]
        )
        advance()
    return search


class _CountingScorer:
    """The AUROC scorer, moving a progress bar each time it is called."""

    def __init__(self, advance: Any) -> None:
        self.advance = advance

    def __call__(self, estimator: Any, X: Any, y: Any) -> float:
        score = auroc_scorer(estimator, X, y)
        self.advance()
        return score


def _murmur_logit(pipeline: Any, X: Any) -> np.ndarray:
    """Score of murmur, whichever column the labels' order gives it."""
    logit = pipeline.decision_function(X)
    return logit if pipeline.classes_[1] == "murmur" else -logit


def _draw(
    folder: Path, sounds: Any, test: np.ndarray, truth: np.ndarray, score: np.ndarray
) -> None:
    """Write the ROC of the held-out patients and two spectrograms."""
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(
        truth, score, pos_label="murmur", name="held-out patients", ax=ax
    )
    ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    ax.set(xlabel="1 − specificity", ylabel="Sensitivity", title="Murmur or normal")
    _save(figure, folder / "roc.png")

    figure, axes = plt.subplots(
        2, 1, figsize=(8, 5.5), sharex=True, layout="constrained"
    )
    for ax, word in zip(axes, ("normal", "murmur"), strict=True):
        recording = sounds.data[test[np.flatnonzero(truth == word)[0]]]
        SpectrogramDisplay.from_recording(recording, name=word).plot(ax)
    axes[0].set_xlabel("")
    _save(figure, folder / "spectrogram.png")


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    plt.close(figure)
