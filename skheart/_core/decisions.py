"""The one place where probabilities become labels."""

from __future__ import annotations

import numpy as np


def labels_of(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the most probable class of each recording.

    Parameters
    ----------
    probabilities : ndarray of shape (n_recordings, n_classes)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    labels : ndarray of shape (n_recordings,)
        Of equal probabilities, the first class in the order of `classes`.

    Raises
    ------
    ValueError
        If a probability is NaN: no class is then the most probable one.
    """
    if np.isnan(probabilities).any():
        first = int(np.flatnonzero(np.isnan(probabilities).any(axis=1))[0])
        raise ValueError(
            f"The probabilities of recording {first} are NaN, so it has no class; the "
            "network computes numbers that are too large. Train it again with a lower "
            "learning_rate."
        )
    return classes[probabilities.argmax(axis=1)]
