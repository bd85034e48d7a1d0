"""CirCor DigiScope, the corpus of the George B. Moody Challenge 2022."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skheart._core.checks import check_option
from skheart.datasets.base import (
    CorpusInfo,
    audio_files,
    check_listed,
    find_home,
    make_bunch,
    numbers,
    read_table,
    words,
)

INFO = CorpusInfo(
    name="circor2022",
    title="CirCor DigiScope Phonocardiogram Dataset",
    homepage="https://physionet.org/content/circor-heart-sound/1.0.3/",
    citation=(
        "J. Oliveira et al.: The CirCor DigiScope Dataset: From Murmur Detection to "
        "Murmur Classification. IEEE Journal of Biomedical and Health Informatics "
        "26(6):2524-2535, 2022. doi:10.1109/JBHI.2021.3137048"
    ),
    licence="Open Data Commons Attribution License (ODC-By) 1.0",
    summary=(
        "Recordings at up to four locations on the chest of children and pregnant "
        "women, screened in two campaigns in Brazil in 2014 and 2015. A cardiac "
        "physiologist described each patient's murmur (present, absent or unknown; "
        "where it is heard, its timing, shape, pitch, quality and grading); an "
        "expert judged the clinical outcome. Most recordings are partly segmented "
        "into first sound, systole, second sound and diastole."
    ),
)

TARGETS = ("murmur", "murmur_at_location", "outcome")
STATES = ("unlabelled", "s1", "systole", "s2", "diastole")  # codes 0 to 4

_TABLE = "training_data.csv"
_FOLDER = "training_data"
_PATIENT, _LOCATIONS, _OTHER = "Patient ID", "Recording locations:", "Additional ID"
_HEIGHT, _WEIGHT, _PREGNANT = "Height", "Weight", "Pregnancy status"
_COLUMNS = (
    *(_PATIENT, _LOCATIONS, _OTHER, _HEIGHT, _WEIGHT, _PREGNANT),
    *("Murmur", "Murmur locations", "Outcome"),
)


def load_circor2022(
    data_home: str | os.PathLike, *, target: str = "murmur", as_frame: bool = False
) -> Bunch:
    """Load the public recordings of the CirCor DigiScope corpus.

    One row is one recording; what is known of the patient is repeated on each of
    the patient's recordings. Pool by `groups` before scoring a patient's label.

    Parameters
    ----------
    data_home : path-like
        Folder that holds ``training_data.csv`` and ``training_data``, or a folder
        with these in a subfolder ``circor2022``. The recordings may be WAV or FLAC.
    target : {"murmur", "murmur_at_location", "outcome"}, default="murmur"
        What to learn:

        - "murmur": the patient's ``"Present"``, ``"Absent"`` or ``"Unknown"``,
          also on recordings of places where the murmur was not heard;
        - "murmur_at_location": the same, but ``"Inaudible"`` on recordings of a
          patient with a murmur at a location where it was not heard. These are
          neither sound nor plainly a murmur: leave them out or count them as absent;
        - "outcome": the patient's ``"Normal"`` or ``"Abnormal"``.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        - data : ndarray of shape (n_recordings,), the paths as str, sorted by
          patient number and file name.
        - target : ndarray of shape (n_recordings,), the words above as str.
        - groups : ndarray of shape (n_recordings,), the patient as str. A child
          who was screened in both campaigns has two patient numbers, of which
          both recordings get the smaller.
        - target_names : ndarray of the distinct words of `target`, sorted.
        - frame : DataFrame or dict with one row a recording: ``recording``, ``patient``
          (the number it has in the corpus), ``location`` (AV, PV, TV, MV or Phc),
          ``repetition`` (1, 2, … where a location was recorded more than once, else 0),
          ``segmentation`` (path of the ``.tsv`` file, for `read_segmentation`),
          ``murmur_at_location``, ``height`` in cm, ``weight`` in kg,
          ``pregnancy_status`` (bool) and the other columns of ``training_data.csv``
          (``age``, ``sex``, ``murmur``, ``murmur_locations``,
          ``systolic_murmur_grading``, ``outcome``, ``campaign``, ``additional_id`` …).
          A word that is not known is ``""``, a number NaN.
        - DESCR : str, what the corpus is and how to cite it.

    Raises
    ------
    FileNotFoundError
        If `data_home` is not the folder of the corpus or recordings are missing.
    ValueError
        If `target` is not one of its choices.
    ImportError
        If `as_frame` is True and pandas is not installed.

    See Also
    --------
    read_segmentation : Read the beats' phases that come with a recording.
    load_cinc2016, load_pascal : Other corpora.
    make_heart_sounds : Simulated recordings.

    Examples
    --------
    >>> from skheart.datasets import load_circor2022
    >>> circor = load_circor2022("corpora/circor2022")  # doctest: +SKIP
    >>> circor.target_names  # doctest: +SKIP
    array(['Absent', 'Present', 'Unknown'], dtype='<U7')
    """
    check_option("target", target, TARGETS)
    home = find_home(INFO, data_home, (_TABLE, _FOLDER))
    patients = read_table(INFO, home, _TABLE, _COLUMNS)
    group_of = _join_campaigns({row[_PATIENT]: row[_OTHER] for row in patients})
    files = audio_files(INFO, home, _FOLDER)
    rows = _recordings(home, patients, files)
    columns = _columns(home, rows)
    return make_bunch(
        INFO.describe(),
        data=[files[row["recording"]] for row in rows],
        target=columns[target].copy(),
        groups=np.array([group_of[row[_PATIENT]] for row in rows], dtype=str),
        columns=columns,
        as_frame=as_frame,
    )


def _recordings(
    home: Path, patients: list[dict[str, str]], files: dict[str, str]
) -> list[dict[str, str]]:
    """Return one row a recording and see that every location listed has its own."""
    stems_of: dict[str, list[str]] = defaultdict(list)
    for stem in sorted(files):
        if "_" in stem:
            stems_of[stem.partition("_")[0]].append(stem)
    rows, listed = [], []
    for patient in sorted(patients, key=lambda row: _as_number(row[_PATIENT])):
        number = patient[_PATIENT]
        listed += [f"{number}_{word}" for word in patient[_LOCATIONS].split("+")]
        rows += [{**patient, "recording": stem} for stem in stems_of[number]]
    found = ["_".join(row["recording"].split("_")[:2]) for row in rows]
    check_listed(INFO, home, _FOLDER, listed, found)
    return rows


def _columns(home: Path, rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """Return the frame's columns."""
    parts = [row["recording"].split("_") for row in rows]
    phases = [home / _FOLDER / f"{row['recording']}.tsv" for row in rows]
    columns = {
        "recording": words(row["recording"] for row in rows),
        "patient": words(row[_PATIENT] for row in rows),
        "location": words(part[1] for part in parts),
        "repetition": np.array([int(part[2]) if part[2:] else 0 for part in parts]),
        "segmentation": words(str(path) if path.is_file() else "" for path in phases),
        "height": numbers(row[_HEIGHT] for row in rows),
        "weight": numbers(row[_WEIGHT] for row in rows),
        "pregnancy_status": np.array([row[_PREGNANT] == "True" for row in rows]),
    }
    for name in rows[0]:
        key = name.lower().replace(" ", "_")
        if name not in (_PATIENT, _LOCATIONS) and key not in columns:
            columns[key] = words(row[name] for row in rows)
    places = zip(columns["location"], columns["murmur_locations"], strict=True)
    heard = [location in locations.split("+") for location, locations in places]
    elsewhere = (columns["murmur"] == "Present") & ~np.array(heard, dtype=bool)
    columns["murmur_at_location"] = np.where(elsewhere, "Inaudible", columns["murmur"])
    return columns


