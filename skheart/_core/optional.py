"""Packages that only some functions need, imported when they are called."""

from __future__ import annotations

import importlib
from typing import Any


def optional_import(module: str, *, user: str, extra: str) -> Any:
    """Import a module of an optional package, or say how to install it.

    `user` is what needs it, such as ``"SpectrogramDisplay.plot"``, and `extra` the
    extra of skheart that installs it, such as ``"plot"``.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{user} needs {package}; install it with "
            f"\"pip install 'skheart[{extra}]'\"."
        ) from error
