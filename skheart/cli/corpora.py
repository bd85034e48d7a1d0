"""Corpora as the command line names them, with labels renamed and chosen."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skheart.audio.reading import content_digest
from skheart.datasets import CORPORA, load_class_folders

_N_NAMED = 3  # skipped files that are named


def read_corpus(
    name: str,
    data_home: Path,
    *,
    target: str | None = None,
    patient_pattern: str | None = None,
    rename: dict[str, str] | None = None,
) -> Bunch:
    """Read a corpus by its name, with some of its labels renamed.

    The loader's result gets two more entries: `settings`, the arguments with which
    another command reads the same, and `has_patients`, whether `groups` are patients
    and not recordings.
    """
    if target is not None and name != "circor2022":
        raise ValueError(f"--target is for circor2022 only, got it with {name}.")
    if patient_pattern is not None and name != "folder":
        raise ValueError(f"--patient-pattern is for folder only, got it with {name}.")
    if name == "folder":
        corpus = load_class_folders(data_home, patient_pattern=patient_pattern)
    else:
        load: Any = CORPORA[name]
        if name == "circor2022":
            target = target or "murmur"
            corpus = load(data_home, target=target)
        else:
            corpus = load(data_home)
    _print_skipped(corpus.get("skipped", []))
    check_labels("--rename", rename or (), corpus.target)
    corpus.target = np.array([(rename or {}).get(x, x) for x in corpus.target.tolist()])
    corpus.has_patients = name != "folder" or patient_pattern is not None
    corpus.settings = {
        "corpus": name,
        "target": target,
        "patient_pattern": patient_pattern,
        "rename": rename or {},
    }
    return corpus


def check_labels(option: str, words: Iterable[str], target: np.ndarray) -> None:
    """Raise unless all words are labels of a corpus."""
    known = np.unique(target).tolist()
    for word in words:
        if word not in known:
            raise ValueError(
                f"{option} must name labels of the corpus, {', '.join(known)}, got "
                f"{word!r}."
            )


def take(corpus: Bunch, rows: np.ndarray) -> Bunch:
    """Return some of the recordings of a corpus."""
    parts = {key: corpus[key][rows] for key in ("data", "target", "groups")}
    return Bunch(**{**corpus, **parts})


def content_digests(paths: Iterable[str], key: bytes) -> list[bytes | None]:
    """Return the hash of the sound in each file, None for one that cannot be read."""

    def digest(path: str) -> bytes | None:
        try:
            return content_digest(path, key=key)
        except (OSError, ValueError):
            return None

    return [digest(path) for path in paths]


def is_safe_pattern(pattern: str | None) -> bool:
    """Return whether searching a regular expression of a stranger ends soon.

    It may not repeat groups, refer back to one, or repeat much.
    """
    if pattern is None:
        return True
    few = len(pattern) < 200 and len(re.findall(r"[*+?{]", pattern)) < 6
    return few and not re.search(r"\)[*+{]|\\\d|\(\?P=", pattern)


def _print_skipped(skipped: list[tuple[Any, str]]) -> None:
    """Name some of the files in a folder that were not taken for recordings."""
    if not skipped:
        return
    lines = [f"skheart: files that were skipped: {len(skipped)}"]
    lines += [f"  {path}: {reason}" for path, reason in skipped[:_N_NAMED]]
    if len(skipped) > _N_NAMED:
        lines.append(f"  ... and {len(skipped) - _N_NAMED} more")
    print("\n".join(lines), file=sys.stderr)
