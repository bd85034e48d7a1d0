"""Test CNNClassifier with other losses, optimizers and augmentation."""

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from skheart import CNNClassifier
from skheart.neural import AUROCLoss
from skheart.neural.batches import TrainingBatches, augment, stratified_batches
from skheart.neural.calibration import calibrated
from skheart.neural.graphs import Forward
from skheart.neural.windows import windowed_logits


def light_network(n_bands, n_frames, n_channels, n_outputs, dropout):
    """Build a network that is much faster to compile than the built-in ones."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((1, n_frames))(inputs))
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def quick(**parameters):
    settings = {"epochs": 4, "batch_size": 8, "crop_frames": 20, "random_state": 0}
    settings |= {"network": light_network, "learning_rate": 0.1}
    return CNNClassifier(**settings | parameters)


def test_auroc_batches_hold_every_class():
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.r_[np.zeros(60, int), np.ones(3, int), [2]])
    for batch in stratified_batches(codes, 8, rng):
        assert set(codes[batch]) == {0, 1, 2}
    used = np.concatenate(stratified_batches(codes, 8, rng))
    assert set(used) == set(range(64)), "all recordings must be used"


def test_auroc_loss_uses_such_batches(data, monkeypatch):
    X, codes = data
    codes = (np.arange(48) < 3).astype(int)
    seen = []
    get = TrainingBatches.__getitem__

    def record_batch(self, index):
        batch = get(self, index)
        seen.append(set(batch[1].ravel()))
        return batch

    monkeypatch.setattr(TrainingBatches, "__getitem__", record_batch)
    quick(loss="auroc", batch_size=6, epochs=3).fit(X, codes)
    assert len(seen) >= 24
    assert all(classes == {0.0, 1.0} for classes in seen)


def test_auroc_loss_yields_probabilities(data):
    X, codes = data
    classifier = quick(loss="auroc", epochs=12).fit(X[:36], codes[:36])
    assert classifier.score(X[36:], codes[36:]) > 0.7
    mean = classifier.predict_proba(X[:36])[:, 1].mean()
    assert mean == pytest.approx(codes[:36].mean(), abs=0.1)


def test_calibration_keeps_the_order_and_fits_the_rate(fitted, data):
    X, _ = data
    logits = fitted.decision_function(X)[:, np.newaxis]
    codes = (np.random.default_rng(0).random(48) < 0.2).astype(int)
    model = calibrated(fitted.model_, logits, codes, np.ones(48))
    after = windowed_logits(Forward(model), X[..., np.newaxis], 20)
    # Rounding can make near ties equal, but must not change the order.
    assert (np.diff(after[np.argsort(logits[:, 0]), 0]) >= 0).all()
    assert np.ptp(after) > 1e-3
    rate = 1 / (1 + np.exp(-after[:, 0]))
    smoothed = (codes.sum() + 1) / 50
    assert rate.mean() == pytest.approx(smoothed, abs=0.03)


@pytest.mark.parametrize(
    "loss",
    [
        *("bce", "mse", "mae", "hinge", "squared_hinge", "huber", "log_cosh"),
        *("binary_focal_crossentropy", "categorical_hinge"),
        keras.losses.binary_crossentropy,
        keras.losses.mean_squared_error,
        keras.losses.CategoricalCrossentropy(name="another_name"),
    ],
    ids=lambda loss: getattr(loss, "__name__", getattr(loss, "name", loss)),
)
def test_any_loss_can_be_used(data, loss):
    X, codes = data
    codes = np.where(np.arange(48) < 40, codes, 0)  # classes of unequal size
    classifier = quick(loss=loss, epochs=15).fit(X, codes)
    assert classifier.score(X, codes) > 0.85
    assert roc_auc_score(codes, classifier.predict_proba(X)[:, 1]) > 0.9


def test_a_function_as_loss_gets_logits(data):
    X, codes = data

    def loss(targets, logits):
        return keras.ops.softplus(-(2 * targets - 1) * logits)

    assert quick(loss=loss, epochs=12).fit(X, codes).score(X, codes) > 0.85


class OwnLoss(keras.losses.Loss):
    """A loss that Keras does not know by name."""

    def call(self, y_true, y_pred):
        return keras.ops.square(keras.ops.cast(y_true, "float32") - y_pred)


def test_a_loss_of_the_users_own_with_a_built_in_network(data):
    X, codes = data
    classifier = quick(loss=OwnLoss(), network="compact", epochs=2).fit(X, codes)
    assert np.isfinite(classifier.predict_proba(X)).all()
    tuned = CNNClassifier(loss=OwnLoss(), epochs=1, weights=classifier, random_state=0)
    assert np.isfinite(tuned.fit(X, codes).predict_proba(X)).all()


def test_loss_instance(data):
    X, codes = data
    instance = AUROCLoss(surrogate="squared_hinge", margin=2.0)
    classifier = clone(quick(loss=instance, epochs=12)).fit(X, codes)
    assert classifier.loss.margin == 2.0
    assert roc_auc_score(codes, classifier.decision_function(X)) > 0.9


def test_optimizer_class(data):
    X, codes = data
    classifier = quick(optimizer=keras.optimizers.Adam, epochs=1).fit(X, codes)
    assert type(classifier.keras_classifier_.model_.optimizer).__name__ == "Adam"


def test_optimizer_instance_is_copied(data):
    X, codes = data
    optimizer = keras.optimizers.SGD(0.05, momentum=0.8)
    classifier = quick(optimizer=optimizer, epochs=1).fit(X, codes)
    assert not optimizer.built
    used = classifier.keras_classifier_.model_.optimizer
    assert type(used) is keras.optimizers.SGD
    assert used.momentum == pytest.approx(0.8)


def test_augmentation_changes_training_only(data):
    X, codes = data
    a = quick(augment=1.0, epochs=2).fit(X, codes)
    b = quick(augment=0.0, epochs=2).fit(X, codes)
    assert a.history_["loss"] != b.history_["loss"]
    for classifier in (a, b):
        p = classifier.predict_proba(X)
        np.testing.assert_array_equal(classifier.predict_proba(X), p)


def test_augmentation_masks_and_changes_the_gain():
    X = np.random.default_rng(0).standard_normal((200, 12, 50, 1))
    X = X.astype(np.float32)
    varied = augment(X.copy(), 1.0, np.random.default_rng(1))
    assert varied.dtype == np.float32
    assert np.isfinite(varied).all()
    assert not np.array_equal(varied, X)
    means = X.mean(axis=(1, 2, 3))[:, np.newaxis]
    masked_frames = (varied[..., 0] == means[:, :, np.newaxis]).all(axis=1)
    assert 0 < masked_frames.sum(axis=1).max() <= 10
    masked_bands = (varied[..., 0] == means[:, :, np.newaxis]).all(axis=2)
    assert 0 < masked_bands.sum(axis=1).max() <= 2


def test_augmentation_of_tiny_spectrograms():
    X = np.ones((5, 1, 1, 1), np.float32)
    assert np.isfinite(augment(X, 1.0, np.random.default_rng(0))).all()
