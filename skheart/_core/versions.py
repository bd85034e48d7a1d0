"""The versions that wrote a pickle, kept in it and compared when it is loaded."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.base import BaseEstimator

from skheart import __version__

_KEY = "_versions"


class VersionedEstimator(BaseEstimator):
    """An estimator whose pickles hold the version of skheart."""

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the version of skheart."""
        return stamped(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state; warn if it is of another version."""
        super().__setstate__(unstamped(self, state))


def stamped(state: dict[str, Any], **others: str) -> dict[str, Any]:
    """Return a state with the versions of skheart and of `others`."""
    return state | {_KEY: {"skheart": __version__, **others}}


def unstamped(estimator: Any, state: dict[str, Any], **others: str) -> dict[str, Any]:
    """Return a state without the versions, and warn if they differ from today's."""
    kept = dict(state)
    now = {"skheart": __version__, **others}
    then = kept.pop(_KEY, {"skheart": "an earlier version"})
    if then != now:
        warnings.warn(
            f"This {type(estimator).__name__} was pickled with {_text(then)} and is "
            f"loaded with {_text(now)}. Results can differ, or calls can fail: compare "
            "them on known recordings, or install the versions it was pickled with. "
            "Files of skheart.save_model can be read by later versions.",
            UserWarning,
            stacklevel=3,
        )
    return kept


def _text(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in versions.items())
