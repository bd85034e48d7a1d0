"""Calibrate the signal quality, and measure how well it agrees with experts.

    python benchmarks/quality.py DATA_HOME [--pypcg PYTHON] [--ship]

Run benchmarks/train_segmenter.py first: the indices of a recording of CirCor, and of an
artifact of PASCAL, are computed with the network that has not heard it. PYTHON is an
interpreter with pyPCG-toolbox. Intervals are of 95 %, by bootstrap over patients.
Writes benchmarks/results/quality.json; with --ship, also the table in the package,
fitted without the patients of CirCor that the segmenter of the package was not trained
on: fold 0.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _auroc import auroc, by_patient
from _corpora import Corpora, read_corpora
from _other_sounds import KINDS
from _quality_labels import HALF, Labels, labels_of
from _quality_rows import (
    Rows,
    kept_on_disk,
    other_indices,
    parallel,
    pypcg_rows,
    with_noise,
)
from _quality_table import weights_of
from scipy.stats import spearmanr
from segmentation import stationary
from sklearn.metrics import roc_auc_score
from train_segmenter import SHIPPED
from train_segmenter import WORK as NETWORKS

from skheart._core.files import atomic_path
from skheart.audio.reading import read_recording
from skheart.quality import QUALITY_INDICES, QualityTransformer, signal_quality
from skheart.quality.indices import indices_of
from skheart.quality.table import PATH, combined, packaged_table
from skheart.segmentation.frames import SAMPLE_RATE
from skheart.spectrogram.blas import single_blas_thread

RESULTS = Path(__file__).parent / "results" / "quality.json"
WORK = Path("build/quality")
N_OTHER = 150  # sounds of each kind that the table is tested on
LEVELS = (30, 20, 10, 5, 0, -5, -10)  # dB
KEPT = (0.8, 0.9)  # shares of CirCor's recordings that a threshold keeps
CORPORA = ("circor2022", "cinc2016", "pascal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--networks", type=Path, default=NETWORKS)
    parser.add_argument("--pypcg", default=None, help="interpreter with pyPCG")
    parser.add_argument("--ship", action="store_true", help="write into the package")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    data_home = Path(options.data_home)
    corpora = read_corpora(data_home)
    labels = labels_of(corpora, data_home)
    rows = Rows(corpora, labels, options.work, options.networks)
    kept_back = (rows.corpus == "circor2022") & (rows.fold == SHIPPED)
    table = rows.fitted(~kept_back)
    if options.ship:
        write_table(table, rows, kept_back)
    within, left_out = both_ways(rows)
    todo: dict[str, Callable[[], Any]] = {
        "agreement": partial(agreement, corpora, labels, within, left_out, rows.X),
        "CirCor, annotated share": partial(share_figures, labels, within, left_out),
        "calibration": partial(calibration, rows, within),
        "CirCor by murmur": partial(by_murmur, corpora, within),
        "other sounds": partial(
            other_sounds, rows, corpora, table, within, options.work
        ),
        "noise added": partial(noise_curve, corpora, labels, table),
        "speed": partial(speed, corpora),
    }
    if options.pypcg:
        todo["pyPCG"] = partial(pypcg_figures, rows, corpora, labels, options)
    results: dict[str, Any] = {}
    for name, compute in todo.items():
        # Parts are kept as they are finished: an interrupted run resumes.
        path = options.work / f"part-{name.replace(' ', '-')}.json"
        if not path.exists():
            path.write_text(json.dumps(compute()))
        results[name] = json.loads(path.read_text())
    print(json.dumps(results, indent=1))
    from _results import write_results  # imports TensorFlow

    write_results(options.output, results)


def pypcg_figures(
    rows: Rows, corpora: Corpora, labels: Labels, options: argparse.Namespace
) -> dict[str, Any]:
    """Return the agreement of pyPCG's five indices, combined in the same way."""
    theirs = pypcg_rows(rows, corpora, options.work, options.pypcg)
    return agreement(corpora, labels, *both_ways(theirs), theirs.X)


# Agreement with experts --------------------------------------------------------------


def fitted_without(rows: Rows, part: np.ndarray, names: Any) -> np.ndarray:
    """Return the quality from tables fitted without the recording's part."""
    quality = np.zeros(len(rows.good))
    for name in names:
        test = part == name
        quality[test] = rows.quality(rows.fitted(~test))[test]
    return quality


