"""Train the networks that find the phases of the beat: one for each fold.

    python benchmarks/train_segmenter.py DATA_HOME

DATA_HOME holds the folders circor2022 and pascal. The network of a fold has heard the
patients of the other four: CirCor's annotated recordings, and PASCAL's artifacts as
sounds without a heartbeat. benchmarks/segmentation.py evaluates them. With --ship, the
network of fold 0 is written into the package: the patients of fold 0 are never trained
on, so that the tests can use their recordings.

Networks are kept in the folder --work as they are finished: a run that was interrupted
goes on with the next one.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora
from _frames import read_frames

from skheart._core.provenance import training_part
from skheart.datasets import CORPUS_INFO
from skheart.segmentation.batches import Frames, joined
from skheart.segmentation.packaged import write_packaged
from skheart.segmentation.training import train

SHIPPED = 0  # fold whose network is in the package
RESULTS = Path(__file__).parent / "results" / "segmentation.json"
# Of the hashes of patients: of public recordings, the same corpora give the same file.
SALT = "736b68656172740073656700736b6970"
WORK = Path("build/segmentation")
EPOCHS = 20
BATCH_SIZE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(N_FOLDS)))
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--ship", action="store_true", help="write into the package")
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    for fold in options.folds:
        path = network_path(options.work, fold)
        if path.exists():
            continue
        began = time.monotonic()
        frames = training_frames(corpora, fold, options.work)
        random = np.random.default_rng(fold)
        weights, losses = train(
            frames, n_epochs=options.epochs, batch_size=BATCH_SIZE, random=random
        )
        write_weights(path, weights, options.epochs)
        minutes = (time.monotonic() - began) / 60
        print(f"fold {fold}: {minutes:.1f} min", *np.round(losses, 3), flush=True)
    if options.ship:
        weights, epochs = read_weights(network_path(options.work, SHIPPED))
        write_packaged(weights, card(corpora, weights, epochs))


def card(
    corpora: Corpora, weights: list[np.ndarray], epochs: float
) -> dict[str, object]:
    """Describe the segmenter of the package, with the figures measured on its fold."""
    segmented = corpora.corpus == "circor2022"
    heard = corpora.take(np.flatnonzero(segmented & (corpora.fold != SHIPPED)))
    kept_back = corpora.take(np.flatnonzero(segmented & (corpora.fold == SHIPPED)))
    figures = {}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text())
        figures = results["by fold"][str(SHIPPED)]
    part = training_part(
        "circor2022",
        [group.removeprefix("circor-") for group in heard.group.tolist()],
        lambda key: ([], []),
        grouped=True,
        salt=SALT,
        n_recordings=len(heard),
        n_patients=len(np.unique(heard.group)),
        n_held_out=len(kept_back),
    )
    return {
        "summary": "phases of the heartbeat every 10 ms, and whether there is one",
        "data": CORPUS_INFO["circor2022"].title,
        "licence": CORPUS_INFO["circor2022"].licence,
        "n_parameters": int(sum(weight.size for weight in weights)),
        "training": {"parts": [part], "complete": True},
        "epochs": epochs,
        "split": (
            f"figures of {len(np.unique(kept_back.group))} patients who were not "
            "trained on; onsets and centres within 60 ms"
        ),
        "figures": figures,
        "limits": [
            "trained on children and pregnant women; adults were only tested",
            "above 120 beats per minute systole and diastole last equally long, and "
            "first and second sounds can be exchanged for a whole recording",
            "not a medical device",
        ],
    }


def network_path(work: Path, fold: int) -> Path:
    """Return where the network of a fold is kept."""
    return work / f"segmenter-{fold}.npz"


def write_weights(path: Path, weights: list[np.ndarray], epochs: float) -> None:
    """Write weights in half precision, as they are shipped."""
    temporary = path.with_suffix(".part.npz")
    halves = {f"w{i}": weight.astype(np.float16) for i, weight in enumerate(weights)}
    np.savez(temporary, epochs=epochs, **halves)
    temporary.rename(path)


def read_weights(path: Path) -> tuple[list[np.ndarray], float]:
    """Read what :func:`write_weights` wrote: the weights, and the epochs."""
    with np.load(path) as arrays:
        names = [f"w{i}" for i in range(len(arrays.files) - 1)]
        weights = [arrays[name].astype(np.float32) for name in names]
        return weights, float(arrays["epochs"])


def training_frames(corpora: Corpora, fold: int, work: Path) -> Frames:
    """Return the frames of all recordings that the network of a fold may hear."""
    segmented = corpora.take(np.flatnonzero(corpora.corpus == "circor2022"))
    frames = read_frames(segmented.path.tolist(), segmented.segmentation.tolist(), work)
    silent = corpora.take(np.flatnonzero(corpora.word == "artifact"))
    noise = read_frames(silent.path.tolist(), [""] * len(silent), work, silent=True)
    parts = [
        frames.take(np.flatnonzero(segmented.fold != fold)),
        noise.take(np.flatnonzero(silent.fold != fold)),
    ]
    return joined([x.decibels for x in parts], [x.labels for x in parts])


if __name__ == "__main__":
    main()
