"""Spectrograms that stay on disk and can be used like an array."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from skheart.spectrogram.bands import fill_frames
from skheart.spectrogram.cache import SpectrogramCache

__all__ = ["CachedSpectrograms"]


class CachedSpectrograms:
    """Array of spectrograms in a cache, which are read when they are needed.

    :class:`~skheart.SpectrogramTransformer` returns it with ``lazy=True``. Indexing
    several rows returns another one; indexing one row, or some bands or frames, reads
    an array, and :func:`numpy.asarray` reads everything. A pickle contains the folder
    and the keys, not the spectrograms.

    Parameters
    ----------
    cache : SpectrogramCache
    keys : list of str
        Key of each recording; "" for one that cannot be used and becomes NaN.
    n_bands, n_frames : int
        Size of every spectrogram; shorter ones are filled.
    padding : {"repeat", "constant"}
        How shorter ones are filled.
    dtype : str
        Type of the values, such as ``"float32"``.

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
        rows = copy(self)
        rows.keys = [self.keys[number] for number in chosen.tolist()]
        rows.shape = (len(chosen), *self.shape[1:])
        if all(part is Ellipsis or part == slice(None) for part in rest):
            return rows
        return np.asarray(rows)[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(
                "copy=False is not possible: the spectrograms are on disk and must be "
                "copied into memory."
            )
        array = np.empty(self.shape, dtype=self.dtype)
        for row, key in zip(array, self.keys, strict=True):
            row[...] = self._read(key)
        return array if dtype is None else array.astype(dtype, copy=False)

    def _read(self, key: str) -> np.ndarray:
        """Read a row, (n_bands, n_frames), and fill it."""
        if not key:
            return np.full(self.shape[1:], np.nan, dtype=self.dtype)
        part = self.cache.get(key)
        if part is None:
            raise FileNotFoundError(
                f"A spectrogram is no longer in the cache {str(self.cache.folder)!r}; "
                "it was deleted or damaged; transform the recordings again."
            )
        row = np.empty(self.shape[1:], dtype=self.dtype)
        fill_frames(row, part, padding=self.padding)
        return row
