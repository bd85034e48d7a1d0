"""Write a network into the package, as skheart.neural.packaged_networks reads it."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.files import atomic_path
from skheart.neural.packaged_networks import FOLDER, FORMAT, KEPT, SavedNetwork


def write_network(saved: SavedNetwork, *, folder: Path = FOLDER) -> None:
    """Write a network for the package; its weights in half precision."""
    network = saved.network
    halves: dict[str, Any] = {}
    for number, weight in enumerate(network.weights):
        # Below the smallest normal half, digits are lost; no such weight matters.
        with np.errstate(over="ignore"):
            half = np.asarray(weight).astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f"Weight {number} of {saved.name!r} does not fit half precision."
            )
        halves[f"w{number}"] = half
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **halves)
    content = buffer.getvalue()
    description = {
        "format": FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "config": network.description,
        "spectrogram": saved.spectrogram,
        "decision": network.decision.as_dict(),
        "card": saved.card,
        **{key: getattr(network, key) for key in KEPT},
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / f"{saved.name}.npz") as temporary:
        temporary.write_bytes(content)
    write_description(saved.name, description, folder=folder)


def write_description(
    name: str, description: dict[str, Any], *, folder: Path = FOLDER
) -> None:
    """Write everything but the weights."""
    # One line for each entry, so that versions can be compared.
    write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    lines = [f"{write(key)}: {write(value)}" for key, value in description.items()]
    with atomic_path(folder / f"{name}.json") as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
