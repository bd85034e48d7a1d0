"""What pickles say of the versions that wrote them."""

from __future__ import annotations

import warnings
from typing import Any

from skheart import __version__

_KEY = "_versions"


def stamped(state: dict[str, Any], **others: str) -> dict[str, Any]:
    """Put versions into the state of an estimator: skheart's, and others by name."""
    return state | {_KEY: {"skheart": __version__, **others}}


def unstamped(estimator: Any, state: dict[str, Any], **others: str) -> dict[str, Any]:
    """Take the versions out again, and warn if they are not those of today."""
    kept = dict(state)
    now = {"skheart": __version__, **others}
    then = kept.pop(_KEY, {"skheart": "an earlier version"})
    if then != now:
        warnings.warn(
            f"This {type(estimator).__name__} was pickled with {_text(then)} and is "
            f"loaded with {_text(now)}. Answers can differ, or fail; compare them on "
            "known recordings, or install the versions it was made with. Files of "
            "skheart.save_model are made to be read by later versions.",
            UserWarning,
            stacklevel=3,
        )
    return kept


def _text(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in versions.items())
