"""Test that fitted classifiers can be pickled, also for another process."""

import json
import pickle
import subprocess
import sys

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier
from skheart.neural import AUROCLoss


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


def network_with_lambda(n_bands, n_frames, n_channels, n_outputs):
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Lambda(lambda x: 2 * x)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


@pytest.mark.parametrize("loss", ["crossentropy", "auroc", AUROCLoss(margin=2.0)])
def test_round_trip(data, loss):
    X, codes = data
    classifier = quick(loss=loss, epochs=2).fit(X, codes)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert again.history_ == classifier.history_
    twice = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(twice.predict_proba(X), classifier.predict_proba(X))


def test_size(fitted):
    assert fitted.model_.count_params() > 80_000
    assert len(pickle.dumps(fitted)) < 600_000


def test_unfitted_and_clone():
    classifier = pickle.loads(pickle.dumps(quick(dropout=0.1)))
    assert classifier.get_params() == quick(dropout=0.1).get_params()
    assert not hasattr(classifier, "model_")


def test_clone_of_fitted_is_unfitted(fitted):
    assert not hasattr(clone(fitted), "model_")


def test_another_process_loads_it(fitted, data, tmp_path):
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
    np.testing.assert_array_equal(np.load(tmp_path / "p.npy"), fitted.predict_proba(X))


def test_failed_refit_can_be_pickled(data):
    X, codes = data
    classifier = quick(epochs=1).fit(X, codes)
    classifier.predict(X)
    with pytest.raises(ValueError, match="network must be one of"):
        classifier.set_params(network="vgg").fit(X, codes)
    again = pickle.loads(pickle.dumps(classifier))
    assert not hasattr(again, "classes_")


@pytest.mark.filterwarnings("ignore:random_state may not determine")
def test_lambda_layers_are_refused(data):
    X, codes = data
    classifier = quick(network=network_with_lambda, epochs=1).fit(X, codes)
    with pytest.raises(ValueError, match=r"cannot be saved.*keras\.layers\.Lambda"):
        pickle.dumps(classifier)


def test_unknown_layer_is_named(fitted):
    state = pickle.loads(pickle.dumps(fitted.__getstate__()))
    text = json.dumps(state["_record"]["description"])
    text = text.replace("AttentionPooling", "NoSuchLayer")
    state["_record"]["description"] = json.loads(text)
    with pytest.raises(ValueError, match="register_keras_serializable"):
        CNNClassifier().__setstate__(state)


def test_training_is_kept_by_pickles_and_as_a_start(data, fitted):
    assert fitted.training_ == {"parts": [], "complete": False}
    again = pickle.loads(pickle.dumps(fitted))
    again.training_ = {"parts": [{"corpus": "pascal"}], "complete": True}
    again = pickle.loads(pickle.dumps(again))
    assert again.training_["complete"]
    tuned = CNNClassifier(weights=again, epochs=1, random_state=0).fit(*data)
    assert tuned.training_ == {"parts": [{"corpus": "pascal"}], "complete": False}
