"""Test AUROCLoss, and how the parameter `loss` is resolved."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from skheart.neural.losses import AUROCLoss, gives_probabilities, resolve_loss


def scores_and_labels(seed=0, n=60, n_columns=1):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (n, n_columns))
    # Rounding makes ties, which count 1/2.
    scores = np.round(rng.normal(labels, 1.0), 1).astype(np.float32)
    return labels.astype(np.float32), scores


def gradient(loss, labels, scores, sample_weight=None):
    scores = tf.Variable(np.asarray(scores, np.float32))
    with tf.GradientTape() as tape:
        value = loss(labels, scores, sample_weight)
    return float(value), tape.gradient(value, scores).numpy()


@pytest.mark.parametrize("seed", range(5))
def test_loss_approaches_one_minus_auroc(seed):
    labels, scores = scores_and_labels(seed)
    exact = 1 - roc_auc_score(labels[:, 0], scores[:, 0])
    errors = [
        abs(float(AUROCLoss(temperature=t)(labels, scores)) - exact)
        for t in (1.0, 0.1, 1e-3)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6


def test_sample_weights_equal_scikit_learn():
    labels, scores = scores_and_labels(1)
    weights = np.random.default_rng(2).uniform(0, 3, len(labels)).astype(np.float32)
    exact = 1 - roc_auc_score(labels[:, 0], scores[:, 0], sample_weight=weights)
    for shaped in (weights, weights[:, np.newaxis]):
        loss = AUROCLoss(temperature=1e-3)(labels, scores, shaped)
        assert float(loss) == pytest.approx(exact, abs=1e-5)


def test_more_classes_are_one_versus_rest():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 3, 50)
    one_hot = np.eye(3, dtype=np.float32)[codes]
    scores = rng.normal(one_hot, 1).astype(np.float32)
    exact = 1 - roc_auc_score(one_hot, scores, average="macro")
    loss = AUROCLoss(temperature=1e-6)(one_hot, scores)
    assert float(loss) == pytest.approx(exact, abs=1e-5)


def test_absent_class_is_ignored_in_the_mean():
    codes = np.array([0, 0, 1, 1])
    one_hot = np.eye(3, dtype=np.float32)[codes]
    scores = np.array([[2, 1, 0], [3, 0, 9], [0, 1, 5], [1, 2, 2]], np.float32)
    exact = 1 - np.mean([roc_auc_score(one_hot[:, c], scores[:, c]) for c in (0, 1)])
    loss = AUROCLoss(temperature=1e-3)(one_hot, scores)
    assert float(loss) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("surrogate", ["sigmoid", "squared_hinge"])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_batch_of_one_class_is_finite(surrogate, label):
    labels = np.full((8, 1), label, np.float32)
    value, slope = gradient(
        AUROCLoss(surrogate=surrogate), labels, np.linspace(-50, 50, 8)[:, np.newaxis]
    )
    assert value == 0
    np.testing.assert_array_equal(slope, np.zeros((8, 1)))


def test_gradient_is_finite_for_extreme_scores():
    labels = np.array([[0.0], [1.0], [0.0], [1.0]], np.float32)
    for temperature in (1.0, 1e-4):
        value, slope = gradient(
            AUROCLoss(temperature=temperature), labels, [[1e4], [-1e4], [0], [1e4]]
        )
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


def test_gradient_equals_differences():
    labels, scores = scores_and_labels(4, n=12)
    for loss in (AUROCLoss(temperature=0.7), AUROCLoss(surrogate="squared_hinge")):
        _, slope = gradient(loss, labels, scores)
        for row in range(3):
            step = np.zeros_like(scores)
            step[row] = 1e-2
            rise = float(loss(labels, scores + step)) - float(
                loss(labels, scores - step)
            )
            assert slope[row, 0] == pytest.approx(rise / 2e-2, abs=2e-3)


def test_squared_hinge_by_hand():
    # The differences positive - negative are 0.5 and 2; the margin is 1.
    labels = np.array([[0.0], [1.0], [1.0]], np.float32)
    scores = np.array([[0.0], [0.5], [2.0]], np.float32)
    loss = AUROCLoss(surrogate="squared_hinge")(labels, scores)
    assert float(loss) == pytest.approx((0.5**2 + 0) / 2)


def test_shift_of_all_scores_changes_nothing():
    labels, scores = scores_and_labels(5)
    loss = AUROCLoss()
    assert float(loss(labels, scores)) == pytest.approx(
        float(loss(labels, scores + 7)), abs=1e-6
    )


def test_serialises():
    loss = AUROCLoss(surrogate="squared_hinge", margin=0.5, temperature=2.0)
    text = json.dumps(keras.losses.serialize(loss))
    again = keras.losses.deserialize(json.loads(text))
    assert type(again) is AUROCLoss
    assert again.get_config() == loss.get_config()
    labels, scores = scores_and_labels(6)
    assert float(again(labels, scores)) == float(loss(labels, scores))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"surrogate": "hinge"}, "surrogate must be one of 'sigmoid', 'squared_hinge'"),
        ({"temperature": 0}, "temperature must be a positive number, got 0"),
        ({"margin": -1}, "margin must be a positive number, got -1"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        AUROCLoss(**parameters)


@pytest.mark.parametrize(
    ("given", "n_classes", "expected"),
    [
        ("crossentropy", 2, keras.losses.BinaryCrossentropy),
        ("crossentropy", 3, keras.losses.CategoricalCrossentropy),
        ("auroc", 2, AUROCLoss),
        ("binary_focal_crossentropy", 2, keras.losses.BinaryFocalCrossentropy),
        ("BinaryCrossentropy", 2, keras.losses.BinaryCrossentropy),
        ("bce", 2, keras.losses.BinaryCrossentropy),
        ("mse", 3, keras.losses.MeanSquaredError),
        (keras.losses.binary_crossentropy, 2, keras.losses.BinaryCrossentropy),
        (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), 4, None),
        (keras.losses.Hinge, 2, keras.losses.Hinge),
    ],
)
def test_loss_is_resolved_on_logits(given, n_classes, expected):
    loss = resolve_loss(given, n_classes)
    assert type(loss) is (expected or type(given))
    assert loss is not given
    assert loss.get_config().get("from_logits", True) is True
    assert getattr(loss, "label_smoothing", 0.1) in (0, 0.1)


def test_loss_of_ones_own_is_not_copied():
    class Own(keras.losses.Loss):
        def __init__(self):
            super().__init__()

        def call(self, y_true, y_pred):
            return y_pred

    given = Own()
    assert resolve_loss(given, 2) is given


def test_given_instance_is_not_changed():
    given = keras.losses.BinaryCrossentropy()
    resolve_loss(given, 2)
    assert given.get_config()["from_logits"] is False


@pytest.mark.parametrize(
    ("given", "n_classes", "message"),
    [
        ("nonsense", 2, "loss must be .* got 'nonsense'"),
        (3, 2, "loss must be .* got 3"),
        ("binary_crossentropy", 3, "needs two classes, y has 3"),
        ("bce", 3, "needs two classes, y has 3"),
        ("binary_focal_crossentropy", 3, "needs two classes, y has 3"),
        ("kl_divergence", 2, "works on probabilities, but networks give logits"),
        ("poisson", 2, "works on probabilities, but networks give logits"),
        (keras.losses.Dice(), 2, "works on probabilities, but networks give logits"),
    ],
)
def test_wrong_losses(given, n_classes, message):
    with pytest.raises(ValueError, match=message):
        resolve_loss(given, n_classes)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("crossentropy", True),
        ("binary_focal_crossentropy", False),
        ("auroc", False),
        (keras.losses.CategoricalFocalCrossentropy(), False),
        (keras.losses.CategoricalCrossentropy(), True),
    ],
)
def test_focal_losses_do_not_yield_probabilities(loss, expected):
    assert gives_probabilities(resolve_loss(loss, 2)) is expected
