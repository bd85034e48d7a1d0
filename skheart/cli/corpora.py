"""Corpora as the command line names them, with labels renamed and chosen."""

from __future__ import annotations

import argparse
import functools
import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from skheart._core.provenance import PUBLIC_CORPORA, seen_in, training_part
from skheart.audio.reading import content_digest
from skheart.cli.sources import check_losses, report_skipped

if TYPE_CHECKING:
    from sklearn.utils import Bunch


def read_corpus(
    options: argparse.Namespace, trained: dict[str, Any] | None = None
) -> Bunch:
    """Read the corpus of :func:`skheart.cli.options.add_corpus`, with labels renamed.

    `trained` has the settings of a training on the corpus, for options that are not
    given. The loader's result gets three more entries: `name`, `settings`, those with
    which it was read, and `has_patients`, whether `groups` are patients and not
    recordings.
    """
    trained = trained or {}
    target, pattern = options.target, options.patient_pattern
    name = corpus_name(options)
    if target is not None and name != "circor2022":
        raise ValueError(f"--target is for circor2022 only, got it with {name}.")
    if pattern is not None and name != "folder":
        raise ValueError(f"--patient-pattern is for folder only, got it with {name}.")
    if name == "circor2022":
        target = target or trained.get("target") or "murmur"
    if name == "folder" and pattern is None:
        pattern = trained.get("patient_pattern")
        if not is_safe_pattern(pattern):
            raise ValueError(
                f"The model names the patients of its recordings by {pattern!r}, "
                "which may never finish; pass it as --patient-pattern if you "
                "trust it."
            )
    corpus = _loaded(name, options, target, pattern)
    skipped = corpus.get("skipped", [])
    rename = dict(options.rename or ())
    check_labels("--rename", rename, corpus.target)
    rename = rename or trained.get("rename") or {}
    corpus.target = np.array([rename.get(x, x) for x in corpus.target.tolist()])
    if name in ("folder", "table"):
        report_skipped(skipped)
        check_losses(corpus.target.tolist(), skipped, allowed=options.allow_losses)
    corpus.has_patients = corpus.get("has_patients", pattern is not None)
    if name in PUBLIC_CORPORA:
        corpus.has_patients = True
    corpus.name = name
    corpus.settings = {"target": target, "patient_pattern": pattern, "rename": rename}
    return corpus


def corpus_name(options: argparse.Namespace) -> str:
    """Return the name of the corpus, ``"table"`` for a table."""
    if options.table is not None:
        if options.corpus is not None:
            raise ValueError("Name a CORPUS with its folder or a --table, not both.")
        return "table"
    if options.corpus is None or options.data_home is None:
        raise ValueError("Name a CORPUS and DATA_HOME, or pass --table FILE.")
    return options.corpus


def _loaded(
    name: str, options: argparse.Namespace, target: str | None, pattern: str | None
) -> Bunch:
    """Call the loader of a corpus."""
    from skheart.datasets import (
        CORPORA,
        load_circor2022,
        load_class_folders,
        load_table,
    )

    if name == "table":
        return load_table(
            options.table,
            recording=options.recording_column,
            label=options.label_column,
            patient=options.patient_column,
        )
    if name == "folder":
        return load_class_folders(options.data_home, patient_pattern=pattern)
    if name == "circor2022":
        return load_circor2022(options.data_home, target=str(target))
    load: Any = CORPORA[name]
    return load(options.data_home)


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
    parts["frame"] = {key: np.asarray(c)[rows] for key, c in corpus.frame.items()}
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


def seen_status(training: dict[str, Any], corpus: Bunch) -> np.ndarray:
    """Return which recordings a model was trained on: seen, unseen or unknown."""
    return seen_in(
        training,
        corpus.name,
        corpus.groups,
        functools.cache(functools.partial(content_digests, corpus.data.tolist())),
        patient_pattern=corpus.settings["patient_pattern"],
    )


def part_of(
    corpus: Bunch, held_out: Iterable[str] = (), **facts: Any
) -> dict[str, Any]:
    """Return what a model keeps of a corpus that it was trained or tuned on."""
    return training_part(
        corpus.name,
        map(str, corpus.groups),
        lambda key: (content_digests(corpus.data, key), content_digests(held_out, key)),
        grouped=corpus.has_patients,
        **corpus.settings,
        **facts,
        n_recordings=len(corpus.data),
        n_patients=len(np.unique(corpus.groups)),
        class_counts=dict(sorted(Counter(corpus.target.tolist()).items())),
    )


def part_text(part: dict[str, Any]) -> str:
    """Return what a model was trained on of one corpus, as text."""
    counts = ", ".join(f"{n} {x}" for x, n in (part["class_counts"] or {}).items())
    of, kind = f" of {part['n_patients']} patients", "patients"
    if not part["grouped"]:
        of, kind = "", "recordings"
    text = f"{part['n_recordings']} recordings{of} ({counts})"
    if part.get("use"):  # such as of thresholds
        return text
    return f"{text}; {part['n_held_out']} {kind} were held out"


def is_safe_pattern(pattern: str | None) -> bool:
    """Return whether searching a regular expression of a stranger ends soon.

    It may not repeat groups, refer back to one, or repeat much.
    """
    if pattern is None:
        return True
    few = len(pattern) < 200 and len(re.findall(r"[*+?{]", pattern)) < 6
    return few and not re.search(r"\)[*+{]|\\\d|\(\?P=", pattern)
