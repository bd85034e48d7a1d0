"""Recordings of your own, listed in a table with labels and patients."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skheart.datasets.base import make_bunch

__all__ = ["load_table"]


def load_table(
    path: str | os.PathLike[str],
    *,
    recording: str = "recording",
    label: str | None = "label",
    patient: str | None = None,
    location: str | None = None,
    as_frame: bool = False,
) -> Bunch:
    """Read recordings from a table, such as a spreadsheet saved as CSV.

    Each row is one recording. Commas, semicolons or tabs separate the columns. Rows
    without a label, and files that do not exist, are left out and listed in `skipped`.

    Parameters
    ----------
    path : str or os.PathLike
        The table. Relative paths in it start from its folder.
    recording : str, default="recording"
        Column with the paths of the sound files.
    label : str or None, default="label"
        Column with the labels; None if there are none.
    patient : str, default=None
        Column with the patients. By default ``"patient"`` if there is such a column,
        and else each recording is taken for a patient.
    location : str, default=None
        Column with the places of the stethoscope. By default ``"location"`` if there
        is such a column.
    as_frame : bool, default=False
        Return `frame` as a pandas DataFrame, not as a dict of arrays.

    Returns
    -------
    corpus : sklearn.utils.Bunch
        data : ndarray of shape (n_recordings,)
            Paths, in the order of the table.
        target : ndarray of shape (n_recordings,)
            Labels; "" without a column of labels.
        groups : ndarray of shape (n_recordings,)
            Patients.
        target_names : ndarray of shape (n_classes,)
            The labels, sorted.
        has_patients : bool
            Whether the table has a column of patients.
        frame : pandas.DataFrame or dict of ndarray
            All columns of the table, as text.
        skipped : list of tuple of (str, str, str)
            The path and the label of each row that is left out, and why.
        DESCR : str
            What was read.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such table.
    ValueError
        If a column is missing, a file is listed twice, or no row can be used.

    See Also
    --------
    load_class_folders : Reads recordings that are sorted into folders.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np, soundfile
    >>> from skheart.datasets import load_table
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> soundfile.write(home / "1.wav", np.ones(10) / 2, 2000)
    >>> _ = (home / "labels.csv").write_text(
    ...     "recording,label,patient\\n1.wav,murmur,Anna\\n2.wav,normal,Bo\\n")
    >>> corpus = load_table(home / "labels.csv")
    >>> corpus.target.tolist(), corpus.groups.tolist(), len(corpus.skipped)
    (['murmur'], ['Anna'], 1)
    """
    return recordings_in_table(
        path,
        recording=recording,
        label=label,
        patient=patient,
        location=location,
        as_frame=as_frame,
    )


def recordings_in_table(
    path: str | os.PathLike[str],
    *,
    recording: str,
    label: str | None,
    patient: str | None,
    location: str | None = None,
    as_frame: bool = False,
    all_rows: bool = False,
) -> Bunch:
    """Read a table as :func:`load_table` does.

    With `all_rows`, files that do not exist or are empty are among the recordings, and
    those without a patient if no column was asked for.
    """
    table = Path(path).expanduser().absolute()
    names, rows = _read_rows(table)
    optional = {"patient": patient, "location": location}
    for default, name in optional.items():
        if name is None and default in names:
            optional[default] = default
    for parameter, name in {"recording": recording, "label": label, **optional}.items():
        if name is not None and name not in names:
            raise ValueError(
                f"{str(table)!r} has no column {name!r} for the {parameter}; its "
                f"columns are {', '.join(map(repr, names))}."
            )
    needed: dict[str, str | None] = {"recording": recording, "label": label}
    needed["patient"] = patient if all_rows else optional["patient"]
    kept, skipped = [], []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        place = _place(table, row[recording])
        word = "" if label is None else row[label]
        why = _lacking(row, number, needed)
        if not (why or all_rows):
            why = _unreadable(place, number)
        if why:
            skipped.append((place, word, why))
            continue
        if place in seen:
            raise ValueError(
                f"{str(table)!r} lists {place!r} twice, in lines {seen[place]} and "
                f"{number}; remove one of them."
            )
        seen[place] = number
        kept.append((place, word, row))
    if not kept:
        first = f": {skipped[0][2]}" if skipped else ""
        raise ValueError(f"{str(table)!r} has no row that can be used{first}.")
    data = [place for place, _, _ in kept]
    columns = {name: np.array([row[name] for _, _, row in kept]) for name in names}
    patients, places = optional["patient"], optional["location"]
    return make_bunch(
        f"Recordings in the table {table}",
        data=data,
        target=np.array([word for _, word, _ in kept]),
        groups=np.array(data) if patients is None else columns[patients],
        columns=columns,
        as_frame=as_frame,
        has_patients=patients is not None,
        locations=None if places is None else columns[places],
        skipped=skipped,
    )


def _read_rows(table: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the names of the columns, and the rows as text without outer spaces."""
    if table.is_dir():
        raise IsADirectoryError(f"{str(table)!r} is a folder, expected a table.")
    if not table.is_file():
        raise FileNotFoundError(f"There is no table {str(table)!r}.")
    content = table.read_bytes()
    if content.startswith(b"PK") or b"\0" in content:
        raise ValueError(
            f"{str(table)!r} is not text; save the spreadsheet as CSV (comma-separated "
            "values)."
        )
    text = content.decode("utf-8-sig", errors="replace")
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(text.splitlines(), delimiter=separator)
    lines = [[cell.strip() for cell in line] for line in reader]
    names = lines[0] if lines else []
    if len(set(names)) < len(names) or not any(names):
        raise ValueError(
            f"{str(table)!r} must start with a line that names each column once, got "
            f"{head[:80]!r}."
        )
    rows = [
        dict(zip(names, [*line, *[""] * len(names)], strict=False))
        for line in lines[1:]
        if any(line)
    ]
    return names, rows


def _place(table: Path, name: str) -> str:
    """Return the path or URL of a recording."""
    return name if "://" in name else str(table.parent / Path(name).expanduser())


def _lacking(row: dict[str, str], number: int, needed: dict[str, str | None]) -> str:
    """Return which cell of a row is empty, or an empty text."""
    for what, name in needed.items():
        if name is not None and not row[name]:
            return f"line {number} has no {what}"
    return ""


def _unreadable(place: str, number: int) -> str:
    """Return why there is no recording at a path, or an empty text."""
    if "://" in place:
        return ""
    if not os.path.isfile(place):
        return f"line {number}: there is no file {place!r}"
    if os.path.getsize(place) == 0:
        return f"line {number}: the file {place!r} is empty"
    return ""
