"""Test that files, exports and streams keep what is wrapped around a pipeline."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from skheart import (
    CNNClassifier,
    OnnxClassifier,
    StreamingClassifier,
    export_onnx,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.datasets import make_heart_sounds

SOUNDS = make_heart_sounds(30, duration=6.0, random_state=0)


@pytest.fixture
def sounds():
    return SOUNDS


def fixed(pipeline, **settings):
    return FixedThresholdClassifier(FrozenEstimator(pipeline), **settings)


WRAPPED = {
    "fixed": lambda p: fixed(p, threshold=0.9, pos_label="murmur"),
    "logits": lambda p: fixed(
        p, threshold=-2.0, pos_label="normal", response_method="decision_function"
    ),
    "tuned": lambda p: TunedThresholdClassifierCV(
        FrozenEstimator(p), cv="prefit", refit=False
    ),
    "calibrated": lambda p: CalibratedClassifierCV(FrozenEstimator(p)),
    "calibrated, then a threshold": lambda p: fixed(
        CalibratedClassifierCV(FrozenEstimator(p)).fit(SOUNDS.data, SOUNDS.target),
        threshold=0.7,
        pos_label="normal",
    ),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_answers_are_the_same_everywhere(kind, tmp_path, sounds):
    pipeline = load_pretrained("murmur")
    weights = pipeline[-1].model_.get_weights()
    model = WRAPPED[kind](pipeline).fit(sounds.data, sounds.target)
    for one, other in zip(weights, pipeline[-1].model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # nothing was trained
    save_model(model, tmp_path / "model.skheart")
    export_onnx(model, tmp_path / "model.onnx")
    labels, probabilities = model.predict(sounds.data), model.predict_proba(sounds.data)
    for again in (
        load_model(tmp_path / "model.skheart"),
        OnnxClassifier(tmp_path / "model.onnx"),
    ):
        np.testing.assert_array_equal(again.predict(sounds.data), labels)
        found = again.predict_proba(sounds.data)
        np.testing.assert_allclose(found, probabilities, atol=1e-5)
    stream = StreamingClassifier(model, first=5.0)
    alone = load_model(tmp_path / "model.skheart")
    for answer in stream.push(sounds.data[0]):
        span = sounds.data[0][: round(answer.time * sounds.sample_rate)][-10_000:]
        assert answer.prediction == alone.predict([span])[0]


def test_a_calibration_of_a_calibration_is_one_layer(tmp_path, sounds):
    once = CalibratedClassifierCV(FrozenEstimator(load_pretrained("murmur")))
    save_model(once.fit(sounds.data, sounds.target), tmp_path / "once.skheart")
    loaded = load_model(tmp_path / "once.skheart")
    twice = CalibratedClassifierCV(FrozenEstimator(loaded))
    twice.fit(sounds.data, np.roll(sounds.target, 3))
    save_model(twice, tmp_path / "twice.skheart")
    again = load_model(tmp_path / "twice.skheart")
    np.testing.assert_allclose(
        again.predict_proba(sounds.data), twice.predict_proba(sounds.data), atol=1e-5
    )
    names = [layer.name for layer in again[-1].model_.layers]
    assert names.count("calibration") == 1


def test_what_cannot_be_kept_is_refused(tmp_path, sounds):
    pipeline = load_pretrained("murmur")
    path = tmp_path / "model.skheart"
    isotonic = CalibratedClassifierCV(FrozenEstimator(pipeline), method="isotonic")
    with pytest.raises(ValueError, match="method='sigmoid', got 2 classes and method="):
        save_model(isotonic.fit(sounds.data, sounds.target), path)
    with pytest.raises(NotFittedError):
        save_model(CalibratedClassifierCV(FrozenEstimator(pipeline)), path)
    assert not path.exists()


# Without FrozenEstimator scikit-learn clones the model, and trains the clone.
NOT_FROZEN = {
    "fixed": FixedThresholdClassifier,
    "tuned": lambda p: TunedThresholdClassifierCV(p, cv=2),
    "calibrated": lambda p: CalibratedClassifierCV(p, cv=2),
}


@pytest.mark.parametrize("source", ["package", "file"])
@pytest.mark.parametrize("kind", NOT_FROZEN)
def test_a_loaded_model_is_not_trained_again_silently(kind, source, tmp_path, sounds):
    pipeline = load_pretrained("murmur").set_params(cnn__epochs=1)
    if source == "file":
        save_model(pipeline, tmp_path / "model.skheart")
        pipeline = load_model(tmp_path / "model.skheart")
    with pytest.warns(UserWarning, match=r"trained here.*sklearn\.frozen\.FrozenEst"):
        NOT_FROZEN[kind](pipeline).fit(sounds.data, sounds.target)


def test_a_tuned_threshold_of_a_prefit_pipeline_trains_nothing(sounds):
    pipeline = load_pretrained("murmur")
    before = pipeline.predict_proba(sounds.data)
    tuned = TunedThresholdClassifierCV(pipeline, cv="prefit", refit=False)
    tuned.fit(sounds.data, sounds.target)
    np.testing.assert_array_equal(tuned.predict_proba(sounds.data), before)


def test_training_that_is_meant_does_not_warn(sounds):
    settings = {"epochs": 1, "learning_rate": 1e-6, "random_state": 0}
    pipeline = load_pretrained("murmur").set_params(cnn__epochs=1)
    X = pipeline[0].transform(sounds.data)
    clone(CNNClassifier(weights="murmur", **settings)).fit(X, sounds.target)
    pipeline.fit(sounds.data, sounds.target)  # no clone
    clone(pipeline).fit(sounds.data, sounds.target)  # of a model that was trained here
