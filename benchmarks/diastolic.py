"""Do simulated diastolic murmurs in the training help to find real ones?

    python benchmarks/diastolic.py DATA_HOME --jobs 2

CirCor has five patients with a diastolic murmur, too few to learn from. Here copies of
recordings without a murmur get a simulated one in each annotated diastole, and are
added to the training as murmurs: the early, fading one of a leaking aortic valve, or
the low rumble of a narrow mitral valve. The networks are compared with those of the
shipped recipe in the folds 1 to 4; no patient of fold 0 is scored. Run accuracy.py
before: the networks without simulated murmurs are its own. Writes
benchmarks/results/trials.json, part "diastolic".
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _corpora import STATES, Corpora, read_corpora, spectrograms
from _joint import logits_of, network, phases, train, trained
from _recipes import JOINT, SPECTROGRAM
from _results import RESULTS, write_results
from _scores import auroc, drawn_by_patient, probabilities
from _shift import DECIBELS
from joblib import Parallel, delayed, parallel_config

from skheart._core.files import atomic_path
from skheart.datasets import load_circor2022
from skheart.neural.threads import limit_threads

FOLDS = (1, 2, 3, 4)
SHARES = (0.0, 0.04, 0.15)  # copies with a murmur, per recording without one
LEVELS = (-8.0, -24.0)  # dB of a murmur in training, below the loudest heart sounds
TESTED = (-10.0, -15.0, -20.0)
SHORTEST = 250  # annotated frames of 0.02 s
BANDS = np.linspace(25.0, 900.0, 42)[1:-1]  # centres in Hz
N_FRAMES = 1501
N_RESAMPLES = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--jobs", type=int, default=1, help="parallel trainings")
    options = parser.parse_args()
    corpora = read_corpora(options.data_home)
    spectrograms(corpora, options.work, **SPECTROGRAM)
    calls = [(k, share) for k in FOLDS for share in SHARES]
    with parallel_config("loky", n_jobs=options.jobs):
        found = Parallel()(
            delayed(asked)(corpora, k, share, options.work) for k, share in calls
        )
    answers = dict(zip(calls, found, strict=True))
    frame = load_circor2022(options.data_home).frame
    timing = dict(
        zip(map(str, frame["recording"]), frame["diastolic_murmur_timing"], strict=True)
    )
    has = np.array([bool(timing.get(Path(path).stem)) for path in corpora.path])
    rows = compared(corpora, answers, has)
    path = RESULTS / "trials.json"
    results = json.loads(path.read_text())
    results["diastolic"] = {"folds": FOLDS, "shares": SHARES, "figures": rows}
    write_results(path, results)


def usable(corpora: Corpora, states: np.ndarray) -> np.ndarray:
    """Return the rows without a murmur in which enough of the phases are known."""
    normal = (corpora.corpus == "circor2022") & (corpora.word == "Absent")
    return np.flatnonzero(normal & ((states > 0).sum(axis=1) >= SHORTEST))


def with_murmur(
    spectrogram: np.ndarray,
    states: np.ndarray,
    level: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the annotated part, repeated, with a murmur in each diastole.

    Parameters
    ----------
    spectrogram : ndarray of shape (n_bands, n_frames)
        In standard deviations of a recording.
    states : ndarray of shape (n_frames,)
        Phase of each frame; 0 if unknown.
    level : float
        Of the murmur against the 99th percentile of the power, in dB.
    random : numpy.random.Generator
    """
    known = np.flatnonzero(states)
    part = spectrogram[:, known[0] : known[-1] + 1].astype(float)
    diastole = states[known[0] : known[-1] + 1] == STATES.index("diastole") + 1
    edges = np.flatnonzero(np.diff(np.r_[0, diastole, 0]))
    leaking = random.random() < 0.5
    course = np.zeros(part.shape[1])
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        t = np.linspace(0, 1, end - start)
        course[start:end] = (
            np.exp(-3 * t) if leaking else np.exp(-(((t - 0.6) / 0.25) ** 2))
        )
    centre = random.uniform(150, 400) if leaking else random.uniform(40, 120)
    profile = np.exp(-((np.log2(BANDS / centre) / 0.8) ** 2))
    power = 10 ** (part * (DECIBELS / 10))
    loudest = np.quantile(power, 0.99)
    noise = random.gamma(4, 0.25, part.shape)
    murmur = loudest * 10 ** (level / 10) * profile[:, np.newaxis] * course * noise
    part = np.log10(power + murmur) * (10 / DECIBELS)
    part = (part - part.mean()) / part.std()
    repeated = np.arange(spectrogram.shape[1]) % part.shape[1]
    return part[:, repeated].astype(spectrogram.dtype)


