"""The transformer from recordings to figures of their rhythm."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skheart.segmentation.rhythm import RHYTHM_FEATURES, rhythm_features
from skheart.segmentation.segmenter import HeartSoundSegmenter, each, load_segmenter

__all__ = ["RhythmTransformer"]


class RhythmTransformer(TransformerMixin, BaseEstimator):
    """Turn recordings into figures of their rhythm, such as for a `FeatureUnion`.

    Nothing is learned in `fit`. Figures of recordings with too few beats are NaN: put a
    :class:`sklearn.impute.SimpleImputer` behind it, or an estimator that takes NaN.

    Parameters
    ----------
    segmenter : HeartSoundSegmenter or None, default=None
        A fitted segmenter. None is that of the package.
    input_sample_rate : float or None, default=None
        Rate of waveforms passed as arrays, in Hz, for the segmenter of the package. By
        default 2000.
    on_error : {"raise", "nan"}, default="raise"
        What the segmenter of the package does with a recording that cannot be used.
        ``"nan"`` warns and returns NaN for it.
    n_jobs : int or None, default=None
        Number of threads of the segmenter of the package. None means 1.

    See Also
    --------
    rhythm_features : The same for the probabilities of one recording.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import RhythmTransformer
    >>> sounds = make_heart_sounds(3, random_state=0)
    >>> RhythmTransformer().fit_transform(sounds.data).shape
    (3, 18)
    """

    def __init__(
        self,
        segmenter: HeartSoundSegmenter | None = None,
        *,
        input_sample_rate: float | None = None,
        on_error: str = "raise",
        n_jobs: int | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.input_sample_rate = input_sample_rate
        self.on_error = on_error
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing but return the transformer.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Ignored.
        y : None
            Ignored.

        Returns
        -------
        self : RhythmTransformer
        """
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the figures.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms.

        Returns
        -------
        features : ndarray of shape (n_recordings, 18)
            See :func:`rhythm_features`.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, unless ``on_error="nan"``.
        """
        segmenter = self.segmenter
        if segmenter is None:
            segmenter = load_segmenter(
                input_sample_rate=self.input_sample_rate,
                on_error=self.on_error,
                n_jobs=self.n_jobs,
            )
        return np.array(each(segmenter, X, rhythm_features))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of shape (18,), object
        """
        return np.array(RHYTHM_FEATURES, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.allow_nan = False
        return tags
