"""Networks inside the package: a JSON file and an array of weights for each."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.files import atomic_path
from skheart.neural.stored import StoredNetwork

FOLDER = Path(__file__).parents[1] / "pretrained" / "weights"
_FORMAT = 1
_KEPT = ("classes", "n_bands", "n_crop", "training")


@dataclass(frozen=True)
class SavedNetwork:
    """A network of the package with its card.

    Attributes
    ----------
    name : str
    network : StoredNetwork
    spectrogram : dict
        Parameters of the SpectrogramTransformer that belongs to it.
    card : dict
        See :class:`skheart.pretrained.ModelCard`.
    """

    name: str
    network: StoredNetwork
    spectrogram: dict[str, Any]
    card: dict[str, Any]


def saved_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the networks in the package."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read_description(
    name: str, *, parameter: str = "name", folder: Path = FOLDER
) -> dict[str, Any]:
    """Read everything but the weights."""
    names = saved_names(folder)
    if not isinstance(name, str) or name not in names:
        known = ", ".join(repr(known) for known in names)
        raise ValueError(
            f"{parameter} must be the name of a pretrained model, {known}, got "
            f"{name!r}."
        )
    description = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if description.get("format") != _FORMAT:
        raise ValueError(
            f"The pretrained model {name!r} has format {description.get('format')!r}, "
            f"expected {_FORMAT}; install skheart again."
        )
    return description


def read_network(
    name: str, *, parameter: str = "name", folder: Path = FOLDER
) -> SavedNetwork:
    """Read a network of the package.

    Raises
    ------
    ValueError
        If there is no network of that name, or its file is missing or damaged.
    """
    description = read_description(name, parameter=parameter, folder=folder)
    path = folder / f"{name}.npz"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != description["sha256"]:
        raise ValueError(
            f"The weights of the pretrained model {name!r} are missing or damaged "
            f"({path}); install skheart again."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        keys = [f"w{number}" for number in range(len(arrays.files))]
        weights = [arrays[key].astype(np.float32) for key in keys]
    network = StoredNetwork(
        description=description["config"],
        weights=weights,
        **{key: description[key] for key in _KEPT},
    )
    return SavedNetwork(name, network, description["spectrogram"], description["card"])


def write_network(saved: SavedNetwork, *, folder: Path = FOLDER) -> None:
    """Write a network for the package; its weights in half precision.

    Raises
    ------
    ValueError
        If a weight is too large for half precision.
    """
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
        "format": _FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "config": network.description,
        "spectrogram": saved.spectrogram,
        "card": saved.card,
        **{key: getattr(network, key) for key in _KEPT},
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / f"{saved.name}.npz") as temporary:
        temporary.write_bytes(content)
    with atomic_path(folder / f"{saved.name}.json") as temporary:
        # One line for each entry, so that versions can be compared.
        write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        lines = [f"{write(key)}: {write(value)}" for key, value in description.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        temporary.write_text(text, encoding="utf-8")
