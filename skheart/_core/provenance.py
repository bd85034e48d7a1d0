"""What a model was trained on, as salted hashes, and what that says of recordings.

A training is a JSON-able dictionary ``{"parts": [part, ...], "complete": bool}`` with
one part for each corpus. A part keeps keyed hashes of the recordings' sound and of the
patients' names, never names or paths. Hashes can confirm a guess, not list patients.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skheart import __version__

#: Corpora whose patients have the same names wherever the corpus is.
PUBLIC_CORPORA = ("cinc2016", "circor2022", "pascal")
_SIZE = 8  # bytes of a hash that are kept
_HASHES = ("patients", "recordings", "held_out")


def patient_digest(corpus: str, patient: str, *, key: bytes) -> bytes:
    """Return the keyed hash of a patient of a corpus."""
    name = f"{corpus}\0{patient}".encode(errors="surrogateescape")
    return hashlib.blake2b(name, digest_size=_SIZE, key=key).digest()


def pack(digests: Iterable[bytes | None]) -> str:
    """Write the first bytes of hashes, sorted and each once, as base64; skip None."""
    kept = sorted({digest[:_SIZE] for digest in digests if digest})
    return base64.b64encode(b"".join(kept)).decode()


def unpack(text: str) -> set[bytes]:
    """Read what :func:`pack` wrote."""
    content = base64.b64decode(text, validate=True)
    if len(content) % _SIZE:
        raise ValueError(f"hashes must have {_SIZE} bytes each")
    return {content[i : i + _SIZE] for i in range(0, len(content), _SIZE)}


def training_part(
    corpus: str,
    patients: Iterable[str],
    contents: Callable[[bytes], tuple[Iterable[bytes | None], Iterable[bytes | None]]],
    *,
    grouped: bool,
    salt: str | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """Return what a model keeps of one corpus that it was trained on.

    `contents` takes the key, and returns the hashes of the recordings trained on and of
    those held out. `grouped` says that they were held out by patient; otherwise the
    patients are not kept. `salt` is hexadecimal; a new one is drawn by default. `facts`
    are kept too, such as counts and the labels' new names.
    """
    salt = salt or secrets.token_hex(16)
    key = bytes.fromhex(salt)
    trained, held_out = contents(key)
    names = sorted(set(patients)) if grouped else []
    return {
        "corpus": corpus,
        "salt": salt,
        "patients": pack(patient_digest(corpus, name, key=key) for name in names),
        "recordings": pack(trained),
        "held_out": pack(held_out),
        "grouped": grouped,
        **facts,
        "version": __version__,
    }


def known_training(training: Any) -> dict[str, Any]:
    """Return a training, or an empty, incomplete one for what is not a training."""
    try:
        for part in training["parts"]:
            bytes.fromhex(part["salt"])
            for name in _HASHES:
                unpack(part[name])
            if not isinstance(part["corpus"], str) or part["grouped"] not in (0, 1):
                raise TypeError("a part names its corpus and says how it was split")
        return {
            "parts": list(training["parts"]),
            "complete": training["complete"] is True,
        }
    except (KeyError, TypeError, ValueError):
        return {"parts": [], "complete": False}


def seen_in(
    training: dict[str, Any],
    corpus: str,
    patients: np.ndarray,
    contents: Callable[[bytes], list[bytes | None]],
    *,
    patient_pattern: str | None = None,
) -> np.ndarray:
    """Return for each recording whether a model was trained on it or its patient.

    ``"seen"``: the recording, or another recording of its patient, is in a part.
    ``"unseen"``: it is known that neither is. ``"unknown"``: the rest. `contents` takes
    the key of a part, and returns the hash of each recording, None for one that cannot
    be read. `patient_pattern` is how the patients of a folder were found.
    """
    names, codes = np.unique(np.asarray(patients).astype(str), return_inverse=True)
    public = corpus in PUBLIC_CORPORA
    seen = np.zeros(len(codes), dtype=bool)
    # A folder can hold re-encoded recordings of a public corpus under other names.
    trained_on = {part["corpus"] for part in training["parts"]}
    only_public = bool(trained_on) and trained_on <= set(PUBLIC_CORPORA)
    unseen = np.full(len(codes), public and only_public)
    for part in training["parts"]:
        key = bytes.fromhex(part["salt"])
        hashes = [
            None if digest is None else digest[:_SIZE] for digest in contents(key)
        ]
        trained, held_out = (
            np.array([digest in kept for digest in hashes], dtype=bool)
            for kept in (unpack(part["recordings"]), unpack(part["held_out"]))
        )
        seen |= trained
        # Patients of two folders can have the same name: they mean the same patient
        # only where the folders have recordings in common.
        if part["corpus"] == corpus and (public or (trained | held_out).any()):
            kept = unpack(part["patients"])
            known = [patient_digest(corpus, name, key=key) in kept for name in names]
            seen |= np.array(known, dtype=bool)[codes]
        same_patients = public or part.get("patient_pattern") == patient_pattern
        if part["grouped"] and part["corpus"] == corpus and same_patients:
            unseen |= held_out
    seen = np.isin(codes, codes[seen])  # a patient is seen as a whole
    known = unseen & training["complete"]
    return np.where(seen, "seen", np.where(known, "unseen", "unknown"))


def same_names(
    training: dict[str, Any], corpus: str, patients: np.ndarray
) -> np.ndarray:
    """Return for each recording whether a patient of its name was trained on.

    Two folders or tables can name two patients alike, so that this proves nothing.
    """
    names, codes = np.unique(np.asarray(patients).astype(str), return_inverse=True)
    same = np.zeros(len(names), dtype=bool)
    for part in training["parts"]:
        if part["corpus"] == corpus:
            key, kept = bytes.fromhex(part["salt"]), unpack(part["patients"])
            same |= [patient_digest(corpus, name, key=key) in kept for name in names]
    return same[codes]
