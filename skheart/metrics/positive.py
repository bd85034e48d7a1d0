"""The one rule for which class is the positive one."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart.metrics.validation import HEALTHY_WORDS


def positive_class(
    classes: Any, positive: Any = None, *, name: str = "pos_label"
) -> Any:
    """Return the positive class.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
    positive : label, default=None
        By default, of two classes the one that is not a word for healthy (absent,
        healthy, negative or normal), or the 1 or True of 0 and 1, False and True.
    name : str, default="pos_label"
        Of the parameter, for the message.

    Returns
    -------
    positive : label

    Raises
    ------
    ValueError
        If `positive` is not a class, or is None where no rule chooses one.
    """
    classes = np.asarray(classes).tolist()
    known = ", ".join(map(repr, classes))
    if positive is not None:
        if positive not in classes:
            raise ValueError(f"{name} must be one of {known}, got {positive!r}.")
        return classes[classes.index(positive)]
    if len(classes) == 2:
        if sorted(classes, key=str) in ([0, 1], [False, True]):
            return max(classes)
        diseased = [c for c in classes if str(c).lower() not in HEALTHY_WORDS]
        if len(diseased) == 1:
            return diseased[0]
    raise ValueError(
        f"{name} must name the positive class, one of {known}: their names do not "
        "show which it is."
    )
