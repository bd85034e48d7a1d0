"""The JSON file beside an exported model, which programs in every language can read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.files import atomic_path

_RULE = (
    "Start with x = seed. For each value, in the order of the index i from 0: "
    "x = (1664525 * x + 1013904223) mod 4294967296, and the value is "
    "(x / 2147483648 - 1) * (1 if i mod period < burst else 1 / 64), as float32. The "
    "last axis of the shape changes fastest. If seed is null, all values are 0. If "
    "nan_at is not null, the value with this index is then NaN. In `expected`, null "
    "stands for NaN."
)


def sidecar_of(path: str | os.PathLike[str]) -> Path:
    """Return the path of the JSON file beside an exported model."""
    return Path(path).with_name(Path(path).name + ".json")


def write_model(
    path: str | os.PathLike[str], content: bytes, sidecar: dict[str, Any]
) -> None:
    """Write a model and its sidecar: both, or none after an error.

    A device or a pipe gets the model alone. The name and the hash of the model are
    added to `sidecar`.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    digest = hashlib.sha256(content).hexdigest()
    sidecar = {**sidecar, "file": path.name, "sha256": digest}
    text = json.dumps(sidecar, indent=1, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as model, atomic_path(sidecar_of(path)) as beside:
        model.write_bytes(content)
        beside.write_text(text + "\n", encoding="utf-8")


def vectors_of(
    run: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int | None, ...],
    *,
    sample_rate: float,
    tolerance: float,
    with_nan: bool = True,
) -> dict[str, Any]:
    """Return inputs that a program can compute, with the outputs that it must get.

    `run` leads from an input of a `shape` to the output of the model; for an axis that
    is None, several lengths are chosen. Outputs may differ by the `tolerance`.
    """
    free = [round(3 * sample_rate), round(7.5 * sample_rate)]
    if len(shape) > 1:
        free = [1, 2]
    chosen = free if None in shape else [0, 0]
    shapes = [[n or choice for n in shape] for choice in chosen]
    period = max(2, round(0.8 * sample_rate))
    half = int(np.prod(shapes[0])) // 2
    # Seed, shape, share of the period that is a burst, place of a NaN.
    kinds: list[tuple[Any, int, float, Any]] = [(1, 0, 0.125, None), (2, 1, 0.15, None)]
    if with_nan:
        kinds.append((1, 0, 0.125, half))
    if len(shape) == 1:
        kinds.append((None, 0, 0.125, None))  # silence
    vectors: list[dict[str, Any]] = [
        {
            "seed": seed,
            "shape": shapes[number],
            "period": period,
            "burst": round(share * period),
            "nan_at": nan_at,
        }
        for seed, number, share, nan_at in kinds
    ]
    for vector in vectors:
        output = run(input_of(vector)).reshape(-1).tolist()
        vector["expected"] = [x if np.isfinite(x) else None for x in output]
    return {"rule": _RULE, "tolerance": tolerance, "vectors": vectors}


def input_of(vector: dict[str, Any]) -> np.ndarray:
    """Return the input that a test vector stands for, float32."""
    values = np.zeros(int(np.prod(vector["shape"])))
    if vector["seed"] is not None:
        x = vector["seed"]
        for i in range(len(values)):
            x = (1664525 * x + 1013904223) % 4294967296
            weight = 1 if i % vector["period"] < vector["burst"] else 1 / 64
            values[i] = (x / 2147483648 - 1) * weight
    if vector["nan_at"] is not None:
        values[vector["nan_at"]] = np.nan
    return values.astype(np.float32).reshape(vector["shape"])
