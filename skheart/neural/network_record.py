"""The one record of a trained network: plain data that needs no Keras.

Pickles, model files, the pretrained models of the package and the parameter `weights`
of a classifier all hold a network in this form.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skheart._core.decisions import Decision


def tables_in(description: Any) -> Iterator[dict[str, Any]]:
    """Yield each dictionary in what Keras writes of a network, the outer ones first."""
    if isinstance(description, dict):
        yield description
        description = list(description.values())
    if isinstance(description, list | tuple):
        for part in description:
            yield from tables_in(part)


def not_recorded() -> dict[str, Any]:
    """Return the training of a network of which nothing is known."""
    return {"parts": [], "complete": False}


@dataclass(frozen=True)
class StoredNetwork:
    """A trained network with its input shape and its classes."""

    description: dict[str, Any]  # the network without its weights, as Keras writes it
    weights: list[np.ndarray]  # in the order of keras.Model.get_weights, float32
    classes: list[Any]  # labels, sorted
    n_bands: int
    n_crop: int  # frames of a crop
    n_channels: int = 1
    # What it was trained on: one part for each training, and whether these are all.
    training: dict[str, Any] = field(default_factory=not_recorded)
    decision: Decision = field(default_factory=Decision)  # thresholds and pooling

    def continued(self) -> dict[str, Any]:
        """Return the training of a network that starts from this one."""
        return {"parts": copy.deepcopy(self.training["parts"]), "complete": False}
