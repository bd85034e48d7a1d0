"""Test CNNClassifier: labels, shapes, weights, callbacks, progress, errors."""

import inspect
import pickle
import subprocess
import sys
import warnings
from collections import OrderedDict
from contextlib import contextmanager

import joblib
import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import is_classifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_validate,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skheart import CNNClassifier, SpectrogramTransformer, load_pretrained
from skheart.datasets import load_pascal
from skheart.metrics import auroc_scorer
from skheart.neural import graphs
from skheart.neural.graphs import Forward
from skheart.neural.windows import window_starts, windowed_logits

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a weight is not the same as repeating a recording: training goes through "
        "mini-batches, whose composition and batch normalization the repetition changes"
    )
}


# Since version 1.8, scikit-learn can report expected failures that pass.
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


# Labels -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["normal", "murmur"],
        [False, True],
        [7, -3],
        np.array(["a", "b"], dtype=object),
        np.array([1.0, 2.0]),
    ],
)
def test_two_classes_of_any_type(data, labels):
    X, codes = data
    y = np.asarray(labels)[codes]
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
def test_three_classes(data, loss):
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


def test_two_logits_for_a_categorical_loss(data):
    X, codes = data
    for loss in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        classifier = quick(loss=loss, epochs=12).fit(X, codes)
        assert classifier.model_.output_shape == (None, 2)
        decision = classifier.decision_function(X)
        assert decision.shape == (48,)
        assert roc_auc_score(codes, decision) > 0.9


def test_scikit_learn_sees_a_classifier():
    assert is_classifier(CNNClassifier())


# Shapes -------------------------------------------------------------------------------


def test_channels(data):
    X, codes = data
    both = np.stack([np.zeros_like(X), X], axis=-1)
    classifier = quick().fit(both, codes)
    assert classifier.input_shape_ == (12, 40, 2)
    assert classifier.predict_proba(both).shape == (48, 2)
    with pytest.raises(ValueError, match="X must have 2 channels as in fit, got 1"):
        classifier.predict(X)


def test_two_dimensions_are_one_frame(data):
    X, codes = data
    classifier = quick().fit(X.mean(axis=2), codes)
    assert classifier.input_shape_ == (12, 1, 1)
    assert classifier.n_features_in_ == 12


def test_any_number_of_frames_in_prediction(fitted, data):
    X, _ = data
    for n_frames in (1, 7, 20, 33, 40):
        assert fitted.predict_proba(X[:3, :, :n_frames]).shape == (3, 2)


def test_windows_overlap_by_half_and_are_averaged(fitted, data):
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


def test_window_starts():
    assert window_starts(250, 250) == [0]
    assert window_starts(251, 250) == [0]  # too short for two windows
    assert window_starts(275, 250) == [12]
    assert window_starts(300, 250) == [0, 50]
    starts = window_starts(1001, 250)
    assert starts[0] == 0
    assert starts[-1] == 751
    assert len(starts) == 7
    assert np.ptp(np.diff(starts)) <= 1


def test_short_recordings_are_repeated(fitted, data):
    X, _ = data
    short = X[:4, :, :8]
    np.testing.assert_allclose(
        fitted.decision_function(short),
        fitted.decision_function(np.tile(short, (1, 1, 3))[:, :, :20]),
        rtol=1e-5,
    )


def test_one_recording(fitted, data):
    X, _ = data
    assert fitted.predict(X[:1]).shape == (1,)
    assert fitted.predict_proba(X[:1]).shape == (1, 2)
    np.testing.assert_allclose(
        fitted.predict_proba(X)[:1], fitted.predict_proba(X[:1]), rtol=1e-5
    )


def test_float64_and_lists_predict_the_same(fitted, data):
    X, _ = data
    expected = fitted.predict_proba(X[:3])
    np.testing.assert_array_equal(
        fitted.predict_proba(X[:3].astype(np.float64)), expected
    )
    np.testing.assert_array_equal(fitted.predict_proba(X[:3].tolist()), expected)


# Weights ------------------------------------------------------------------------------


