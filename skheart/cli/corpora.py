"""Corpora as the command line names them, with labels renamed and chosen."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart.audio.reading import content_digest

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_N_NAMED = 3  # skipped files that are named


def read_corpus(
    options: argparse.Namespace, trained: dict[str, Any] | None = None
) -> Bunch:
    """Read the corpus of :func:`skheart.cli.options.add_corpus`, with labels renamed.

    `trained` has the settings of a training on the corpus, for options that are not
    given. The loader's result gets two more entries: `settings`, those with which it
    was read, and `has_patients`, whether `groups` are patients and not recordings.
    """
    from skheart.datasets import CORPORA, load_circor2022, load_class_folders

    name, trained = options.corpus, trained or {}
    target, pattern = options.target, options.patient_pattern
    if target is not None and name != "circor2022":
        raise ValueError(f"--target is for circor2022 only, got it with {name}.")
    if pattern is not None and name != "folder":
        raise ValueError(f"--patient-pattern is for folder only, got it with {name}.")
    if name == "circor2022":
        target = target or trained.get("target") or "murmur"
        corpus = load_circor2022(options.data_home, target=target)
    elif name == "folder":
        if pattern is None:
            pattern = trained.get("patient_pattern")
            if not is_safe_pattern(pattern):
                raise ValueError(
                    f"The model names the patients of its recordings by {pattern!r}, "
                    "which could take for ever; pass it as --patient-pattern if you "
                    "trust it."
                )
        corpus = load_class_folders(options.data_home, patient_pattern=pattern)
        _print_skipped(corpus.skipped)
    else:
        load: Any = CORPORA[name]
        corpus = load(options.data_home)
    rename = dict(options.rename or ())
    check_labels("--rename", rename, corpus.target)
    rename = rename or trained.get("rename") or {}
    corpus.target = np.array([rename.get(x, x) for x in corpus.target.tolist()])
    corpus.has_patients = name != "folder" or pattern is not None
    corpus.settings = {"target": target, "patient_pattern": pattern, "rename": rename}
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
    return type(corpus)(**{**corpus, **parts})


def content_digests(paths: Iterable[str], key: bytes) -> list[bytes | None]:
    """Return the hash of the sound in each file, None for one that cannot be read."""
    digests: list[bytes | None] = []
    for path in paths:
        try:
            digests.append(content_digest(path, key=key))
        except (OSError, ValueError):
            digests.append(None)
    return digests


def part_text(part: dict[str, Any]) -> str:
    """Return what a model was trained on of one corpus, as text."""
    counts = ", ".join(f"{n} {x}" for x, n in (part["class_counts"] or {}).items())
    of, kind = f" of {part['n_patients']} patients", "patients"
    if not part["grouped"]:
        of, kind = "", "recordings"
    held_out = f"{part['n_held_out']} {kind} were held out"
    return f"{part['n_recordings']} recordings{of} ({counts}); {held_out}"


def is_safe_pattern(pattern: str | None) -> bool:
    """Return whether searching a regular expression of a stranger ends soon.

    It may not repeat groups, refer back to one, or repeat much.
    """
    if pattern is None:
        return True
    few = len(pattern) < 200 and len(re.findall(r"[*+?{]", pattern)) < 6
    return few and not re.search(r"\)[*+{]|\\\d|\(\?P=", pattern)


def _print_skipped(skipped: list[tuple[str, str]]) -> None:
    """Name some of the files in a folder that were not taken for recordings."""
    if not skipped:
        return
    lines = [f"skheart: files that were skipped: {len(skipped)}"]
    lines += [f"  {path}: {reason}" for path, reason in skipped[:_N_NAMED]]
    if len(skipped) > _N_NAMED:
        lines.append(f"  ... and {len(skipped) - _N_NAMED} more")
    print("\n".join(lines), file=sys.stderr)
