"""CNNClassifier: a scikit-learn classifier that trains a Keras network."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Self

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skheart._core.decisions import Decision, labels_of
from skheart._core.versions import stamped, unstamped
from skheart.neural.batches import TrainingBatches
from skheart.neural.building import (
    compiled_network,
    held_by_scikeras,
    record_of,
    restored_network,
    start_from,
)
from skheart.neural.calibration import calibrated
from skheart.neural.early_stopping import EarlyStopping
from skheart.neural.graphs import Forward, plain_names
from skheart.neural.inputs import check_spectrograms, check_training_data, fitted_to
from skheart.neural.losses import AUROCLoss, gives_probabilities, resolve_loss
from skheart.neural.network_record import StoredNetwork, not_recorded
from skheart.neural.parameters import (
    check_parameters,
    warn_of_training_again,
    warn_of_unused,
)
from skheart.neural.split import validation_split
from skheart.neural.threads import limit_threads
from skheart.neural.training import encoded_targets, train_network
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
    mean of its logits over half-overlapping windows of them. A recording of any length
    is one sample.

    Parameters
    ----------
    network : {"compact", "deep_stethoscope"} or callable, default="compact"
        The network: a name, or a function that returns an uncompiled functional Keras
        model with `n_outputs` logits. The function can take any of the keyword
        arguments ``n_bands, n_frames, n_channels, n_outputs, dropout, l2``.
    weights : str, CNNClassifier, Pipeline or None, default=None
        Start from a trained network in place of a new one (fine-tuning): the name of a
        pretrained model (:func:`~skheart.pretrained.model_names`), or a fitted
        classifier or pipeline (inside a search, in a
        :class:`sklearn.frozen.FrozenEstimator`). The layer of the logits is kept if
        `y` has the same classes, and new if it has others. `network`, `crop_frames`
        and `l2` are then ignored, with a warning. The spectrograms must be like those
        that the network was trained on. A tenth of the usual `learning_rate` works
        well.
    loss : str, keras.losses.Loss or callable, default="crossentropy"
        ``"crossentropy"`` (binary or categorical, by the number of classes),
        ``"auroc"`` (:class:`~skheart.neural.AUROCLoss`), a loss of Keras that can work
        on logits (one with a `from_logits` setting has it turned on), or a function of
        the targets and the logits.
    optimizer : str or keras.optimizers.Optimizer, default="adamw"
        Name or class of a Keras optimizer, or an instance, which is copied and keeps
        its own settings instead of the next three parameters.
    learning_rate : float, default=0.002
        Maximum learning rate.
    schedule : {"cosine", None}, default="cosine"
        ``"cosine"`` raises the learning rate over the first tenth of the steps and
        lowers it to 0 until the last. None keeps it constant.
    weight_decay : float, default=0.01
        Decay of the kernels in each step, as a share of the learning rate.
    epochs : int, default=20
        Number of times that each recording is trained on.
    batch_size : int, default=32
        Maximum number of recordings in a batch.
    crop_frames : int or None, default=250
        Frames in a crop for training and in a window for prediction: 5 s with the
        default hop of 20 ms. None, or more than the spectrograms have, uses whole ones.
    dropout : float, default=0.3
        Dropout of the network.
    l2 : float or None, default=None
        L2 penalty on the kernels of the network. None takes the network's own: 0.001
        for ``"deep_stethoscope"``, 0 for others.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss.
    augment : float or bool, default=0.0
        Strength of the variation of training crops: a smooth gain over the bands,
        masked bands and frames. 1 (or True) is strong; it helps small data sets.
    validation : float or splitter of scikit-learn, default=0.2
        The part for early stopping, used with `patience`: a share of the patients, at
        most 0.5, or a splitter, such as
        :class:`~sklearn.model_selection.StratifiedGroupKFold`, whose first split is
        taken.
    patience : int or None, default=None
        Stop when the AUROC of the validation part has not risen for this many epochs,
        and restore the best weights. None trains for all `epochs` on all recordings.
    callbacks : list of keras.callbacks.Callback or None, default=None
        Called at the begin and the end of training and of each epoch. The logs hold
        ``"loss"`` and, with `patience`, ``"val_auroc"``; ``self.model.stop_training =
        True`` stops after the epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds the weights, the order, the crops, the augmentation, dropout and the
        validation part. None draws a seed with NumPy's global generator. Global random
        numbers are not used otherwise, unless a `network` of your own draws them while
        it is built: Keras does, with Python's :mod:`random`, for each layer without a
        seed. They do not change the result.
    checkpoint : str, os.PathLike or None, default=None
        Folder in which the state after each epoch is kept. A fit with the same data,
        parameters and seed resumes with identical results; other fits ignore it. It
        needs a `random_state`, and no loss, optimizer or layers of your own. Remove
        the folder when you no longer need it.
    verbose : int, default=0
        Above 0, show a progress bar on standard error.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : keras.Model
        The trained network, from ``(n, n_bands, n_crop_, n_channels)`` to logits.
    keras_classifier_ : scikeras.wrappers.KerasClassifier
        What built and holds the network in `fit`; not kept in files. Do not use its
        `predict`, which takes logits for probabilities.
    history_ : dict of str to list of float
        ``"loss"`` by epoch, and with `patience` ``"val_auroc"``.
    n_features_in_ : int
        Number of bands, or of columns for two-dimensional `X`.
    n_crop_ : int
        Frames in a window.
    input_shape_ : tuple of int
        Shape of one spectrogram in `fit`: ``(n_bands, n_frames, n_channels)``.
    training_ : dict
        What the network was trained on, as far as it is recorded: ``"parts"``, one for
        each training, and ``"complete"``, whether these are all. `fit` records
        nothing but the parts of `weights`.

    decision_ : Decision
        The threshold of `predict`, if one was chosen (``skheart tune``, or by saving a
        :class:`sklearn.model_selection.FixedThresholdClassifier`), and how the
        recordings of a patient are pooled. After `fit` it is the most probable class.

    See Also
    --------
    SpectrogramTransformer : Computes the spectrograms from recordings.

    Notes
    -----
    A loss other than cross-entropy, such as ``"auroc"`` or a hinge, does not train
    probabilities. After training with it, the logits are scaled and shifted (Platt's
    method) on the validation part, or on the training part if there is none.

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

    _loaded = False  # from a file or the package; a clone keeps it until `fit`

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
        validation: Any = 0.2,
        patience: int | None = None,
        callbacks: Any = None,
        random_state: Any = None,
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
        self.validation = validation
        self.patience = patience
        self.callbacks = callbacks
        self.random_state = random_state
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
            :class:`~skheart.spectrogram.CachedSpectrograms`, :class:`numpy.memmap` and
            arrays of float16 batches are read as they are needed: there is no copy.
        y : array-like of shape (n_recordings,)
            Labels: strings, bools or integers.
        sample_weight : array-like of shape (n_recordings,), default=None
            Weights of the recordings in the loss.
        groups : array-like of shape (n_recordings,), default=None
            The patient of each recording, so that none is in both the training and the
            validation part. By default each recording counts as one patient.

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
        if self._loaded and not self.__sklearn_is_fitted__():
            warn_of_training_again()
        self._loaded = False
        # Results are stored last: a fit that fails leaves the classifier unfitted.
        self._forget()
        check_parameters(self.get_params(deep=False))
        warn_of_unused(self.get_params(deep=False))
        data, classes = check_training_data(
            self, X, y, sample_weight, groups=groups, class_weight=self.class_weight
        )
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        limit_threads(None)
        start, crop_frames = None, self.crop_frames
        if self.weights is not None:
            start = start_from(self.weights)
            data, crop_frames = fitted_to(start, data), start.n_crop
        n_bands, n_frames, n_channels = data.X.shape[1:]
        n_crop = min(crop_frames or n_frames, n_frames)
        loss = resolve_loss(self.loss, len(classes))

        train, held_out, stopping = data, data, None
        if self.patience is not None:
            parts = validation_split(
                data.codes, groups, validation=self.validation, seed=seed
            )
            train, held_out = (data.only(rows) for rows in parts)
            stopping = EarlyStopping(held_out, n_crop, self.patience)
        batches = TrainingBatches(
            train,
            encoded_targets(train.codes, loss, len(classes)),
            batch_size=self.batch_size,
            n_crop=n_crop,
            augment=float(self.augment),
            seed=seed,
            stratified=isinstance(loss, AUROCLoss),
        )
        build = partial(
            compiled_network,
            self.network if start is None else start,
            input_shape=(n_bands, n_crop, n_channels),
            classes=classes.tolist(),
            dropout=self.dropout,
            l2=self.l2,
            loss=loss,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            seed=seed,
        )
        with plain_names():
            holder = held_by_scikeras(
                build, loss, (len(classes), n_bands, n_crop, n_channels)
            )
            model = holder.model_
            history = train_network(
                model,
                build,
                batches,
                loss=loss,
                optimizer=self.optimizer,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                schedule=self.schedule,
                epochs=self.epochs,
                stopping=stopping,
                checkpoint=self.checkpoint,
                callbacks=list(self.callbacks or []),
                verbose=self.verbose,
            )
        if not gives_probabilities(loss):
            logits = windowed_logits(Forward(model), held_out.X, n_crop)
            model = calibrated(model, logits, held_out.codes, held_out.weights)

        holder.model_ = holder.model = model
        holder.history_ = history
        self.keras_classifier_, self.history_ = holder, history
        self.classes_, self.n_crop_ = classes, n_crop
        self.input_shape_ = (n_bands, n_frames, n_channels)
        self.training_ = not_recorded() if start is None else start.continued()
        self.decision_ = Decision()
        self._hold(model)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each recording: the most probable, or by a threshold.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Labels of `classes_`.
        """
        return labels_of(self.predict_proba(X), self.classes_, self.decision_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

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
        """Return the mean logit over the windows of each recording; for two classes.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        logits : ndarray of shape (n_recordings,), float32
            Positive where the second class of `classes_` is the more probable one.
        """
        logits = self._logits(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]

    def _restore(self, record: StoredNetwork) -> Self:
        """Become fitted with the network of a record."""
        self._forget()
        self.classes_ = np.array(record.classes)
        self.n_crop_, self.n_features_in_ = record.n_crop, record.n_bands
        self.input_shape_ = (record.n_bands, record.n_crop, record.n_channels)
        self.history_, self.training_ = {"loss": []}, record.training
        self.decision_ = record.decision
        self._loaded = True
        self._hold(restored_network(record))
        return self

    def _record(self) -> StoredNetwork:
        """Return the record of the fitted network."""
        return record_of(
            self.model_,
            classes=self.classes_.tolist(),
            n_crop=self.n_crop_,
            training=self.training_,
            decision=self.decision_,
        )

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted copy. That of a loaded classifier warns in `fit`."""
        copy = super().__sklearn_clone__()
        copy._loaded = self._loaded
        return copy

    def _forget(self) -> None:
        """Remove the results of an earlier fit."""
        for name in [*vars(self)]:
            if name.endswith("_") or name == "_forward":
                delattr(self, name)

    def _hold(self, model: keras.Model) -> None:
        self.model_, self._forward = model, Forward(model)

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = check_spectrograms(self, X, self.input_shape_)
        logits = windowed_logits(self._forward, X, self.n_crop_)
        if not np.isfinite(logits).all():
            first = int(np.argmin(np.isfinite(logits).all(axis=1)))
            raise ValueError(
                f"The network computes NaN or infinite logits for recording {first}: "
                "its weights or the spectrogram are too large. Check the spectrogram, "
                "or train again with a lower learning_rate."
            )
        return logits

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without Keras objects: the network as plain data."""
        state = dict(super().__getstate__())
        if "model_" in state:
            state["_record"] = vars(self._record())
        for name in ("_forward", "model_", "keras_classifier_"):
            state.pop(name, None)
        return stamped(state, Keras=keras.__version__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the network again."""
        state = unstamped(self, state, Keras=keras.__version__)
        record = state.pop("_record", None)
        super().__setstate__(state)
        if record is not None:
            self._hold(restored_network(StoredNetwork(**record)))

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
