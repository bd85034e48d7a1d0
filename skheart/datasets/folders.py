"""Recordings of your own, sorted into a folder for each class."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skheart.audio.formats import CONTAINER_SUFFIXES, how_to_read, readable_suffixes
from skheart.datasets.base import make_bunch


def load_class_folders(
    data_home: str | os.PathLike[str],
    *,
    patient_pattern: str | None = None,
    as_frame: bool = False,
) -> Bunch:
    r"""Read recordings from a folder that holds one folder for each class.

    ``data_home/murmur/17_AV.wav`` is a recording with the label ``"murmur"``. Folders
    inside the class folders are read too. M4A, MP4, WebM, WMA, AMR and similar files
    are used if PyAV is installed (``pip install "skheart[formats]"``). Files that are
    no recordings of a known format are not used and listed in `skipped`; hidden files
    and folders are ignored.

    Parameters
    ----------
    data_home : str or os.PathLike
        The folder.
    patient_pattern : str, default=None
        Regular expression searched in the name of each file; its first group (all that
        it matches, if it has none) is the patient, such as ``r"^(\d+)_"``. By default
        each recording is taken to be a patient of its own, which is wrong where
        patients have several recordings.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.

    Returns
    -------
    corpus : sklearn.utils.Bunch
        data : ndarray of shape (n_recordings,)
            Paths, sorted.
        target : ndarray of shape (n_recordings,)
            Names of the class folders.
        groups : ndarray of shape (n_recordings,)
            Patients.
        target_names : ndarray of shape (n_classes,)
            The classes, sorted.
        frame : pandas.DataFrame or dict of ndarray
            File name and patient of each recording.
        skipped : list of tuple of (str, str, str)
            Of each file that is not used, the path, the label ("" if it is no sound),
            and why.
        DESCR : str
            What was read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no recording in a folder of it.
    ValueError
        If `patient_pattern` is no regular expression or is not in a file's name.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np, soundfile
    >>> from skheart.datasets import load_class_folders
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("normal/1_AV.wav", "normal/1_MV.wav", "murmur/2_AV.wav"):
    ...     (home / name).parent.mkdir(exist_ok=True)
    ...     soundfile.write(home / name, np.ones(10) / 2, 2000)
    >>> corpus = load_class_folders(home, patient_pattern=r"^(\d+)_")
    >>> corpus.target.tolist(), corpus.groups.tolist()
    (['murmur', 'normal', 'normal'], ['2', '1', '1'])
    """
    if not isinstance(data_home, str | os.PathLike):
        raise TypeError(f"data_home must be the path of a folder, got {data_home!r}.")
    home = Path(data_home).expanduser().absolute()
    if not home.is_dir():
        raise FileNotFoundError(
            f"data_home must be a folder with one folder for each class, got "
            f"{str(home)!r}, which is not a folder."
        )
    paths, others = recordings_in(home, "*/**/*")
    skipped = [
        (str(path), path.relative_to(home).parts[0] if is_sound(path) else "", reason)
        for path, reason in others
    ]
    if not paths:
        first = f" (of {len(skipped)} other files, {skipped[0][2]})" if skipped else ""
        raise FileNotFoundError(
            f"{str(home)!r} has no recordings in its folders{first}; expected files "
            f"such as {str(home / 'murmur' / '17_AV.wav')!r}."
        )
    groups = np.array([_patient(path, home, patient_pattern) for path in paths])
    return make_bunch(
        f"Recordings in the class folders of {home}",
        data=[str(path) for path in paths],
        target=np.array([path.relative_to(home).parts[0] for path in paths]),
        groups=groups,
        columns={"file": np.array([path.name for path in paths]), "patient": groups},
        as_frame=as_frame,
        skipped=skipped,
    )


def recordings_in(
    folder: Path, pattern: str = "**/*"
) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the recordings in a folder, and the other files with the reason.

    Both are sorted. Hidden files and folders are ignored.
    """
    files = [
        path
        for path in sorted(folder.glob(pattern))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    suffixes = readable_suffixes()
    paths = [path for path in files if path.suffix.lower() in suffixes]
    others = [path for path in files if path.suffix.lower() not in suffixes]
    return paths, [(path, _why_not(path)) for path in others]


def is_sound(path: Path) -> bool:
    """Return whether a file that is not read is a sound all the same."""
    return path.suffix.lower() in CONTAINER_SUFFIXES


def _why_not(path: Path) -> str:
    """Return why a file is not used, and what to do."""
    if is_sound(path):
        return f"{path.name!r} needs another package; {how_to_read(path.name)}"
    return f"{path.name!r} does not end as a sound file does"


def _patient(path: Path, home: Path, pattern: str | None) -> str:
    """Return the patient in the name of a file; by default the file is the patient."""
    if pattern is None:
        return str(path.relative_to(home))
    try:
        match = re.search(pattern, path.name)
    except re.error as error:
        raise ValueError(
            f"patient_pattern must be a regular expression, got {pattern!r} ({error})."
        ) from None
    if match is None or (match.re.groups and match[1] is None):
        raise ValueError(
            f"patient_pattern {pattern!r} finds no patient in the name of "
            f"{str(path)!r}; give a pattern that fits every file."
        )
    return match[1] if match.re.groups else match[0]
