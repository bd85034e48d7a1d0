"""One answer for each patient, from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from skheart import (
    OnnxClassifier,
    RecordingError,
    export_onnx,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.datasets import make_heart_sounds
from skheart.metrics import Decision, PatientModel, pool_by_group
from skheart.report import predict_patients

SOUNDS = make_heart_sounds(12, duration=5.0, random_state=0)
RECORDINGS = [(SOUNDS.sample_rate, sound) for sound in SOUNDS.data]  # with their rates
MODEL = PatientModel(
    features=["highest_Present", "mean_Unknown", "n_recordings"],
    means=[0.0, 0.0, 1.0],
    scales=[2.0, 2.0, 0.5],
    coefficients=[[-1, -0.5, 0.3], [1.5, -0.2, 0.1], [-0.5, 1, -0.4]],
    intercepts=[0.8, -0.3, -0.5],
    weights=[1.0, 5.0, 3.0],
)


@pytest.fixture(scope="module")
def murmur():
    return load_pretrained("murmur")


@pytest.fixture(scope="module")
def three():
    """Return a pipeline of three classes that has a patient model."""
    pipeline = load_pretrained("murmur3")
    pipeline[-1].decision_ = Decision(patient_model=MODEL)
    return pipeline


def test_the_highest_probability_of_the_positive_class(murmur):
    p = murmur.predict_proba(RECORDINGS)[:, 0]
    expected = pool_by_group(p, SOUNDS.groups, how="max")
    answers = predict_patients(murmur, RECORDINGS, SOUNDS.groups)
    assert answers.groups.tolist() == expected.groups.tolist()
    np.testing.assert_allclose(answers.probabilities[:, 0], expected.y_score, atol=1e-6)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
    called = np.where(expected.y_score >= 0.5, "murmur", "normal")
    assert answers.prediction.tolist() == called.tolist()
    assert answers.n_recordings.sum() == 12
    assert set(answers.errors) == {""}


def test_positive_class_and_threshold(murmur):
    every = predict_patients(murmur, RECORDINGS, SOUNDS.groups, threshold=0.0)
    assert set(every.prediction) == {"murmur"}
    healthy = predict_patients(
        murmur, RECORDINGS, SOUNDS.groups, threshold=0.0, positive="normal"
    )
    assert set(healthy.prediction) == {"normal"}


def test_a_threshold_of_scikit_learn(murmur):
    wrapped = FixedThresholdClassifier(
        FrozenEstimator(murmur), threshold=0.2, pos_label="murmur"
    )
    answers = predict_patients(wrapped, RECORDINGS, SOUNDS.groups)
    expected = predict_patients(murmur, RECORDINGS, SOUNDS.groups, threshold=0.2)
    assert answers.prediction.tolist() == expected.prediction.tolist()


def test_containers_have_equal_answers(murmur):
    groups = SOUNDS.groups
    pipeline = load_pretrained("murmur")
    pipeline.set_params(spectrogram__input_sample_rate=SOUNDS.sample_rate)
    expected = predict_patients(murmur, RECORDINGS, groups).probabilities
    array = np.array(SOUNDS.data)
    for X in (array, list(array), pd.Series(list(array)), pd.DataFrame(array)):
        for on_error in ("raise", "nan"):
            found = predict_patients(
                pipeline, X, pd.Series(groups), on_error=on_error
            ).probabilities
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_recordings_that_cannot_be_used(murmur):
    X, groups = [RECORDINGS[0], "absent.wav", "absent.wav"], ["b", "b", "a"]
    with pytest.raises((OSError, RecordingError), match=r"absent\.wav"):
        predict_patients(murmur, X, groups)
    answers = predict_patients(murmur, X, groups, on_error="nan")
    assert answers.groups.tolist() == ["a", "b"]
    assert answers.prediction[0] is None
    assert np.isnan(answers.probabilities[0]).all()
    alone = predict_patients(murmur, X[:1], groups[:1])
    assert answers.prediction[1] == alone.prediction[0]
    np.testing.assert_allclose(
        answers.probabilities[1], alone.probabilities[0], atol=1e-6
    )
    assert answers.n_recordings.tolist() == [0, 1]
    assert answers.errors[0].startswith("1 of 1 recordings cannot be used: There is no")
    assert answers.errors[1].startswith("1 of 2 recordings cannot be used: There is no")


def test_a_patient_model_answers_from_all_recordings(three):
    answers = predict_patients(three, RECORDINGS, SOUNDS.groups)
    p = three.predict_proba(RECORDINGS)
    for row, patient in enumerate(answers.groups):
        own = SOUNDS.groups == patient
        features = MODEL.compute_features(p[own], three.classes_)
        expected = MODEL.predict_proba([features])[0]
        np.testing.assert_allclose(answers.probabilities[row], expected, atol=1e-6)
        label = three.classes_[(expected * MODEL.weights).argmax()]
        assert answers.prediction[row] == label


def test_a_patient_model_and_a_broken_recording(three):
    X, groups = [*RECORDINGS[:2], "absent.wav"], ["a", "a", "a"]
    answers = predict_patients(three, X, groups, on_error="nan")
    expected = predict_patients(three, X[:2], groups[:2])
    np.testing.assert_allclose(answers.probabilities, expected.probabilities, atol=1e-6)
    assert answers.n_recordings.tolist() == [2]


def test_saved_and_exported_models_keep_the_patient_model(three, tmp_path):
    expected = predict_patients(three, RECORDINGS, SOUNDS.groups)
    save_model(three, tmp_path / "three.skheart")
    loaded = load_model(tmp_path / "three.skheart")
    assert loaded[-1].decision_.patient_model == MODEL
    found = predict_patients(loaded, RECORDINGS, SOUNDS.groups)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    export_onnx(three, tmp_path / "three.onnx")
    exported = OnnxClassifier(tmp_path / "three.onnx")
    found = predict_patients(exported, RECORDINGS, SOUNDS.groups)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-4)
    assert found.prediction.tolist() == expected.prediction.tolist()


def test_training_again_drops_the_patient_model():
    fitted = load_pretrained("murmur3")
    fitted.set_params(cnn__epochs=1, spectrogram__duration=2.0)
    fitted[-1].decision_ = Decision(patient_model=MODEL)
    fitted.fit(RECORDINGS, np.resize(["Absent", "Present", "Unknown"], 12))
    assert fitted[-1].decision_ == Decision()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": ["a"]}, "groups must hold .* got 1 for 12 recordings"),
        ({"positive": "sick"}, "positive must be one of 'murmur', 'normal', got"),
        ({"threshold": 2}, "threshold must be a number, at least 0, at most 1"),
        ({"on_error": "skip"}, "on_error must be one of 'raise', 'nan', got 'skip'"),
    ],
)
def test_wrong_parameters(murmur, change, message):
    arguments = {"groups": SOUNDS.groups} | change
    with pytest.raises(ValueError, match=message):
        predict_patients(murmur, RECORDINGS, **arguments)


@pytest.mark.parametrize("X", ["a.wav", Path("a.wav"), b"abc", 3])
def test_one_recording_is_not_several(murmur, X):
    with pytest.raises(ValueError, match=r"must hold several recordings.*\[X\]"):
        predict_patients(murmur, X, ["a"])


def test_a_threshold_needs_two_classes(three):
    with pytest.raises(ValueError, match="threshold needs a model of two classes"):
        predict_patients(three, RECORDINGS, SOUNDS.groups, threshold=0.5)


def test_the_positive_class_of_three_keeps_the_patient_model(three):
    answers = predict_patients(three, RECORDINGS, SOUNDS.groups, positive="Present")
    expected = predict_patients(three, RECORDINGS, SOUNDS.groups)
    assert answers.prediction.tolist() == expected.prediction.tolist()
