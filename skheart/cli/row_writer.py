"""Write rows of CSV or JSON one by one, so that whatever happens, rows are whole."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Self

from skheart._core.csv_cells import csv_cell
from skheart._core.files import raise_if_full


class RowWriter:
    """A table on standard output or in a file, to which rows are added.

    Each row is written at once. If the disk is full, the part of a row is removed. A
    file that exists is replaced when the first row is written, or at the end if there
    is none: an error before leaves it as it was. The rows of ``"csv"`` and ``"json"``
    are dictionaries, those of ``"text"`` lines. CSV can be resumed.
    """

    def __init__(self, path: Path | None, format: str, *, resume: bool = False) -> None:
        self._path, self._format = path, format
        self._started = False
        self._columns: list[str] = []  # of a file that is resumed
        self._done: set[str] = set()
        self._flags = os.O_WRONLY | os.O_CREAT
        self._file: int | None = None
        self._stream = sys.stdout  # others may print elsewhere meanwhile
        if path is None:
            if sys.stdout is None:
                raise OSError("Standard output is closed; write to a file: -o FILE.")
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
            return
        self._flags |= os.O_APPEND if resume else os.O_TRUNC
        if resume:
            self._columns, self._done = _finished_rows(path)
            self._started = bool(self._columns)

    def has(self, recording: str) -> bool:
        """Return whether a resumed file has a row of this recording."""
        return csv_cell(recording) in self._done

    def write(self, row: Any) -> None:
        """Add one row; the first one of CSV decides the columns."""
        if self._format == "text":
            text = row
        elif self._format == "json":
            text = json.dumps(row, indent=2, allow_nan=False)
            text = (",\n" if self._started else "[\n") + text
        else:
            if self._columns and [*map(csv_cell, row)] != self._columns:
                raise ValueError(
                    f"{str(self._path)!r} cannot be resumed: its columns are "
                    f"{', '.join(self._columns)}, but this model or these options give "
                    f"{', '.join(row)}."
                )
            text = _csv_line(row.values())
            if not self._started:
                text = _csv_line(row) + text
        self._write(text)
        self._started = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Close the table, also after an error or an interrupt."""
        try:
            if self._format == "json" and (self._started or kind is None):
                self._write("\n]\n" if self._started else "[]\n")
            elif kind is None:
                self._write("")
        finally:
            if self._file is not None:
                os.close(self._file)

    def _write(self, text: str) -> None:
        if self._path is None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except OSError as error:
                raise_if_full(error, "Standard output")
                raise
            return
        if self._file is None:
            self._file = os.open(self._path, self._flags, 0o666)
        # Names of files that are not UTF-8 keep their bytes.
        content = text.encode(errors="surrogateescape")
        before = os.fstat(self._file)
        try:
            while content:
                content = content[os.write(self._file, content) :]
        except OSError as error:
            if stat.S_ISREG(before.st_mode):
                os.ftruncate(self._file, before.st_size)
            raise_if_full(error, repr(str(self._path)))
            raise


def _csv_line(values: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(map(csv_cell, values))
    return buffer.getvalue()


def _finished_rows(path: Path) -> tuple[list[str], set[str]]:
    """Return the columns of a file, and the recordings that have a row in it.

    A line without an end, which a power failure can leave, is removed.
    """
    if not path.exists():
        return [], set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    text = whole.decode(errors="surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if rows and rows[0][:2] != ["recording", "prediction"]:
        raise ValueError(
            f"{str(path)!r} cannot be resumed: it does not start with the columns "
            "recording and prediction, as answers of skheart predict do."
        )
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return rows[0] if rows else [], {row[0] for row in rows[1:] if row}
