"""The logit of a recording as a sum over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skheart.inspection.windows import (
    SeenRecording,
    parts_of,
    positive_of,
    seen_recordings,
    towards,
)

__all__ = ["Contributions", "frame_contributions"]

_BATCH = 64  # windows in a call of the network


@dataclass(frozen=True)
class Contributions:
    """What each frame of a recording adds to its logit.

    Attributes
    ----------
    times : ndarray of shape (n_frames,)
        Middles of the frames, in seconds.
    values : ndarray of shape (n_frames,) or (n_frames, n_classes)
        Of two classes, what each frame adds to the logit of `positive`. Of more
        classes, what it adds to the logit of each.
    bias : float or ndarray of shape (n_classes,)
        The part of the logit that is the same for every recording:
        ``values.sum(axis=0) + bias`` is the logit.
    positive : label or None
        The positive class; None if there are more than two classes.
    classes : ndarray of shape (n_classes,)
        The labels, in the order of `classes_`.
    """

    times: np.ndarray
    values: np.ndarray
    bias: float | np.ndarray
    positive: Any
    classes: np.ndarray

    @property
    def logit(self) -> float | np.ndarray:
        """The logit of the recording, or that of each class."""
        return self.values.sum(axis=0) + self.bias


def frame_contributions(model: Any, X: Any) -> list[Contributions]:
    """Compute what each frame of the spectrogram adds to the logit of a recording.

    The compact network weights frames by attention and sums them, so that its logit is
    exactly a sum over frames. Windows of a recording overlap and their logits are
    averaged; the contribution of a frame is the mean over its windows.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        Fitted: a :class:`~skheart.SpectrogramTransformer` and a
        :class:`~skheart.CNNClassifier` with the network ``"compact"``, such as any of
        :func:`~skheart.load_pretrained`.
    X : array-like of shape (n_recordings,) or (n_recordings, n_times)
        Recordings, as for the pipeline.

    Returns
    -------
    contributions : list of Contributions, of length n_recordings
        One for each recording. Those of a recording that is repeated to fill a window
        are added up.

    Raises
    ------
    ValueError
        If `model` is another kind of estimator, or its network is not compact.
    FileNotFoundError, IsADirectoryError, RecordingError
        If a recording cannot be used.

    See Also
    --------
    occlusion_map : For any network, over time and frequency.
    phase_contributions : How much lies in each phase of the heartbeat.

    Notes
    -----
    The network sees eight frames as one, which is 160 ms by default, and each of these
    also depends on 0.3 s before and after it. A contribution says which part of
    the recording counted, but not to the millisecond, and not whether the network was
    right.

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.inspection import frame_contributions
    >>> sounds = make_heart_sounds(2, duration=6.0, random_state=0)
    >>> found = frame_contributions(load_pretrained("murmur"), sounds.data)[0]
    >>> found.values.shape, found.positive
    ((301,), 'murmur')
    """
    from skheart.neural.attention import (
        FrameShares,
        NotCompactError,
    )  # imports TensorFlow

    transformer, classifier = parts_of(model, user="frame_contributions")
    try:
        shares = FrameShares(classifier.model_)
    except NotCompactError as error:
        raise ValueError(
            "frame_contributions needs the compact network, whose logits are sums over "
            f"frames, got another one ({error}); use occlusion_map."
        ) from None
    classes, positive = classifier.classes_, positive_of(classifier)
    bias: Any = shares.bias
    if positive is not None:
        bias = float(towards(bias, classes.tolist(), positive))
    found = []
    for seen in seen_recordings(transformer, classifier.n_crop_, X):
        values = _summed(seen, shares)
        if positive is not None:
            values = towards(values, classes.tolist(), positive)
        times = np.arange(len(values)) * seen.hop
        found.append(Contributions(times, values, bias, positive, classes))
    return found


def _summed(seen: SeenRecording, shares: Any) -> np.ndarray:
    """Return what each frame adds to the mean logits, (n_frames, n_outputs)."""
    n_windows = len(seen.places)
    summed = np.zeros((seen.spectrogram.shape[1], len(shares.bias)))
    for first in range(0, n_windows, _BATCH):
        rows = slice(first, first + _BATCH)
        np.add.at(summed, seen.places[rows], shares(seen.windows(rows)) / n_windows)
    return summed
