"""The three corpora as one table: recordings, patients, folds, and labels of each head.

A head is a classification problem of the joint network, such as "murmur" or "abnormal".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from skheart import SpectrogramTransformer
from skheart.datasets import load_cinc2016, load_circor2022, load_pascal

# The classes of each head, in alphabetical order.
HEADS: dict[str, tuple[str, ...]] = {
    "murmur": ("murmur", "normal"),
    "abnormal": ("abnormal", "normal"),
    "murmur3": ("Absent", "Present", "Unknown"),
    "pascal": ("artifact", "extrahls", "extrasystole", "murmur", "normal"),
    "outcome": ("Abnormal", "Normal"),
}
N_FOLDS = 5
# The middle of each age group, in years.
AGES = {"Neonate": 0.04, "Infant": 0.5, "Child": 6.0, "Adolescent": 15.0}
STATES = ("s1", "systole", "s2", "diastole")


@dataclass
class Corpora:
    """Recordings of one or more corpora.

    Attributes
    ----------
    path : ndarray of shape (n,)
    corpus : ndarray of shape (n,)
        circor2022, cinc2016 or pascal.
    part : ndarray of shape (n,)
        Database of CinC 2016, set of PASCAL, location of CirCor.
    group : ndarray of shape (n,)
        Patient. All recordings of a patient are in the same part of a split.
    visit : ndarray of shape (n,)
        The unit that is scored: the patient or, in CirCor, the patient in one campaign,
        since each campaign has its own labels.
    fold : ndarray of shape (n,)
        The fold, 0 to 4, in which the recording is a test recording.
    codes : dict of str to ndarray of shape (n,)
        Index of the class for each head of `HEADS`; -1 without a label.
    word : ndarray of shape (n,)
        Label of the corpus.
    quality : ndarray of shape (n,)
        0 is poor, 1 is good; only CinC 2016 has poor recordings.
    segmentation : ndarray of shape (n,)
        Path of the segmentation in CirCor, otherwise "".
    age, sex, location : ndarray of shape (n,)
        Words for counting; "unknown" if the corpus does not tell.
    person : ndarray of shape (n, 5)
        Age in years (of the age group), female, height, weight, pregnant; NaN if
        unknown, and for corpora other than CirCor.
    """

    path: np.ndarray
    corpus: np.ndarray
    part: np.ndarray
    group: np.ndarray
    visit: np.ndarray
    fold: np.ndarray
    codes: dict[str, np.ndarray]
    word: np.ndarray
    quality: np.ndarray
    segmentation: np.ndarray
    age: np.ndarray
    sex: np.ndarray
    location: np.ndarray
    person: np.ndarray

    def __len__(self) -> int:
        return len(self.path)

    def take(self, rows: np.ndarray) -> Corpora:
        """Return the recordings of some rows."""
        values = {
            name: {k: v[rows] for k, v in value.items()}
            if isinstance(value, dict)
            else value[rows]
            for name, value in vars(self).items()
        }
        return Corpora(**values)

    def order_of(self, seed: int) -> np.ndarray:
        """Return the folds for another seed."""
        return _folds(self.corpus, self.part, self.word, self.group, seed)


def read_corpora(data_home: str | Path, *, seed: int = 0) -> Corpora:
    """Read the three corpora from their folders in `data_home`."""
    rows: list[dict[str, Any]] = []
    circor = load_circor2022(data_home, target="murmur_at_location", as_frame=False)
    for i, word in enumerate(circor.target.tolist()):
        # A recording in which a patient's murmur is inaudible belongs to no class.
        murmur = {"Absent": "normal", "Present": "murmur"}
        rows.append(
            {
                "path": circor.data[i],
                "corpus": "circor2022",
                "part": circor.frame["location"][i],
                "group": f"circor-{circor.groups[i]}",
                "visit": f"circor-{circor.frame['patient'][i]}",
                "word": word,
                "segmentation": circor.frame["segmentation"][i],
                "murmur": murmur.get(word),
                "murmur3": word if word != "Inaudible" else None,
                "outcome": circor.frame["outcome"][i],
                "age": circor.frame["age"][i],
                "sex": circor.frame["sex"][i],
                "location": circor.frame["location"][i],
                "person": _person(circor.frame, i),
            }
        )
    cinc = load_cinc2016(data_home, as_frame=False)
    for i, word in enumerate(cinc.target.tolist()):
        rows.append(
            {
                "path": cinc.data[i],
                "corpus": "cinc2016",
                "part": cinc.frame["database"][i],
                "group": f"cinc-{cinc.groups[i]}",
                "word": word,
                "quality": cinc.frame["quality"][i],
                "abnormal": word,
                "age": _age_group(cinc.frame["age"][i]),
                "sex": {"F": "Female", "M": "Male"}.get(cinc.frame["sex"][i]),
                "location": cinc.frame["location"][i],
            }
        )
    pascal = load_pascal(data_home, as_frame=False)
    for i, word in enumerate(pascal.target.tolist()):
        rows.append(
            {
                "path": pascal.data[i],
                "corpus": "pascal",
                "part": pascal.frame["subset"][i],
                "group": f"pascal-{pascal.groups[i]}",
                "word": word,
                "murmur": word if word in ("murmur", "normal") else None,
                "pascal": word,
                "location": pascal.frame["location"][i],
            }
        )

    def column(name: str, default: Any) -> np.ndarray:
        return np.array([row.get(name, default) for row in rows])

    codes = {
        head: np.array(
            [-1 if row.get(head) is None else names.index(row[head]) for row in rows]
        )
        for head, names in HEADS.items()
    }
    corpus, part = column("corpus", ""), column("part", "")
    word, group = column("word", ""), column("group", "")
    return Corpora(
        path=column("path", ""),
        corpus=corpus,
        part=part,
        group=group,
        visit=np.array([row.get("visit", row["group"]) for row in rows]),
        fold=_folds(corpus, part, word, group, seed),
        codes=codes,
        word=word,
        quality=column("quality", 1),
        segmentation=column("segmentation", ""),
        **{
            name: np.array([row.get(name) or "unknown" for row in rows])
            for name in ("age", "sex", "location")
        },
        person=np.array([row.get("person", (np.nan,) * 5) for row in rows]),
    )


def _age_group(years: float) -> str | None:
    if np.isnan(years):
        return None
    limits = {18: "under 18", 40: "18 to 39", 65: "40 to 64"}
    return next((word for limit, word in limits.items() if years < limit), "65 or more")


def _person(frame: Any, i: int) -> tuple[float, ...]:
    return (
        AGES.get(frame["age"][i], np.nan),
        float(frame["sex"][i] == "Female"),
        frame["height"][i],
        frame["weight"][i],
        float(frame["pregnancy_status"][i]),
    )


def _folds(
    corpus: np.ndarray,
    part: np.ndarray,
    word: np.ndarray,
    group: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Assign each patient of each corpus to one fold, stratified by label."""
    fold = np.full(len(corpus), -1)
    for name in np.unique(corpus):
        rows = np.flatnonzero(corpus == name)
        strata = word[rows]
        if name != "circor2022":
            strata = np.char.add(np.char.add(part[rows], "-"), strata)
        else:
            strata = np.where(strata == "Inaudible", "Present", strata)
        splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
        for number, (_, test) in enumerate(splitter.split(rows, strata, group[rows])):
            fold[rows[test]] = number
    return fold


def spectrograms(corpora: Corpora, folder: Path, **settings: Any) -> np.ndarray:
    """Compute the spectrograms of all recordings, or read them from a folder.

    Parameters
    ----------
    corpora : Corpora
    folder : path
        Where they are stored.
    **settings
        Parameters of :class:`skheart.SpectrogramTransformer`.

    Returns
    -------
    X : ndarray of shape (n, n_bands, n_frames), float16
        Mapped from the disk.
    """
    key = repr((sorted(settings.items()), corpora.path.tolist()))
    path = folder / f"spectrograms-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        transformer = SpectrogramTransformer(n_jobs=-1, verbose=1, **settings)
        X = transformer.fit_transform(corpora.path.tolist())
        temporary = path.with_suffix(".part.npy")
        np.save(temporary, X.astype(np.float16))
        temporary.rename(path)
    return np.load(path, mmap_mode="r")
