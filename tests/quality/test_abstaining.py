"""Test answers that may be "unsure": in Python, in files, exports and streams."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from skheart import (
    OnnxClassifier,
    StreamingClassifier,
    export_onnx,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.datasets import load_circor2022, make_heart_sounds
from skheart.quality import AbstainingClassifier


@pytest.fixture(scope="module")
def murmur():
    return load_pretrained("murmur")


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(30, duration=8.0, random_state=0)


@pytest.fixture(scope="module")
def no_heart():
    """Return sounds without a heart: noise, a tone, beeps and a short one."""
    times = np.arange(16_000) / 2000
    tone = np.sin(2 * np.pi * 300 * times)
    noise = np.random.default_rng(0).normal(size=len(times))
    return [noise, tone, tone * (times % 1 < 0.2), noise[:1500], np.zeros(16_000)]


def test_what_is_no_heart_gets_no_class(murmur, sounds, no_heart):
    model = AbstainingClassifier(murmur)
    answers = model.predict([sounds.data[0], *no_heart, sounds.data[1]])
    expected = murmur.predict(sounds.data[:2])
    assert answers.tolist() == [expected[0], *["unsure"] * len(no_heart), expected[1]]
    reasons = model.reasons([sounds.data[0], *no_heart])
    assert reasons[0] == ""
    assert all(reason.startswith("quality 0.") for reason in reasons[1:])
    assert "shorter than 1 s" in reasons[4]
    assert "silent" in reasons[5]


def test_a_batch_without_any_heart(murmur, no_heart):
    assert set(AbstainingClassifier(murmur).predict(no_heart)) == {"unsure"}
    assert np.isnan(AbstainingClassifier(murmur).score(no_heart, ["normal"] * 5))


def test_real_recordings_get_the_class_of_the_model(shared_data, murmur):
    corpus = load_circor2022(shared_data, as_frame=False)
    paths = corpus.data[:40]
    answers = AbstainingClassifier(murmur, n_jobs=2).predict(paths)
    answered = answers != "unsure"
    assert answered.mean() >= 0.8
    expected = murmur.predict(paths)
    np.testing.assert_array_equal(answers[answered], expected[answered])


def test_coverage_is_reached_with_the_most_confident(murmur, sounds):
    model = AbstainingClassifier(murmur, min_quality=None, coverage=0.7)
    answers = model.fit(sounds.data, sounds.target).predict(sounds.data)
    assert (answers != "unsure").sum() == 21
    highest = murmur.predict_proba(sounds.data).max(axis=1)
    assert highest[answers == "unsure"].max() < highest[answers != "unsure"].min()
    assert model.min_confidence_ == model.decision_.min_confidence


def test_sensitivity_is_reached_with_the_most_answers(murmur, sounds):
    y = np.roll(sounds.target, 1)  # labels that the model gets wrong
    confidence = murmur.predict_proba(sounds.data).max(axis=1)
    y[confidence > np.median(confidence)] = murmur.predict(sounds.data)[
        confidence > np.median(confidence)
    ]
    model = AbstainingClassifier(
        murmur, min_quality=None, sensitivity=0.9, pos_label="murmur"
    )

    def reached(limit):
        own = (y == "murmur") & (confidence >= limit)
        return (murmur.predict(sounds.data)[own] == "murmur").mean()

    limit = model.fit(sounds.data, y).min_confidence_
    # Without a name it is the class that is not "normal", although that comes second.
    assert model.set_params(pos_label=None).fit(sounds.data, y).min_confidence_ == limit
    assert reached(limit) >= 0.9
    lower = confidence[(confidence < limit)]
    assert len(lower)
    assert all(reached(value) < 0.9 for value in lower)


def test_confidence_is_measured_from_the_threshold(tmp_path, murmur, sounds):
    fixed = FixedThresholdClassifier(
        FrozenEstimator(murmur), threshold=0.9, pos_label="murmur"
    )
    save_model(fixed, tmp_path / "fixed.skheart")
    pipeline = load_model(tmp_path / "fixed.skheart")
    model = AbstainingClassifier(pipeline, min_quality=None, min_confidence=0.6)
    odds = murmur.decision_function(sounds.data) * -1 - np.log(9)  # of a murmur
    sure = np.abs(odds) >= np.log(0.6 / 0.4)
    expected = np.where(sure, np.where(odds > 0, "murmur", "normal"), "unsure")
    np.testing.assert_array_equal(model.predict(sounds.data), expected)


def test_files_exports_and_streams_keep_the_limits(tmp_path, murmur, sounds, no_heart):
    model = AbstainingClassifier(murmur, coverage=0.8)
    model.fit(sounds.data, sounds.target)
    save_model(model, tmp_path / "model.skheart")
    export_onnx(model, tmp_path / "model.onnx")
    recordings = [*sounds.data, *no_heart[:4]]
    expected = model.predict(recordings)
    assert {"murmur", "normal", "unsure"} == set(expected)
    loaded = load_model(tmp_path / "model.skheart")
    assert isinstance(loaded, AbstainingClassifier)
    assert loaded.decision_ == model.decision_
    np.testing.assert_array_equal(loaded.predict(recordings), expected)
    exported = OnnxClassifier(tmp_path / "model.onnx")
    np.testing.assert_array_equal(exported.predict(recordings), expected)
    for streamed in (model, loaded, exported):
        stream = StreamingClassifier(streamed, span=8.0, first=8.0)
        for recording, answer in zip(recordings[-4:-1], expected[-4:-1], strict=True):
            stream.reset()
            (found,) = stream.push(recording)
            assert (found.prediction, found.error) == (answer, "")
            assert found.reason.startswith("quality")


def test_labels_that_are_numbers(sounds):
    murmur = load_pretrained("murmur")
    murmur[-1].classes_ = np.array([0, 1])
    answers = AbstainingClassifier(murmur, min_confidence=1.0).predict(sounds.data[:2])
    assert answers.tolist() == ["unsure", "unsure"]
    answers = AbstainingClassifier(murmur, min_quality=None).predict(sounds.data[:2])
    assert set(answers) <= {0, 1}


def test_nothing_is_trained_silently(murmur, sounds):
    model = AbstainingClassifier(murmur, coverage=0.5)
    with pytest.raises(NotFittedError, match="call fit"):
        model.predict(sounds.data)
    with pytest.raises(NotFittedError):
        clone(model).fit(sounds.data, sounds.target)
    frozen = AbstainingClassifier(FrozenEstimator(murmur), coverage=0.5)
    clone(frozen).fit(sounds.data, sounds.target)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coverage": 1.5}, "coverage must be"),
        ({"coverage": 0.5, "sensitivity": 0.9}, "At most one"),
        ({"coverage": 0.5, "min_confidence": 0.9}, "At most one"),
        ({"sensitivity": 0.9, "pos_label": "Present"}, "pos_label must be one of"),
        ({"min_quality": 2.0}, "min_quality must be"),
    ],
)
def test_wrong_parameters(murmur, sounds, settings, message):
    with pytest.raises(ValueError, match=message):
        AbstainingClassifier(murmur, **settings).fit(sounds.data, sounds.target)


def test_what_cannot_be_reached_is_said(murmur, sounds, no_heart):
    recordings = [sounds.data[0], *no_heart[:3]]
    y = ["murmur", "normal", "murmur", "normal"]
    with pytest.raises(ValueError, match="only 1 of 4 recordings have the quality"):
        AbstainingClassifier(murmur, coverage=0.9).fit(recordings, y)
    with pytest.raises(
        ValueError, match="X and y must have the same length, got 4 and"
    ):
        AbstainingClassifier(murmur, coverage=0.9).fit(recordings, y[:3])
    with pytest.raises(ValueError, match="No recording in X has the quality"):
        AbstainingClassifier(murmur, coverage=0.9).fit(no_heart[:3], y[:3])
    wrong = np.where(murmur.predict(sounds.data) == "murmur", "normal", "murmur")
    model = AbstainingClassifier(murmur, sensitivity=0.9, pos_label="murmur")
    with pytest.raises(ValueError, match=r"at best 0\.000 is"):
        model.fit(sounds.data, wrong)


def test_a_threshold_around_the_pipeline_is_saved_first(murmur, sounds):
    fixed = FixedThresholdClassifier(FrozenEstimator(murmur)).fit(
        sounds.data, sounds.target
    )
    with pytest.raises(ValueError, match=r"becomes part of it with skheart\.save"):
        AbstainingClassifier(fixed).predict(sounds.data)
