"""PASCAL Classifying Heart Sounds Challenge (2011)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skheart.datasets.base import (
    CorpusInfo,
    audio_files,
    check_choices,
    check_listed,
    find_home,
    make_bunch,
    read_table,
)

INFO = CorpusInfo(
    name="pascal",
    title="PASCAL Classifying Heart Sounds Challenge",
    homepage="http://www.peterjbentley.com/heartchallenge/",
    citation=(
        "P. Bentley, G. Nordehn, M. Coimbra, S. Mannor: The PASCAL Classifying "
        "Heart Sounds Challenge 2011 (CHSC2011) Results, 2011."
    ),
    licence="Free for research use",
    summary=(
        "832 short recordings in two sets: set_a by the public with a telephone "
        "application, set_b in hospitals with a digital stethoscope. 585 are labelled "
        "normal, murmur, extrasystole, extrahls (an extra heart sound) or artifact, "
        "247 are the unlabelled test recordings of the challenge."
    ),
)

SUBSETS = ("a", "b")
_EXAMPLES = {"a": "normal__201101070538", "b": "murmur__112_1306243000964_A"}
CLASSES = ("artifact", "extrahls", "extrasystole", "murmur", "normal")

_NAME = re.compile(
    r"(?P<label>artifact|extrahls|extrastole|murmur|normal|[AB]unlabelledtest)"
    r"_(?P<sublabel>noisymurmur|noisynormal|)"
    r"_(?P<patient>\d+)"
    r"(?:_(?P<time>\d+)_(?P<location>[A-Z])_?(?P<repetition>\d*))?"
)


def load_pascal(
    data_home: str | os.PathLike,
    *,
    subsets: str | Iterable[str] = ("a", "b"),
    classes: str | Iterable[str] | None = None,
    unlabelled: bool = False,
    as_frame: bool = False,
) -> Bunch:
    """Load the PASCAL Classifying Heart Sounds recordings from their folder.

    Labels, patients and locations are in the names of the files, which are what
    counts. Where ``set_a.csv`` and ``set_b.csv`` are there, every recording they
    list has to be there as well.

    Parameters
    ----------
    data_home : path-like
        Folder that holds ``set_a`` and ``set_b``, as in the copy of the corpus
        known as "Heartbeat Sounds", or a folder with these in a subfolder ``pascal``.
        The recordings may be WAV or FLAC.
    subsets : str or iterable of str, default=("a", "b")
        Sets to load; a set that is not asked for need not be there.
    classes : str or iterable of str, default=None
        Words of `target` to keep, out of ``"artifact"``, ``"extrahls"`` (both in
        set a only), ``"extrasystole"`` (set b only), ``"murmur"`` and ``"normal"``.
        All of them if None.
    unlabelled : bool, default=False
        Whether the challenge's test recordings, which have no label, are loaded
        besides, with the target ``"unlabelled"``.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        - data : ndarray of shape (n_recordings,), the paths as str, sorted by
          set and file name.
        - target : ndarray of shape (n_recordings,), the label as str. The corpus
          spells ``"extrasystole"`` as ``extrastole``.
        - groups : ndarray of shape (n_recordings,), the patient as str: the number
          in the file name of set b (``"b-112"``), the time stamp in set a
          (``"a-201104021355"``), which names no patients.
        - target_names : ndarray of the distinct words of `target`, sorted.
        - frame : DataFrame or dict with one row a recording: ``recording`` (the
          file's name less suffix), ``fname`` (its spelling in the csv files),
          ``subset``, ``patient``, ``location`` (the letter A to F in the file's
          name), ``repetition`` (the digit after it, 0 if there is none), ``noisy``
          (whether the sublabel is noisynormal or noisymurmur). A word that
          is not known is ``""``.
        - DESCR : str, what the corpus is and how to cite it.

    Raises
    ------
    FileNotFoundError
        If `data_home` is not the folder of the corpus or recordings are missing.
    ValueError
        If a parameter is not among its choices, no recording is left, or the name
        of an audio file is not one of the corpus.
    ImportError
        If `as_frame` is True and pandas is not installed.

    See Also
    --------
    load_cinc2016, load_circor2022 : Other corpora.
    make_heart_sounds : Simulated recordings.

    Notes
    -----
    Set a holds two recordings twice, each time under two labels: the same sound is
    ``extrahls__201104021355`` and ``murmur__201104021355``, and the same beats are
    ``murmur__201106141148`` and ``normal__201106141148``. They share their time
    stamp and thus their group, so that no split can put them on both sides.

    In set b, 35 of the 165 labelled patients have recordings of more than one label.

    Examples
    --------
    >>> from skheart.datasets import load_pascal
    >>> murmurs = load_pascal(
    ...     "corpora/pascal", subsets="b", classes=("normal", "murmur")
    ... )  # doctest: +SKIP
    >>> murmurs.data.shape  # doctest: +SKIP
    (415,)
    """
    subsets = check_choices("subsets", subsets, SUBSETS)
    kept = CLASSES if classes is None else check_choices("classes", classes, CLASSES)
    if unlabelled:
        kept = (*kept, "unlabelled")
    home = find_home(INFO, data_home, [f"set_{subset}" for subset in SUBSETS])
    rows = [row for subset in subsets for row in _read_subset(home, subset)]
    rows = [row for row in rows if row["target"] in kept]
    if not rows:
        raise ValueError(
            f"classes must be found in the subsets {subsets}, but there is no "
            f"recording of {sorted(kept)}."
        )
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    return make_bunch(
        INFO.describe(),
        data=columns.pop("path").tolist(),
        target=columns.pop("target"),
        groups=columns.pop("group"),
        columns=columns,
        as_frame=as_frame,
    )


def _read_subset(home: Path, subset: str) -> list[dict]:
    """Read the names in one set and compare them with the set's csv, if there."""
    folder = f"set_{subset}"
    files = audio_files(INFO, home, folder)
    rows = [_read_name(subset, stem, files[stem]) for stem in sorted(files)]
    table = f"{folder}.csv"
    if (home / table).is_file():
        listed = [row["fname"] for row in read_table(INFO, home, table, ["fname"])]
        check_listed(INFO, home, folder, listed, [row["fname"] for row in rows])
    return rows


def _read_name(subset: str, stem: str, path: str) -> dict:
    """Read what the name of a file says."""
    match = _NAME.fullmatch(stem)
    if match is None or (match["location"] is None) != (subset == "a"):
        raise ValueError(
            f"The audio files in set_{subset} must be named as in the corpus, such as "
            f"{_EXAMPLES[subset]}, got {path}."
        )
    label = match["label"]
    words = {
        "extrastole": "extrasystole",
        f"{subset.upper()}unlabelledtest": "unlabelled",
    }
    return {
        "recording": stem,
        "fname": _published_name(subset, stem, label, match["sublabel"]),
        "subset": subset,
        "patient": match["patient"] if subset == "b" else "",
        "location": match["location"] or "",
        "repetition": int(match["repetition"] or 0),
        "noisy": bool(match["sublabel"]),
        "target": words.get(label, label),
        "group": f"{subset}-{match['patient']}",
        "path": path,
    }


def _published_name(subset: str, stem: str, label: str, sublabel: str) -> str:
    """Spell a file's name as the corpus's csv files do, which is not its name."""
    rest = stem.removeprefix(f"{label}_{sublabel}_")
    if subset == "a":
        name = f"__{rest}" if label == "Aunlabelledtest" else stem
    elif label == "Bunlabelledtest":
        name = f"{label}_{rest}"
    else:
        parts = [f"Btraining_{word}_" for word in (label, sublabel) if word]
        name = "".join(parts) + rest
    return f"set_{subset}/{name}.wav"
