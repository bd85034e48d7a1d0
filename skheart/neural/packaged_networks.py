"""Networks inside the package: a JSON file and an array of weights for each.

``benchmarks/_packaging.py`` writes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skheart._core.decisions import read_decision
from skheart._core.weights import read_weights
from skheart.neural.network_record import StoredNetwork

FOLDER = Path(__file__).parents[1] / "pretrained" / "weights"
FORMAT = 1
KEPT = ("classes", "n_bands", "n_crop", "training")  # entries of a StoredNetwork


@dataclass(frozen=True)
class SavedNetwork:
    """A network of the package with its card."""

    name: str
    network: StoredNetwork
    spectrogram: dict[str, Any]  # parameters of its SpectrogramTransformer
    card: dict[str, Any]  # see skheart.pretrained.ModelCard


def saved_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the networks in the package."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read_description(
    name: str, *, parameter: str = "name", folder: Path = FOLDER
) -> dict[str, Any]:
    """Read everything but the weights."""
    names = saved_names(folder)
    if name not in names:
        known = ", ".join(repr(known) for known in names)
        raise ValueError(
            f"{parameter} must be the name of a pretrained model, {known}, got "
            f"{name!r}."
        )
    description = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if description.get("format") != FORMAT:
        raise ValueError(
            f"The pretrained model {name!r} has format {description.get('format')!r}, "
            f"expected {FORMAT}; install skheart again."
        )
    return description


def read_network(
    name: str, *, parameter: str = "name", folder: Path = FOLDER
) -> SavedNetwork:
    """Read a network of the package. `parameter` is what messages call `name`."""
    description = read_description(name, parameter=parameter, folder=folder)
    what = f"the pretrained model {name!r}"
    weights = read_weights(folder / f"{name}.npz", description["sha256"], what)
    network = StoredNetwork(
        description=description["config"],
        weights=weights,
        decision=read_decision(description.get("decision"), description["classes"]),
        **{key: description[key] for key in KEPT},
    )
    return SavedNetwork(name, network, description["spectrogram"], description["card"])
