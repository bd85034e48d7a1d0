"""PhysioNet/Computing in Cardiology Challenge 2016."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skheart._core.checks import check_option
from skheart.datasets.base import (
    CorpusInfo,
    audio_files,
    check_choices,
    check_listed,
    find_home,
    make_bunch,
    numbers,
    read_table,
    words,
)
from skheart.datasets.cinc2016_codes import CODES, meanings

INFO = CorpusInfo(
    name="cinc2016",
    title="PhysioNet/CinC Challenge 2016",
    homepage="https://physionet.org/content/challenge-2016/1.0.0/",
    citation=(
        "C. Liu et al.: An open access database for the evaluation of heart sound "
        "algorithms. Physiological Measurement 37(12):2181-2213, 2016. "
        "doi:10.1088/0967-3334/37/12/2181"
    ),
    licence="Open Data Commons Attribution License (ODC-By) 1.0",
    summary=(
        "Recordings of 5 s to 2 min from six databases (training-a to training-f), "
        "made by different groups with different sensors in clinics and at home, "
        "each labelled normal or abnormal. The organisers' corrected list, which "
        "withdraws 87 records of training-e, is the one that is read. The share of "
        "abnormal recordings differs so much between the databases that a model can "
        "learn the sensor in place of the heart: report each database by itself."
    ),
)

DATABASES = ("a", "b", "c", "d", "e", "f")
TARGETS = {"-1": "normal", "1": "abnormal"}

_APPENDIX = "annotations/Online Appendix_training set.csv"
_NAME, _ORIGINAL = "Challenge record name", "Original record name"
_SUBJECT, _RAW = "Subject ID", "# Raw record"
_WORDS = {
    "diagnosis": "Diagnosis",
    "original_name": _ORIGINAL,
    "raw_record": _RAW,
    "location": "Transducer site on body",
    "state": "Recording state",
    "sex": "Gender",
}
_NUMBERS = {
    "age": "Age (year)",
    "height": "Height (cm)",
    "weight": "Weight (kg)",
    "bmi": "BMI",
}


def load_cinc2016(
    data_home: str | os.PathLike,
    *,
    databases: str | Iterable[str] = DATABASES,
    quality: str | None = None,
    as_frame: bool = False,
) -> Bunch:
    """Load the training recordings of the PhysioNet/CinC Challenge 2016.

    The labels are those of the organisers' corrected lists
    (``annotations/updated``), which leave out 87 records of training-e. The
    folder ``validation``, which repeats training records, is not read.

    Parameters
    ----------
    data_home : path-like
        Folder that holds ``training-a`` to ``training-f`` and ``annotations``, or
        a folder with these in a subfolder ``cinc2016``. The recordings may be WAV or
        FLAC.
    databases : str or iterable of str, default=("a", "b", "c", "d", "e", "f")
        Databases to load; one that is not asked for need not be there.
    quality : {None, "good"}, default=None
        "good" keeps the recordings the organisers found good enough to judge,
        None keeps all.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        - data : ndarray of shape (n_recordings,), the paths as str, sorted by name.
        - target : ndarray of shape (n_recordings,), ``"normal"`` (−1 in the
          corpus's files) or ``"abnormal"`` (1).
        - groups : ndarray of shape (n_recordings,), the patient as str, beginning
          with the letter of the database (``"a-C45"``). In database e, where
          patients are not given, it is the raw recording that pieces were cut from.
        - target_names : ndarray of the distinct words of `target`, sorted.
        - frame : DataFrame or dict with one row a recording: ``recording``,
          ``database``, ``quality`` (1 good, 0 poor), ``patient``, ``diagnosis``,
          ``original_name``, ``raw_record``, ``location`` (the corpus's own
          phrase), ``state`` (at rest or after step climbing), ``sex`` (M or F),
          ``age`` in years, ``height`` in cm, ``weight`` in kg, ``bmi`` in kg/m²,
          and what experts heard in database b: ``arrhythmia`` (none, one beat, two
          beats, medium, severe or unclear), ``murmur`` (none, weak, strong or
          unclear), ``murmur_timing`` (systole, diastole or both), and
          ``respiration_noise``, ``ambient_noise``, ``recording_noise`` and
          ``abdominal_noise`` (see the notes). A word that is not known is ``""``, a
          number NaN; most are known in some of the databases only.
        - DESCR : str, what the corpus is and how to cite it.

    Raises
    ------
    FileNotFoundError
        If `data_home` is not the folder of the corpus, the annotations are not
        unpacked in it, or recordings that these list are missing.
    ValueError
        If a parameter is not among its choices.
    ImportError
        If `as_frame` is True and pandas is not installed.

    See Also
    --------
    load_circor2022, load_pascal : Other corpora.
    make_heart_sounds : Simulated recordings.

    Notes
    -----
    Who a recording is of follows from ``Online Appendix_training set.csv``: in a the
    part of the original name before the ``S``, in b the subject, in c the original
    name, in d the original name less a digit after letters, in e the class
    together with the raw record, in f the original name less ``-1`` or ``-2``.

    The columns of noise have the words of that table: ``"none"``,
    ``"insignificant"``, ``"unclear"``, or how strong a noise is and for how long, such
    as ``"powerful, under 3 s"``. Where the table does not say how strong, it is
    ``"under 3 s"``. Noise of the recording can also be ``"spikes"``,
    ``"at the beginning"``, ``"at the end"`` or ``"at both ends"``.

    Examples
    --------
    >>> from skheart.datasets import load_cinc2016
    >>> cinc = load_cinc2016("corpora/cinc2016", quality="good")  # doctest: +SKIP
    >>> cinc.target_names  # doctest: +SKIP
    array(['abnormal', 'normal'], dtype='<U8')
    """
    databases = check_choices("databases", databases, DATABASES)
    check_option("quality", quality, (None, "good"))
    folders = [f"training-{database}" for database in DATABASES]
    home = find_home(INFO, data_home, folders)
    rows = [row for database in databases for row in _read_database(home, database)]
    rows = _join_appendix(home, rows)
    if quality == "good":
        rows = [row for row in rows if row["quality"] == "1"]
    if not rows:
        raise ValueError("quality='good' leaves no recording of the databases given.")
    target = np.array([TARGETS[row["label"]] for row in rows], dtype=str)
    groups = np.array([_patient(row) for row in rows], dtype=str)
    return make_bunch(
        INFO.describe(),
        data=[row["path"] for row in rows],
        target=target,
        groups=groups,
        columns=_columns(rows, groups),
        as_frame=as_frame,
    )


def _read_database(home: Path, database: str) -> list[dict[str, str]]:
    """Read the corrected list of one database and find its audio files."""
    folder = f"training-{database}"
    files = audio_files(INFO, home, folder)
    table = f"annotations/updated/{folder}/REFERENCE_withSQI.csv"
    header = ("recording", "label", "quality")
    rows = read_table(INFO, home, table, header, header=header)
    rows = sorted(rows, key=lambda row: row["recording"])
    for row in rows:
        if row["label"] not in TARGETS or row["quality"] not in ("0", "1"):
            raise ValueError(
                f"{table} must hold lines such as a0001,1,1 (label -1 or 1, quality 0 "
                f"or 1), got {','.join(row.values())}."
            )
    check_listed(INFO, home, folder, [row["recording"] for row in rows], files)
    return [
        {**row, "database": database, "path": files[row["recording"]]} for row in rows
    ]


def _join_appendix(home: Path, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Add to each recording its line of the online appendix."""
    columns = (_NAME, _ORIGINAL, _SUBJECT, *_WORDS.values(), *_NUMBERS.values())
    appendix = {}
    for row in read_table(INFO, home, _APPENDIX, columns):
        for name in (_SUBJECT, _RAW):  # numbers such as 198.0
            row[name] = row[name].removesuffix(".0")
        appendix[row[_NAME]] = row | meanings(row)
    unknown = [row["recording"] for row in rows if row["recording"] not in appendix]
    if unknown:
        raise INFO._incomplete(
            home, f"{_APPENDIX} lacks {len(unknown)} recordings, first {unknown[0]}"
        )
    return [appendix[row["recording"]] | row for row in rows]


def _patient(row: dict[str, str]) -> str:
    """Return the patient of a recording, from the columns of its database."""
    name = row[_ORIGINAL]
    patient = {
        "a": name.partition("S")[0],
        "b": row[_SUBJECT],
        "c": name,
        "d": re.sub(r"(?<=[A-Za-z])\d$", "", name),
        "e": f"{TARGETS[row['label']]}-{row[_RAW]}",
        "f": re.sub(r"-\d+$", "", name),
    }[row["database"]]
    return f"{row['database']}-{patient}"


def _columns(rows: list[dict[str, str]], groups: np.ndarray) -> dict[str, np.ndarray]:
    """Return the frame's columns."""
    return {
        "recording": words(row["recording"] for row in rows),
        "database": words(row["database"] for row in rows),
        "quality": np.array([int(row["quality"]) for row in rows]),
        "patient": groups,
        **{key: words(row[name] for row in rows) for key, name in _WORDS.items()},
        **{key: numbers(row[name] for row in rows) for key, name in _NUMBERS.items()},
        **{key: words(row[key] for row in rows) for key in CODES},
    }
