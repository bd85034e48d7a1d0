"""Write files completely or not at all; the error of files that are not models."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# No space, a quota, or a file larger than the system allows.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ModelFileError(ValueError):
    """Raised when a file is not a model, is damaged, or is not safe to load."""


def text_of(path: Any) -> str:
    """Return a path as text, or raise TypeError if it is not a path."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be a str or os.PathLike, got {type(path).__name__}."
        )
    return str(os.fsdecode(path))  # str() because numpy's text is a subclass of it


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return `path`; raise if no file can be written there."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{str(target)!r} is a folder, expected a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(target.parent)!r} to write {target.name!r} in; "
            "create it first."
        )
    return target


def raise_if_full(error: OSError, name: str) -> None:
    """Raise an error that names the file if the disk is full."""
    if error.errno in _FULL:
        raise OSError(
            f"{name} cannot be written ({os.strerror(error.errno)}); make room, or "
            "write to another disk."
        ) from error


@contextmanager
def atomic_path(
    path: str | os.PathLike[str], *, durable: bool = True
) -> Iterator[Path]:
    """Provide a temporary path that replaces `path` if the block raises no error.

    The temporary file is in the same folder and has the same ending. A file that exists
    keeps its mode, and a symbolic link still points to it. Devices and named pipes are
    not replaced: `path` itself is provided. A crash can leave the temporary file, but
    never an incomplete `path`; a power failure can, unless the write is `durable`.
    """
    target = check_target(path)
    mode = _mode_of(target)
    if mode is not None and not stat.S_ISREG(mode):
        yield target
        return
    target = Path(os.path.realpath(target))
    temporary = check_target(target).with_name(
        f".{target.stem[:80]}-{uuid.uuid4().hex[:12]}{target.suffix}"
    )
    # The system subtracts the umask, which cannot be read without changing it.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode) | stat.S_IWUSR)
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        os.replace(temporary, target)
    except OSError as error:
        raise_if_full(error, repr(str(path)))
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of(path: Path) -> int | None:
    """Return type and permissions of a file; None if there is none."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