def both_ways(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the quality from tables fitted without the patient, and the corpus."""
    within = fitted_without(rows, rows.fold, np.unique(rows.fold))
    return within, fitted_without(rows, rows.corpus, CORPORA)


def agreement(
    corpora: Corpora,
    labels: Labels,
    within: np.ndarray,
    left_out: np.ndarray,
    X: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Return the AUROC of each task: poor recordings have a lower quality."""
    tasks = dict(labels.tasks)
    for part in ("a", "b", "e"):
        chosen = (corpora.corpus == "cinc2016") & (corpora.part == part)
        tasks[f"CinC 2016 {part}, flag"] = np.where(
            chosen, tasks["CinC 2016, flag"], -1
        )
    found = {}
    for name, poor in sorted(tasks.items()):
        rows = np.flatnonzero(poor >= 0)
        y, group = poor[rows], corpora.group[rows]
        found[name] = {
            "within": auroc(y, 1 - within[rows], group),
            "within, by patient": by_patient(y, 1 - within[rows], group),
            "left out": auroc(y, 1 - left_out[rows], group),
            "single indices": {
                index: round(float(roc_auc_score(y, np.nan_to_num(values[rows]))), 3)
                for index, values in X.items()
            },
        }
    return found


def share_figures(
    labels: Labels, within: np.ndarray, left_out: np.ndarray
) -> dict[str, Any]:
    """Return the rank correlation of the quality with the annotated share."""
    rows = np.flatnonzero(~np.isnan(labels.share))
    share = labels.share[rows]
    return {
        "within": round(float(spearmanr(share, within[rows])[0]), 3),
        "left out": round(float(spearmanr(share, left_out[rows])[0]), 3),
        "quartiles of the share": np.percentile(share, [25, 50, 75]).round(3).tolist(),
    }


def by_murmur(corpora: Corpora, within: np.ndarray) -> dict[str, Any]:
    """Return the share of each class below the thresholds that keep 80 and 90 %."""
    circor = np.flatnonzero(corpora.corpus == "circor2022")
    quality, words = within[circor], corpora.word[circor]
    thresholds = thresholds_of(quality)
    return {
        str(word): below(quality[words == word], thresholds)
        for word in np.unique(words)
    }


def thresholds_of(quality: np.ndarray) -> dict[str, float]:
    """Return the thresholds that keep 80 and 90 % of recordings."""
    return {f"{share:.0%}": float(np.quantile(quality, 1 - share)) for share in KEPT}


def below(quality: np.ndarray, thresholds: dict[str, float]) -> dict[str, Any]:
    """Return the median quality, and the share below each threshold."""
    return {
        "n": len(quality),
        "median quality": round(float(np.median(quality)), 3),
        **{
            f"below the threshold that keeps {share}": round(
                float(np.mean(quality < threshold)), 4
            )
            for share, threshold in thresholds.items()
        },
    }


def calibration(rows: Rows, within: np.ndarray) -> dict[str, Any]:
    """Return the share of good recordings by quality; good and poor weigh the same."""
    found: dict[str, Any] = {}
    edges = np.array([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    for corpus in CORPORA:
        chosen = rows.real & (rows.corpus == corpus) & ~np.isnan(rows.good)
        yes, no = weights_of(rows.good[chosen], rows.source[chosen])
        place = np.clip(np.digitize(within[chosen], edges) - 1, 0, len(edges) - 2)
        found[corpus] = [
            {
                "quality": f"{edges[k]:.1f} to {edges[k + 1]:.1f}",
                "recordings": int((place == k).sum()),
                "share good": round(
                    float(yes[place == k].sum() / (yes + no)[place == k].sum()), 3
                ),
            }
            for k in range(len(edges) - 1)
            if (place == k).any()
        ]
    return found


# Sounds without a heart, noise, speed ------------------------------------------------


def other_sounds(
    rows: Rows,
    corpora: Corpora,
    table: dict[str, Any],
    within: np.ndarray,
    work: Path,
) -> dict[str, Any]:
    """Count the sounds below the thresholds that keep 80 and 90 % of CirCor.

    The thresholds are those of the patients that were kept back.
    """
    quality = rows.quality(table)
    test = rows.real & (rows.corpus == "circor2022") & (rows.fold == SHIPPED)
    thresholds = thresholds_of(quality[test])
    tasks = [(kind, seed) for kind in KINDS for seed in range(N_OTHER)]
    values = kept_on_disk(work, "other", tasks, lambda: parallel(other_indices, tasks))
    X = dict(zip(QUALITY_INDICES, values.T, strict=True))
    kinds = np.array([kind for kind, _ in tasks])
    found = {kind: combined(table, X)[kinds == kind] for kind in KINDS}
    artifacts = np.flatnonzero(corpora.word == "artifact")
    found["PASCAL artifacts (cross-validated)"] = within[artifacts]
    found["clips below one second"] = short_clips(corpora)
    found["CirCor, kept back"] = quality[test]
    return {
        "thresholds": {k: round(v, 4) for k, v in thresholds.items()},
        "sounds": {name: below(x, thresholds) for name, x in found.items()},
    }


def short_clips(corpora: Corpora) -> np.ndarray:
    """Return the quality of parts of real recordings that last below one second."""
    random = np.random.default_rng(4)
    rows = np.flatnonzero((corpora.corpus == "circor2022") & (corpora.fold == SHIPPED))
    found = []
    for row in rows[:N_OTHER]:
        waveform, rate = read_recording(corpora.path[row])
        n = int(random.uniform(0.1, 0.99) * rate)
        first = random.integers(len(waveform) - n)
        part = waveform[first : first + n]
        found.append(signal_quality(part, sample_rate=rate))
    return np.array(found)


def noise_curve(
    corpora: Corpora, labels: Labels, table: dict[str, Any]
) -> dict[str, Any]:
    """Return the quality of recordings kept back, with pink noise at known levels."""
    rows = np.flatnonzero((corpora.fold == SHIPPED) & (labels.share >= HALF))[:100]
    found: dict[str, Any] = {}
    for level in (None, *LEVELS):
        values = []
        for row in rows:
            waveform, _ = read_recording(corpora.path[row], sample_rate=SAMPLE_RATE)
            if level is not None:
                noise = stationary(np.random.default_rng(row), len(waveform))
                waveform = with_noise(waveform, noise, level)
            with single_blas_thread():
                values.append(float(combined(table, indices_of(waveform, SAMPLE_RATE))))
        low, middle, high = np.percentile(values, [25, 50, 75])
        found["as recorded" if level is None else f"{level} dB"] = {
            "n": len(values),
            "median": round(float(middle), 3),
            "quartiles": [round(float(low), 3), round(float(high), 3)],
        }
    return found


def speed(corpora: Corpora) -> dict[str, Any]:
    """Time the transformer on files of CirCor."""
    rows = np.flatnonzero((corpora.corpus == "circor2022") & (corpora.fold == SHIPPED))
    paths = corpora.path[rows[:100]].tolist()
    QualityTransformer().transform(paths[:3])  # compiles
    figures: dict[str, Any] = {"recordings": len(paths)}
    for n_jobs in (1, 2):
        runs = []
        for _ in range(2):
            began, cpu_began = time.perf_counter(), time.process_time()
            QualityTransformer(n_jobs=n_jobs).transform(paths)
            cpu = time.process_time() - cpu_began
            runs.append((time.perf_counter() - began, cpu))
        for name, seconds in zip(("", "CPU "), np.min(runs, axis=0), strict=True):
            title = f"{name}ms per recording, n_jobs={n_jobs}"
            figures[title] = round(1000 * float(seconds) / len(paths), 1)
    return figures


def write_table(table: dict[str, Any], rows: Rows, kept_back: np.ndarray) -> None:
    """Write the table of the package, with what it was fitted to."""
    used = ~kept_back & ~np.isnan(rows.good) & rows.usable
    names, counts = np.unique(rows.source[used], return_counts=True)
    content = {
        "provenance": {
            "program": "benchmarks/quality.py DATA_HOME --ship",
            "recordings": dict(zip(names.tolist(), counts.tolist(), strict=True)),
            "degraded": "recordings of CirCor with simulated noise at -10 to 30 dB",
            "sounds": "simulated noises without a heartbeat",
            "kept back": (
                f"{int((kept_back & rows.real).sum())} recordings of CirCor, of "
                "patients on whom the segmenter of the package was not trained"
            ),
            "licence": (
                "recordings of CirCor DigiScope and CinC 2016 under ODC-By 1.0, PASCAL "
                "for research use"
            ),
        },
        **table,
    }
    with atomic_path(PATH) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    packaged_table.cache_clear()


if __name__ == "__main__":
    main()
