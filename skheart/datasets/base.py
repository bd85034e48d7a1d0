"""What the corpora share: their description, folder checks, tables and Bunch."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skheart._core.optional import optional_import

AUDIO_SUFFIXES = (".flac", ".wav")  # where a recording exists as both, WAV is used


@dataclass(frozen=True)
class CorpusInfo:
    """What a corpus is, where it comes from and how to cite it.

    Parameters
    ----------
    name : str
        Short name, the key in ``CORPORA`` and the usual name of the folder.
    title : str
        Full name of the corpus.
    homepage : str
        Address to read about the corpus and to download it from.
    citation : str
        Paper or page to cite when the recordings are used.
    licence : str
        Terms under which the recordings may be used.
    summary : str
        A few sentences on what the corpus holds.

    Examples
    --------
    >>> from skheart.datasets import CORPUS_INFO
    >>> CORPUS_INFO["circor2022"].licence
    'Open Data Commons Attribution License (ODC-By) 1.0'
    """

    name: str
    title: str
    homepage: str
    citation: str
    licence: str
    summary: str

    def describe(self) -> str:
        """Return title, summary, citation, licence and home page as one text.

        Returns
        -------
        text : str
            What the loader's ``Bunch`` holds as ``DESCR``.
        """
        return (
            f"{self.title}\n{'=' * len(self.title)}\n\n{self.summary}\n\n"
            f"Cite: {self.citation}\nLicence: {self.licence}\n"
            f"Home page: {self.homepage}\n"
        )

    def _incomplete(self, home: Path, what: str) -> FileNotFoundError:
        """Make the error for a folder in which something of the corpus is missing."""
        return FileNotFoundError(
            f"{self.title} is not complete in {home}: {what}; "
            f"download it from {self.homepage} and unpack it there."
        )


def find_home(
    info: CorpusInfo, data_home: str | os.PathLike, entries: Sequence[str]
) -> Path:
    """Return the folder of a corpus: `data_home`, or its subfolder of that name."""
    if not isinstance(data_home, str | os.PathLike):
        raise TypeError(
            f"data_home must be the path of the folder that holds {info.title}, "
            f"got {data_home!r}."
        )
    given = Path(data_home).expanduser().absolute()
    for home in (given, given / info.name):
        if any((home / entry).exists() for entry in entries):
            return home
    raise FileNotFoundError(
        f"data_home must be the folder that holds {info.title} (expected "
        f"{' or '.join(entries)} in it, or in its subfolder {info.name}), got {given}"
        f"{'' if given.exists() else ', which does not exist'}; "
        f"download the corpus from {info.homepage}."
    )


def audio_files(info: CorpusInfo, home: Path, folder: str) -> dict[str, str]:
    """Return the paths of the WAV and FLAC files in `folder` by name less suffix.

    Files without content are left out, as are hidden ones (macOS writes
    ``._name.wav`` beside ``name.wav`` on foreign disks).
    """
    if not (home / folder).is_dir():
        raise info._incomplete(home, f"expected the folder {folder}")
    found = {}
    for suffix in AUDIO_SUFFIXES:
        for path in (home / folder).iterdir():
            if path.suffix.lower() != suffix or path.name.startswith("."):
                continue
            if path.stat().st_size:
                found[path.stem] = str(path)
    if not found:
        raise info._incomplete(home, f"expected WAV or FLAC files in {folder}")
    return found


def check_listed(
    info: CorpusInfo, home: Path, folder: str, listed: list[str], found: Iterable[str]
) -> None:
    """Raise when recordings that the corpus lists are missing from its folder."""
    missing = list((Counter(listed) - Counter(list(found))).elements())
    if missing:
        first = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        raise info._incomplete(
            home,
            f"{len(missing)} of the {len(listed)} recordings listed have no audio "
            f"(or an empty file) in {folder}: {first}",
        )


def read_table(
    info: CorpusInfo,
    home: Path,
    file: str,
    columns: Iterable[str],
    *,
    header: Sequence[str] | None = None,
) -> list[dict[str, str]]:
    """Read a comma-separated file as one dict of stripped words a row.

    It must have the `columns`. The file itself has no names of them if `header` does.
    """
    path = home / file
    if not path.is_file():
        raise info._incomplete(home, f"expected the file {file}")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = [
            {key.strip(): (value or "").strip() for key, value in row.items() if key}
            for row in csv.DictReader(lines, fieldnames=header)
        ]
    if not rows:
        raise info._incomplete(home, f"expected rows in {file}, which has none")
    for name in columns:
        if name not in rows[0]:
            raise ValueError(f"{file} must have a column {name!r}, which is missing.")
    return rows


def numbers(values: Iterable[str]) -> np.ndarray:
    """Convert texts of a table to floats, NaN where there is none."""
    return np.array(
        [np.nan if word in ("", "nan") else float(word) for word in values], dtype=float
    )


def words(values: Iterable[str]) -> np.ndarray:
    """Convert texts of a table to an array of str, "" where there is none."""
    return np.array(["" if value == "nan" else value for value in values], dtype=str)


def check_choices(
    name: str, values: str | Iterable[str], allowed: Sequence[str]
) -> tuple[str, ...]:
    """Return the chosen words in the order of `allowed`, or name the wrong one."""
    chosen = (values,) if isinstance(values, str) else tuple(values)
    wrong = [value for value in chosen if value not in allowed]
    if wrong or not chosen:
        got = repr(wrong[0]) if wrong else "none"
        raise ValueError(
            f"{name} must be one or more of {', '.join(map(repr, allowed))}, got {got}."
        )
    return tuple(value for value in allowed if value in chosen)


def make_bunch(
    description: str,
    *,
    data: Iterable[Any],
    target: np.ndarray,
    groups: np.ndarray,
    columns: dict[str, np.ndarray],
    as_frame: bool,
    **others: Any,
) -> Bunch:
    """Return the Bunch that every loader returns, with what only one of them has."""
    if not isinstance(as_frame, bool):
        raise ValueError(f"as_frame must be True or False, got {as_frame!r}.")
    frame: Any = columns
    if as_frame:
        pandas = optional_import("pandas", user="as_frame=True", extra="pandas")
        frame = pandas.DataFrame(columns)
    return Bunch(
        data=np.fromiter(data, dtype=object),
        target=target,
        groups=groups,
        target_names=np.unique(target),
        frame=frame,
        DESCR=description,
        **others,
    )
