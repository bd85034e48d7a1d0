"""Read the weights of a packaged network from an NPZ file, and check their hash."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np


def read_weights(path: Path, sha256: str | None, what: str) -> list[np.ndarray]:
    """Read weights as float32, or raise ValueError if they are missing or altered."""
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"The weights of {what} are missing or damaged ({path}); install skheart "
            "again."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names = [f"w{number}" for number in range(len(arrays.files))]
        return [arrays[name].astype(np.float32) for name in names]
