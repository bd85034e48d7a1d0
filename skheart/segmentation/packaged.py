"""The segmenter in the package: its weights, and the card that says how good it is."""

from __future__ import annotations

import hashlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.files import atomic_path
from skheart.segmentation.network import Weights

FOLDER = Path(__file__).parent
NAME = "weights"


def read_packaged(folder: Path = FOLDER) -> tuple[Weights, dict[str, Any]]:
    """Read weights and card, or raise if a file is missing or damaged."""
    path = folder / f"{NAME}.npz"
    content = path.read_bytes() if path.is_file() else b""
    card_path = folder / f"{NAME}.json"
    card = json.loads(card_path.read_text("utf-8")) if card_path.is_file() else {}
    if hashlib.sha256(content).hexdigest() != card.get("sha256"):
        raise ValueError(
            f"The weights of the segmenter are missing or damaged ({path}); install "
            "skheart again."
        )
    return read_weights(content), card


@cache
def packaged() -> tuple[Weights, dict[str, Any]]:
    """Return weights and card of the package, read once."""
    weights, card = read_packaged()
    for weight in weights:
        weight.flags.writeable = False
    return weights, card


def write_packaged(
    weights: Weights, card: dict[str, Any], *, folder: Path = FOLDER
) -> None:
    """Write weights, in half precision, and card."""
    content = as_bytes(weights)
    text = json.dumps({"sha256": hashlib.sha256(content).hexdigest(), **card}, indent=1)
    with atomic_path(folder / f"{NAME}.npz") as temporary:
        temporary.write_bytes(content)
    with atomic_path(folder / f"{NAME}.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def as_bytes(weights: Weights) -> bytes:
    """Return weights in half precision as the content of an NPZ file."""
    halves: dict[str, Any] = {
        f"w{i}": weight.astype(np.float16) for i, weight in enumerate(weights)
    }
    buffer = io.BytesIO()
    np.savez(buffer, **halves)
    return buffer.getvalue()


def read_weights(content: bytes) -> Weights:
    """Read what :func:`as_bytes` returned."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = [f"w{number}" for number in range(len(arrays.files))]
        return [arrays[name].astype(np.float32) for name in names]
