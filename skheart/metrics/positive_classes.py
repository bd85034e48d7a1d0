"""Which of two classes is the positive one: the single rule of the package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

# Labels of a healthy heart, in lower case.
_HEALTHY_WORDS = ("absent", "healthy", "negative", "normal")


def positive_class(
    classes: Iterable[Any], positive: Any = None, *, name: str = "pos_label"
) -> Any:
    """Return the positive class: the given one, or the one that follows from the words.

    Of two classes that is the one that is not a word for a healthy heart; of two
    numbers, the larger one; of False and True, True. Messages call `positive` `name`.
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
        diseased = [x for x in labels if not is_healthy(x)]
        if len(diseased) == 1:
            return diseased[0]
    raise ValueError(
        f"{name} must name the positive class, which does not follow from the labels "
        f"{listed}."
    )


def is_healthy(label: Any) -> bool:
    """Return whether the name of a class is a word for a healthy heart."""
    return str(label).lower() in _HEALTHY_WORDS
