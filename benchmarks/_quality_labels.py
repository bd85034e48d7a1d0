"""What experts said about the quality of the recordings of the three corpora.

- CinC 2016: the organisers' flag. In database b also grades of four kinds of noise,
  which are tested and not fitted to: no index distinguishes them.
- PASCAL: recordings called "noisy", and those called "artifact".
- CirCor: the share of the recording in which the heart sounds were annotated. The
  annotators chose parts that they could judge.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from _corpora import Corpora

from skheart.datasets import read_segmentation
from skheart.segmentation.frames import PHASES

APPENDIX = Path("cinc2016") / "annotations" / "Online Appendix_training set.csv"
NOISES = ("Respiration noise", "Ambient noise", "Recording noise", "Abdominal sounds")
QUIET = {"2", "3"}  # none, insignificant
LOUD = {
    "Respiration noise": {"8", "9", "10", "11", "15", "17"},
    "Ambient noise": {"8", "9", "10", "11", "12", "13", "14", "15", "18", "19"},
    "Recording noise": {"11", "12", "13", "14", "15", "18"},
    "Abdominal sounds": set[str](),  # not graded
}
HALF = 0.5  # share of a recording of CirCor: less is called little


@dataclass(frozen=True)
class Labels:
    """Labels of recordings; the table is fitted to `good`."""

    good: np.ndarray  # 1 good, 0 poor, or between; NaN without a label
    tasks: dict[str, np.ndarray]  # 1 poor, 0 good, -1 not in the task
    share: np.ndarray  # annotated share of CirCor's recordings; NaN for others


def labels_of(corpora: Corpora, data_home: Path) -> Labels:
    """Return the labels of all recordings."""
    good = np.full(len(corpora), np.nan)
    nobody = np.full(len(corpora), -1)
    tasks: dict[str, np.ndarray] = {}

    cinc = corpora.corpus == "cinc2016"
    good[cinc] = corpora.quality[cinc]
    tasks["CinC 2016, flag"] = np.where(cinc, 1 - corpora.quality, -1)
    grades = noise_grades(data_home)
    names = [Path(path).stem for path in corpora.path]
    noisy = nobody.copy()
    for row in np.flatnonzero(cinc & (corpora.part == "b")):
        noisy[row] = grades.get(names[row], -1)
    tasks["CinC 2016 b, noise"] = noisy

    pascal = corpora.corpus == "pascal"
    called = np.array(["noisy" in Path(path).name for path in corpora.path])
    for part, title, poor in (
        ("b", "PASCAL B, noisy", called),
        ("a", "PASCAL A, artifact", corpora.word == "artifact"),
    ):
        rows = pascal & (corpora.part == part)
        tasks[title] = np.where(rows, poor.astype(int), -1)
        good[rows] = 1 - poor[rows]

    share = np.full(len(corpora), np.nan)
    for row in np.flatnonzero(corpora.corpus == "circor2022"):
        share[row] = annotated_share(corpora.path[row], corpora.segmentation[row])
    known = ~np.isnan(share)
    good[known] = share[known]
    little = nobody.copy()
    little[known] = share[known] < HALF
    tasks["CirCor, little annotated"] = little
    return Labels(good, tasks, share)


def noise_grades(data_home: Path) -> dict[str, int]:
    """Return 1 for recordings of database b with loud noise, 0 for those without any.

    Those with weak noise, and those without grades, are left out.
    """
    found = {}
    with (data_home / APPENDIX).open(encoding="latin-1", newline="") as file:
        for row in csv.DictReader(file):
            if row["Database"] != "training-b":
                continue
            words = {
                noise: next(v for k, v in row.items() if k and k.startswith(noise))
                for noise in NOISES
            }
            codes = {noise: word.removesuffix(".0") for noise, word in words.items()}
            if any(codes[noise] in LOUD[noise] for noise in NOISES):
                found[row["Challenge record name"]] = 1
            elif all(code in QUIET for code in codes.values()):
                found[row["Challenge record name"]] = 0
    return found


def annotated_share(path: str, segmentation: str) -> float:
    """Return the share of a recording that has annotated phases."""
    start, end, phase = read_segmentation(segmentation)
    rows = np.isin(phase, PHASES)
    seconds = float((end[rows] - start[rows]).sum())
    return min(1.0, seconds / soundfile.info(path).duration)
