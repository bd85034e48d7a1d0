"""``skheart demo``: the whole job, on simulated recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.cli.output import check_output
from skheart.datasets import make_heart_sounds
from skheart.deployment.model_file import load_model, save_model
from skheart.inspection.displays import SpectrogramDisplay
from skheart.metrics import auroc_confidence_interval, auroc_scorer
from skheart.metrics.positive import positive_class
from skheart.neural.classifier import CNNClassifier
from skheart.spectrogram.transformer import SpectrogramTransformer

_N_FOLDS = 3
_GRID = {"cnn__loss": ["crossentropy", "auroc"]}
_POSITIVE = positive_class(["murmur", "normal"])


def run(options: argparse.Namespace) -> int:
    """Search, train, score, draw, save and reload a model."""
    matplotlib = optional_import("matplotlib", user="skheart demo", extra="plot")
    matplotlib.use("Agg")
    started = perf_counter()
    folder, seed = options.output, options.seed
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.skheart", "roc.png", "spectrogram.png"):
        check_output(folder / name, "-o", force=options.force)

    # Loud murmurs, because forty patients are few to learn from.
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
    search = _search(sounds, train, seed=seed, show_progress=not options.quiet)
    _print_search(search)
    score = _positive_logit(search.best_estimator_, sounds.data[test])
    _print_auroc(sounds, test, score, seed)
    _draw(folder, sounds, test, score)
    print(f"4. Drew {folder / 'roc.png'} and {folder / 'spectrogram.png'}")
    path = folder / "model.skheart"
    save_model(search, path)
    again = _positive_logit(load_model(path), sounds.data[test])
    if not np.allclose(again, score, atol=1e-5):
        raise RuntimeError(
            f"{str(path)!r} does not predict the same as the model that was saved; "
            "please report this."
        )
    print(f"5. Saved {path}; reloaded, it predicts the same.")
    print(f"Done in {perf_counter() - started:.0f} s.")
    return 0


def _print_search(search: Any) -> None:
    print(f"2. Grid search by patient, {_N_FOLDS} folds, mean AUROC:")
    results = search.cv_results_
    for parameters, mean in zip(
        results["params"], results["mean_test_score"], strict=True
    ):
        chosen = "  <- chosen" if parameters == search.best_params_ else ""
        print(f"     loss={parameters['cnn__loss']:<14}{mean:.3f}{chosen}")


def _print_auroc(sounds: Any, test: np.ndarray, score: np.ndarray, seed: int) -> None:
    auroc, low, high = auroc_confidence_interval(
        sounds.target[test],
        score,
        groups=sounds.groups[test],
        labels=["normal", _POSITIVE],
        random_state=seed,
    )
    print(
        f"3. AUROC on the held-out patients: {auroc:.3f} "
        f"(95 % interval over patients {low:.3f} to {high:.3f})"
    )


def _search(sounds: Any, train: np.ndarray, *, seed: int, show_progress: bool) -> Any:
    """Search the grid on the training patients."""
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=5.0, n_jobs=2)),
            ("cnn", CNNClassifier(epochs=10, augment=0.5, random_state=seed)),
        ]
    )
    n_fits = len(_GRID["cnn__loss"]) * _N_FOLDS + 1
    with progress_bar(
        "Grid search", total=n_fits, shown=show_progress, unit="fits"
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


def _positive_logit(pipeline: Any, X: Any) -> np.ndarray:
    """Return the score of the positive class."""
    logit = pipeline.decision_function(X)  # of the second class
    return logit if pipeline.classes_[1] == _POSITIVE else -logit


def _draw(folder: Path, sounds: Any, test: np.ndarray, score: np.ndarray) -> None:
    """Write the ROC curve of the held-out patients and two spectrograms."""
    from matplotlib import pyplot as plt

    truth = sounds.target[test]
    figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(
        truth, score, pos_label=_POSITIVE, name="held-out patients", ax=ax
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
