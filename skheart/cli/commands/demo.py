"""``skheart demo``: train a model and find heartbeats, on simulated recordings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart._core.progress import progress_bar
from skheart.cli.options import add_options, check_output
from skheart.cli.quiet import quiet_stderr

if TYPE_CHECKING:
    import numpy as np

    from skheart.segmentation import HeartRate, Segmentation

_FOLDER = Path("skheart-demo")
_LOSSES = ["crossentropy", "auroc"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    output = ("-o --output", Path, "FOLDER", "folder for the results", _FOLDER)
    add_options(parser, output, "--force", "--seed", "-q --quiet")


def run(options: argparse.Namespace) -> int:
    """Search, train, score, save and reload a model; find and draw heartbeats."""
    matplotlib = optional_import("matplotlib", user="skheart demo", extra="plot")
    matplotlib.use("Agg")
    started = perf_counter()
    folder, seed = options.output, options.seed
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("model.skheart", "roc.png", "spectrogram.png"):
        check_output(folder / name, "-o", force=options.force)
    with quiet_stderr():  # TensorFlow starts
        from skheart.deployment.model_file import load_model, save_model
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    from skheart.datasets import make_heart_sounds
    from skheart.metrics import auroc_confidence_interval

    # Loud murmurs, because forty patients are few to learn from.
    sounds = make_heart_sounds(120, murmur_level=(-24.0, -10.0), random_state=seed)
    data, target, patients = sounds.data, sounds.target, sounds.groups
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=seed)
    train, test = next(folds.split(data, target, patients))
    print(
        f"1. Simulated {len(data)} recordings of {len(set(patients))} patients; "
        f"{len(set(patients[test]))} patients are held out."
    )

    with progress_bar(
        "Grid search", total=7, shown=not options.quiet, unit="fits"
    ) as advance:
        search = _search(folds, seed, advance)
        search.fit(data[train], target[train], groups=patients[train])
        advance()
    print("2. Grid search by patient, 3 folds, mean AUROC:")
    for loss, mean in zip(_LOSSES, search.cv_results_["mean_test_score"], strict=True):
        chosen = "  <- chosen" if loss == search.best_params_["cnn__loss"] else ""
        print(f"     loss={loss:<14}{mean:.3f}{chosen}")

    score = -search.decision_function(data[test])  # that of the second class, normal
    auroc, low, high = auroc_confidence_interval(
        target[test], score, groups=patients[test], random_state=seed
    )
    print(
        f"3. AUROC on the held-out patients: {auroc:.3f} "
        f"(95 % interval over patients {low:.3f} to {high:.3f})"
    )

    print("4. Heartbeats in two of their recordings:")
    drawn = {}
    for word in ("normal", "murmur"):
        recording = data[test][target[test] == word][0]
        segmentation, rate = _heartbeats(recording)
        start, _, phase = segmentation
        drawn[word] = recording, segmentation
        if np.isnan(rate.bpm):
            print(f"     {word}: none were found")
            continue
        first = ", ".join(f"{time:.2f}" for time in start[phase == "s1"][:3])
        print(
            f"     {word}: {rate.bpm:.0f} beats per minute (certainty "
            f"{rate.certainty:.2f}), first heart sounds at {first} ... s"
        )

    _draw_roc(target[test], score, folder / "roc.png")
    _draw_spectrograms(drawn, folder / "spectrogram.png")
    print(f"5. Drew {folder / 'roc.png'} and {folder / 'spectrogram.png'}")

    path = folder / "model.skheart"
    save_model(search, path)
    again = -load_model(path).decision_function(data[test])
    if not np.allclose(again, score, atol=1e-5):
        raise RuntimeError(
            f"{str(path)!r} does not predict the same as the model that was saved; "
            "please report this."
        )
    print(f"6. Saved {path}; reloaded, it predicts the same.")
    print(f"Done in {perf_counter() - started:.0f} s.")
    return 0


def _search(folds: Any, seed: int, advance: Callable[[], None]) -> Any:
    """Return a search for the better loss, which calls `advance` after each fit."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline

    from skheart.metrics import auroc_scorer
    from skheart.neural.classifier import CNNClassifier
    from skheart.spectrogram.transformer import SpectrogramTransformer

    def scorer(*arguments: Any) -> float:
        advance()
        return auroc_scorer(*arguments)

    spectrogram = SpectrogramTransformer(duration=5.0, n_jobs=2)
    cnn = CNNClassifier(epochs=10, augment=0.5, random_state=seed)
    pipeline = Pipeline([("spectrogram", spectrogram), ("cnn", cnn)])
    return GridSearchCV(pipeline, {"cnn__loss": _LOSSES}, scoring=scorer, cv=folds)


def _heartbeats(recording: np.ndarray) -> tuple[Segmentation, HeartRate]:
    """Return the phases of the heartbeats, and the heart rate."""
    from skheart.segmentation import decode_phases, heart_rate, load_segmenter

    (probability,) = load_segmenter().predict_proba([recording])
    return decode_phases(probability), heart_rate(probability)


def _draw_roc(target: np.ndarray, score: np.ndarray, path: Path) -> None:
    """Write the ROC curve of the held-out patients."""
    from matplotlib import pyplot as plt
    from sklearn.metrics import RocCurveDisplay

    figure, ax = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
    RocCurveDisplay.from_predictions(
        target, score, pos_label="murmur", name="held-out patients", ax=ax
    )
    ax.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)  # chance
    ax.set(xlabel="1 − specificity", ylabel="Sensitivity", title="Murmur or normal")
    _save(figure, path)


def _draw_spectrograms(
    recordings: dict[str, tuple[np.ndarray, Segmentation]], path: Path
) -> None:
    """Write spectrograms with the phases of the heartbeats above."""
    from matplotlib import pyplot as plt

    from skheart.inspection.displays import SpectrogramDisplay

    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    for ax, (word, (recording, phases)) in zip(axes, recordings.items(), strict=True):
        SpectrogramDisplay.from_recording(
            recording, name=word, segmentation=phases
        ).plot(ax)
    axes[0].set_xlabel("")
    axes[0].legend(loc="upper right", ncols=4, fontsize="small")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt

    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    plt.close(figure)
