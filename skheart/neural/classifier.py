"""CNNClassifier: a scikit-learn classifier that trains a Keras network."""

from __future__ import annotations

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
from skheart._core.decisions import labels_of
from skheart._core.progress import progress_bar
from skheart._core.versions import stamped, unstamped
from skheart.neural.batches import TrainingBatches
from skheart.neural.building import (
    check_keras_settings,
    held_by_scikeras,
    record_of,
    restored_network,
    start_from,
    started_network,
)
from skheart.neural.calibration import calibrated
from skheart.neural.checkpoint import Checkpoint, fingerprint
from skheart.neural.early_stopping import EarlyStopping
from skheart.neural.graphs import (
    Forward,
    Trainer,
    architecture,
    plain_names,
    trainer_of,
)
from skheart.neural.inputs import (
    check_lengths,
    check_spectrograms,
    check_spectrograms_and_labels,
    combined_weights,
    only,
    repeated,
)
from skheart.neural.losses import (
    AUROCLoss,
    gives_probabilities,
    n_outputs,
    resolve_loss,
)
from skheart.neural.networks import build_network, default_l2
from skheart.neural.seeds import global_random_unchanged, with_seeds
from skheart.neural.split import validation_split
from skheart.neural.stored import StoredNetwork, not_recorded
from skheart.neural.threads import limit_threads
from skheart.neural.training import (
    encoded_targets,
    learning_rates,
    make_optimizer,
    train_network,
    training_key,
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
        validation part. Global random numbers are neither used nor changed.
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
            :class:`~skheart.spectrogram.CachedSpectrograms` and :class:`numpy.memmap`
            batches are read as they are needed.
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
        if len(self.classes_) < 2:
            raise ValueError(
                "y must hold at least two classes, got one class: "
                f"{self.classes_.tolist()[0]!r}."
            )
        weights = combined_weights(X, y, sample_weight, self.class_weight)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        limit_threads(None)
        start = None if self.weights is None else start_from(self.weights)
        if start is not None:
            self._warn_of_ignored()
            X = _fitting(X, start)
        self.training_ = not_recorded() if start is None else start.continued()
        longest = self.crop_frames if start is None else start.n_crop
        self.n_crop_ = min(longest or X.shape[2], X.shape[2])
        self.input_shape_ = X.shape[1:]

        train = part = np.arange(len(X))
        stopping = None
        if self.patience is not None:
            train, part = validation_split(
                codes, groups, validation=self.validation, seed=seed
            )
            stopping = EarlyStopping(
                only(X, part),
                codes[part],
                None if weights is None else weights[part],
                n_crop=self.n_crop_,
                patience=self.patience,
            )
        loss = resolve_loss(self.loss, len(self.classes_))
        batches = TrainingBatches(
            X if len(train) == len(X) else only(X, train),
            encoded_targets(codes, loss, len(self.classes_))[train],
            sample_weight=None if weights is None else weights[train],
            codes=codes[train] if isinstance(loss, AUROCLoss) else None,
            batch_size=self.batch_size,
            n_crop=self.n_crop_,
            augment=float(self.augment),
            seed=seed,
        )
        with plain_names():
            model = self._trained(loss, batches, stopping, start, seed)
        if not gives_probabilities(loss):
            logits = windowed_logits(Forward(model), only(X, part), self.n_crop_)
            ones = np.ones(len(X)) if weights is None else weights
            model = calibrated(model, logits, codes[part], ones[part])
        self.keras_classifier_.model_ = self.keras_classifier_.model = model
        self._hold(model)
        return self

    def _trained(
        self,
        loss: Any,
        batches: TrainingBatches,
        stopping: EarlyStopping | None,
        start: StoredNetwork | None,
        seed: int,
    ) -> keras.Model:
        """Build a network and train it; set `history_` and `keras_classifier_`."""
        n_bands, _, n_channels = self.input_shape_
        n_logits = n_outputs(loss, len(self.classes_))

        def build() -> keras.Model:
            if start is not None:
                model = started_network(
                    start,
                    classes=self.classes_.tolist(),
                    n_outputs=n_logits,
                    dropout=self.dropout,
                    seed=seed,
                )
            else:
                with global_random_unchanged():
                    model = build_network(
                        self.network,
                        n_bands=n_bands,
                        n_frames=self.n_crop_,
                        n_channels=n_channels,
                        n_outputs=n_logits,
                        dropout=self.dropout,
                        l2=default_l2(self.network) if self.l2 is None else self.l2,
                    )
                model = with_seeds(model, seed)
            optimizer = make_optimizer(
                self.optimizer,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
            )
            # XLA makes these networks slower on processors without an accelerator.
            model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
            return model

        shape = (len(self.classes_), n_bands, self.n_crop_, n_channels)
        holder = held_by_scikeras(build, loss, shape)
        model = holder.model_
        n_targets = batches.targets.shape[1]
        key = training_key(model, loss, self.optimizer, (self.weight_decay, n_targets))

        def make() -> Trainer:
            # What is kept for later fits is another network than the user's.
            kept = model if key is None else build()
            same = kept is model or architecture(kept) == key[0]
            return Trainer(kept if same else model, n_targets)

        rates = None
        if not isinstance(self.optimizer, keras.optimizers.Optimizer):
            n_steps = self.epochs * len(batches)
            rates = learning_rates(self.learning_rate, self.schedule, n_steps)
        checkpoint = self._checkpoint(model, batches, stopping, rates)
        callbacks = list(self.callbacks or [])
        with (
            trainer_of(key, model, make) as trainer,
            progress_bar(
                "Training", total=self.epochs, shown=self.verbose > 0, unit="epochs"
            ) as advance,
        ):
            try:
                losses = train_network(
                    trainer,
                    batches,
                    epochs=self.epochs,
                    rates=rates,
                    stopping=stopping,
                    checkpoint=checkpoint,
                    callbacks=callbacks,
                    advance=advance,
                )
            finally:
                for callback in callbacks:
                    callback.set_model(None)  # it is not the user's network
        self.history_ = {"loss": losses}
        if stopping is not None:
            self.history_["val_auroc"] = stopping.scores
        self.keras_classifier_ = holder
        holder.history_ = self.history_
        return model

    def _checkpoint(
        self, model: Any, batches: TrainingBatches, stopping: Any, rates: Any
    ) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        if self.random_state is None:
            warnings.warn(
                "checkpoint needs random_state: without it each fit draws a new seed, "
                "so no saved state matches.",
                RuntimeWarning,
                stacklevel=5,
            )
        settings = {"epochs": self.epochs, "rates": rates}
        name = fingerprint(model, self.loss, batches, stopping, settings)
        if name is None:
            warnings.warn(
                "checkpoint has no effect with a loss, an optimizer or layers of your "
                "own, whose code can change under the same name.",
                RuntimeWarning,
                stacklevel=5,
            )
            return None
        return Checkpoint(self.checkpoint, name)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each recording.

        Parameters
        ----------
        X : array-like of shape (n_recordings, n_bands, n_frames[, n_channels])
            Spectrograms with the bands of `fit` and any number of frames.

        Returns
        -------
        y : ndarray of shape (n_recordings,)
            Labels of `classes_`.
        """
        return labels_of(self.predict_proba(X), self.classes_)

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
        if isinstance(self.validation, bool) or not hasattr(self.validation, "split"):
            check_number("validation", self.validation, high=0.5, closed="right")
        kind = keras.callbacks.Callback
        callbacks = [] if self.callbacks is None else self.callbacks
        if not isinstance(callbacks, list | tuple) or not all(
            isinstance(callback, kind) for callback in callbacks
        ):
            raise ValueError(
                "callbacks must be a list of keras.callbacks.Callback or None, got "
                f"{self.callbacks!r}."
            )
        check_keras_settings()
        if not isinstance(self.checkpoint, str | os.PathLike | None):
            raise ValueError(
                f"checkpoint must name a folder or be None, got {self.checkpoint!r}."
            )
        if not isinstance(self.augment, bool | np.bool_):
            check_number("augment", self.augment, closed="left")

    def _warn_of_ignored(self) -> None:
        defaults = {"network": "compact", "crop_frames": 250, "l2": None}
        ignored = [name for name in defaults if getattr(self, name) != defaults[name]]
        if ignored:
            warnings.warn(
                f"{', '.join(ignored)} have no effect with weights, whose network is "
                "used as it is; leave them at their defaults.",
                UserWarning,
                stacklevel=4,
            )

    def _restore(self, record: StoredNetwork) -> Self:
        """Become fitted with the network of a record."""
        self._forget()
        self.classes_ = np.array(record.classes)
        self.n_crop_, self.n_features_in_ = record.n_crop, record.n_bands
        self.input_shape_ = (record.n_bands, record.n_crop, record.n_channels)
        self.history_, self.training_ = {"loss": []}, record.training
        self._hold(restored_network(record))
        return self

    def _record(self) -> StoredNetwork:
        """Return the record of the fitted network."""
        return record_of(
            self.model_,
            classes=self.classes_.tolist(),
            n_crop=self.n_crop_,
            training=self.training_,
        )

    def _forget(self) -> None:
        """Remove the results of an earlier fit."""
        for name in [*vars(self)]:
            if name.endswith("_") or name == "_forward":
                delattr(self, name)

    def _hold(self, model: keras.Model) -> None:
        self.model_, self._forward = model, Forward(model)

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = check_spectrograms(self, X)
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


def _fitting(X: Any, start: StoredNetwork) -> Any:
    """Check spectrograms against a start, and repeat those shorter than a crop."""
    if (X.shape[1], X.shape[3]) != (start.n_bands, start.n_channels):
        raise ValueError(
            f"X must hold spectrograms of {start.n_bands} bands and "
            f"{start.n_channels} channels, as the network of weights was trained on, "
            f"got {X.shape[1]} bands and {X.shape[3]} channels; compute them with the "
            "transformer that belongs to it."
        )
    return repeated(X, start.n_crop) if X.shape[2] < start.n_crop else X
