"""How well the phases of the beat, the heart rate and the rhythm are found.

    python benchmarks/segmentation.py DATA_HOME [--springer PYTHON]

Run benchmarks/train_segmenter.py first: each recording of CirCor is segmented by the
network that has not heard its patient. PASCAL's timings and CinC 2016 are read by the
network of fold 0, the one in the package, which has heard no heartbeat of them.
PYTHON is an interpreter with pyPCG-toolbox, for Springer's HSMM on fold 0. Intervals
are of 95 %, by bootstrap over patients. Writes benchmarks/results/segmentation.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _beats_elsewhere import peak_picking
from _corpora import N_FOLDS, Corpora, read_corpora
from _rhythm_study import rhythm_results
from train_segmenter import WORK, network_path, read_weights

from skheart.audio.reading import read_recording
from skheart.datasets import read_segmentation
from skheart.segmentation import (
    HeartSoundSegmenter,
    decode_phases,
    heart_rate,
    load_segmenter,
    phase_score,
)
from skheart.segmentation.frames import FRAME_RATE, SAMPLE_RATE, decibels
from skheart.segmentation.noise import draw_noise
from skheart.segmentation.scores import annotated_parts, matches
from skheart.segmentation.segmenter import probabilities
from skheart.spectrogram.blas import single_blas_thread

RESULTS = Path(__file__).parent / "results" / "segmentation.json"
N_BOOTSTRAP = 1000
KINDS = [(phase, at) for phase in ("s1", "s2") for at in ("start", "centre")]
NOISES = {"clean": None, "noise 10 dB": 10.0, "noise 0 dB": 0.0}
N_SPRINGER = 150  # recordings that Springer's HSMM is trained on
PASCAL_RATE = 44_100  # Hz, of the places in set_a_timing.csv

Counts = np.ndarray  # (n_recordings, len(KINDS), 3): matched, true, predicted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the corpora")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--springer", default=None, help="interpreter with pyPCG")
    parser.add_argument("--only", nargs="+", default=None, help="some of the parts")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    data_home = Path(options.data_home)
    corpora = read_corpora(data_home)
    circor = corpora.take(np.flatnonzero(corpora.corpus == "circor2022"))
    networks = [
        read_weights(network_path(options.work, fold)) for fold in range(N_FOLDS)
    ]
    weights = [network for network, _ in networks]
    waveforms = [read_recording(p, sample_rate=SAMPLE_RATE)[0] for p in circor.path]

    def rhythm() -> dict[str, Any]:
        clean = segmented(circor, waveforms, weights, None)
        return rhythm_results(data_home, corpora, circor, waveforms, weights, clean)

    def peaks() -> dict[str, Any]:
        found = [peak_picking(waveform, SAMPLE_RATE) for waveform in waveforms]
        return phase_figures(counted(circor, found), circor.group)

    todo: dict[str, Callable[[], Any]] = {
        **{
            name: partial(circor_figures, circor, waveforms, weights, name)
            for name in NOISES
        },
        "peak picking": peaks,
        "PASCAL set A": partial(pascal_figures, data_home, weights[0]),
        "no heartbeat": partial(silent_figures, corpora, weights),
        "speed": partial(speed, waveforms, weights[0]),
        "speed from files": partial(speed_from_files, circor),
        "rhythm": rhythm,
    }
    if options.springer:
        todo["Springer HSMM, fold 0"] = partial(
            springer_figures, circor, options.work, options.springer
        )
    results: dict[str, Any] = {"epochs by fold": [epochs for _, epochs in networks]}
    for name in options.only or todo:
        # Parts are kept as they are finished: an interrupted run resumes.
        path = options.work / f"part-{name.replace(' ', '-')}.json"
        if not path.exists():
            with single_blas_thread():
                found = todo[name]()
            print(name, json.dumps(found), flush=True)
            path.write_text(json.dumps(found))
        results[name] = json.loads(path.read_text())
    if options.only is None:
        results |= results["clean"].pop("parts")
        from _results import write_results  # imports TensorFlow

        write_results(options.output, results)


def circor_figures(
    circor: Corpora,
    waveforms: list[np.ndarray],
    weights: list[list[np.ndarray]],
    name: str,
) -> dict[str, Any]:
    """Return the figures of CirCor with one kind of noise; of clean ones, by part."""
    found = segmented(circor, waveforms, weights, NOISES[name])
    counts = counted(circor, [decode_phases(probability) for probability in found])
    figures = phase_figures(counts, circor.group)
    figures["heart rate"] = rate_figures(circor, found)
    if NOISES[name] is None:
        murmur = {"Present": "murmur here", "Absent": "no murmur"}
        words = np.array([murmur.get(word, "other") for word in circor.word])
        figures["parts"] = {
            "by fold": parts(counts, circor, circor.fold),
            "by location": parts(counts, circor, circor.part),
            "by murmur": parts(counts, circor, words),
        }
    return figures


# CirCor ------------------------------------------------------------------------------


def segmented(
    circor: Corpora,
    waveforms: list[np.ndarray],
    weights: list[list[np.ndarray]],
    level: float | None,
) -> list[np.ndarray]:
    """Return the probabilities of each recording from the network of its fold.

    With a `level`, noise of a random kind is added so far below the recording, in dB.
    """
    found = []
    for row, waveform in enumerate(waveforms):
        x = waveform
        if level is not None:
            random = np.random.default_rng(row)
            loudness = np.sqrt(np.mean((x - x.mean()) ** 2))
            x = x + loudness * 10 ** (-level / 20) * stationary(random, len(x))
        found.append(probabilities(weights[circor.fold[row]], decibels(x)))
    return found


def stationary(random: np.random.Generator, n: int) -> np.ndarray:
    """Draw pink noise of unit RMS above 20 Hz: it covers the heart sounds."""
    frequency = np.fft.rfftfreq(n, 1 / SAMPLE_RATE)
    size = np.where(frequency >= 20, 1 / np.sqrt(np.maximum(frequency, 1)), 0)
    spectrum = size * np.exp(2j * np.pi * random.random(len(size)))
    x = np.fft.irfft(spectrum, n)
    return (x / np.sqrt(np.mean(x**2))).astype(np.float32)


def counted(circor: Corpora, found: list[Any]) -> Counts:
    """Count matched, annotated and predicted sounds of each recording."""
    counts = np.zeros((len(found), len(KINDS), 3))
    for row, segmentation in enumerate(found):
        truth = read_segmentation(circor.segmentation[row])
        for column, (phase, at) in enumerate(KINDS):
            score = phase_score(truth, segmentation, phase=phase, at=at)
            counts[row, column] = score.n_matched, score.n_true, score.n_predicted
    return counts


def phase_figures(counts: Counts, group: np.ndarray) -> dict[str, Any]:
    """Return F1, sensitivity and precision of each kind with intervals by patient."""
    patients, number = np.unique(group, return_inverse=True)
    sums = np.zeros((len(patients), *counts.shape[1:]))
    np.add.at(sums, number, counts)
    random = np.random.default_rng(0)
    draws = [
        sums[random.integers(len(patients), size=len(patients))].sum(axis=0)
        for _ in range(N_BOOTSTRAP)
    ]
    total = sums.sum(axis=0)
    figures: dict[str, Any] = {
        "recordings": len(counts),
        "patients": len(patients),
    }
    for column, (phase, at) in enumerate(KINDS):
        matched, true, predicted = total[column]
        samples = np.array([2 * d[column, 0] / d[column, 1:].sum() for d in draws])
        figures[f"{phase} {at}"] = {
            "f1": round(2 * matched / (true + predicted), 4),
            "low": round(float(np.percentile(samples, 2.5)), 4),
            "high": round(float(np.percentile(samples, 97.5)), 4),
            "sensitivity": round(matched / true, 4),
            "precision": round(matched / max(predicted, 1), 4),
            "n": int(true),
        }
    both = total[[KINDS.index((phase, "centre")) for phase in ("s1", "s2")]].sum(axis=0)
    figures["both centre"] = {
        "sensitivity": round(both[0] / both[1], 4),
        "precision": round(both[0] / max(both[2], 1), 4),
    }
    return figures


def parts(counts: Counts, circor: Corpora, words: np.ndarray) -> dict[str, Any]:
    """Return the figures of parts of the recordings."""
    return {
        str(word): phase_figures(counts[words == word], circor.group[words == word])
        for word in np.unique(words)
    }


def rate_figures(circor: Corpora, found: list[np.ndarray]) -> dict[str, Any]:
    """Compare heart rates with those of the mean annotated interval.

    "annotated": estimated from the annotated part of each recording; "whole": from all
    of it, in which the heart may beat at another rate.
    """
    errors: dict[str, list[float]] = {"annotated": [], "whole": []}
    certain: list[float] = []
    rows = []
    for row, probability in enumerate(found):
        truth = read_segmentation(circor.segmentation[row])
        onsets = np.sort(truth[0][truth[2] == "s1"])
        intervals = np.diff(onsets)
        if len(intervals) < 3:
            continue
        # Across a gap in the annotation there is no interval.
        intervals = intervals[intervals < 1.5 * np.median(intervals)]
        if len(intervals) < 3:
            continue
        rows.append(row)
        rate = 60 / intervals.mean()
        starts, ends = annotated_parts(truth)
        first, last = int(starts[0] * FRAME_RATE), int(ends[-1] * FRAME_RATE) + 1
        errors["annotated"].append(abs(heart_rate(probability[first:last]).bpm - rate))
        whole = heart_rate(probability)
        errors["whole"].append(abs(whole.bpm - rate))
        certain.append(whole.certainty)
    figures: dict[str, Any] = {"recordings": len(rows)}
    for name, values in errors.items():
        error = np.array(values)
        missing = np.isnan(error)
        error[missing] = np.inf
        figures[name] = {
            "median error": round(float(np.median(error)), 2),
            "share within 5 bpm": round(float(np.mean(error <= 5)), 4),
            "none found": round(float(missing.mean()), 4),
        }
        sure = np.array(certain) >= 0.6
        figures[name]["share within 5 bpm, certainty >= 0.6"] = round(
            float(np.mean(error[sure] <= 5)), 4
        )
        figures[name]["share with certainty >= 0.6"] = round(float(sure.mean()), 4)
    return figures


# PASCAL, sounds without a heartbeat, speed --------------------------------------------


def pascal_figures(data_home: Path, weights: list[np.ndarray]) -> dict[str, Any]:
    """Compare with the places of sounds in PASCAL's set A, which are single points."""
    truth: dict[str, dict[str, list[float]]] = {}
    with (data_home / "pascal" / "set_a_timing.csv").open() as file:
        for row in csv.DictReader(file):
            if row["sound"] in ("S1", "S2"):
                name = Path(row["fname"]).stem
                times = truth.setdefault(name, {"s1": [], "s2": []})
                times[row["sound"].lower()].append(int(row["location"]) / PASCAL_RATE)
    figures: dict[str, Any] = {"recordings": len(truth)}
    totals = {(p, t): np.zeros(3) for p in ("s1", "s2") for t in (0.06, 0.1)}
    folder = data_home / "pascal" / "set_a"
    for name, times in truth.items():
        path = next(folder.glob(f"{name}.*"))
        waveform, _ = read_recording(path, sample_rate=SAMPLE_RATE)
        found = decode_phases(probabilities(weights, decibels(waveform)))
        everything = np.sort(times["s1"] + times["s2"])
        for (phase, tolerance), total in totals.items():
            own = found.phase == phase
            middles = (found.start[own] + found.end[own]) / 2
            rows, columns = matches(np.sort(times[phase]), middles, tolerance)
            inside = (middles > everything[0] - 0.06) & (
                middles < everything[-1] + 0.06
            )
            inside[columns] = True
            total += len(rows), len(times[phase]), inside.sum()
    for (phase, tolerance), (matched, true, predicted) in totals.items():
        figures[f"{phase} centre, {tolerance * 1000:g} ms"] = {
            "f1": round(2 * matched / (true + predicted), 4),
            "sensitivity": round(matched / true, 4),
            "precision": round(matched / predicted, 4),
            "n": int(true),
        }
    return figures


