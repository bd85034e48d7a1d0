"""The transformer from recordings to their quality."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin

from skheart._core.checks import check_number
from skheart._core.versions import VersionedEstimator
from skheart.audio.recordings import Recording, recordings_of
from skheart.audio.waveform import RecordingError
from skheart.quality.assessment import Quality, assessed
from skheart.quality.indices import QUALITY_INDICES
from skheart.segmentation.frames import F_MAX, SAMPLE_RATE, WINDOW
from skheart.spectrogram.parallel import results_of

__all__ = ["QualityTransformer"]


class QualityTransformer(TransformerMixin, VersionedEstimator):
    """Turn recordings into their quality and its indices.

    Nothing is learned in `fit`. A recording that cannot be used, such as one that is
    silent, damaged or shorter than a second, has the quality 0, and NaN as indices.

    Parameters
    ----------
    input_sample_rate : float or None, default=None
        Rate of waveforms passed as arrays, in Hz; sound files contain their own. By
        default 2000.
    n_jobs : int or None, default=None
        Number of threads. None means 1.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of each recording; only after `fit` on a two-dimensional array.

    See Also
    --------
    assess_quality : The same for one waveform, with reasons.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.quality import QualityTransformer
    >>> sounds = make_heart_sounds(3, random_state=0)
    >>> quality = QualityTransformer().fit_transform(sounds.data)
    >>> quality.shape
    (3, 16)
    >>> QualityTransformer().get_feature_names_out()[:2].tolist()
    ['quality', 'periodicity']
    """

    def __init__(
        self,
        *,
        input_sample_rate: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.input_sample_rate = input_sample_rate
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:
        """Check the parameters and the type of `X`; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `transform`. Files are not opened here.
        y : None
            Ignored.

        Returns
        -------
        self : QualityTransformer
        """
        self._check_parameters()
        recordings_of(self, X, reset=True, check_finite=False)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Compute the quality and its indices.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms, as for :meth:`SpectrogramTransformer.transform`.

        Returns
        -------
        features : ndarray of shape (n_recordings, 16), float64
            The quality, 0 to 1, and the indices of `QUALITY_INDICES`. The quality is 0
            and the indices are NaN for a recording that cannot be used.

        Raises
        ------
        FileNotFoundError, IsADirectoryError
            If there is no such file.
        ValueError
            If a parameter or the shape of `X` is wrong.
        """
        return np.array(
            [[found.quality, *found.indices.values()] for found in self.assess(X)]
        )

    def assess(self, X: Any) -> list[Quality]:
        """Assess the quality of each recording, with reasons.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            As for `transform`.

        Returns
        -------
        qualities : list of Quality, of length n_recordings
            As :func:`assess_quality` returns them.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, ValueError
            As `transform`.
        """
        self._check_parameters()
        recordings = recordings_of(self, X, reset=False, check_finite=False)
        found = results_of(
            partial(_assessed, self.input_sample_rate),
            recordings,
            on_error="raise",
            n_jobs=self.n_jobs,
            title="Quality",
        )
        return [quality for quality, _ in found]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of shape (16,), object
            ``"quality"`` and `QUALITY_INDICES`.
        """
        return np.array(["quality", *QUALITY_INDICES], dtype=object)

    def _check_parameters(self) -> None:
        check_number(
            "input_sample_rate", self.input_sample_rate, unit="Hz", optional=True
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags


def _assessed(input_sample_rate: float | None, recording: Recording) -> Quality:
    """Return the quality of one recording."""
    try:
        waveform, rate = recording.original(
            sample_rate=SAMPLE_RATE,
            input_sample_rate=input_sample_rate,
            duration=None,
            window=WINDOW,
            f_max=F_MAX,
            allow_silence=True,
        )
    except RecordingError as error:
        return Quality(0.0, (str(error),), dict.fromkeys(QUALITY_INDICES, np.nan))
    return assessed(waveform, rate)