def _join_campaigns(other_of: dict[str, str]) -> dict[str, str]:
    """Replace each patient number by the smaller of the two of the same child."""
    smallest = {number: number for number in other_of}
    for number, other in other_of.items():
        if other in other_of:
            smallest[number] = smallest[other] = min(number, other, key=_as_number)
    return smallest


def _as_number(word: str) -> tuple[int, str]:
    """Sort patient numbers as numbers, and whatever is none after them."""
    return (int(word), word) if word.isdecimal() else (10**12, word)


def read_segmentation(
    path: str | os.PathLike,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the phases of the beats from a segmentation file of CirCor.

    Parameters
    ----------
    path : path-like
        File with a start, an end and a code a line, as in the column
        ``segmentation`` of `load_circor2022`'s frame.

    Returns
    -------
    start : ndarray of shape (n_phases,)
        Start of each phase, in seconds.
    end : ndarray of shape (n_phases,)
        End of each phase, in seconds.
    state : ndarray of shape (n_phases,)
        ``"s1"``, ``"systole"``, ``"s2"``, ``"diastole"`` or, where nobody has
        segmented the recording, ``"unlabelled"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line is not a start, an end and a code between 0 and 4.

    See Also
    --------
    load_circor2022 : Load the recordings these files belong to.

    Notes
    -----
    Phases without length are left out; in ``50782_MV_1.tsv`` that leaves none. They
    come in the order of the file, which in ``50690_MV_2.tsv`` and ``50690_TV.tsv`` goes
    back in time once; neighbours may overlap by fractions of a millisecond.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skheart.datasets import read_segmentation
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "2530_AV.tsv")
    ...     _ = path.write_text("0\\t0.5\\t0\\n0.5\\t0.62\\t1\\n")
    ...     start, end, state = read_segmentation(path)
    >>> start, state
    (array([0. , 0.5]), array(['unlabelled', 's1'], dtype='<U10'))
    """
    rows = []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), start=1):
        try:
            start, end, code = (float(word) for word in line.split("\t"))
            if end > start:
                if code not in range(len(STATES)):
                    raise ValueError(code)
                rows.append((start, end, STATES[int(code)]))
        except ValueError:
            raise ValueError(
                f"path must be a file of starts, ends and codes from 0 to 4 divided by "
                f"tabs, got {line!r} in line {number} of {path}."
            ) from None
    return (
        np.array([row[0] for row in rows], dtype=float),
        np.array([row[1] for row in rows], dtype=float),
        np.array([row[2] for row in rows], dtype="<U10"),
    )
