"""A folder of spectrograms, found by what they were computed from."""

from __future__ import annotations

import io
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skheart._core.checks import check_number
from skheart._core.files import atomic_path

__all__ = ["CacheContents", "CacheError", "SpectrogramCache"]

_KEY = re.compile(r"[0-9a-f]{40}")
_ABANDONED = 3600.0  # seconds after which an unfinished file is removed
_USED = 86400.0  # seconds after which the time of a file that is used is set again
_CHECKSUM = 4  # bytes of CRC-32 behind the array


class CacheError(OSError):
    """Raised when a folder of spectrograms cannot be read or written."""


class CacheContents(NamedTuple):
    """Number and size of the spectrograms in a cache.

    Attributes
    ----------
    n_spectrograms : int
    n_bytes : int
    """

    n_spectrograms: int
    n_bytes: int


class SpectrogramCache:
    """A folder of spectrograms, each in a file of its own.

    A spectrogram is found by the content of the recording and the settings it was
    computed with, not by the path. Files are written under another name and renamed:
    several processes can use one folder, and a process that is killed leaves no partial
    spectrogram. A damaged file is ignored and removed.

    Parameters
    ----------
    folder : str or os.PathLike
        Created when the first spectrogram is written.

    See Also
    --------
    skheart.SpectrogramTransformer : Uses one with ``cache=folder``.

    Notes
    -----
    A file is in numpy's format, followed by a checksum of four bytes. Its modification
    time is set when it is used, at most once a day, so that :meth:`prune` can remove
    those that have not been used for longest.

    Examples
    --------
    >>> import tempfile
    >>> from skheart import SpectrogramTransformer
    >>> from skheart.spectrogram import SpectrogramCache
    >>> from skheart.datasets import make_heart_sounds
    >>> folder = tempfile.mkdtemp()
    >>> sounds = make_heart_sounds(4, random_state=0)
    >>> transformer = SpectrogramTransformer(duration=5.0, cache=folder)
    >>> spectrograms = transformer.fit_transform(sounds.data)
    >>> cache = SpectrogramCache(folder)
    >>> cache.contents().n_spectrograms
    4
    >>> cache.clear()
    4
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        if not isinstance(folder, str | os.PathLike):
            raise TypeError(
                f"cache must be the path of a folder, got {type(folder).__name__}."
            )
        self.folder = Path(os.fsdecode(folder))

    def __repr__(self) -> str:
        return f"SpectrogramCache({str(self.folder)!r})"

    def contents(self) -> CacheContents:
        """Count the spectrograms and their bytes.

        Returns
        -------
        contents : CacheContents
        """
        sizes = [status.st_size for _, status in self._files()]
        return CacheContents(len(sizes), sum(sizes))

    def clear(self) -> int:
        """Delete all spectrograms; other files in the folder stay.

        Returns
        -------
        n_removed : int
        """
        return self.prune(0)

    def prune(self, max_bytes: float) -> int:
        """Delete least recently used spectrograms until the rest fit into a size.

        Parameters
        ----------
        max_bytes : float
            Maximum size of the rest.

        Returns
        -------
        n_removed : int
        """
        check_number("max_bytes", max_bytes, closed="left")
        kept, removed = 0, 0
        for path, status in sorted(self._files(), key=lambda file: -file[1].st_mtime):
            kept += status.st_size
            if kept > max_bytes:
                path.unlink(missing_ok=True)
                removed += 1
        for path in self.folder.glob("??/.*.npy"):
            with suppress(FileNotFoundError):  # finished, or removed by another process
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
        return removed

    def get(self, key: str) -> np.ndarray | None:
        """Read a spectrogram.

        Parameters
        ----------
        key : str
            40 hexadecimal digits.

        Returns
        -------
        spectrogram : ndarray of shape (n_bands, n_frames) or None
            None if it is not there, or damaged.

        Raises
        ------
        CacheError
            If the folder cannot be read.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error("read", error) from error
        body, checksum = content[:-_CHECKSUM], content[-_CHECKSUM:]
        if zlib.crc32(body).to_bytes(_CHECKSUM, "little") != checksum:
            with suppress(OSError):  # of another user: writing raises the error
                path.unlink(missing_ok=True)
            return None
        with suppress(OSError):  # removed, or of another user
            if time.time() - path.stat().st_mtime > _USED:
                os.utime(path)
        return np.lib.format.read_array(io.BytesIO(body), allow_pickle=False)

    def put(self, key: str, spectrogram: np.ndarray) -> None:
        """Write a spectrogram, whole or not at all.

        Parameters
        ----------
        key : str
            40 hexadecimal digits.
        spectrogram : ndarray of shape (n_bands, n_frames)

        Raises
        ------
        CacheError
            If the folder cannot be written, or the disk is full.
        """
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, spectrogram, allow_pickle=False)
        body = buffer.getvalue()
        path = self._path(key)
        checksum = zlib.crc32(body).to_bytes(_CHECKSUM, "little")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not flushed to the disk: a file that a power cut damages is ignored.
            with atomic_path(path, durable=False) as temporary:
                temporary.write_bytes(body + checksum)
        except OSError as error:
            raise self._error("written", error) from error

    def _error(self, what: str, error: OSError) -> CacheError:
        return CacheError(
            f"The cache {str(self.folder)!r} cannot be {what} "
            f"({error.strerror or error}); free some space there, correct its "
            "permissions, or choose another folder."
        )

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.npy"

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob("??/*.npy"):
            if _KEY.fullmatch(path.parent.name + path.stem):
                with suppress(FileNotFoundError):  # removed by another process
                    yield path, path.stat()
