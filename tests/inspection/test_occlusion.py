"""Occlusion maps, compared with the formula for a network that is a weighted sum."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy.special import logit

from skheart.inspection import occlusion_map
from skheart.neural.windows import window_starts


def expected_falls(model, waveform, length, n_bands):
    """Return the falls of a linear network's logit by the formula."""
    transformer, classifier = (step for _, step in model.steps)
    (spectrogram,) = transformer.transform([waveform])
    own = spectrogram[:, : 1 + len(waveform) // 40]
    n_frames, n_crop = spectrogram.shape[1], classifier.n_crop_
    kernel = classifier.model_.get_layer("logits").get_weights()[0]
    kernel = -kernel.reshape(len(own), n_crop)  # "murmur" is the first class
    weight = np.zeros_like(spectrogram)
    starts = window_starts(n_frames, n_crop)
    for start in starts:
        weight[:, start : start + n_crop] += kernel / len(starts)
    excess = spectrogram - own.mean(axis=1, keepdims=True)
    falls = np.zeros((n_bands, -(-own.shape[1] // length)))
    for band in range(spectrogram.shape[0]):
        for frame in range(n_frames):
            part = frame % own.shape[1] // length
            falls[band * n_bands // len(own), part] += (weight * excess)[band, frame]
    return falls


@pytest.mark.parametrize(("time_step", "n_bands"), [(0.1, 4), (0.5, 12), (0.02, 1)])
@pytest.mark.parametrize("seconds", [1.3, 3.0])
def test_falls_of_a_linear_network(of_linear, sounds, time_step, n_bands, seconds):
    longest = max(sounds.data, key=len)[: int(2000 * seconds)]
    found = occlusion_map(of_linear, longest, time_step=time_step, n_bands=n_bands)
    expected = expected_falls(of_linear, longest, round(time_step / 0.02), n_bands)
    assert found.values.shape == expected.shape
    np.testing.assert_allclose(found.values, expected, atol=1e-4)


def test_axes_are_the_middles_of_the_parts(of_linear, sounds):
    found = occlusion_map(of_linear, sounds.data[0], time_step=0.1, n_bands=3)
    assert found.times[:2] == pytest.approx([0.04, 0.14])
    spacing = (900 - 25) / 13  # of 12 overlapping bands
    assert found.frequencies == pytest.approx(25 + spacing * np.array([2.5, 6.5, 10.5]))
    assert found.values.shape == (3, len(found.times))


def test_logit_is_that_of_the_probability(of_linear, of_compact, sounds):
    for model in (of_linear, of_compact):
        found = occlusion_map(model, sounds.data[1], time_step=1.0, n_bands=1)
        assert found.positive == "murmur"
        (probability,) = model.predict_proba(sounds.data[1:2])
        assert found.logit == pytest.approx(logit(probability[0]), abs=1e-3)


def test_each_class_of_several(of_three, sounds):
    (probability,) = of_three.predict_proba(sounds.data[:1])
    for label, p in zip("abc", probability, strict=True):
        found = occlusion_map(
            of_three, sounds.data[0], time_step=1.0, n_bands=2, label=label
        )
        assert found.logit == pytest.approx(logit(p), abs=1e-3)
        assert found.positive == label
    default = occlusion_map(of_three, sounds.data[0], time_step=1.0, n_bands=2)
    assert default.positive == "abc"[probability.argmax()]


def test_the_other_class_has_the_opposite_map(of_compact, sounds):
    settings = {"time_step": 0.5, "n_bands": 2}
    one = occlusion_map(of_compact, sounds.data[0], **settings)
    other = occlusion_map(of_compact, sounds.data[0], **settings, label="normal")
    np.testing.assert_allclose(one.values, -other.values)
    assert one.logit == -other.logit


def test_hiding_a_part_is_what_the_network_computes(of_compact, sounds):
    # One recording, one part, computed by hand with the estimators alone.
    model = copy.deepcopy(of_compact)
    transformer, classifier = (step for _, step in model.steps)
    waveform = max(sounds.data, key=len)
    spectrogram = transformer.transform([waveform])
    hidden = spectrogram.copy()
    hidden[0, 6:, 25:50] = spectrogram[0, 6:].mean(axis=1, keepdims=True)
    before, after = classifier.decision_function(np.concatenate([spectrogram, hidden]))
    found = occlusion_map(model, waveform, time_step=0.5, n_bands=2)
    assert found.values[1, 1] == pytest.approx(after - before, abs=1e-4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"time_step": 0}, "time_step must be a positive number of seconds, got 0"),
        ({"n_bands": 13}, "n_bands must be a positive integer, at most 12, got 13"),
        ({"n_bands": 1.5}, "n_bands must be a positive integer, at most 12, got 1.5"),
        ({"label": "x"}, "label must be one of 'murmur', 'normal', got 'x'"),
    ],
)
def test_wrong_parameters(of_linear, sounds, parameters, message):
    with pytest.raises(ValueError, match=message):
        occlusion_map(of_linear, sounds.data[0], **parameters)


def test_other_estimators_are_refused(of_linear, sounds):
    with pytest.raises(ValueError, match="for occlusion_map, got CNNClassifier"):
        occlusion_map(of_linear[-1], sounds.data[0])
