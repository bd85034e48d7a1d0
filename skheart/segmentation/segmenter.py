"""The estimator that finds the phases of the beat in recordings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skheart._core.checks import check_number, check_option
from skheart._core.versions import VersionedEstimator
from skheart.audio.recordings import Recording, recordings_of
from skheart.segmentation import network
from skheart.segmentation.batches import joined
from skheart.segmentation.decoding import (
    Segmentation,
    checked_segments,
    decode_phases,
)
from skheart.segmentation.frames import (
    CLASSES,
    F_MAX,
    NONE,
    SAMPLE_RATE,
    WINDOW,
    decibels,
    frame_labels,
    levelled,
)
from skheart.segmentation.packaged import packaged
from skheart.segmentation.scores import PhaseScore, phase_score
from skheart.segmentation.training import train
from skheart.spectrogram.blas import single_blas_thread
from skheart.spectrogram.parallel import results_of

__all__ = ["HeartSoundSegmenter", "load_segmenter"]

_LONGEST_PART = 60_000  # frames that the network sees at once: ten minutes
_MARGIN = 200  # frames on each side that only serve as context


def load_segmenter(
    *,
    input_sample_rate: float | None = None,
    on_error: str = "raise",
    n_jobs: int | None = None,
) -> HeartSoundSegmenter:
    """Load the segmenter of the package.

    It was trained on the recordings of children and pregnant women of CirCor DigiScope,
    with noise added. Its attribute ``card_`` says on whom and how good it is.

    Parameters
    ----------
    input_sample_rate : float, default=None
        Rate of waveforms passed as arrays, in Hz. By default 2000.
    on_error : {"raise", "nan"}, default="raise"
        What to do with a recording that cannot be used; see `HeartSoundSegmenter`.
    n_jobs : int or None, default=None
        Number of threads. None means 1.

    Returns
    -------
    segmenter : HeartSoundSegmenter
        Fitted.

    See Also
    --------
    HeartSoundSegmenter : What it can do, and how to train one.

    Examples
    --------
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import load_segmenter
    >>> sounds = make_heart_sounds(1, classes="normal", duration=4.0, random_state=0)
    >>> start, end, phase = load_segmenter().predict(sounds.data)[0]
    >>> sorted(set(phase.tolist()))
    ['diastole', 's1', 's2', 'systole']
    """
    segmenter = HeartSoundSegmenter(
        input_sample_rate=input_sample_rate, on_error=on_error, n_jobs=n_jobs
    )
    segmenter._check_parameters()
    segmenter.weights_, segmenter.card_ = packaged()
    return segmenter


class HeartSoundSegmenter(VersionedEstimator):
    """Find the first sound, systole, second sound and diastole of each heartbeat.

    A small convolutional network gives the probability of each phase every 10 ms, and
    that of no heartbeat. A hidden semi-Markov model, whose durations come from the
    recording's own period, makes a sequence of phases of them [1]_. Stretches without a
    heartbeat have no segments, and neither has a recording that is silent.

    The network runs in numpy, in training too: TensorFlow is not needed.

    Parameters
    ----------
    input_sample_rate : float or None, default=None
        Rate of the waveforms passed as arrays, in Hz; sound files contain their own. By
        default, waveforms are expected to be at 2000 Hz.
    epochs : float, default=20
        How often training sees each annotated frame.
    batch_size : int, default=16
        Crops of 6.4 seconds in a step of the training.
    on_error : {"raise", "nan"}, default="raise"
        What to do with a recording that cannot be used, such as a damaged file.
        ``"nan"`` warns and returns an empty segmentation, and probabilities of NaN, of
        which all functions return NaN; training raises in any case.
    n_jobs : int or None, default=None
        Number of threads (or of joblib's workers, inside
        :func:`joblib.parallel_config`) that share the recordings. None means 1.
    random_state : int, RandomState instance or None, default=None
        Seed of the training.
    verbose : int, default=0
        Above 0, show a progress bar of the training on standard error.

    Attributes
    ----------
    weights_ : list of ndarray
        Of the network's layers, first to last.
    losses_ : list of float
        Mean loss in each tenth of the training; only after `fit`.
    card_ : dict
        What the segmenter of the package was trained on and how good it is; only of
        :func:`load_segmenter`.

    See Also
    --------
    load_segmenter : Load the trained segmenter of the package.
    heart_rate : Estimate the heart rate from the probabilities.
    RhythmTransformer : Compute figures of the rhythm of recordings.

    References
    ----------
    .. [1] D. B. Springer, L. Tarassenko, G. D. Clifford, "Logistic Regression-HSMM-
       based Heart Sound Segmentation", IEEE Transactions on Biomedical Engineering
       63(4), 2016. doi:10.1109/TBME.2015.2475278

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.segmentation import HeartSoundSegmenter
    >>> sounds = make_heart_sounds(4, classes="normal", random_state=0)
    >>> annotated = []
    >>> for s1, s2 in zip(sounds.beats, sounds.s2_onsets):
    ...     phase = np.array(["s1"] * len(s1) + ["s2"] * len(s2))
    ...     start = np.r_[s1, s2]
    ...     annotated.append((start, start + 0.1, phase))
    >>> segmenter = HeartSoundSegmenter(epochs=1, random_state=0)
    >>> segmenter.fit(sounds.data, annotated).predict_proba(sounds.data)[0].shape[1]
    5
    """

    def __init__(
        self,
        *,
        input_sample_rate: float | None = None,
        epochs: float = 20,
        batch_size: int = 16,
        on_error: str = "raise",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.input_sample_rate = input_sample_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.on_error = on_error
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def classes_(self) -> np.ndarray:
        """Names of the columns of `predict_proba`."""
        return np.array(CLASSES)

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms.
        y : sequence of (start, end, phase), of length n_recordings
            Segments of each recording, such as of
            :func:`skheart.datasets.read_segmentation`: starts and ends in seconds, and
            for each ``"s1"``, ``"systole"``, ``"s2"``,
            ``"diastole"`` or, where there is surely no heartbeat, ``"none"``. Other
            words, and what no segment covers, are not trained on.

        Returns
        -------
        self : HeartSoundSegmenter

        Raises
        ------
        ValueError
            If a parameter is wrong, `y` has another length than `X`, or nothing is
            annotated.
        RecordingError
            If a recording cannot be used.
        """
        self._check_parameters()
        check_number("epochs", self.epochs)
        check_number("batch_size", self.batch_size, integer=True)
        recordings = recordings_of(self, X, reset=True, check_finite=True)
        if y is None or len(y) != len(recordings):
            found = "None" if y is None else f"{len(y)}"
            raise ValueError(
                "y must hold one segmentation (start, end, phase) for each of the "
                f"{len(recordings)} recordings, got {found}."
            )
        read = results_of(
            partial(_decibels, self.input_sample_rate),
            recordings,
            on_error="raise",
            n_jobs=self.n_jobs,
            title="Spectrograms",
        )
        parts = [part for part, _ in read]
        labels = [
            _labels(segmentation, number, len(part))
            for number, (segmentation, part) in enumerate(zip(y, parts, strict=True))
        ]
        frames = joined(parts, labels)
        if not frames.beating.any():
            raise ValueError(
                "y must annotate heartbeats: none of its segments is called s1, "
                "systole, s2 or diastole."
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        with single_blas_thread():
            self.weights_, self.losses_ = train(
                frames,
                n_epochs=self.epochs,
                batch_size=self.batch_size,
                random=np.random.default_rng(seed),
                verbose=self.verbose,
            )
        if hasattr(self, "card_"):
            del self.card_
        return self

    def predict(self, X: Any) -> list[Segmentation]:
        """Find the phases of each recording.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms.

        Returns
        -------
        segmentations : list of Segmentation, of length n_recordings
            Tuples ``(start, end, phase)`` of arrays; start and end in seconds. They are
            empty where there is no heartbeat.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, unless ``on_error="nan"``.
        """
        return each(self, X, decode_phases)

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Compute the probability of each phase every 10 ms.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms.

        Returns
        -------
        probabilities : list of ndarray of shape (n_frames, 5), float32
            Frame ``k`` is centred at ``0.01 * k`` seconds; columns are `classes_`: s1,
            systole, s2, diastole and none. One frame of NaN where a recording cannot be
            used.

        Raises
        ------
        FileNotFoundError, IsADirectoryError, RecordingError
            If a recording cannot be used, unless ``on_error="nan"``.
        """
        return each(self, X, np.array)

    def score(self, X: Any, y: Any) -> float:
        """Compute the mean F1 of the onsets of first and second sounds, within 60 ms.

        Parameters
        ----------
        X : array-like of shape (n_recordings,) or (n_recordings, n_times)
            Paths or waveforms.
        y : sequence of (start, end, phase), of length n_recordings
            As in `fit`.

        Returns
        -------
        f1 : float
            Over the beats of all recordings together.
        """
        found = self.predict(X)
        totals = [PhaseScore(0, 0, 0), PhaseScore(0, 0, 0)]
        for true, predicted in zip(y, found, strict=True):
            totals = [
                total + phase_score(true, predicted, phase=phase)
                for total, phase in zip(totals, ("s1", "s2"), strict=True)
            ]
        return float(np.mean([total.f1 for total in totals]))

    def _check_parameters(self) -> None:
        check_number(
            "input_sample_rate", self.input_sample_rate, unit="Hz", optional=True
        )
        check_option("on_error", self.on_error, ("raise", "nan"))


def each(
    segmenter: HeartSoundSegmenter, X: Any, work: Callable[[np.ndarray], Any]
) -> list[Any]:
    """Return the result of `work` for the probabilities of each recording.

    With ``on_error="nan"``, warn of recordings that cannot be used; `work` gets one
    frame of NaN for them.
    """
    answers = answers_of(segmenter, X, work)
    errors = [error for _, error in answers if error]
    if errors:
        warnings.warn(
            f"{len(errors)} of {len(answers)} recordings cannot be used and have no "
            "segments: " + " ".join(errors[:3]) + (" ..." if len(errors) > 3 else ""),
            RuntimeWarning,
            stacklevel=3,
        )
    unusable = np.full((1, len(CLASSES)), np.nan, dtype=np.float32)
    return [work(unusable) if error else answer for answer, error in answers]


def answers_of(
    segmenter: HeartSoundSegmenter, X: Any, work: Callable[[np.ndarray], Any]
) -> list[tuple[Any, str]]:
    """Return the result of `work` for the probabilities of each recording; its error.

    With ``on_error="nan"``, the result is None where there is an error; else the error
    is "".
    """
    check_is_fitted(segmenter, "weights_")
    segmenter._check_parameters()
    strict = segmenter.on_error == "raise"
    recordings = recordings_of(segmenter, X, reset=False, check_finite=strict)
    rate = segmenter.input_sample_rate
    results = results_of(
        partial(_answer, segmenter.weights_, rate, work),
        recordings,
        on_error=segmenter.on_error,
        n_jobs=segmenter.n_jobs,
        title="Heartbeats",
    )
    return list(results)


def _answer(
    weights: network.Weights,
    input_sample_rate: float | None,
    work: Callable[[np.ndarray], Any],
    recording: Recording,
) -> Any:
    """Return the result of `work` for the probabilities of one recording."""
    return work(probabilities(weights, _decibels(input_sample_rate, recording)))


def waveform_of(input_sample_rate: float | None, recording: Recording) -> np.ndarray:
    """Read one recording at the rate of the network; zeros if it is silent."""
    return recording.load(
        sample_rate=SAMPLE_RATE,
        input_sample_rate=input_sample_rate,
        duration=None,
        window=WINDOW,
        f_max=F_MAX,
        allow_silence=True,
    )


def _decibels(input_sample_rate: float | None, recording: Recording) -> np.ndarray:
    """Read one recording and compute what the network sees."""
    return decibels(waveform_of(input_sample_rate, recording))


def probabilities(weights: network.Weights, decibels: np.ndarray) -> np.ndarray:
    """Return the probabilities of the phases of one recording.

    Long recordings are evaluated in parts, so that memory does not grow with them. A
    silent one surely contains no heartbeat.
    """
    if np.ptp(decibels) == 0:
        silent = np.zeros((len(decibels), len(CLASSES)), dtype=np.float32)
        silent[:, NONE] = 1
        return silent
    x = levelled(decibels)
    found = []
    for first in range(0, len(x), _LONGEST_PART):
        begin = max(0, first - _MARGIN)
        part = x[begin : first + _LONGEST_PART + _MARGIN]
        values = network.logits(weights, part[np.newaxis])[0]
        found.append(values[first - begin :][:_LONGEST_PART])
    return network.softmax(np.concatenate(found)).astype(np.float32)


def _labels(segmentation: Any, number: int, n_frames: int) -> np.ndarray:
    """Return the label of each frame of a recording, or raise."""
    try:
        return frame_labels(*checked_segments(segmentation), n_frames)
    except ValueError:
        raise ValueError(
            "y must hold a tuple (start, end, phase) of three arrays of one length for "
            f"each recording, got something else for recording {number}."
        ) from None