def test_balanced_is_the_same_as_its_dict(data):
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
def test_recordings_with_weight_0_are_ignored(data, loss):
    X, codes = data
    # The second half has the opposite labels, with weight 0.
    y = np.where(np.arange(48) < 24, codes, 1 - codes)
    weight = (np.arange(48) < 24).astype(float)
    classifier = quick(epochs=25, loss=loss).fit(X, y, sample_weight=weight)
    assert roc_auc_score(codes, classifier.decision_function(X)) > 0.85


def test_a_class_with_weight_0_warns(data):
    X, _ = data
    codes = np.arange(48) % 3
    with pytest.warns(UserWarning, match="All recordings of class 1 have weight 0"):
        quick(epochs=1, loss="auroc").fit(X, codes, sample_weight=codes != 1)
    with pytest.raises(ValueError, match=r"got one class at most: \[2\]"):
        quick(epochs=1).fit(X, codes, sample_weight=codes == 2)


def test_given_weights_are_not_changed(data):
    X, codes = data
    weight = np.ones(48)
    quick(epochs=1, class_weight="balanced").fit(X, codes, sample_weight=weight)
    np.testing.assert_array_equal(weight, np.ones(48))


# Errors -------------------------------------------------------------------------------


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
def test_bad_parameters(data, parameters, message):
    X, codes = data
    classifier = quick(**parameters)
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, codes)
    assert not hasattr(classifier, "model_")


def test_bad_data(data, fitted):
    X, codes = data
    with pytest.raises(ValueError, match="X and y must have the same length"):
        quick().fit(X, codes[:-1])
    with pytest.raises(ValueError, match="groups must have the same length"):
        quick().fit(X, codes, groups=codes[:5])
    with pytest.raises(ValueError, match="sample_weight must have the same length"):
        quick().fit(X, codes, sample_weight=codes[:5])
    with pytest.raises(ValueError, match="at least two classes, got one class: 'a'"):
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


def test_failed_refit_leaves_nothing_fitted(data):
    X, codes = data
    classifier = quick(epochs=1).fit(X, codes)
    with pytest.raises(ValueError, match="network must be one of"):
        classifier.set_params(network="vgg").fit(X, codes)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        classifier.predict(X)


@pytest.mark.parametrize("patience", [None, 3])
def test_divergence_is_an_error(data, patience):
    X, codes = data
    classifier = quick(network=diverging_network, patience=patience)
    with pytest.raises(ValueError, match=r"Training diverged: the loss of epoch 1"):
        classifier.fit(X, codes, groups=np.arange(48))
    assert not hasattr(classifier, "model_")


def test_not_fitted(data):
    with pytest.raises(sklearn.exceptions.NotFittedError):
        quick().predict(data[0])


