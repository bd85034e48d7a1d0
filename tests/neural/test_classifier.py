"""CNNClassifier: labels, weights, seeds, early stopping, pickles, errors."""

import inspect
import json
import os
import pickle
import random
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_validate,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import load_pascal
from skheart.metrics import auroc_scorer
from skheart.neural import AUROCLoss
from skheart.neural.batches import TrainingBatches, augment, stratified_batches
from skheart.neural.calibration import calibrated
from skheart.neural.graphs import Forward
from skheart.neural.split import split_patients, validation_split
from skheart.neural.windows import window_starts, windowed_logits

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a weight is not the same as repeating a recording: training goes through "
        "mini-batches, whose composition and batch normalisation the repetition changes"
    )
}


# An expected failure that passes is a failure, where scikit-learn (1.8) can say so.
STRICT = (
    {"xfail_strict": True}
    if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters
    else {}
)


@parametrize_with_checks(
    [CNNClassifier(epochs=8, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    **STRICT,
)
@pytest.mark.slow
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def data():
    """Spectrograms whose lower half is louder where the code is 1."""
    rng = np.random.default_rng(0)
    codes = np.arange(48) % 2
    X = rng.standard_normal((48, 12, 40)).astype(np.float32)
    X[codes == 1, :6] += 0.7
    return X, codes


def quick(**parameters):
    return CNNClassifier(
        **{"epochs": 4, "crop_frames": 20, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted(data):
    X, codes = data
    return quick().fit(X, np.array(["normal", "murmur"])[codes])


class TestLabels:
    @pytest.mark.parametrize(
        "words",
        [
            ["normal", "murmur"],
            [False, True],
            [7, -3],
            np.array(["a", "b"], dtype=object),
            np.array([1.0, 2.0]),
        ],
    )
    def test_two_classes_of_any_type(self, data, words):
        X, codes = data
        y = np.asarray(words)[codes]
        classifier = quick(epochs=12).fit(X, y)
        np.testing.assert_array_equal(classifier.classes_, np.unique(y))
        predicted = classifier.predict(X)
        assert predicted.dtype == classifier.classes_.dtype
        assert set(predicted) <= set(y)
        assert classifier.score(X, y) > 0.8
        probability = classifier.predict_proba(X)
        assert probability.shape == (48, 2)
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
        decision = classifier.decision_function(X)
        np.testing.assert_array_equal(decision > 0, predicted == classifier.classes_[1])
        assert roc_auc_score(y == classifier.classes_[1], decision) > 0.9, (
            "a higher decision value must mean the second class"
        )

    @pytest.mark.parametrize("loss", ["crossentropy", "auroc", "categorical_hinge"])
    def test_three_classes(self, data, loss):
        X, codes = data
        codes = np.where(X[:, 6:].mean(axis=(1, 2)) > 0, 2, codes)
        X = X.copy()
        X[codes == 2, 6:] += 1.0
        y = np.array(["x", "z", "y"])[codes]
        classifier = quick(epochs=15, loss=loss).fit(X, y)
        assert classifier.classes_.tolist() == ["x", "y", "z"]
        assert classifier.model_.output_shape == (None, 3)
        with pytest.raises(AttributeError):
            classifier.decision_function(X)
        assert auroc_scorer(classifier, X, y) > 0.9
        probability = classifier.predict_proba(X)
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(
            classifier.predict(X), classifier.classes_[probability.argmax(axis=1)]
        )
        assert classifier.score(X, y) > 0.8

    def test_two_logits_for_a_categorical_loss(self, data):
        X, codes = data
        for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
            classifier = quick(loss=loss, epochs=12).fit(X, codes)
            assert classifier.model_.output_shape == (None, 2)
            decision = classifier.decision_function(X)
            assert decision.shape == (48,)
            assert roc_auc_score(codes, decision) > 0.9

    def test_scikit_learn_sees_a_classifier(self):
        assert is_classifier(CNNClassifier())


class TestShapes:
    def test_channels(self, data):
        X, codes = data
        both = np.stack([np.zeros_like(X), X], axis=-1)
        classifier = quick().fit(both, codes)
        assert classifier.input_shape_ == (12, 40, 2)
        assert classifier.predict_proba(both).shape == (48, 2)
        with pytest.raises(ValueError, match="X must have 2 channels as in fit, got 1"):
            classifier.predict(X)

    def test_two_dimensions_are_one_frame(self, data):
        X, codes = data
        classifier = quick().fit(X.mean(axis=2), codes)
        assert classifier.input_shape_ == (12, 1, 1)
        assert classifier.n_features_in_ == 12

    def test_any_number_of_frames_in_prediction(self, fitted, data):
        X, _ = data
        for n_frames in (1, 7, 20, 33, 40):
            assert fitted.predict_proba(X[:3, :, :n_frames]).shape == (3, 2)

    def test_windows_overlap_by_half_and_are_averaged(self, fitted, data):
        X, _ = data
        forward = Forward(fitted.model_)
        part = X[:5, :, :35, np.newaxis]
        expected = np.mean(
            [forward(np.ascontiguousarray(part[:, :, s : s + 20])) for s in (0, 8, 15)],
            axis=0,
        )
        np.testing.assert_allclose(
            windowed_logits(forward, part, 20), expected, rtol=1e-4, atol=1e-5
        )

    def test_window_starts(self):
        assert window_starts(250, 250) == [0]
        assert window_starts(251, 250) == [0]  # 5.02 s are not worth two windows
        assert window_starts(275, 250) == [12]
        assert window_starts(300, 250) == [0, 50]
        starts = window_starts(1001, 250)
        assert starts[0] == 0
        assert starts[-1] == 751
        assert len(starts) == 7
        assert np.ptp(np.diff(starts)) <= 1

    def test_short_recordings_are_repeated(self, fitted, data):
        X, _ = data
        short = X[:4, :, :8]
        np.testing.assert_allclose(
            fitted.decision_function(short),
            fitted.decision_function(np.tile(short, (1, 1, 3))[:, :, :20]),
            rtol=1e-5,
        )

    def test_one_recording(self, fitted, data):
        X, _ = data
        assert fitted.predict(X[:1]).shape == (1,)
        assert fitted.predict_proba(X[:1]).shape == (1, 2)
        np.testing.assert_allclose(
            fitted.predict_proba(X)[:1], fitted.predict_proba(X[:1]), rtol=1e-5
        )

    def test_float64_and_lists_predict_the_same(self, fitted, data):
        X, _ = data
        expected = fitted.predict_proba(X[:3])
        np.testing.assert_array_equal(
            fitted.predict_proba(X[:3].astype(np.float64)), expected
        )
        np.testing.assert_array_equal(fitted.predict_proba(X[:3].tolist()), expected)


class TestSeeds:
    def test_same_seed_same_weights_other_seed_other_weights(self, fitted, data):
        X, codes = data
        y = np.array(["normal", "murmur"])[codes]
        again, other = quick().fit(X, y), quick(random_state=1).fit(X, y)
        for a, b in zip(
            fitted.model_.get_weights(), again.model_.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(
            fitted.model_.get_weights()[0], other.model_.get_weights()[0]
        )

    @pytest.mark.slow
    def test_same_weights_in_two_processes(self, tmp_path):
        program = (
            "import numpy as np, sys\n"
            "from skheart import CNNClassifier\n"
            "X = np.random.default_rng(0).standard_normal((20, 8, 30))\n"
            "c = CNNClassifier(epochs=2, crop_frames=16, augment=0.5, random_state=3)\n"
            "c.fit(X, np.arange(20) % 2)\n"
            "np.savez(sys.argv[1], *c.model_.get_weights())\n"
        )
        for name in ("one", "two"):
            subprocess.run(
                [sys.executable, "-c", program, tmp_path / f"{name}.npz"],
                check=True,
                capture_output=True,
            )
        one, two = np.load(tmp_path / "one.npz"), np.load(tmp_path / "two.npz")
        assert one.files == two.files
        assert len(one.files) > 10
        for name in one.files:
            np.testing.assert_array_equal(one[name], two[name])

    def test_random_state_instance(self, data):
        X, codes = data
        weights = [
            quick(random_state=np.random.RandomState(5), epochs=1)
            .fit(X, codes)
            .model_.get_weights()[0]
            for _ in range(2)
        ]
        np.testing.assert_array_equal(*weights)

    def test_global_seeds_are_left_as_they_were(self, data):
        X, codes = data
        random.seed(1)
        np.random.seed(1)
        expected = random.random(), np.random.random()
        random.seed(1)
        np.random.seed(1)
        quick(epochs=1, patience=1, augment=1).fit(X, codes, groups=np.arange(48))
        assert (random.random(), np.random.random()) == expected

    def test_fits_in_threads_are_as_alone(self, data):
        X, codes = data

        def weights(_):
            return quick(epochs=2).fit(X, codes).model_.get_weights()

        alone = weights(None)
        with ThreadPoolExecutor(2) as pool:
            for together in pool.map(weights, range(2)):
                for a, b in zip(alone, together, strict=True):
                    np.testing.assert_array_equal(a, b)

    def test_network_of_ones_own_is_seeded_too(self, data):
        X, codes = data
        weights = [
            quick(network=small_network, epochs=1).fit(X, codes).model_.get_weights()
            for _ in range(2)
        ]
        for a, b in zip(*weights, strict=True):
            np.testing.assert_array_equal(a, b)


class TestWeights:
    def test_balanced_is_the_same_as_its_dict(self, data):
        X, codes = data
        X, codes = X[8:], np.where(np.arange(40) < 30, 0, 1)
        one = quick(class_weight="balanced").fit(X, codes)
        two = quick(class_weight={0: 40 / 60, 1: 40 / 20}).fit(X, codes)
        three = quick().fit(X, codes, sample_weight=np.array([40 / 60, 2.0])[codes])
        none = quick().fit(X, codes)
        expected = one.decision_function(X)
        np.testing.assert_allclose(two.decision_function(X), expected, atol=1e-4)
        np.testing.assert_allclose(three.decision_function(X), expected, atol=1e-4)
        assert none.decision_function(X).mean() < expected.mean() - 0.1

    @pytest.mark.parametrize("loss", ["crossentropy", "auroc"])
    def test_recordings_of_no_weight_teach_nothing(self, data, loss):
        X, codes = data
        # The second half carries the opposite labels with no weight.
        y = np.where(np.arange(48) < 24, codes, 1 - codes)
        weight = (np.arange(48) < 24).astype(float)
        classifier = quick(epochs=25, loss=loss).fit(X, y, sample_weight=weight)
        assert roc_auc_score(codes, classifier.decision_function(X)) > 0.85

    def test_class_of_no_weight_is_warned_of(self, data):
        X, _ = data
        codes = np.arange(48) % 3
        with pytest.warns(UserWarning, match="All recordings of class 1 have weight 0"):
            quick(epochs=1, loss="auroc").fit(X, codes, sample_weight=codes != 1)
        with pytest.raises(ValueError, match=r"got one class at most: \[2\]"):
            quick(epochs=1).fit(X, codes, sample_weight=codes == 2)

    def test_given_weights_are_not_changed(self, data):
        X, codes = data
        weight = np.ones(48)
        quick(epochs=1, class_weight="balanced").fit(X, codes, sample_weight=weight)
        np.testing.assert_array_equal(weight, np.ones(48))


class TestEarlyStopping:
    def test_validation_part_shares_no_patient(self, data):
        _, codes = data
        groups = np.repeat(np.arange(12), 4)
        parts = [
            validation_split(codes, groups, validation=0.2, seed=seed)
            for seed in range(5)
        ]
        for train, held_out in parts:
            assert not set(groups[train]) & set(groups[held_out])
            assert len(train) + len(held_out) == 48
            assert set(codes[train]) == set(codes[held_out]) == {0, 1}
        # Before 1.8, scikit-learn hardly shuffles patients that are alike.
        if STRICT:
            assert len({tuple(held_out) for _, held_out in parts}) > 1

    def test_stops_and_goes_back_to_the_best_epoch(self, data):
        X, codes = data
        noise = np.random.default_rng(1).permutation(codes)
        classifier = quick(patience=2, epochs=40).fit(X, noise, groups=np.arange(48))
        scores = classifier.history_["val_auroc"]
        assert len(scores) == len(classifier.history_["loss"]) < 40
        assert len(scores) - 1 - int(np.argmax(scores)) == 2
        _, held_out = split_patients(
            noise, np.arange(48), fraction=0.2, seed=_seed_of(classifier)
        )
        auroc = roc_auc_score(
            noise[held_out], classifier.decision_function(X[held_out])
        )
        assert auroc == pytest.approx(max(scores))

    def test_without_patience_there_is_no_validation(self, fitted):
        assert list(fitted.history_) == ["loss"]
        assert all(isinstance(value, float) for value in fitted.history_["loss"])
        assert len(fitted.history_["loss"]) == 4

    def test_groups_through_metadata_routing(self, data, monkeypatch):
        X, codes = data
        groups = np.repeat(np.arange(12), 4)
        seen = []
        fit = CNNClassifier.fit

        def spy(self, X, y, sample_weight=None, *, groups=None):
            seen.append(groups)
            return fit(self, X, y, sample_weight, groups=groups)

        monkeypatch.setattr(CNNClassifier, "fit", spy)
        with sklearn.config_context(enable_metadata_routing=True):
            pipeline = Pipeline(
                [("cnn", quick(patience=1, epochs=1).set_fit_request(groups=True))]
            )
            GridSearchCV(
                pipeline,
                {"cnn__dropout": [0.0, 0.5]},
                cv=StratifiedGroupKFold(2),
                scoring=auroc_scorer,
                error_score="raise",
            ).fit(X, codes, groups=groups)
        assert [len(part) for part in seen] == [24, 24, 24, 24, 48]
        assert not set(seen[0]) & set(seen[1])

    @pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.4, 0.5])
    def test_fraction_is_kept(self, fraction):
        codes, groups = np.arange(400) % 2, np.arange(400) // 2
        train, held_out = split_patients(codes, groups, fraction=fraction, seed=0)
        assert len(held_out) == pytest.approx(400 * fraction, abs=8)
        assert len(train) + len(held_out) == 400
        assert not set(groups[train]) & set(groups[held_out])

    def test_weights_count_in_the_auroc(self, data):
        X, codes = data
        weight = np.ones(48)
        weight[codes == 0] = np.linspace(0.1, 5, 24)
        groups = np.arange(48)
        one = quick(patience=3, epochs=3).fit(X, codes, weight, groups=groups)
        _, held_out = split_patients(codes, groups, fraction=0.2, seed=_seed_of(one))
        auroc = roc_auc_score(
            codes[held_out],
            one.decision_function(X[held_out]),
            sample_weight=weight[held_out],
        )
        assert auroc == pytest.approx(max(one.history_["val_auroc"]))

    def test_too_few_patients(self, data):
        X, codes = data
        with pytest.raises(ValueError, match="use patience=None"):
            quick(patience=2).fit(X, codes, groups=codes)
        with pytest.raises(ValueError, match=r"validation=0\.2 cannot be split"):
            quick(patience=2).fit(X, codes, groups=np.zeros(48))


class TestLosses:
    def test_auroc_batches_hold_every_class(self):
        rng = np.random.default_rng(0)
        codes = rng.permutation(np.r_[np.zeros(60, int), np.ones(3, int), [2]])
        for batch in stratified_batches(codes, 8, rng):
            assert set(codes[batch]) == {0, 1, 2}
        dealt = np.concatenate(stratified_batches(codes, 8, rng))
        assert set(dealt) == set(range(64)), "no recording may be left out"

    def test_auroc_loss_asks_for_such_batches(self, data, monkeypatch):
        X, codes = data
        codes = (np.arange(48) < 3).astype(int)
        seen = []
        get = TrainingBatches.__getitem__

        def spy(self, index):
            batch = get(self, index)
            seen.append(set(batch[1].ravel()))
            return batch

        monkeypatch.setattr(TrainingBatches, "__getitem__", spy)
        quick(loss="auroc", batch_size=6, epochs=3).fit(X, codes)
        assert len(seen) >= 24
        assert all(classes == {0.0, 1.0} for classes in seen)

    def test_auroc_gives_probabilities(self, data):
        X, codes = data
        classifier = quick(loss="auroc", epochs=12).fit(X[:36], codes[:36])
        assert classifier.score(X[36:], codes[36:]) > 0.7
        mean = classifier.predict_proba(X[:36])[:, 1].mean()
        assert mean == pytest.approx(codes[:36].mean(), abs=0.1)

    def test_calibration_keeps_the_order_and_fits_the_rate(self, fitted, data):
        X, _ = data
        logits = fitted.decision_function(X)[:, np.newaxis]
        codes = (np.random.default_rng(0).random(48) < 0.2).astype(int)
        model = calibrated(fitted.model_, logits, codes, np.ones(48))
        after = windowed_logits(Forward(model), X[..., np.newaxis], 20)
        # Rounding may make near ties equal, never the other way round.
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
        ids=str,
    )
    def test_any_loss_gives_a_classifier(self, data, loss):
        X, codes = data
        codes = np.where(np.arange(48) < 40, codes, 0)  # not of equal size
        classifier = quick(loss=loss, epochs=15).fit(X, codes)
        assert classifier.score(X, codes) > 0.85
        assert roc_auc_score(codes, classifier.predict_proba(X)[:, 1]) > 0.9

    def test_function_of_ones_own_gets_logits(self, data):
        X, codes = data

        def loss(targets, logits):
            return keras.ops.softplus(-(2 * targets - 1) * logits)

        assert quick(loss=loss, epochs=12).fit(X, codes).score(X, codes) > 0.85

    def test_loss_instance(self, data):
        X, codes = data
        instance = AUROCLoss(surrogate="squared_hinge", margin=2.0)
        classifier = clone(quick(loss=instance, epochs=12)).fit(X, codes)
        assert classifier.loss.margin == 2.0
        assert roc_auc_score(codes, classifier.decision_function(X)) > 0.9

    def test_optimizer_class(self, data):
        X, codes = data
        classifier = quick(optimizer=keras.optimizers.Adam, epochs=1).fit(X, codes)
        assert type(classifier.keras_classifier_.model_.optimizer).__name__ == "Adam"

    def test_optimizer_instance_is_copied(self, data):
        X, codes = data
        optimizer = keras.optimizers.SGD(0.05, momentum=0.8)
        classifier = quick(optimizer=optimizer, epochs=1).fit(X, codes)
        assert not optimizer.built
        used = classifier.keras_classifier_.model_.optimizer
        assert type(used) is keras.optimizers.SGD
        assert used.momentum == pytest.approx(0.8)


class TestAugmentation:
    def test_varies_only_training(self, data):
        X, codes = data
        a = quick(augment=1.0, epochs=2).fit(X, codes)
        b = quick(augment=0.0, epochs=2).fit(X, codes)
        assert a.history_["loss"] != b.history_["loss"]
        np.testing.assert_array_equal(a.predict_proba(X), a.predict_proba(X))

    def test_masks_and_gain(self):
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

    def test_tiny_spectrograms(self):
        X = np.ones((5, 1, 1, 1), np.float32)
        assert np.isfinite(augment(X, 1.0, np.random.default_rng(0))).all()


def small_network(n_bands, n_frames, n_channels, n_outputs):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def network_with_lambda(n_bands, n_frames, n_channels, n_outputs):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Lambda(lambda x: 2 * x)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def diverging_network(n_bands, n_frames, n_channels, n_outputs):
    """The deviation of a constant has no gradient: it is divided by zero."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    nothing = keras.ops.std(x, axis=1, keepdims=True)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(nothing))


class TestPickle:
    @pytest.mark.parametrize("loss", ["crossentropy", "auroc", AUROCLoss(margin=2.0)])
    def test_round_trip(self, data, loss):
        X, codes = data
        classifier = quick(loss=loss, epochs=2).fit(X, codes)
        again = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(
            again.predict_proba(X), classifier.predict_proba(X)
        )
        assert again.history_ == classifier.history_
        assert len(pickle.dumps(classifier)) < 600_000
        twice = pickle.loads(pickle.dumps(again))
        np.testing.assert_array_equal(
            twice.predict_proba(X), classifier.predict_proba(X)
        )

    def test_unfitted_and_clone(self):
        classifier = pickle.loads(pickle.dumps(quick(dropout=0.1)))
        assert classifier.get_params() == quick(dropout=0.1).get_params()
        assert not hasattr(classifier, "model_")

    def test_clone_of_fitted_is_unfitted(self, fitted):
        assert not hasattr(clone(fitted), "model_")

    def test_fresh_process_that_imported_nothing(self, fitted, data, tmp_path):
        X, _ = data
        joblib.dump(Pipeline([("cnn", fitted)]), tmp_path / "model.joblib")
        np.save(tmp_path / "X.npy", X)
        program = (
            "import sys, joblib, numpy as np\n"
            "assert not any(n.split('.')[0] == 'skheart' for n in sys.modules)\n"
            "X = np.load(sys.argv[1] + '/X.npy')\n"
            "model = joblib.load(sys.argv[1] + '/model.joblib')\n"
            "np.save(sys.argv[1] + '/p.npy', model.predict_proba(X))\n"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            check=True,
            capture_output=True,
        )
        np.testing.assert_array_equal(
            np.load(tmp_path / "p.npy"), fitted.predict_proba(X)
        )

    def test_failed_refit_can_be_pickled(self, data):
        X, codes = data
        classifier = quick(epochs=1).fit(X, codes)
        classifier.predict(X)
        with pytest.raises(ValueError, match="network must be one of"):
            classifier.set_params(network="vgg").fit(X, codes)
        again = pickle.loads(pickle.dumps(classifier))
        assert not hasattr(again, "classes_")

    @pytest.mark.filterwarnings("ignore:random_state may not determine")
    def test_lambda_layer_is_refused_before_it_is_too_late(self, data):
        X, codes = data
        classifier = quick(network=network_with_lambda, epochs=1).fit(X, codes)
        with pytest.raises(ValueError, match=r"cannot be saved.*keras\.layers\.Lambda"):
            pickle.dumps(classifier)

    def test_unknown_layer_is_named(self, fitted):
        state = pickle.loads(pickle.dumps(fitted.__getstate__()))
        text = json.dumps(state["_record"]["description"])
        text = text.replace("AttentionPooling", "NoSuchLayer")
        state["_record"]["description"] = json.loads(text)
        with pytest.raises(ValueError, match="register_keras_serializable"):
            CNNClassifier().__setstate__(state)


class TestErrors:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"epochs": 0}, "epochs must be a positive integer, got 0"),
            ({"epochs": 2.5}, "epochs must be a positive integer, got 2.5"),
            ({"batch_size": -1}, "batch_size must be a positive integer"),
            ({"dropout": 1.0}, "dropout must be a number, at least 0, below 1"),
            ({"l2": -1}, "l2 must be a number, at least 0 or None, got -1"),
            ({"learning_rate": 0}, "learning_rate must be a positive number"),
            ({"schedule": "linear"}, "schedule must be one of 'cosine', None"),
            ({"crop_frames": 0}, "crop_frames must be a positive integer or None"),
            ({"patience": 0}, "patience must be a positive integer or None"),
            ({"validation": 0.9}, "validation must be"),
            ({"callbacks": [3]}, "callbacks must be a list of keras.callbacks"),
            ({"class_weight": {0: -1.0}}, "class_weight of 0 must be a number"),
            ({"augment": -1}, "augment must be a number, at least 0"),
            ({"network": "vgg"}, "network must be one of"),
            ({"class_weight": "even"}, 'class_weight must be a dict, "balanced" or'),
            ({"optimizer": "newton"}, "optimizer must be the name of a Keras"),
            ({"loss": "zero"}, "loss must be"),
        ],
    )
    def test_parameters(self, data, parameters, message):
        X, codes = data
        classifier = quick(**parameters)
        with pytest.raises(ValueError, match=message):
            classifier.fit(X, codes)
        assert not hasattr(classifier, "model_")

    def test_data(self, data, fitted):
        X, codes = data
        with pytest.raises(
            ValueError, match="y must hold one entry a recording: X has"
        ):
            quick().fit(X, codes[:-1])
        with pytest.raises(ValueError, match="groups must hold one entry a recording"):
            quick().fit(X, codes, groups=codes[:5])
        with pytest.raises(ValueError, match="sample_weight must hold one entry"):
            quick().fit(X, codes, sample_weight=codes[:5])
        with pytest.raises(
            ValueError, match="at least two classes, got one class: 'a'"
        ):
            quick().fit(X, ["a"] * 48)
        broken = X.copy()
        broken[5, 0, 0] = np.nan
        with pytest.raises(ValueError, match=r"NaN .* first in recording 5"):
            quick().fit(broken, codes)
        with pytest.raises(ValueError, match=r"NaN .* first in recording 5"):
            fitted.predict(broken)
        with pytest.raises(ValueError, match="put a SpectrogramTransformer before"):
            quick().fit(["a.wav", "b.wav"], [0, 1])
        with pytest.raises(ValueError, match="got waveforms; put a SpectrogramTransf"):
            quick().fit([np.ones(5), np.ones(7)], [0, 1])
        with pytest.raises(ValueError, match=r"got one of shape \(12, 40\)"):
            fitted.predict(X[0])
        with pytest.raises(ValueError, match="spectrograms of 12 bands as in fit"):
            fitted.predict(X[:, :7])
        with pytest.raises(ValueError, match="X must have the shape"):
            quick().fit(X[:, np.newaxis, np.newaxis], codes)

    def test_failed_refit_leaves_nothing_fitted(self, data):
        X, codes = data
        classifier = quick(epochs=1).fit(X, codes)
        with pytest.raises(ValueError, match="network must be one of"):
            classifier.set_params(network="vgg").fit(X, codes)
        with pytest.raises(sklearn.exceptions.NotFittedError):
            classifier.predict(X)

    @pytest.mark.parametrize("patience", [None, 3])
    def test_divergence_is_an_error(self, data, patience):
        X, codes = data
        classifier = quick(network=diverging_network, patience=patience)
        with pytest.raises(ValueError, match=r"Training diverged: the loss of epoch 1"):
            classifier.fit(X, codes, groups=np.arange(48))
        assert not hasattr(classifier, "model_")

    def test_not_fitted(self, data):
        with pytest.raises(sklearn.exceptions.NotFittedError):
            quick().predict(data[0])


class TestProgress:
    def test_bar_goes_to_standard_error(self, data, capfd):
        X, codes = data
        quick(verbose=1, epochs=2, patience=5).fit(X, codes, groups=np.arange(48))
        out, err = capfd.readouterr()
        assert out == ""
        assert "2/2" in err
        assert "loss" in err

    def test_silent_by_default(self, data, capfd):
        X, codes = data
        quick(epochs=2, patience=5).fit(X, codes)
        assert "Training" not in "".join(capfd.readouterr())


class Recorder(keras.callbacks.Callback):
    """Note the logs, and stop after some epochs."""

    def __init__(self, last=None):
        super().__init__()
        self.last, self.logs = last, []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        if epoch == self.last:
            self.model.stop_training = True


class TestCallbacks:
    def test_read_the_logs_and_stop(self, data):
        X, codes = data
        recorder = Recorder(last=2)
        classifier = quick(epochs=9, patience=9, callbacks=[recorder]).fit(X, codes)
        assert len(classifier.history_["loss"]) == 3
        for name in ("loss", "val_auroc"):
            assert [logs[name] for logs in recorder.logs] == classifier.history_[name]
        again = quick(epochs=2).fit(X, codes)  # the kept network is free again
        assert len(again.history_["loss"]) == 2
        assert len(pickle.loads(pickle.dumps(classifier)).callbacks) == 1

    def test_those_that_only_look_change_nothing(self, data):
        X, codes = data
        one, two = quick().fit(X, codes), quick(callbacks=[Recorder()]).fit(X, codes)
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


class TestValidation:
    def test_a_splitter_chooses_the_part(self, data):
        X, codes = data
        splitter = StratifiedGroupKFold(3)
        groups = np.arange(48) // 2
        chosen = quick(validation=splitter, patience=9).fit(X, codes, groups=groups)
        _, held_out = next(splitter.split(X, codes, groups))
        last = int(np.argmax(chosen.history_["val_auroc"]))
        assert chosen.history_["val_auroc"][last] == pytest.approx(
            roc_auc_score(codes[held_out], chosen.decision_function(X[held_out]))
        )

    def test_a_splitter_that_divides_patients_is_refused(self, data):
        X, codes = data
        with pytest.raises(ValueError, match="a patient of groups into the training"):
            quick(validation=StratifiedKFold(3, shuffle=True), patience=2).fit(
                X, codes, groups=np.arange(48) // 2
            )


def ends_in_sigmoid(n_bands, n_frames, n_channels, n_outputs):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Dense(n_outputs)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Activation("sigmoid")(x))


def test_networks_that_end_in_probabilities_are_refused(data):
    with pytest.raises(ValueError, match=r"must end in logits, got .* in a sigmoid"):
        quick(network=ends_in_sigmoid).fit(*data)


def test_a_model_in_place_of_a_function_is_refused(data):
    model = ends_in_sigmoid(12, 20, 1, 1)
    with pytest.raises(ValueError, match="pass a function"):
        quick(network=model).fit(*data)


def test_parameters_without_effect_are_warned_of(data, fitted):
    X, codes = data
    with pytest.warns(UserWarning, match="crop_frames, l2 have no effect with weights"):
        quick(weights=fitted, crop_frames=9, l2=0.1, epochs=1).fit(X, codes)


@pytest.mark.parametrize("setting", [("floatx", "float16", "float32")])
def test_settings_of_keras_are_checked(data, setting):
    name, other, usual = setting
    keras.config.set_floatx(other)
    try:
        with pytest.raises(ValueError, match=f"{name} of Keras must be '{usual}'"):
            quick().fit(*data)
    finally:
        keras.config.set_floatx(usual)


def test_training_is_recorded_by_pickles_and_by_a_later_start(data, fitted):
    assert fitted.training_ == {"parts": [], "complete": False}
    again = pickle.loads(pickle.dumps(fitted))
    again.training_ = {"parts": [{"corpus": "pascal"}], "complete": True}
    again = pickle.loads(pickle.dumps(again))
    assert again.training_["complete"]
    tuned = CNNClassifier(weights=again, epochs=1, random_state=0).fit(*data)
    assert tuned.training_ == {"parts": [{"corpus": "pascal"}], "complete": False}


def test_many_fits_warn_of_nothing(data):
    X, codes = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(3):
            quick(epochs=1, random_state=seed).fit(X, codes).predict(X)


@pytest.mark.parametrize(("setting", "expected"), [("None", 1), ("2", 2)])
def test_threads_of_a_new_process(setting, expected):
    program = (
        "import numpy as np\n"
        "from skheart import CNNClassifier\n"
        "from skheart.neural.threads import limit_threads\n"
        f"limit_threads({setting})\n"
        "X = np.random.default_rng(0).standard_normal((8, 4, 10))\n"
        "c = CNNClassifier(epochs=1)\n"
        "c.fit(X, np.arange(8) % 2)\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stdout.split()[-1] == str(expected)


def _seed_of(classifier):
    return int(np.random.RandomState(classifier.random_state).randint(2**31 - 1))


@pytest.fixture(scope="module")
def pascal(shared_data):
    """Fifty PASCAL patients of set B, normal or murmur."""
    corpus = load_pascal(
        shared_data / "pascal", subsets="b", classes=("normal", "murmur")
    )
    murmur = np.unique(corpus.groups[corpus.target == "murmur"])[:25]
    normal = np.setdiff1d(corpus.groups, murmur)[:25]
    kept = np.isin(corpus.groups, np.r_[murmur, normal])
    return corpus.data[kept], corpus.target[kept], corpus.groups[kept]


class TestRealRecordings:
    @staticmethod
    def pipeline(**parameters):
        return Pipeline(
            [
                ("spectrogram", SpectrogramTransformer(duration=5.0)),
                ("cnn", quick(epochs=6, crop_frames=125, **parameters)),
            ]
        )

    @pytest.mark.slow
    def test_grid_search_in_two_processes(self, pascal):
        paths, target, patients = pascal
        search = GridSearchCV(
            self.pipeline(),
            {"cnn__loss": ["crossentropy", "auroc"], "spectrogram__n_bands": [32]},
            scoring=auroc_scorer,
            cv=StratifiedGroupKFold(2, shuffle=True, random_state=0),
            n_jobs=2,
            error_score="raise",
        ).fit(paths, target, groups=patients)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.best_score_ > 0.6
        assert set(search.predict(paths[:5])) <= {"murmur", "normal"}

    def test_learns_across_patients(self, pascal):
        paths, target, patients = pascal
        scores = cross_validate(
            self.pipeline(class_weight="balanced"),
            paths,
            target,
            groups=patients,
            scoring={"auroc": auroc_scorer, "accuracy": "accuracy"},
            cv=StratifiedGroupKFold(2, shuffle=True, random_state=0),
            error_score="raise",
        )
        assert scores["test_auroc"].mean() > 0.65

    def test_pickled_pipeline_predicts_the_same_in_a_fresh_process(
        self, pascal, tmp_path
    ):
        paths, target, _ = pascal
        pipeline = self.pipeline().fit(paths[::2], target[::2])
        joblib.dump(pipeline, tmp_path / "model.joblib")
        program = (
            "import sys, joblib, numpy as np\n"
            "model = joblib.load(sys.argv[1])\n"
            "np.save(sys.argv[2], model.predict_proba(sys.argv[3:]))\n"
        )
        subprocess.run(
            [
                sys.executable,
                "-c",
                program,
                tmp_path / "model.joblib",
                tmp_path / "p.npy",
                *paths[1:20:2],
            ],
            check=True,
            capture_output=True,
        )
        np.testing.assert_array_equal(
            np.load(tmp_path / "p.npy"), pipeline.predict_proba(paths[1:20:2])
        )
