"""Measure what it costs and gains that the model "murmur" may answer "unsure".

    python benchmarks/abstaining.py DATA_HOME

DATA_HOME contains the folders pascal, cinc2016 and circor2022 of the three corpora. The
probabilities are out of fold, from the networks that benchmarks/accuracy.py trains and
stores in the folder --work; missing ones are trained. The results are the share of
recordings with an answer and the accuracy among these for limits of confidence, by
recording and averaged over the patients, and the answers for sounds without a heart.
They are written to benchmarks/results/abstaining.json.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import HEADS, read_corpora
from _recipes import MODELS
from _results import RESULTS, write_results
from _scores import probabilities
from accuracy import Study

from skheart._core.decisions import MIN_QUALITY
from skheart.metrics import sensitivity_score, specificity_score
from skheart.quality import QualityTransformer, signal_quality

RATE = 2000
COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    study = Study(corpora, options.work, quick=False)
    model = MODELS["murmur"]
    first = probabilities(study.out_of_fold(model), "murmur")[:, 0]
    results: dict[str, Any] = {"min_quality": MIN_QUALITY, "corpora": {}}
    for name in ("circor2022", "pascal"):
        rows = (corpora.corpus == name) & (corpora.codes["murmur"] >= 0)
        rows = np.flatnonzero(rows)
        labels = np.array(HEADS["murmur"])[corpora.codes["murmur"][rows]]
        quality = QualityTransformer(n_jobs=-1).transform(corpora.path[rows])[:, 0]
        results["corpora"][name] = curves(
            labels, first[rows], quality, corpora.group[rows]
        )
        print(name, results["corpora"][name], flush=True)
    artifacts = corpora.path[corpora.word == "artifact"]
    heard = QualityTransformer(n_jobs=-1).transform(artifacts)[:, 0]
    results["without a heart"] = {
        "PASCAL's artifacts": unsure(heard),
        **{
            kind: unsure(np.array([signal_quality(x, sample_rate=RATE) for x in made]))
            for kind, made in sounds_without_a_heart(np.random.default_rng(0)).items()
        },
    }
    print(results["without a heart"])
    write_results(RESULTS / "abstaining.json", results)


def curves(
    labels: np.ndarray, murmur: np.ndarray, quality: np.ndarray, group: np.ndarray
) -> dict[str, Any]:
    """Return coverage and accuracy with the limit of quality, and without it."""
    result: dict[str, Any] = {
        "recordings": len(labels),
        "patients": len(np.unique(group)),
        "answered by quality": round(float((quality >= MIN_QUALITY).mean()), 4),
    }
    confidence = np.maximum(murmur, 1 - murmur)
    answers = np.where(murmur >= 0.5, "murmur", "normal")
    for title, usable in (
        ("confidence", np.ones(len(labels), bool)),
        ("quality and confidence", quality >= MIN_QUALITY),
    ):
        order = np.sort(np.where(usable, confidence, -1))[::-1]
        points = []
        for coverage in COVERAGES:
            limit = order[int(np.ceil(coverage * len(order))) - 1]
            if limit < 0:
                continue
            chosen = usable & (confidence >= limit)
            points.append(point(labels, answers, group, chosen, limit))
        every = point(labels, answers, group, usable, 0.5)
        result[title] = [every, *(x for x in points if x != every)]
    return result


def point(
    labels: np.ndarray,
    answers: np.ndarray,
    group: np.ndarray,
    chosen: np.ndarray,
    limit: float,
) -> dict[str, float]:
    """Return the figures of the recordings that get an answer."""
    y, found = labels[chosen], answers[chosen]
    right = found == y
    _, patients = np.unique(group[chosen], return_inverse=True)
    by_patient = np.bincount(patients, right) / np.bincount(patients)
    figures = {
        "min_confidence": limit,
        "coverage": chosen.mean(),
        "accuracy": right.mean(),
        "accuracy by patient": by_patient.mean(),
        "sensitivity": sensitivity_score(y, found, pos_label="murmur"),
        "specificity": specificity_score(y, found, pos_label="murmur"),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def unsure(quality: np.ndarray) -> dict[str, float]:
    """Return how many sounds get the answer "unsure" by their quality."""
    share = float((quality < MIN_QUALITY).mean())
    return {"sounds": len(quality), "unsure": round(share, 4)}


def sounds_without_a_heart(
    random: np.random.Generator, n: int = 100
) -> dict[str, list[np.ndarray]]:
    """Return simulated noise, tones, beeps, speech and short clips of heart sounds."""
    times = np.arange(10 * RATE) / RATE
    white = [random.normal(size=len(times)) for _ in range(n)]
    tones = [np.sin(2 * np.pi * f * times) for f in random.uniform(30, 900, n)]
    beeps = []
    for f, rate, share in zip(
        random.uniform(200, 900, n),
        random.uniform(0.5, 2.5, n),
        random.uniform(0.05, 0.4, n),
        strict=True,
    ):
        gate = (times * rate) % 1 < share
        beeps.append(np.sin(2 * np.pi * f * times) * gate)
    short = [part[: int(s * RATE)] for part, s in zip(white, random.uniform(0.2, 0.99, n))]
    return {
        "white noise": white,
        "tones": tones,
        "beeps": beeps,
        "simulated speech": [speech(random, times) for _ in range(n)],
        "noise below a second": short,
    }


def speech(random: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """Return voiced syllables: harmonics of a gliding pitch with three formants."""
    wave = np.zeros(len(times))
    start = 0.0
    while start < times[-1]:
        length = random.uniform(0.12, 0.35)
        inside = (times >= start) & (times < start + length)
        t = times[inside] - start
        pitch = random.uniform(90, 220) * (1 + random.uniform(-0.3, 0.3) * t / length)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        formants = random.uniform((250, 800, 1800), (800, 1800, 2800))
        for harmonic in range(1, 10):
            frequency = harmonic * pitch.mean()
            gain = sum(1 / (1 + ((frequency - f) / 80) ** 2) for f in formants)
            if frequency < RATE / 2:
                wave[inside] += gain * np.sin(harmonic * phase)
        wave[inside] *= np.sin(np.pi * t / length)
        start += length + random.exponential(0.12)
    return wave + random.normal(0, 0.01, len(times))


if __name__ == "__main__":
    main()
