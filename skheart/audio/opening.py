"""Open a recording: a path, a URL, bytes or an open file."""

from __future__ import annotations

import io
import os
import stat
from threading import Lock
from typing import Any, BinaryIO

from skheart.audio.limits import LARGEST_FILE
from skheart.audio.remote import download, is_url
from skheart.audio.waveform import RecordingError

# Opening must not wait for the writer of a named pipe.
_OPENING = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_ONE_AT_A_TIME = Lock()  # threads can share an open file, which has one position


def open_recording(source: Any, name: str) -> BinaryIO:
    """Open a path, URL, bytes or open file, or raise what is wrong with it.

    `name` is what messages call it.
    """
    if isinstance(source, str) and not is_url(source):
        return _open_path(source)
    return io.BytesIO(read_content(source, name))


def read_content(source: Any, name: str) -> bytes:
    """Return all bytes of a recording, so that they can be hashed and then decoded."""
    if isinstance(source, str) and is_url(source):
        return download(source)
    if isinstance(source, str):
        with _open_path(source) as file:
            content = _whole(file, name)
    elif isinstance(source, bytes):
        content = source
    else:
        content = _content_of_file(source, name)
    if not content:
        raise RecordingError(f"{name} is an empty file, expected a sound file.")
    return content


def _whole(file: Any, name: str) -> bytes:
    if file.seek(0, os.SEEK_END) > LARGEST_FILE:
        raise RecordingError(
            f"{name} is larger than {LARGEST_FILE} bytes, too large to be held in "
            "memory; cut it, or pass its path and use cache=None."
        )
    file.seek(0)
    return file.read()


def _content_of_file(file: Any, name: str) -> bytes:
    """Read an open file from its start, and leave it at its position."""
    with _ONE_AT_A_TIME:
        try:
            position = file.tell()
            content = _whole(file, name)
            file.seek(position)
        except RecordingError:
            raise
        except (AttributeError, OSError, TypeError, ValueError) as error:
            raise RecordingError(
                f"{name} is an open file ({type(file).__name__}) that cannot be read "
                f"from its start ({error}); pass its content, as bytes, or its path."
            ) from error
    if not isinstance(content, bytes):
        raise RecordingError(
            f"{name} is an open file ({type(file).__name__}) of text; open it in "
            "binary mode, with 'rb'."
        )
    return content


def _open_path(path: str) -> BinaryIO:
    try:
        number = os.open(path, _OPENING)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path!r}; check the path, which is relative to "
            f"{os.getcwd()!r}."
        ) from None
    except PermissionError:
        raise PermissionError(
            f"{path!r} may not be read; check its permissions."
        ) from None
    except ValueError:
        raise RecordingError(
            f"{path!r} contains a null character and names no file."
        ) from None
    status = os.fstat(number)
    if stat.S_ISREG(status.st_mode) and status.st_size > 0:
        # By its number: from a name, soundfile would take the format.
        return io.FileIO(number)
    os.close(number)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            f"{path!r} is a folder, expected a sound file; pass the files inside it."
        )
    what = "an empty file" if stat.S_ISREG(status.st_mode) else "not a regular file"
    raise RecordingError(f"{path!r} is {what}, expected a sound file.")
