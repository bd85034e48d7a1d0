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
import time
from pathlib import Path

import numpy as np
from _corpora import N_FOLDS, Corpora, read_corpora
from _frames import read_frames

from skheart.segmentation.batches import Frames, joined
from skheart.segmentation.training import train

WORK = Path("build/segmentation")
EPOCHS = 20
BATCH_SIZE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(N_FOLDS)))
    parser.add_argument("--epochs", type=float, default=EPOCHS)
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
