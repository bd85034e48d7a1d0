"""How much a network's answer depends on each frequency band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skheart.inspection.occlusion import falls_if_hidden
from skheart.inspection.windows import band_centres, parts_of, seen_recordings

__all__ = ["BandContributions", "band_contributions"]


@dataclass(frozen=True)
class BandContributions:
    """How much the logit falls if a frequency band is hidden.

    Attributes
    ----------
    low, high : ndarray of shape (n_bands,)
        Edges of the bands, in Hz.
    values : ndarray of shape (n_bands,)
        The fall of the logit of `positive`; negative where it rises.
    positive : label
        The class whose logit it is.
    logit : float
        That of the whole recording.
    """

    low: np.ndarray
    high: np.ndarray
    values: np.ndarray
    positive: Any
    logit: float

    @property
    def shares(self) -> np.ndarray:
        """The values divided by the sum of their sizes; NaN if all are 0."""
        total = np.abs(self.values).sum()
        return self.values / total if total else np.full(len(self.values), np.nan)


def band_contributions(
    model: Any,
    recording: Any,
    *,
    edges: ArrayLike = (100, 200, 300, 400, 500, 700),
    label: Any = None,
) -> BandContributions:
    """Compute how much the logit falls if a frequency band is hidden.

    Each band is replaced by its mean over the recording, and the network is run again.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        As for :func:`occlusion_map`.
    recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
        What :meth:`~skheart.SpectrogramTransformer.transform` takes as one entry.
    edges : array-like of shape (n_edges,), default=(100, 200, 300, 400, 500, 700)
        Frequencies between the bands, in Hz and rising. The first band starts at the
        `f_min` of the spectrogram, and the last one ends at its `f_max`. Edges outside
        are ignored. A band in which no band of the spectrogram has its centre is joined
        with a neighbour.
    label : label, default=None
        The class whose logit is meant, as for :func:`occlusion_map`.

    Returns
    -------
    contributions : BandContributions
        Its `shares` say how the score is spread over the bands.

    Raises
    ------
    ValueError
        If `model` is another kind of estimator or a parameter is out of range.
    FileNotFoundError, IsADirectoryError, RecordingError
        If the recording cannot be used.

    See Also
    --------
    frame_contributions : What each moment adds.
    occlusion_map : Over time and frequency.

    Notes
    -----
    The falls do not add up to the logit. The sounds S1 and S2 lie mostly below 100 Hz,
    murmurs mostly between 100 and 500 Hz. A network also uses the sounds, to know where
    in the heartbeat a murmur lies.

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.inspection import band_contributions
    >>> sounds = make_heart_sounds(1, duration=5.0, random_state=0)
    >>> found = band_contributions(load_pretrained("murmur"), sounds.data[0])
    >>> found.low.tolist()
    [25.0, 100.0, 200.0, 300.0, 400.0, 500.0, 700.0]
    """
    transformer, classifier = parts_of(model, user="band_contributions")
    band, low, high = _bands(transformer, edges)
    (seen,) = seen_recordings(transformer, classifier.n_crop_, [recording])
    part = np.zeros(seen.spectrogram.shape[1], dtype=int)
    values, label, logit = falls_if_hidden(seen, classifier, band, part, label)
    return BandContributions(low, high, values[:, 0], label, logit)


def _bands(
    transformer: Any, edges: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the group of each band of a spectrogram, and the edges of the groups."""
    rising = np.asarray(edges, dtype=float)
    if rising.ndim != 1 or not (np.diff(rising, prepend=0) > 0).all():
        raise ValueError(
            f"edges must be rising frequencies in Hz, above 0, got {rising.tolist()}."
        )
    f_min, f_max = transformer.f_min, transformer.f_max
    rising = rising[(rising > f_min) & (rising < f_max)]
    groups = np.searchsorted(rising, band_centres(transformer), side="right")
    used, band = np.unique(groups, return_inverse=True)
    inner = rising[used[1:] - 1]
    return band, np.r_[f_min, inner], np.r_[inner, f_max]
