"""How much a network's answer depends on each part of a spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from skheart._core.checks import check_number, check_option
from skheart.inspection.windows import (
    SeenRecording,
    band_centres,
    parts_of,
    positive_of,
    seen_recordings,
    towards,
)

__all__ = ["OcclusionMap", "occlusion_map"]

_BATCH = 64  # windows in a call of the network


@dataclass(frozen=True)
class OcclusionMap:
    """How much the logit falls if a part of the spectrogram is hidden.

    Attributes
    ----------
    times : ndarray of shape (n_times,)
        Middles of the parts, in seconds.
    frequencies : ndarray of shape (n_bands,)
        Middles of the parts, in Hz.
    values : ndarray of shape (n_bands, n_times)
        The fall of the logit of `positive`; negative where it rises.
    positive : label
        The class whose logit it is.
    logit : float
        That of the whole recording.
    """

    times: np.ndarray
    frequencies: np.ndarray
    values: np.ndarray
    positive: Any
    logit: float


def occlusion_map(
    model: Any,
    recording: Any,
    *,
    time_step: float = 0.1,
    n_bands: int = 8,
    label: Any = None,
) -> OcclusionMap:
    """Compute how much the logit falls if a part of the spectrogram is hidden.

    Each part of the spectrogram, of some frames and bands, is replaced by the mean of
    its bands over the recording, and the network is run again.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        Fitted: a :class:`~skheart.SpectrogramTransformer` and a
        :class:`~skheart.CNNClassifier` with any network.
    recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
        What :meth:`~skheart.SpectrogramTransformer.transform` takes as one entry.
    time_step : float, default=0.1
        Length of a part, in seconds.
    n_bands : int, default=8
        Number of parts over the frequencies, at most the bands of the spectrogram.
    label : label, default=None
        The class whose logit is meant. By default the positive one of two classes, or
        the most probable one of more.

    Returns
    -------
    occlusion : OcclusionMap
        The logit of a class is that of its probability, ``log(p / (1 - p))``.

    Raises
    ------
    ValueError
        If `model` is another kind of estimator or a parameter is out of range.
    FileNotFoundError, IsADirectoryError, RecordingError
        If the recording cannot be used.

    See Also
    --------
    band_contributions : Hides a frequency band in the whole recording.
    frame_contributions : Exact, faster, over time only; for the compact network.

    Notes
    -----
    The falls do not add up to the logit: what is heard in every beat is still heard if
    one beat is hidden. A hidden part is itself something that the network has never
    heard; small values mean little.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional
       Networks", ECCV, 2014. doi:10.1007/978-3-319-10590-1_53

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.inspection import occlusion_map
    >>> sounds = make_heart_sounds(1, duration=5.0, random_state=0)
    >>> model = load_pretrained("murmur")
    >>> occlusion_map(model, sounds.data[0], time_step=0.5, n_bands=2).values.shape
    (2, 11)
    """
    transformer, classifier = parts_of(model, user="occlusion_map")
    check_number("time_step", time_step, unit="seconds")
    check_number(
        "n_bands", n_bands, high=transformer.n_bands, closed="right", integer=True
    )
    (seen,) = seen_recordings(transformer, classifier.n_crop_, [recording])
    n_frames = seen.spectrogram.shape[1]
    length = max(1, round(time_step / seen.hop))
    part = np.arange(n_frames) // length
    band = np.arange(transformer.n_bands) * n_bands // transformer.n_bands
    values, label, logit = falls_if_hidden(seen, classifier, band, part, label)
    return OcclusionMap(
        _means(np.arange(n_frames) * seen.hop, part),
        _means(band_centres(transformer), band),
        values,
        label,
        logit,
    )


def falls_if_hidden(
    seen: SeenRecording, classifier: Any, band: np.ndarray, part: np.ndarray, label: Any
) -> tuple[np.ndarray, Any, float]:
    """Return how much the logit of a class falls if each part is hidden.

    The falls have the shape (n_bands, n_parts). The class, given or by default, and the
    logit of the whole recording are returned with them.
    """
    classes = classifier.classes_.tolist()
    if label is not None:
        check_option("label", label, tuple(classes))
    n_outputs = classifier.model_.output_shape[-1]
    logits, changes = _changes(seen, classifier._forward, n_outputs, band, part)
    if label is None:
        label = positive_of(classifier)
    if label is None:
        label = classes[int(np.argmax(logits))]
    whole = _log_odds(logits, classes, label)
    return whole - _log_odds(logits + changes, classes, label), label, float(whole)


def _means(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the mean of the values of each group."""
    return np.bincount(groups, weights=values) / np.bincount(groups)


def _changes(
    seen: SeenRecording,
    forward: Any,
    n_outputs: int,
    band: np.ndarray,
    part: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean logits, and how hiding each part changes them.

    The changes have the shape (n_bands, n_parts, n_outputs). Only windows that contain
    a part are computed again.
    """
    n_bands, n_windows = band.max() + 1, len(seen.places)
    means = seen.spectrogram.mean(axis=1)
    logits = np.zeros(n_outputs)
    changes = np.zeros((n_bands, part.max() + 1, n_outputs))
    for number, places in enumerate(seen.places):
        window = seen.windows(slice(number, number + 1))
        whole = forward(window)[0].astype(np.float64) / n_windows
        logits += whole
        parts = part[places]
        cells = [(group, one) for one in np.unique(parts) for group in range(n_bands)]
        for first in range(0, len(cells), _BATCH):
            some = cells[first : first + _BATCH]
            hidden = np.repeat(window, len(some), axis=0)
            for copy, (group, one) in zip(hidden, some, strict=True):
                rows = np.flatnonzero(band == group)
                copy[np.ix_(rows, parts == one)] = means[rows, np.newaxis, np.newaxis]
            for cell, values in zip(some, forward(hidden), strict=True):
                changes[cell] += values / n_windows - whole
    return logits, changes


def _log_odds(logits: np.ndarray, classes: list[Any], label: Any) -> np.ndarray:
    """Return the logit of a class's probability, (...), of logits (..., n_outputs)."""
    if len(classes) == 2:
        return towards(logits, classes, label)
    place = classes.index(label)
    others = np.delete(logits, place, axis=-1)
    return logits[..., place] - logsumexp(others, axis=-1)
