"""Pretrained pipelines."""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from skheart.neural.classifier import CNNClassifier
from skheart.neural.packaged_networks import read_network
from skheart.spectrogram.transformer import SpectrogramTransformer

__all__ = ["load_pretrained"]


def load_pretrained(name: str = "murmur") -> Pipeline:
    """Load a pretrained pipeline; its weights are inside the package.

    It takes paths of sound files, or waveforms once the sampling rate has been set:
    ``load_pretrained().set_params(spectrogram__input_sample_rate=4000)``.

    Parameters
    ----------
    name : str, default="murmur"
        What the model distinguishes: ``"murmur"`` (murmur, normal), ``"abnormal"``
        (abnormal, normal), ``"murmur3"`` (Absent, Present, Unknown) or ``"pascal"``
        (artifact, extrahls, extrasystole, murmur, normal).
        :func:`~skheart.pretrained.model_card` states its training data, its accuracy
        and what it must not be used for.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        Fitted: ``spectrogram`` (:class:`~skheart.SpectrogramTransformer`) and ``cnn``
        (:class:`~skheart.CNNClassifier`). Fitting it again starts from the same
        weights: fine-tuning. A clone of it, such as scikit-learn fits to choose a
        threshold, warns: wrap the pipeline in a
        :class:`sklearn.frozen.FrozenEstimator` to keep its network.

    Raises
    ------
    ValueError
        If there is no pretrained model of that name, or its file is damaged.

    See Also
    --------
    CNNClassifier : Its `weights` start from a pretrained model.

    Notes
    -----
    The probabilities hold for classes that are equally common (for ``"murmur3"``:
    classes weighted as in the challenge). Where few patients have a murmur, choose a
    threshold on recordings of your own.

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
    saved = read_network(name)
    classifier = CNNClassifier(weights=name)._restore(saved.network)
    return Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(**saved.spectrogram)),
            ("cnn", classifier),
        ]
    )