def diverging_network(n_bands, n_frames, n_channels, n_outputs):
    """Build a network with the gradient of the deviation of a constant: 0 / 0."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Dense(1)(keras.layers.Flatten()(inputs))
    nothing = keras.ops.std(x, axis=1, keepdims=True)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(nothing))


# Progress and callbacks ---------------------------------------------------------------


def test_bar_goes_to_standard_error(data, capfd):
    X, codes = data
    quick(verbose=1, epochs=2, patience=5).fit(X, codes, groups=np.arange(48))
    out, err = capfd.readouterr()
    assert out == ""
    for part in ("Training", "2/2", "loss"):
        assert part in err


def test_silent_by_default(data, capfd):
    X, codes = data
    quick(epochs=2, patience=5).fit(X, codes)
    assert capfd.readouterr() == ("", "")


class Recorder(keras.callbacks.Callback):
    """Record the logs, and stop after the epoch `last`."""

    def __init__(self, last=None):
        super().__init__()
        self.last, self.logs = last, []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        if epoch == self.last:
            self.model.stop_training = True


def test_callbacks_get_the_logs_and_can_stop(data):
    X, codes = data
    recorder = Recorder(last=2)
    classifier = quick(epochs=9, patience=9, callbacks=[recorder]).fit(X, codes)
    assert len(classifier.history_["loss"]) == 3
    for name in ("loss", "val_auroc"):
        assert [logs[name] for logs in recorder.logs] == classifier.history_[name]
    again = quick(epochs=2).fit(X, codes)  # callbacks of an earlier fit have no effect
    assert len(again.history_["loss"]) == 2
    assert len(pickle.loads(pickle.dumps(classifier)).callbacks) == 1


def test_callbacks_that_only_read_change_nothing(data):
    X, codes = data
    one, two = quick().fit(X, codes), quick(callbacks=[Recorder()]).fit(X, codes)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


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


def test_parameters_without_effect_warn(data, fitted):
    X, codes = data
    with pytest.warns(UserWarning, match="crop_frames, l2 have no effect with weights"):
        quick(weights=fitted, crop_frames=9, l2=0.1, epochs=1).fit(X, codes)


@contextmanager
def keras_set(name, value, usual):
    change = getattr(keras.config, f"set_{name}")
    change(value)
    try:
        yield
    finally:
        change(usual)


@pytest.mark.parametrize(
    "setting",
    [
        ("floatx", "float16", "float32"),
        ("image_data_format", "channels_first", "channels_last"),
    ],
)
def test_settings_of_keras_are_checked(data, fitted, setting):
    name, _, usual = setting
    pickled = pickle.dumps(fitted)
    message = f"{name} of Keras must be '{usual}'"
    with keras_set(*setting):
        with pytest.raises(ValueError, match=message):
            quick().fit(*data)
        with pytest.raises(ValueError, match=message):
            load_pretrained("murmur")
        with pytest.raises(ValueError, match=message):
            pickle.loads(pickled)


def test_settings_of_keras_do_not_change_a_loaded_network(data, fitted, monkeypatch):
    X, _ = data
    expected = fitted.predict_proba(X)
    loaded = pickle.loads(pickle.dumps(fitted))
    monkeypatch.setattr(graphs, "_forwards", OrderedDict())  # no graph made before
    with keras_set("floatx", "float16", "float32"):
        found = loaded.predict_proba(X)
    np.testing.assert_array_equal(found, expected)


def test_several_fits_do_not_warn(data):
    X, codes = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(3):
            quick(epochs=1, random_state=seed).fit(X, codes).predict(X)


# Real recordings ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def pascal(shared_data):
    """Return recordings of 50 patients of PASCAL, set B: normal or murmur."""
    corpus = load_pascal(
        shared_data / "pascal", subsets="b", classes=("normal", "murmur")
    )
    murmur = np.unique(corpus.groups[corpus.target == "murmur"])[:25]
    normal = np.setdiff1d(corpus.groups, murmur)[:25]
    kept = np.isin(corpus.groups, np.r_[murmur, normal])
    return corpus.data[kept], corpus.target[kept], corpus.groups[kept]


def real_pipeline(**parameters):
    settings = {"epochs": 6, "crop_frames": 125, "random_state": 0}
    return Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=5.0)),
            ("cnn", CNNClassifier(**settings | parameters)),
        ]
    )


@pytest.mark.slow
def test_grid_search_in_two_processes(pascal):
    paths, target, patients = pascal
    search = GridSearchCV(
        real_pipeline(),
        {"cnn__loss": ["crossentropy", "auroc"], "spectrogram__n_bands": [32]},
        scoring=auroc_scorer,
        cv=StratifiedGroupKFold(2, shuffle=True, random_state=0),
        n_jobs=2,
        error_score="raise",
    ).fit(paths, target, groups=patients)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.6
    assert set(search.predict(paths[:5])) <= {"murmur", "normal"}


def test_learns_across_patients(pascal):
    paths, target, patients = pascal
    scores = cross_validate(
        real_pipeline(class_weight="balanced"),
        paths,
        target,
        groups=patients,
        scoring={"auroc": auroc_scorer, "accuracy": "accuracy"},
        cv=StratifiedGroupKFold(2, shuffle=True, random_state=0),
        error_score="raise",
    )
    assert scores["test_auroc"].mean() > 0.65


@pytest.mark.slow
def test_a_pipeline_can_be_pickled_for_another_process(pascal, tmp_path):
    paths, target, _ = pascal
    pipeline = real_pipeline().fit(paths[::2], target[::2])
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
