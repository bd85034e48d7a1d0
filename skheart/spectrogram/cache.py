"""Spectrograms on disk, found by what they were computed from."""

from __future__ import annotations

import io
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skheart._core.checks import check_number
from skheart._core.files import atomic_path
from skheart.spectrogram.bands import fill_frames

__all__ = ["CacheContents", "CacheError", "CachedSpectrograms", "SpectrogramCache"]

_KEY = re.compile(r"[0-9a-f]{40}")
_ABANDONED = 3600.0  # seconds after which an unfinished file belongs to no one
_CHECKSUM = 4  # bytes of CRC-32 behind the array


class CacheError(OSError):
    """A folder of spectrograms that cannot be read or written."""


class CacheContents(NamedTuple):
    """How much is in a cache.

    Attributes
    ----------
    n_spectrograms : int
    n_bytes : int
    """

    n_spectrograms: int
    n_bytes: int


class SpectrogramCache:
    """A folder of spectrograms, each in a file of its own.

    A spectrogram is found by the contents of the recording and the settings it was
    computed with, so that a changed, moved or copied file is never mistaken. Files are
    written under another name and renamed: several processes can use one folder, and
    one that is killed leaves no half of a spectrogram. A damaged file is not used.

    Parameters
    ----------
    folder : str or os.PathLike
        Made when the first spectrogram is put into it.

    See Also
    --------
    skheart.SpectrogramTransformer : Uses one with ``cache=folder``.

    Notes
    -----
    A file is in numpy's format, with a checksum of four bytes behind it. One that is
    used again gets the time of its use, once a day, from which :meth:`prune` knows
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
            With ``n_spectrograms`` and ``n_bytes``.
        """
        sizes = [status.st_size for _, status in self._files()]
        return CacheContents(len(sizes), sum(sizes))

    def clear(self) -> int:
        """Remove all spectrograms; other files in the folder stay.

        Returns
        -------
        n_removed : int
        """
        return self.prune(0)

    def prune(self, max_bytes: float) -> int:
        """Remove the spectrograms that have not been used for longest.

        Parameters
        ----------
        max_bytes : float
            What may stay.

        Returns
        -------
        n_removed : int
        """
        check_number("max_bytes", max_bytes, closed="left")
        files = sorted(self._files(), key=lambda file: -file[1].st_mtime)
        kept, removed = 0, 0
        for path, status in files:
            kept += status.st_size
            if kept > max_bytes:
                path.unlink(missing_ok=True)
                removed += 1
        for path in self.folder.glob("??/.*.npy"):
            try:
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
            except FileNotFoundError:  # finished, or removed by another process
                continue
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
            with suppress(OSError):  # of another user; then writing says so
                path.unlink(missing_ok=True)
            return None
        self._mark(path)
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
            # Not flushed to the disk: a file that a power cut damages is not used.
            with atomic_path(path, durable=False) as temporary:
                temporary.write_bytes(body + checksum)
        except OSError as error:
            raise self._error("written", error) from error

    def _error(self, what: str, error: OSError) -> CacheError:
        return CacheError(
            f"The cache {str(self.folder)!r} cannot be {what} "
            f"({error.strerror or error}); free some space there, mend its "
            "permissions, or give another folder."
        )

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.npy"

    def _mark(self, path: Path) -> None:
        """Let the time of a file say that it has been used, once a day."""
        with suppress(OSError):  # removed, or of another user
            if time.time() - path.stat().st_mtime > 86400:
                os.utime(path)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob("??/*.npy"):
            if _KEY.fullmatch(path.parent.name + path.stem):
                try:
                    yield path, path.stat()
                except FileNotFoundError:  # removed by another process
                    continue


class CachedSpectrograms:
    """Spectrograms in a cache that look like an array and are read when needed.

    What :class:`~skheart.SpectrogramTransformer` gives with ``lazy=True``. Taking rows
    gives another of these; one row, or a part of the bands or frames, is read and given
    as an array, and so is all of it by :func:`numpy.asarray`.
    :class:`~skheart.CNNClassifier` reads batch by batch. A pickled one holds the place
    of the spectrograms, not the spectrograms.

    Parameters
    ----------
    cache : SpectrogramCache
    keys : list of str
        Of each recording; "" for one that cannot be used and becomes NaN.
    n_bands, n_frames : int
        Of every spectrogram; shorter ones are filled.
    padding : {"repeat", "constant"}
        How shorter ones are filled.
    dtype : str

    Attributes
    ----------
    shape : tuple of int
        ``(n_recordings, n_bands, n_frames)``.
    dtype : numpy.dtype
    ndim : int
        3.

    Examples
    --------
    >>> import tempfile
    >>> from skheart import SpectrogramTransformer
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(4, random_state=0)
    >>> transformer = SpectrogramTransformer(
    ...     duration=5.0, cache=tempfile.mkdtemp(), lazy=True
    ... )
    >>> spectrograms = transformer.fit_transform(sounds.data)
    >>> spectrograms[:2]
    CachedSpectrograms of shape (2, 40, 251), float32
    >>> spectrograms[0].shape
    (40, 251)
    """

    ndim = 3

    def __init__(
        self,
        cache: SpectrogramCache,
        keys: list[str],
        *,
        n_bands: int,
        n_frames: int,
        padding: str,
        dtype: Any,
    ) -> None:
        self.cache, self.keys, self.padding = cache, keys, padding
        self.dtype = np.dtype(dtype)
        self.shape = (len(keys), n_bands, n_frames)

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"CachedSpectrograms of shape {self.shape}, {self.dtype}"

    def __getitem__(self, index: Any) -> Any:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if first is Ellipsis or first is None:
            return np.asarray(self)[index]
        chosen = np.arange(len(self))[first]
        if chosen.ndim == 0:
            return self._read(self.keys[int(chosen)])[tuple(rest)]
        _, n_bands, n_frames = self.shape
        rows = CachedSpectrograms(
            self.cache,
            [self.keys[number] for number in chosen.tolist()],
            n_bands=n_bands,
            n_frames=n_frames,
            padding=self.padding,
            dtype=self.dtype,
        )
        if all(part is Ellipsis or part == slice(None) for part in rest):
            return rows
        return np.asarray(rows)[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Spectrograms in a cache cannot be an array uncopied.")
        array = np.empty(self.shape, dtype=self.dtype)
        for row, key in zip(array, self.keys, strict=True):
            row[...] = self._read(key)
        return array if dtype is None else array.astype(dtype, copy=False)

    def _read(self, key: str) -> np.ndarray:
        """Read a row, (n_bands, n_frames), and fill it."""
        _, n_bands, n_frames = self.shape
        if not key:
            return np.full((n_bands, n_frames), np.nan, dtype=self.dtype)
        part = self.cache.get(key)
        if part is None:
            raise FileNotFoundError(
                f"A spectrogram is no longer in the cache {str(self.cache.folder)!r}: "
                "it was cleared or damaged; transform the recordings again."
            )
        if part.shape[1] == n_frames:
            return part
        row = np.empty((n_bands, n_frames), dtype=self.dtype)
        row[:, : part.shape[1]] = part
        fill_frames(row, part.shape[1], padding=self.padding)
        return row
