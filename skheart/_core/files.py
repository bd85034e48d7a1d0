"""Write files whole or not at all; the error of those that hold no model."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_asking = threading.Lock()


class ModelFileError(ValueError):
    """A file that is no model, is damaged, or asks for what is not safe to load."""


def text_of(path: Any) -> str:
    """Return a path as text, or raise TypeError if it is not a path."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}."
        )
    return str(os.fsdecode(path))  # str() because numpy's text is a subclass of it


def check_target(path: str | os.PathLike[str]) -> Path:
    """Raise if no file can be written at `path`."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{str(target)!r} is a folder, expected a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(target.parent)!r} to write {target.name!r} in; "
            "make it first."
        )
    return target


@contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, durable: bool = True
) -> Iterator[Path]:
    """Give a temporary path beside `path`, renamed to it if no error comes.

    The temporary file has the same ending. A crash can leave it, never a part of
    `path`; a power cut can only if it is not `durable`.
    """
    target = check_target(path)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem[:80]}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """Give what new files of this process are not allowed to be."""
    with _asking:  # it can only be read by setting it
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
