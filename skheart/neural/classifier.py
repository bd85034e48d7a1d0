"""CNNClassifier: a scikit-learn classifier that trains a Keras network."""

from __future__ import annotations

import functools
import os
import warnings
from typing import Any, Self

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skheart._core.checks import check_number, check_option
from skheart._core.versions import stamped, unstamped
from skheart.neural.batches import TrainingBatches, split_patients
from skheart.neural.building import (
    build_network_of,
    built_with_seed,
    start_from,
    train_network_of,
)
from skheart.neural.graphs import Forward
from skheart.neural.inputs import (
    check_lengths,
    check_spectrograms,
    check_spectrograms_and_labels,
    combined_weights,
    only,
)
from skheart.neural.losses import (
    AUROCLoss,
    gives_probabilities,
    resolve_loss,
)
from skheart.neural.stored import pack_network, unpack_network
from skheart.neural.threads import limit_threads
from skheart.neural.training import (
    EarlyStopping,
    calibrated,
    encoded_targets,
)
from skheart.neural.windows import probabilities, windowed_logits

__all__ = ["CNNClassifier"]


def _has_two_classes(classifier: CNNClassifier) -> bool:
    classes = getattr(classifier, "classes_", ())
    if len(classes) > 2:
        raise AttributeError(
            f"decision_function is for two classes, got {len(classes)} in fit; use "
            "predict_proba."
        )
    return True


