"""Measure what it costs and gains that the model "murmur" may answer "unsure".

    python benchmarks/abstaining.py DATA_HOME

DATA_HOME contains the folders pascal, cinc2016 and circor2022 of the three corpora. The
probabilities are out of fold, from the networks that benchmarks/accuracy.py trains and
stores in the folder --work; missing ones are trained. The results are the
share of recordings with an answer and the accuracy among these for limits of
confidence, by recording and averaged over the patients, and the answers for sounds
without a heart. They are written to benchmarks/results/abstaining.json.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _calibration import true_probabilities
from _corpora import HEADS, read_corpora
from _other_sounds import KINDS, draw_other
from _recipes import MODELS
from _results import RESULTS, write_results
from accuracy import Study

from skheart._core.decisions import MIN_QUALITY
from skheart.metrics import sensitivity_score, specificity_score
from skheart.quality import QualityTransformer, signal_quality

N_SOUNDS = 200
COVERAGES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    options = parser.parse_args()

    corpora = read_corpora(options.data_home)
    study = Study(corpora, options.work, quick=False)
    logits = study.out_of_fold(MODELS["murmur"])
    rows = np.flatnonzero(corpora.corpus == "circor2022")
    circor = corpora.take(rows)
    murmur = true_probabilities(corpora, logits, "murmur")[rows, 0]
    known = np.flatnonzero(circor.codes["murmur"] >= 0)
    part = circor.take(known)
    labels = np.array(HEADS["murmur"])[part.codes["murmur"]]
    quality = QualityTransformer(n_jobs=-1).transform(part.path)[:, 0]
    results: dict[str, Any] = {
        "min_quality": MIN_QUALITY,
        "circor2022": curves(labels, murmur[known], quality, part.group),
    }
    print(results["circor2022"], flush=True)
    artifacts = corpora.path[corpora.word == "artifact"]
    heard = QualityTransformer(n_jobs=-1).transform(artifacts)[:, 0]
    results["without a heart"] = {"PASCAL's artifacts": unsure(heard)}
    for kind in KINDS:
        draws = (np.random.default_rng([3, seed]) for seed in range(N_SOUNDS))
        sounds = [draw_other(random, kind) for random in draws]
        found = [signal_quality(x, sample_rate=rate) for x, rate in sounds]
        results["without a heart"][kind] = unsure(np.array(found))
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


if __name__ == "__main__":
    main()
