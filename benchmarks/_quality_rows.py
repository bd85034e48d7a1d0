"""Recordings and sounds with their quality indices and labels, kept on disk."""

from __future__ import annotations

import hashlib
import json
import subprocess
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _corpora import Corpora
from _other_sounds import KINDS, draw_other
from _quality_elsewhere import INDICES as PYPCG_INDICES
from _quality_labels import HALF, Labels
from _quality_table import fit_table
from joblib import Parallel, delayed
from train_segmenter import SHIPPED, network_path, read_weights

import skheart.quality
from skheart.audio.reading import read_recording
from skheart.quality import QUALITY_INDICES
from skheart.quality.indices import indices_of
from skheart.quality.table import combined
from skheart.segmentation.frames import SAMPLE_RATE
from skheart.segmentation.noise import beeps, draw_noise
from skheart.spectrogram.blas import single_blas_thread

N_SOUNDS = 1200  # without a heartbeat, that the table is fitted to: half of them beeps
N_DEGRADED = 1200  # recordings of CirCor with noise added
DEGRADED = (-10.0, 30.0)  # dB of the recording above the noise
POOR, FINE = 0.0, 20.0  # dB at which it is poor, and at which it is still good


class Rows:
    """Recordings and sounds with their indices `X` and labels.

    The first `n_real` rows are the recordings of the corpora.
    """

    monotone = True  # whether curves may not rise and fall

    def __init__(self, corpora: Corpora, labels: Labels, work: Path, networks: Path):
        n = len(corpora)
        random = np.random.default_rng(0)
        beating = np.flatnonzero(labels.share >= HALF)
        n_degraded = min(N_DEGRADED, len(beating))
        chosen = random.choice(beating, n_degraded, replace=False)
        level = random.uniform(*DEGRADED, n_degraded)
        network = [
            int(corpora.fold[row])
            if corpora.corpus[row] == "circor2022" or corpora.word[row] == "artifact"
            else SHIPPED
            for row in range(n)
        ]
        tasks: list[tuple[Any, ...]] = [
            *((str(corpora.path[row]), network[row], None, row) for row in range(n)),
            *(
                (str(corpora.path[row]), network[row], float(db), row)
                for row, db in zip(chosen, level, strict=True)
            ),
            *(("", SHIPPED, None, seed) for seed in range(N_SOUNDS)),
        ]
        values = kept_on_disk(
            work,
            "indices",
            tasks,
            lambda: parallel(_indices, [(*task, str(networks)) for task in tasks]),
        )
        self.X = dict(zip(QUALITY_INDICES, values.T, strict=True))
        self.n_real = n
        part = np.char.add(np.char.add(corpora.corpus, " "), corpora.part)
        rare = np.isin(corpora.part, ("c", "d", "f"))
        part = np.where(rare, "cinc2016 c, d, f", part)
        part = np.where(corpora.corpus == "circor2022", "circor2022", part)
        # Few of the sounds have a heartbeat for the segmenter: they matter most.
        found = values[-N_SOUNDS:, QUALITY_INDICES.index("heartbeat_share")] > 0
        sounds = np.where(found, "sounds, heartbeat found", "sounds")
        self.source = np.concatenate([part, np.full(n_degraded, "degraded"), sounds])
        self.corpus = np.concatenate(
            [corpora.corpus, np.full(n_degraded, "circor2022"), sounds]
        )
        still = np.clip((level - POOR) / (FINE - POOR), 0, 1)
        self.good = np.concatenate([labels.good, still, np.zeros(N_SOUNDS)])
        self.fold = np.concatenate(
            [corpora.fold, corpora.fold[chosen], np.arange(N_SOUNDS) % 5]
        )

    def take(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {name: values[rows] for name, values in self.X.items()}

    def fitted(self, rows: np.ndarray) -> dict[str, Any]:
        """Return the table fitted to some rows."""
        rows = np.flatnonzero(rows & ~np.isnan(self.good) & self.usable)
        return fit_table(
            self.take(rows),
            self.good[rows],
            self.source[rows],
            monotone=self.monotone,
        )

    @property
    def real(self) -> np.ndarray:
        return np.arange(len(self.good)) < self.n_real

    @property
    def usable(self) -> np.ndarray:
        return ~np.isnan(self.X[next(iter(self.X))])

    def quality(self, table: dict[str, Any]) -> np.ndarray:
        """Return the quality of every row; 0 for what cannot be used."""
        X = {name: np.nan_to_num(values) for name, values in self.X.items()}
        return np.where(self.usable, combined(table, X), 0)


def parallel(function: Any, tasks: list[tuple[Any, ...]]) -> np.ndarray:
    """Call a function with each task, in two processes."""
    return np.array(
        Parallel(n_jobs=2, batch_size=16)(delayed(function)(*task) for task in tasks)
    )


def _indices(
    path: str, fold: int, level: float | None, seed: int, networks: str
) -> list[float]:
    """Compute the indices of a recording, with noise at a level, or of a noise."""
    if path:
        waveform, rate = read_recording(path)
    else:
        waveform, rate = sound_of(seed), SAMPLE_RATE
    if level is not None:
        waveform, rate = read_recording(path, sample_rate=SAMPLE_RATE)
        random = np.random.default_rng([2, seed])
        noise = draw_noise(random, len(waveform), SAMPLE_RATE)
        waveform = with_noise(waveform, noise, level)
    if len(waveform) < rate:
        return [np.nan] * len(QUALITY_INDICES)
    with single_blas_thread():
        return list(indices_of(waveform, rate, _network(networks, fold)).values())


def sound_of(seed: int) -> np.ndarray:
    """Draw one of the sounds without a heartbeat; every second one is beeps."""
    random = np.random.default_rng([1, seed])
    n = int(random.uniform(5, 20) * SAMPLE_RATE)
    if seed % 2 == 0:
        return draw_noise(random, n, SAMPLE_RATE)
    waveform = beeps(random, n, SAMPLE_RATE)
    floor = 10 ** random.uniform(-3, -1) * random.normal(size=n)
    return (waveform + floor).astype(np.float32)


@cache
def _network(folder: str, fold: int) -> list[np.ndarray]:
    return read_weights(network_path(Path(folder), fold))[0]


def with_noise(waveform: np.ndarray, noise: np.ndarray, level: float) -> np.ndarray:
    """Add noise so that the recording is `level` dB above it."""
    loudness = np.sqrt(np.mean((waveform - waveform.mean()) ** 2))
    noise = noise / np.sqrt(np.mean(noise**2))
    return (waveform + loudness * 10 ** (-level / 20) * noise).astype(np.float32)


def kept_on_disk(folder: Path, name: str, tasks: Any, compute: Any) -> np.ndarray:
    """Compute an array, or read it if code and tasks are the same."""
    folder_of_code = Path(skheart.quality.__file__).parent
    names = ("indices", "envelope", "phases", "spectrum")
    code = [(folder_of_code / f"{name}.py").read_bytes() for name in names]
    digest = hashlib.sha256(repr(tasks).encode() + b"".join(code)).hexdigest()
    path = folder / f"{name}-{digest[:16]}.npy"
    if not path.exists():
        np.save(path.with_suffix(".part.npy"), compute())
        path.with_suffix(".part.npy").rename(path)
    return np.load(path)


def pypcg_rows(rows: Rows, corpora: Corpora, work: Path, python: str) -> Rows:
    """Return the recordings with pyPCG's five indices."""
    paths, answer = work / "pypcg-paths.json", work / "pypcg-answer.json"
    if not answer.exists():
        paths.write_text(json.dumps([str(Path(p).resolve()) for p in corpora.path]))
        script = Path(__file__).resolve().parent / "_quality_elsewhere.py"
        subprocess.run([python, script, paths.resolve(), answer.resolve()], check=True)
    X = np.array(json.loads(answer.read_text()))
    X[~np.isfinite(X).all(axis=1)] = np.nan
    theirs = copy(rows)
    theirs.monotone = False
    theirs.X = dict(zip(PYPCG_INDICES, X.T, strict=True))
    # It has no rule for recordings without a heartbeat.
    theirs.X["heartbeat_share"] = np.where(np.isnan(X[:, 0]), np.nan, 1.0)
    for name in ("good", "source", "corpus", "fold"):
        setattr(theirs, name, getattr(rows, name)[: rows.n_real])
    return theirs


def other_indices(kind: str, seed: int) -> list[float]:
    """Compute the indices of a sound that is no heart sound."""
    random = np.random.default_rng([3, sorted(KINDS).index(kind), seed])
    with single_blas_thread():
        return list(indices_of(*draw_other(random, kind)).values())
