"""Which of two classes is the positive one: the single rule of the package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

# Labels of a healthy heart, in lower case.
HEALTHY_WORDS = ("absent", "healthy", "negative", "normal")


def positive_class(
    classes: Iterable[Any], positive: Any = None, *, name: str = "pos_label"
) -> Any:
    """Return the positive class: the given one, or the one that follows from the words.

    Parameters
    ----------
    classes : iterable of labels
        All classes.
    positive : label, default=None
        The positive class, if it is given.
    name : str, default="pos_label"
        What messages call the parameter `positive`.

    Returns
    -------
    positive : label
        `positive` if it is given. Of two classes without it: the one that is not a word
        for a healthy heart (absent, healthy, negative, normal); of two numbers, the
        larger one; of False and True, True.

    Raises
    ------
    ValueError
        If `positive` is not one of the classes, or it is not given and does not follow.
    """
    labels = np.asarray(list(classes)).tolist()
    listed = ", ".join(map(repr, labels))
    if positive is not None:
        if positive in labels:
            return positive
        raise ValueError(f"{name} must be one of {listed}, got {positive!r}.")
    if len(labels) == 2:
        if all(isinstance(label, bool | int | float) for label in labels):
            return max(labels)
        diseased = [x for x in labels if str(x).lower() not in HEALTHY_WORDS]
        if len(diseased) == 1:
            return diseased[0]
    raise ValueError(
        f"{name} must name the positive class, which does not follow from the labels "
        f"{listed}."
    )