def asked(corpora: Corpora, k: int, share: float, work: Path) -> dict[Any, Any]:
    """Return the logits of a fold, and those of it with simulated murmurs.

    The keys are None (as recorded) and the level of the murmurs; the rows of the latter
    are those of `usable`.
    """
    limit_threads(1)
    X = spectrograms(corpora, work, **SPECTROGRAM)
    states = phases(corpora, N_FRAMES)
    rows, test = np.flatnonzero(corpora.fold != k), np.flatnonzero(corpora.fold == k)
    if share:
        path = work / f"diastolic-{k}-{share:g}.npz"
        model = trained_on_simulated(corpora, X, states, rows, share, path)
    else:
        model, _ = trained(X, corpora, rows, JOINT, seed=0, folder=work)
    found = {None: logits_of(model, X[test], JOINT.crop_frames)}
    there = np.intersect1d(usable(corpora, states), test)
    for level in TESTED:
        random = np.random.default_rng(0)
        murmurs = np.stack(
            [with_murmur(X[row], states[row], level, random) for row in there]
        )
        found[level] = logits_of(model, murmurs, JOINT.crop_frames)
    return found


def trained_on_simulated(
    corpora: Corpora,
    X: np.ndarray,
    states: np.ndarray,
    rows: np.ndarray,
    share: float,
    path: Path,
) -> Any:
    """Train on recordings and copies with simulated murmurs; keep the weights."""
    if not path.exists():
        random = np.random.default_rng(0)
        normal = np.intersect1d(usable(corpora, states), rows)
        chosen = random.choice(normal, round(share * len(normal)), replace=False)
        copies = [
            with_murmur(X[row], states[row], random.uniform(*LEVELS[::-1]), random)
            for row in chosen
        ]
        joined = corpora.take(np.r_[rows, chosen])
        copied = np.arange(len(rows), len(joined))
        for head, codes in joined.codes.items():
            codes[copied] = 0 if head == "murmur" else -1
        joined.segmentation[copied] = ""  # the copies begin elsewhere
        both = np.concatenate([X[rows], np.stack(copies)])
        with_loss = train(both, joined, JOINT, seed=0)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, *with_loss.get_weights())
    model = network(X.shape[1], JOINT)
    with np.load(path) as arrays:
        model.set_weights([arrays[name] for name in arrays.files])
    return model


def compared(
    corpora: Corpora, answers: dict[Any, Any], diastolic: np.ndarray
) -> list[dict[str, Any]]:
    """Return AUROCs for each share of simulated murmurs in the training.

    The score of a recording is comparable across folds, so that the folds count
    together. Differences have intervals by bootstrap over patients.
    """
    p = np.full((len(SHARES), len(corpora)), np.nan)
    for column, share in enumerate(SHARES):
        for k in FOLDS:
            logits = answers[k, share][None]
            p[column, corpora.fold == k] = probabilities(logits, "murmur")[:, 0]
    absent, present = corpora.word == "Absent", corpora.word == "Present"
    tested = ~np.isnan(p[0]) & (absent | present)
    rows = [
        row(title, present[here], corpora.group[here], p[:, here])
        for title, here in (
            ("real diastolic murmurs", tested & (absent | diastolic)),
            ("CirCor by recording", tested),
        )
    ]
    there = usable(corpora, phases(corpora, N_FRAMES))
    normal = np.concatenate([there[corpora.fold[there] == k] for k in FOLDS])
    for level in TESTED:
        simulated = [
            [probabilities(answers[k, share][level], "murmur")[:, 0] for k in FOLDS]
            for share in SHARES
        ]
        scores = np.hstack([p[:, normal], [np.concatenate(one) for one in simulated]])
        positive = np.repeat([False, True], len(normal))
        title = f"simulated, {level:g} dB"
        rows.append(row(title, positive, np.tile(corpora.group[normal], 2), scores))
    return rows


def row(
    title: str, positive: np.ndarray, group: np.ndarray, scores: np.ndarray
) -> dict[str, Any]:
    """Return the AUROC for each share, and the intervals of differences to none."""
    samples = np.array(
        [
            [auroc(positive[drawn], score[drawn]) for score in scores]
            for drawn in drawn_by_patient(group, N_RESAMPLES)
        ]
    )
    low, high = np.nanquantile(samples - samples[:, :1], [0.025, 0.975], axis=0)
    found = {
        "title": title,
        "recordings": int(positive.sum()),
        "patients": len(np.unique(group[positive])),
        "AUROC": [round(auroc(positive, score), 4) for score in scores],
        "difference": np.column_stack([low, high])[1:].round(4).tolist(),
    }
    print(json.dumps(found), flush=True)
    return found


if __name__ == "__main__":
    main()
