"""Checks of parameters, with errors of one sentence."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np


def check_number(
    name: str,
    value: Any,
    *,
    unit: str = "",
    low: float = 0.0,
    high: float = np.inf,
    closed: str = "right",
    integer: bool = False,
    optional: bool = False,
) -> None:
    """Raise unless `value` is a finite number between `low` and `high`.

    `closed` names the ends that belong to the interval: ``"left"``, ``"right"``,
    ``"both"`` or ``"neither"``; an infinite end never does.
    """
    # scikit-learn's check_scalar accepts NaN and True, and its errors have no units.
    if optional and value is None:
        return
    kind = Integral if integer else Real
    ok = isinstance(value, kind) and not isinstance(value, bool | np.bool_)
    if ok:
        above = value >= low if closed in ("left", "both") else value > low
        below = value <= high if closed in ("right", "both") else value < high
        ok = above and below and np.isfinite(value)
    if not ok:
        what = "integer" if integer else "number"
        positive = low == 0 and closed in ("right", "neither")
        what = f"a positive {what}" if positive else f"a{'n' * integer} {what}"
        if unit:
            what += f" of {unit}"
        if np.isfinite(low) and not positive:
            ends = "at least" if closed in ("left", "both") else "above"
            what += f", {ends} {low:g}"
        if np.isfinite(high):
            ends = "at most" if closed in ("right", "both") else "below"
            what += f", {ends} {high:g}"
        if optional:
            what += " or None"
        raise ValueError(f"{name} must be {what}, got {value!r}.")


def check_option(name: str, value: Any, options: tuple[Any, ...]) -> None:
    """Raise unless `value` is one of `options`."""
    if not any(value is option or (value == option) is True for option in options):
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}.")
