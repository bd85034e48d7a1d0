"""A recording as the windows in which a network sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skheart.audio.recordings import recordings_of
from skheart.metrics.positive_classes import positive_class
from skheart.spectrogram.bands import band_edges, fill_frames
from skheart.spectrogram.transformer import SpectrogramTransformer


@dataclass(frozen=True)
class SeenRecording:
    """The spectrogram of a recording, and the windows of it that the network sees."""

    spectrogram: np.ndarray  # (n_bands, n_frames), float32
    places: np.ndarray  # (n_windows, n_crop): the frame of the spectrogram
    hop: float  # seconds from one frame to the next

    def windows(self, rows: slice) -> np.ndarray:
        """Return some of the windows, (n, n_bands, n_crop, 1)."""
        windows = np.moveaxis(self.spectrogram[:, self.places[rows]], 1, 0)
        return np.ascontiguousarray(windows)[..., np.newaxis]


def parts_of(model: Any, *, user: str) -> tuple[SpectrogramTransformer, Any]:
    """Return the transformer and the classifier of a fitted pipeline, or raise."""
    from skheart.neural.classifier import CNNClassifier  # imports TensorFlow

    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else []
    expected = (SpectrogramTransformer, CNNClassifier)
    if len(steps) != 2 or not all(map(isinstance, steps, expected)):
        got = [type(step).__name__ for step in steps] or type(model).__name__
        raise ValueError(
            "model must be a Pipeline of a SpectrogramTransformer and a CNNClassifier "
            f"for {user}, got {got}; of a search, pass best_estimator_."
        )
    check_is_fitted(steps[1])
    return steps[0], steps[1]


def seen_recordings(
    transformer: SpectrogramTransformer, n_crop: int, X: Any
) -> Iterator[SeenRecording]:
    """Yield each recording as the network sees it.

    Short recordings are repeated; a frame then has several places in the windows.
    """
    from skheart.neural.windows import window_starts

    transformer = clone(transformer).set_params(
        flatten=False, on_error="raise", lazy=False, verbose=0
    )
    job = transformer._job()
    hop = job.settings.n_hop / job.settings.sample_rate
    for recording in recordings_of(transformer, X, reset=True, check_finite=True):
        spectrogram = job.spectrogram(recording).astype(np.float32, copy=False)
        n_own = spectrogram.shape[1]
        n_filled = job.n_frames or n_own
        if job.padding == "constant" and n_filled > n_own:
            filled = np.empty((len(spectrogram), n_filled), dtype=np.float32)
            fill_frames(filled, spectrogram, padding="constant")
            spectrogram = filled
        # What is filled and then repeated, as far as one window at least.
        frames = np.arange(max(n_filled, n_crop)) % n_filled % spectrogram.shape[1]
        starts = window_starts(len(frames), n_crop)
        places = np.stack([frames[start : start + n_crop] for start in starts])
        yield SeenRecording(spectrogram, places, hop)


def band_centres(transformer: SpectrogramTransformer) -> np.ndarray:
    """Return the middle of each band of a transformer, in Hz."""
    return band_edges(
        transformer.n_bands, transformer.f_min, transformer.f_max, transformer.scale
    )[1:-1]


def positive_of(classifier: Any) -> Any:
    """Return the positive class of a classifier; None if there are more than two.

    Where neither its decision nor the words of the classes say it, it is the second.
    """
    classes = classifier.classes_.tolist()
    if len(classes) > 2:
        return None
    if classifier.decision_.positive is not None:
        return classifier.decision_.positive
    try:
        return positive_class(classes)
    except ValueError:
        return classes[1]


def towards(values: np.ndarray, classes: list[Any], positive: Any) -> np.ndarray:
    """Return values for each logit, (..., n_outputs), as those for a positive class."""
    if values.shape[-1] == 2:
        values = values[..., 1:] - values[..., :1]
    second = values[..., 0]
    return second if positive == classes[1] else -second