def silent_figures(corpora: Corpora, weights: list[list[np.ndarray]]) -> dict[str, Any]:
    """Count the sounds without a heartbeat whose segmentation is empty."""
    artifacts = corpora.take(np.flatnonzero(corpora.word == "artifact"))
    empty, share = [], []
    for row, path in enumerate(artifacts.path):
        waveform, _ = read_recording(path, sample_rate=SAMPLE_RATE)
        found = probabilities(weights[artifacts.fold[row]], decibels(waveform))
        segments = decode_phases(found)
        empty.append(len(segments.start) == 0)
        covered = (segments.end - segments.start).sum() * FRAME_RATE
        share.append(float(covered / len(found)))
    random = np.random.default_rng(12345)
    simulated = []
    for _ in range(200):
        waveform = draw_noise(random, int(10 * SAMPLE_RATE), SAMPLE_RATE)
        found = probabilities(weights[0], decibels(waveform))
        simulated.append(len(decode_phases(found).start) == 0)
    return {
        "PASCAL artifacts": len(empty),
        "of them empty": round(float(np.mean(empty)), 4),
        "share of their time in segments": round(float(np.mean(share)), 4),
        "simulated noises": len(simulated),
        "of these empty": round(float(np.mean(simulated)), 4),
    }


def speed(waveforms: list[np.ndarray], weights: list[np.ndarray]) -> dict[str, Any]:
    """Time the prediction from waveforms in memory, in one thread."""
    segmenter = HeartSoundSegmenter()
    segmenter.weights_ = weights
    X = waveforms[:: max(1, len(waveforms) // 100)]
    segmenter.predict(X[:2])  # compiles
    seconds = sum(map(len, X)) / SAMPLE_RATE
    return {"times real time": round(seconds / shortest(partial(segmenter.predict, X)))}


def shortest(work: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of three calls."""
    return min(timeit.repeat(work, number=1, repeat=3))


def speed_from_files(circor: Corpora) -> dict[str, Any]:
    """Time the prediction from sound files, in one thread and in two."""
    paths = circor.path[:: max(1, len(circor.path) // 500)].tolist()
    load = round(os.getloadavg()[0], 1)  # above 0, times are too long
    figures: dict[str, Any] = {"recordings": len(paths), "other load": load}
    for n_jobs in (1, 2):
        segmenter = load_segmenter(n_jobs=n_jobs)
        segmenter.predict(paths)  # compiles, and fills the cache of the disk
        seconds = shortest(partial(segmenter.predict, paths))
        figures[f"recordings per second, n_jobs={n_jobs}"] = round(
            len(paths) / seconds, 1
        )
    return figures


# Springer's HSMM ---------------------------------------------------------------------


def springer_figures(circor: Corpora, work: Path, python: str) -> dict[str, Any]:
    """Return the figures of Springer's HSMM on fold 0."""
    answers = springer_answers(circor, work, python)
    part = circor.take(np.flatnonzero(circor.fold == 0))
    return phase_figures(counted(part, answers), part.group)


def springer_answers(circor: Corpora, work: Path, python: str) -> list[Any]:
    """Segment the recordings of fold 0 with pyPCG's HSMM, trained on other folds."""
    task_path, answer_path = work / "springer-task.json", work / "springer-answer.json"
    if not answer_path.exists():
        random = np.random.default_rng(0)
        others = np.flatnonzero(circor.fold != 0)
        training = [
            springer_part(circor, row)
            for row in random.choice(others, N_SPRINGER, replace=False)
        ]
        test = circor.path[circor.fold == 0].tolist()
        # Its own range, 30 to 120, is one for adults; above 150 it fails.
        task = {"training": training, "test": test, "heart_rates": [30, 145]}
        task_path.write_text(json.dumps(task))
        script = Path(__file__).parent / "_beats_elsewhere.py"
        subprocess.run([python, script, task_path, answer_path], check=True)
    return [
        tuple(map(np.array, answer)) for answer in json.loads(answer_path.read_text())
    ]


def springer_part(circor: Corpora, row: int) -> dict[str, Any]:
    """Return the longest annotated part of a recording, with its sounds' middles."""
    start, end, phase = read_segmentation(circor.segmentation[row])
    starts, ends = annotated_parts((start, end, phase))
    longest = int(np.argmax(ends - starts))
    low, high = float(starts[longest]), float(ends[longest])
    middles = (start + end) / 2
    inside = (middles >= low) & (middles < high)
    return {
        "path": str(circor.path[row]),
        "span": [low, high],
        **{word: middles[inside & (phase == word)].tolist() for word in ("s1", "s2")},
    }


if __name__ == "__main__":
    main()
