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

FOLDER = Path(__file__).parents[1] / "pretrained" / "weights"
_FORMAT = 1


@dataclass(frozen=True)
class SavedNetwork:
    """A network as plain data, with what it takes and what it tells apart.

    Attributes
    ----------
    name : str
    config : dict
        The network, as Keras writes it.
    weights : list of ndarray
        In the order of Keras's ``get_weights``, float32.
    classes : list of str
        Sorted.
    n_bands, n_crop : int
        Bands, and frames in a window.
    spectrogram : dict
        Parameters of the SpectrogramTransformer that belongs to it.
    card : dict
        What is to be known of it; see :class:`skheart.pretrained.ModelCard`.
    training : dict
        What it was trained on; see :mod:`skheart._core.provenance`.
    """

    name: str
    config: dict[str, Any]
    weights: list[np.ndarray]
    classes: list[str]
    n_bands: int
    n_crop: int
    spectrogram: dict[str, Any]
    card: dict[str, Any]
    training: dict[str, Any]


def saved_names(folder: Path = FOLDER) -> list[str]:
    """Names of the networks in the package."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read_description(
    name: str, *, parameter: str = "name", folder: Path = FOLDER
) -> dict[str, Any]:
    """Read all but the weights."""
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
        If there is none of that name, or its file is not the one that belongs to it.
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
    words = ("config", "classes", "n_bands", "n_crop", "spectrogram", "card")
    return SavedNetwork(
        name=name,
        weights=weights,
        **{word: description[word] for word in (*words, "training")},
    )


def write_network(network: SavedNetwork, *, folder: Path = FOLDER) -> None:
    """Write a network for the package; its weights in half precision.

    Raises
    ------
    ValueError
        If a weight is too large for half precision.
    """
    halves = {}
    for number, weight in enumerate(network.weights):
        # Below the smallest normal half, digits are lost; no such weight matters.
        with np.errstate(over="ignore"):
            half = np.asarray(weight).astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f"Weight {number} of {network.name!r} does not fit half precision."
            )
        halves[f"w{number}"] = half
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **halves)
    content = buffer.getvalue()
    description = {
        "format": _FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        **{k: v for k, v in vars(network).items() if k not in ("name", "weights")},
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / f"{network.name}.npz") as temporary:
        temporary.write_bytes(content)
    with atomic_path(folder / f"{network.name}.json") as temporary:
        # One line for each entry, so that versions can be compared.
        write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        lines = [f"{write(key)}: {write(value)}" for key, value in description.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        temporary.write_text(text, encoding="utf-8")
