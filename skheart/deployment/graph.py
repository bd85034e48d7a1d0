"""A fitted pipeline as one TensorFlow function: from a waveform to probabilities.

It contains only operations that other runtimes have, also LiteRT for microcontrollers.
The Fourier transform of the frames is a convolution with cosines and sines. What cannot
be classified becomes NaN: a confident answer for silence would be worse than none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal
import tensorflow as tf

from skheart.neural.classifier import CNNClassifier
from skheart.neural.windows import window_starts
from skheart.spectrogram.transformer import SpectrogramTransformer

_DECIBELS = np.float32(10 / np.log(10))
_FAR = np.float32(2.0**20)  # a peak is small below 1 / _FAR and large above _FAR
_ROUNDING = np.float32(1e-7)  # of values up to 1
_NOTHING = np.float32(1e-37)  # times any count, too small to change a probability
_TINY = np.finfo(np.float32).tiny


def waveform_graph(
    transformer: SpectrogramTransformer,
    classifier: CNNClassifier,
    *,
    n_times: int | None = None,
    windows: bool = False,
) -> Any:
    """Return a function that computes probabilities from one waveform.

    It takes `waveform` of shape (n_times,), of any length if `n_times` is None, float32
    at the transformer's `sample_rate`, and returns `probabilities` of shape
    (n_classes,); with `windows` also `window_probabilities` of shape (n_windows,
    n_classes), those of each window that the network sees. They are NaN if the waveform
    is shorter than a window, has NaN or infinite values, or is silent.
    """
    frames_of = _spectrogram_graph(transformer)
    longest, least = waveform_limits(transformer)
    n_frames, n_crop = transformer._job().n_frames, classifier.n_crop_
    model = classifier.model_

    def probabilities_of(waveform: Any) -> dict[str, Any]:
        x = waveform[:longest]
        frames = _filled(frames_of(x), n_frames, transformer.padding)
        crops = tf.gather(frames, _crop_frames(frames, n_crop))
        crops = tf.transpose(crops, [0, 2, 1])[..., tf.newaxis]
        logits = model(crops, training=False)
        bad = _unless_finite(x, axis=0) + _unless_negative(_spread(x) / _TINY - 1)
        if n_times is None:
            bad += _unless_negative(tf.cast(tf.size(x) - least, tf.float32))
        answers = {
            "probabilities": _probabilities(tf.reduce_mean(logits, axis=0)) + bad
        }
        if windows:
            answers["window_probabilities"] = _probabilities(logits) + bad
        return answers

    signature = [tf.TensorSpec([n_times], tf.float32, name="waveform")]
    return tf.function(probabilities_of, input_signature=signature)


def network_graph(
    classifier: CNNClassifier, *, n_crops: int | None = None, checked: bool = True
) -> Any:
    """Return a function that runs the network of a classifier alone.

    It takes `spectrogram` of shape (n_crops, n_bands, n_crop, n_channels), float32, any
    number of crops if `n_crops` is None, and returns `logits` of shape (n_crops,
    n_outputs). If `checked`, NaN and infinite values lead to NaN; int8 has no NaN.
    """
    model = classifier.model_

    def logits_of(spectrogram: Any) -> dict[str, Any]:
        logits = model(spectrogram, training=False)
        if checked:
            logits += _unless_finite(spectrogram, axis=[1, 2, 3])[:, tf.newaxis]
        return {"logits": logits}

    shape = (n_crops, *model.inputs[0].shape[1:])
    signature = [tf.TensorSpec(shape, tf.float32, name="spectrogram")]
    return tf.function(logits_of, input_signature=signature)


def _spectrogram_graph(transformer: SpectrogramTransformer) -> Callable[[Any], Any]:
    """Return a function from a waveform to its spectrogram, (n_frames, n_bands)."""
    job = transformer._job()
    settings = job.settings
    bins = slice(*settings.bins)
    time = np.arange(settings.n_window) - settings.n_window / 2
    angles = 2 * np.pi * np.outer(time, np.arange(*settings.bins)) / settings.n_fft
    taper = scipy.signal.get_window("hann", settings.n_window)[:, np.newaxis]
    waves = np.concatenate([taper * np.cos(angles), taper * np.sin(angles)], axis=1)
    waves = waves.astype(np.float32)[:, np.newaxis]
    filters = np.ascontiguousarray(settings.filters[:, bins].T)
    n_bins = len(filters)
    lead = settings.n_fft // 2 - (settings.n_fft - settings.n_window) // 2

    def frames_of(x: Any) -> Any:
        if job.normalize is not None:
            x = x / _scale(x)
            peak = tf.reduce_max(tf.abs(x))
            x = _standardized(x, axis=0, least=tf.maximum(_ROUNDING * peak, _TINY))
        n_frames = 1 + tf.size(x) // settings.n_hop
        after = settings.n_window + settings.n_hop
        x = tf.concat([tf.zeros([lead]), x, tf.zeros([after])], axis=0)
        x = x[tf.newaxis, :, tf.newaxis]
        x = tf.nn.conv1d(x, waves, stride=settings.n_hop, padding="VALID")
        x = tf.square(tf.reshape(x, [-1, 2 * n_bins])[:n_frames])
        x = tf.matmul(x[:, :n_bins] + x[:, n_bins:], filters)
        x = tf.math.log(tf.maximum(x, np.float32(settings.amin))) * _DECIBELS
        if job.normalize == "recording":
            x = _standardized(x, axis=[0, 1], least=1e-6)
        elif job.normalize == "band":
            x = _standardized(x, axis=[0], least=1e-6)
        if job.dtype == "float16":
            x = tf.cast(tf.cast(x, tf.float16), tf.float32)
        return x

    return frames_of


def waveform_limits(transformer: SpectrogramTransformer) -> tuple[int | None, int]:
    """Return how many values of a waveform are used, and how many it must have.

    All values are used if the first is None. A waveform must fill one window, unless
    the transformer uses less.
    """
    job = transformer._job()
    if job.duration is None:
        return None, job.settings.n_window
    longest = max(1, round(job.duration * job.settings.sample_rate))
    return longest, min(longest, job.settings.n_window)


def _probabilities(logits: Any) -> Any:
    """Return class probabilities, (..., n_classes), of logits (..., n_outputs)."""
    if logits.shape[-1] == 1:
        positive = tf.sigmoid(logits)
        return tf.concat([1 - positive, positive], axis=-1)
    return tf.nn.softmax(logits)


def _spread(x: Any) -> Any:
    """Return the difference between the largest and the smallest value."""
    return tf.reduce_max(x) + tf.reduce_max(-x)


def _unless_finite(x: Any, *, axis: Any) -> Any:
    """Return almost 0, or NaN if a value is NaN or infinite.

    There are no comparisons: not every runtime can turn their results into numbers.
    """
    size = tf.abs(x)
    return tf.reduce_sum(size / (size + 1), axis=axis) * _NOTHING


def _unless_negative(number: Any) -> Any:
    """Return 0, or NaN if a number is negative, because its root is NaN."""
    return tf.sqrt(tf.minimum(number, 0))


def _scale(x: Any) -> Any:
    """Return 1, or for a very small or very large peak the divisor that it needs.

    Otherwise, the squares of the values would be 0 or infinite in float32.
    """
    peak = tf.reduce_max(tf.abs(x))
    small = tf.minimum(peak * _FAR, np.float32(1))
    return tf.maximum(tf.maximum(small, peak / _FAR), _TINY)


def _standardized(x: Any, *, axis: Any, least: Any) -> Any:
    """Subtract the mean, and divide by the standard deviation.

    Equal values become zeros, in every runtime: the second mean removes what rounding
    left of them, and deviations below `least` are rounding, not sound.
    """
    for _ in range(2):
        x = x - tf.reduce_mean(x, axis=axis, keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(tf.square(x), axis=axis, keepdims=True))
    return x / tf.maximum(deviation, least)


def _filled(frames: Any, n_frames: int | None, padding: str) -> Any:
    """Fill a spectrogram, (any, n_bands), to `n_frames` if that is fixed."""
    if n_frames is None or frames.shape[0] == n_frames:
        return frames
    place = tf.range(n_frames)
    n_own = tf.shape(frames)[0]
    filled = tf.gather(frames, place % n_own)
    if padding == "constant":
        own = (place < n_own)[:, tf.newaxis]
        filled = tf.where(own, filled, tf.reduce_min(frames))
    return filled


def _crop_frames(frames: Any, n_crop: int) -> Any:
    """Return the indices of the frames in each crop, (n_crops, n_crop)."""
    within = tf.range(n_crop)[tf.newaxis]
    if frames.shape[0] is not None:
        n_frames = frames.shape[0]
        starts = tf.constant(window_starts(max(n_frames, n_crop), n_crop))
        return (starts[:, tf.newaxis] + within) % n_frames
    # The same as `window_starts`, in double precision as in Python.
    n_frames = tf.shape(frames)[0]
    spare = tf.maximum(n_frames, n_crop) - n_crop
    spared = tf.cast(spare, tf.float64)
    steps = tf.maximum(tf.math.ceil((spared - n_crop / 10) / (n_crop / 2)), 0)
    several = tf.range(tf.cast(steps, tf.int32) + 1)
    several = tf.cast(several, tf.float64) * spared / tf.maximum(steps, 1)
    starts = tf.where(steps > 0, tf.cast(tf.round(several), tf.int32), spare // 2)
    return (starts[:, tf.newaxis] + within) % n_frames