class CNNClassifier(ClassifierMixin, BaseEstimator):
    """Classify spectrograms with a convolutional network.

    The network is trained on random crops of the spectrograms, and predicts from the
    mean of its logits over half-overlapping windows of them, so that recordings of any
    length are one sample each, for scikit-learn and for the user.

    Parameters
    ----------
    network : {"compact", "deep_stethoscope"} or callable, default="compact"
        The network: a name of :mod:`skheart.neural`, or a function that builds an
        uncompiled functional Keras model with `n_outputs` logits from those of the
        words ``n_bands, n_frames, n_channels, n_outputs, dropout, l2`` that it takes.
    weights : str, CNNClassifier, Pipeline or None, default=None
        Start from a trained network in place of a new one (fine-tuning): the name of a
        pretrained model (:func:`~skheart.pretrained.model_names`), or a fitted
        classifier or pipeline (inside a search, in a
        :class:`sklearn.frozen.FrozenEstimator`). The layer that gives the logits stays
        where `y` has the same classes and is new where it has others. `network`,
        `crop_frames` and `l2` are then not looked at; the spectrograms must be like
        those that the network was trained on. A tenth of the usual `learning_rate`
        does well.
    loss : str, keras.losses.Loss or callable, default="crossentropy"
        ``"crossentropy"`` (binary or categorical, by the number of classes),
        ``"auroc"`` (:class:`~skheart.neural.AUROCLoss`), a loss of Keras that can work
        on logits (one with a `from_logits` setting has it turned on), or a function of
        the targets and the logits.
    optimizer : str or keras.optimizers.Optimizer, default="adamw"
        Name or class of a Keras optimizer, or an instance, which is copied and keeps
        its own settings in place of the three that follow.
    learning_rate : float, default=0.002
        Highest learning rate.
    schedule : {"cosine", None}, default="cosine"
        ``"cosine"`` raises the learning rate over the first tenth of the steps and
        lowers it to 0 until the last. None keeps it.
    weight_decay : float, default=0.01
        Decay of the kernels in each step, as a share of the learning rate.
    epochs : int, default=20
        How often each recording is seen.
    batch_size : int, default=32
        Recordings a step, at most.
    crop_frames : int or None, default=250
        Frames in a crop for training and in a window for prediction: 5 s with the
        default hop of 20 ms. None, or more than there are, takes whole spectrograms.
    dropout : float, default=0.3
        Dropout of the network.
    l2 : float or None, default=None
        L2 penalty on the kernels of the network. None takes the network's own: 0.001
        for ``"deep_stethoscope"``, 0 for others.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss.
    augment : float or bool, default=0.0
        Strength with which the training crops are varied: a smooth gain over the bands,
        masked bands and frames. 1 (or True) is strong; it helps small data sets.
    validation_fraction : float, default=0.2
        Share of the patients set apart for early stopping; used with `patience`.
    patience : int or None, default=None
        Stop when the AUROC of the validation part has not risen for this many epochs,
        and go back to the best. None trains for all `epochs` on all recordings.
    random_state : int, RandomState instance or None, default=None
        Seeds the weights, the order, the crops, the augmentation, dropout and the
        validation part. Global seeds are left as they are.
    n_threads : int or None, default=None
        Threads that TensorFlow computes with in this process. They are fixed when it
        first computes something. By default as many as OMP_NUM_THREADS says, which
        joblib sets in its workers, else all cores.
    checkpoint : str, os.PathLike or None, default=None
        Folder in which the state after each epoch is kept. A fit with the same data,
        parameters and seed goes on from there, also from a finished one, and gives what
        it would have given; others do not look at it. It needs a `random_state`, and
        no loss, optimizer or layers of your own. Remove the folder when all is done.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : keras.Model
        The trained network, from ``(n, n_bands, n_crop_, n_channels)`` to logits.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        What built and holds the network. Its own `predict` knows nothing of logits.
    history_ : dict of str to list of float
        ``"loss"`` by epoch, and with `patience` ``"val_auroc"``.
    n_features_in_ : int
        Number of bands, or of columns for two-dimensional `X`.
    n_crop_ : int
        Frames in a window.
    input_shape_ : tuple of int
        Shape of one spectrogram in `fit`: ``(n_bands, n_frames, n_channels)``.

    See Also
    --------
    SpectrogramTransformer : Turns recordings into what this classifier takes.

    Notes
    -----
    A loss other than cross-entropy, such as ``"auroc"`` or a hinge, does not say what
    is a probability. After training with it, the logits are scaled and shifted (Platt's
    method) on the validation part, or on the training part where there is none.

    Examples
    --------
    >>> from skheart import CNNClassifier, SpectrogramTransformer
    >>> from skheart.datasets import make_heart_sounds
    >>> sounds = make_heart_sounds(40, random_state=0)
    >>> X = SpectrogramTransformer(duration=5.0).fit_transform(sounds.data)
    >>> classifier = CNNClassifier(epochs=2, random_state=0).fit(X, sounds.target)
    >>> classifier.predict_proba(X).shape
    (40, 2)
    """

    def __init__(
        self,
        *,
        network: Any = "compact",
        weights: Any = None,
        loss: Any = "crossentropy",
        optimizer: Any = "adamw",
        learning_rate: float = 2e-3,
        schedule: str | None = "cosine",
        weight_decay: float = 1e-2,
        epochs: int = 20,
        batch_size: int = 32,
        crop_frames: int | None = 250,
        dropout: float = 0.3,
        l2: float | None = None,
        class_weight: Any = None,
        augment: float = 0.0,
        validation_fraction: float = 0.2,
        patience: int | None = None,
        random_state: Any = None,
        n_threads: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.weights = weights
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.crop_frames = crop_frames
        self.dropout = dropout
        self.l2 = l2
        self.class_weight = class_weight
        self.augment = augment
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.n_threads = n_threads
        self.checkpoint = checkpoint
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames), \
                (n_recordings, n_bands, n_frames, n_channels) or \
                (n_recordings, n_bands)
            Spectrograms; two-dimensional ones are taken to have one frame. From
            :class:`~skheart.spectrogram.CachedSpectrograms` and :class:`numpy.memmap`
            batches are read as they are needed.
        y : array-like of shape (n_recordings,)
            Labels: strings, bools or integers.
        sample_weight : array-like of shape (n_recordings,), default=None
            Weights of the recordings in the loss.
        groups : array-like of shape (n_recordings,), default=None
            The patient of each recording, so that none is in both the training and the
            validation part. By default each recording is a patient of its own.

        Returns
        -------
        self : CNNClassifier

        Raises
        ------
        ValueError
            If a parameter is out of range, if `y`, `sample_weight` or `groups` have
            another length than `X`, if `y` (or the validation part) holds one class, or
            if training diverges.
        """
        try:
            return self._fit(X, y, sample_weight, groups)
        except BaseException:
            # A fit that fails leaves the classifier unfitted, not half of two fits.
            self._forget()
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any, groups: Any) -> Self:
        self._check_parameters()
        self._forget()
        check_lengths(X, y=y, sample_weight=sample_weight, groups=groups)
        X, y = check_spectrograms_and_labels(self, X, y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                "y must hold at least two classes, got one class: "
                f"{self.classes_.tolist()[0]!r}."
            )
        weights = combined_weights(X, y, sample_weight, self.class_weight)
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        if self.checkpoint is not None and self.random_state is None:
            warnings.warn(
                "checkpoint needs random_state: without it every fit is another one, "
                "and none goes on.",
                RuntimeWarning,
                stacklevel=3,
            )
        limit_threads(self.n_threads)

        train = np.arange(len(X))
        stopping = None
        start = None if self.weights is None else start_from(self.weights)
        if start is not None:
            X = start.fitting(X)
        n_frames = X.shape[2]
        longest = start.n_crop if start else self.crop_frames
        self.n_crop_ = min(longest or n_frames, n_frames)
        self.input_shape_ = X.shape[1:]
        if self.patience is not None:
            if groups is None:
                warnings.warn(
                    f"patience={self.patience} without groups takes each recording to "
                    "be of another patient; pass the patients as groups, so that none "
                    "is in both the training and the validation part.",
                    UserWarning,
                    stacklevel=3,
                )
            train, held_out = split_patients(
                codes, groups, fraction=self.validation_fraction, seed=seed
            )
            stopping = EarlyStopping(
                only(X, held_out),
                codes[held_out],
                None if weights is None else weights[held_out],
                n_crop=self.n_crop_,
                patience=self.patience,
            )
        loss = resolve_loss(self.loss, n_classes)
        batches = TrainingBatches(
            X if len(train) == len(X) else only(X, train),
            encoded_targets(codes, loss, n_classes)[train],
            sample_weight=None if weights is None else weights[train],
            codes=codes[train] if isinstance(loss, AUROCLoss) else None,
            batch_size=self.batch_size,
            n_crop=self.n_crop_,
            augment=float(self.augment),
            seed=seed,
        )
        # Keras draws its seeds here and none in training.
        build = functools.partial(
            build_network_of,
            self,
            loss,
            n_bands=X.shape[1],
            n_channels=X.shape[3],
            start=start,
        )
        holder = built_with_seed(build, seed)
        history = train_network_of(self, holder, loss, batches, stopping, seed=seed)
        model = holder.model_
        if not gives_probabilities(loss):
            part = train if stopping is None else held_out
            logits = windowed_logits(Forward(model), only(X, part), self.n_crop_)
            ones = np.ones(len(X)) if weights is None else weights
            model = calibrated(model, logits, codes[part], ones[part])
        self.history_ = holder.history_ = history
        self.keras_classifier_ = holder
        self._hold(model)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give the most probable class of each recording.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Of the labels in `classes_`.
        """
        logits = self._logits(X)
        if logits.shape[1] == 1:
            return self.classes_[(logits[:, 0] > 0).astype(int)]
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        probabilities : ndarray of shape (n_recordings, n_classes), float32
            Columns are in the order of `classes_`.
        """
        return probabilities(self._logits(X))

    @available_if(_has_two_classes)
    def decision_function(self, X: Any) -> np.ndarray:
        """Give the mean logit over the windows of each recording; for two classes.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        logits : ndarray of shape (n_recordings,), float32
            Of the second class: positive where it is the more probable one.
        """
        logits = self._logits(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]

    def _check_parameters(self) -> None:
        check_number("learning_rate", self.learning_rate)
        check_option("schedule", self.schedule, ("cosine", None))
        check_number("weight_decay", self.weight_decay, closed="left")
        check_number("epochs", self.epochs, integer=True)
        check_number("batch_size", self.batch_size, integer=True)
        check_number("crop_frames", self.crop_frames, integer=True, optional=True)
        check_number("dropout", self.dropout, high=1, closed="left")
        check_number("l2", self.l2, closed="left", optional=True)
        check_number("patience", self.patience, integer=True, optional=True)
        check_number("n_threads", self.n_threads, integer=True, optional=True)
        check_number(
            "validation_fraction", self.validation_fraction, high=0.5, closed="right"
        )
        if not isinstance(self.checkpoint, str | os.PathLike | None):
            raise ValueError(
                f"checkpoint must name a folder or be None, got {self.checkpoint!r}."
            )
        if not isinstance(self.augment, bool | np.bool_):
            check_number("augment", self.augment, closed="left")

    def _restore(self, weights: Any = None) -> Self:
        """Be fitted, with the network and the classes of `weights`."""
        start = start_from(self.weights if weights is None else weights)
        self.classes_ = np.array(start.classes)
        self.n_crop_, self.n_features_in_ = start.n_crop, start.n_bands
        self.input_shape_ = (start.n_bands, start.n_crop, start.n_channels)
        loss = resolve_loss(self.loss, len(self.classes_))
        holder = build_network_of(
            self, loss, n_bands=start.n_bands, n_channels=start.n_channels, start=start
        )
        self.history_ = holder.history_ = {"loss": []}
        self.keras_classifier_ = holder
        self._hold(holder.model_)
        return self

    def _forget(self) -> None:
        """Drop all that an earlier fit has learned."""
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        vars(self).pop("_forward", None)

    def _hold(self, model: keras.Model) -> None:
        """Make `model` the network, here and in the SciKeras classifier."""
        self.model_ = model
        self._forward = Forward(model)
        self.keras_classifier_.model_ = self.keras_classifier_.model = model

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return windowed_logits(self._forward, check_spectrograms(self, X), self.n_crop_)

    def __getstate__(self) -> dict[str, Any]:
        """Give the state without Keras objects: the network as JSON and arrays."""
        state = {k: v for k, v in super().__getstate__().items() if k != "_forward"}
        state = stamped(state, Keras=keras.__version__)
        if "model_" not in state:
            return state
        holder, model = state.pop("keras_classifier_"), state.pop("model_")
        return state | {"_network": pack_network(model, holder)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again."""
        state = unstamped(self, state, Keras=keras.__version__)
        network = state.get("_network")
        # Parameters that versions before did not have.
        state = {"checkpoint": None} | state
        super().__setstate__({k: v for k, v in state.items() if k != "_network"})
        if network is not None:
            model, self.keras_classifier_ = unpack_network(network)
            self._hold(model)

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
