"""Which recordings a command works on: files, folders, patterns, a list, a table."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable
from pathlib import Path

Skipped = tuple[str, str, str]  # path, label ("" if there is none), reason
_MOST_NAMED = 10  # files that messages name
_MOST_LOST = 0.1  # share of the recordings of a class that may be left out


def expand(words: Iterable[str]) -> tuple[list[str], list[Skipped]]:
    """Return the recordings that arguments stand for, and the files left out.

    Paths and URLs stand for themselves, a folder for the sound files in it and in its
    subfolders, a pattern for the files that it matches, and ``"-"`` for the lines of
    standard input.
    """
    recordings: list[str] = []
    skipped: list[Skipped] = []
    for word in words:
        if word == "-":
            recordings += _listed()
        elif os.path.isdir(word):
            from skheart.datasets.folders import is_sound, recordings_in

            found, others = recordings_in(Path(word))
            # What cannot be read gets a row with an error, such as an m4a without PyAV,
            # and so does a folder without sound files.
            found = sorted([*found, *(path for path, _ in others if is_sound(path))])
            recordings += map(str, found or [Path(word)])
            skipped += [
                (str(path), "", reason) for path, reason in others if not is_sound(path)
            ]
        elif glob.has_magic(word) and not os.path.exists(word) and "://" not in word:
            names = glob.glob(word, recursive=True)
            matched = sorted(name for name in names if not os.path.isdir(name))
            if not matched:
                raise ValueError(f"No file matches the pattern {word!r}.")
            recordings += matched
        else:
            recordings.append(word)
    if not recordings:
        raise ValueError(
            "There are no recordings: the list on standard input is empty."
        )
    return recordings, skipped


def _listed() -> list[str]:
    """Return the recordings on standard input, one in each line."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(
            '"-" reads a list of recordings from standard input, such as: '
            "find ward -name '*.wav' | skheart predict -"
        )
    names = sys.stdin.buffer.read().split(b"\n")
    return [os.fsdecode(name.removesuffix(b"\r")) for name in names if name.strip()]


def report_skipped(skipped: list[Skipped]) -> None:
    """Print which files were left out, and why."""
    if not skipped:
        return
    n_left_out = len(skipped)
    what = "file or row was" if n_left_out == 1 else "files or rows were"
    lines = [f"skheart: {n_left_out} {what} left out:"]
    lines += [f"  {path}: {reason}" for path, _, reason in skipped[:_MOST_NAMED]]
    if n_left_out > _MOST_NAMED:
        lines.append(f"  ... and {n_left_out - _MOST_NAMED} more")
    print("\n".join(lines), file=sys.stderr)


def report_unusable(
    paths: Iterable[str],
    labels: Iterable[str],
    errors: Iterable[str],
    *,
    allowed: bool,
) -> None:
    """Print which recordings cannot be used, and raise if a class loses many.

    `errors` has "" for those that can be used.
    """
    rows = list(zip(map(str, paths), map(str, labels), errors, strict=True))
    failed = [row for row in rows if row[2]]
    report_skipped(failed)
    check_losses([row[1] for row in rows if not row[2]], failed, allowed=allowed)


def check_losses(labels: list[str], skipped: list[Skipped], *, allowed: bool) -> None:
    """Raise if a class loses many recordings; `labels` are those that are left."""
    if allowed:
        return
    for label in sorted(set(labels) | {label for _, label, _ in skipped if label}):
        reasons = [reason for _, other, reason in skipped if other == label]
        n_all = len(reasons) + labels.count(label)
        if len(reasons) > _MOST_LOST * n_all:
            raise ValueError(
                f"{len(reasons)} of {n_all} recordings of {label!r} would be left out "
                f"(the first one: {reasons[0]}); fix them, or pass --allow-losses."
            )
