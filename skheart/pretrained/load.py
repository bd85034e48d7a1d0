"""Pretrained pipelines."""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from skheart.neural.classifier import CNNClassifier
from skheart.neural.packaged import read_network
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["load_pretrained"]


def load_pretrained(name: str = "murmur") -> Pipeline:
    """Give a pipeline that has been trained, from the weights inside the package.

    It takes paths of sound files, or waveforms once the sampling rate has been set:
    ``load_pretrained().set_params(spectrogram__input_sample_rate=4000)``.

    Parameters
    ----------
    name : str, default="murmur"
        What it tells apart: ``"murmur"`` (murmur, normal), ``"abnormal"`` (abnormal,
        normal), ``"murmur3"`` (Absent, Present, Unknown) or ``"pascal"`` (artifact,
        extrahls, extrasystole, murmur, normal).
        :func:`~skheart.pretrained.model_card` says on what it was trained, how well it
        does and where it must not be used.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        Fitted: ``spectrogram`` (:class:`~skheart.SpectrogramTransformer`) and ``cnn``
        (:class:`~skheart.CNNClassifier`). Fitting it again starts from the same
        weights: fine-tuning.

    Raises
    ------
    ValueError
        If there is no pretrained model of that name, or its file is damaged.

    See Also
    --------
    CNNClassifier : Its `weights` start from a pretrained model.

    Notes
    -----
    The probabilities are those of classes that are equally common (of ``"murmur3"``:
    that weigh as in the challenge). Where few have a murmur, choose a threshold on
    recordings of your own.

    Examples
    --------
    >>> from skheart import load_pretrained
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(4, random_state=0)
    >>> pipeline = load_pretrained("murmur")
    >>> _ = pipeline.set_params(spectrogram__input_sample_rate=sounds.sample_rate)
    >>> pipeline.predict_proba(sounds.data).shape
    (4, 2)
    """
    network = read_network(name)
    classifier = CNNClassifier(weights=name)._restore()
    classifier.training_ = network.training
    return Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(**network.spectrogram)),
            ("cnn", classifier),
        ]
    )
