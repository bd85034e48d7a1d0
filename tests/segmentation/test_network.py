"""The network, its gradients, batches and noise."""

import numpy as np
import pytest

from skheart.segmentation import network, noise
from skheart.segmentation.batches import (
    CropDrawer,
    joined,
    other_rhythm,
    with_noise,
)
from skheart.segmentation.frames import (
    CLASSES,
    decibels,
    frame_labels,
    levelled,
)
from skheart.segmentation.training import loss_and_gradients, step_size


@pytest.fixture
def random():
    return np.random.default_rng(0)


def small(random):
    weights = network.new_weights(random, n_channels=5, dilations=(1, 2))
    return [weight.astype(np.float64) for weight in weights]


def test_gradients_are_those_of_differences(random):
    weights = small(random)
    x = random.normal(size=(2, 12, 40))
    labels = random.integers(-1, 5, size=(2, 12))
    _, gradients = loss_and_gradients(weights, x, labels)
    for weight, gradient in zip(weights, gradients, strict=True):
        place = tuple(random.integers(0, n) for n in weight.shape)
        kept, h = weight[place], 1e-5
        weight[place] = kept + h
        above, _ = loss_and_gradients(weights, x, labels)
        weight[place] = kept - h
        below, _ = loss_and_gradients(weights, x, labels)
        weight[place] = kept
        expected = (above - below) / (2 * h)
        np.testing.assert_allclose(gradient[place], expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("dilation", [1, 3, 20])
def test_together_is_the_adjoint_of_around(random, dilation):
    x, y = random.normal(size=(2, 9, 4)), random.normal(size=(2, 9, 12))
    one = np.sum(network.around(x, dilation) * y)
    assert one == pytest.approx(np.sum(x * network.together(y, dilation)))


@pytest.mark.parametrize("n_frames", [1, 2, 7, 50])
def test_every_frame_gets_logits(random, n_frames):
    x = random.normal(size=(1, n_frames, 40)).astype(np.float32)
    values = network.logits(network.new_weights(random), x)
    assert values.shape == (1, n_frames, len(CLASSES))


def test_what_is_far_away_has_no_influence(random):
    weights = network.new_weights(random)
    reach = network.STEP * (1 + sum(network.DILATIONS)) + network.STEP
    x = random.normal(size=(1, 400, 40)).astype(np.float32)
    other = x.copy()
    other[0, 200] += 1
    moved = np.abs(network.logits(weights, x) - network.logits(weights, other))
    changed = np.flatnonzero(moved[0].max(axis=1) > 1e-6)
    assert changed.min() >= 200 - reach
    assert changed.max() <= 200 + reach


def test_unlabelled_frames_do_not_count(random):
    weights = small(random)
    x = random.normal(size=(1, 8, 40))
    labels = np.array([[0, 1, 2, 3, -1, -1, -1, -1]])
    loss, _ = loss_and_gradients(weights, x, labels)
    probability = network.softmax(network.logits(weights, x))[0]
    expected = -np.log(probability[np.arange(4), labels[0, :4]]).mean()
    assert loss == pytest.approx(expected)


def test_labels_are_those_of_frame_centres():
    start, end = np.array([0.0, 0.095, 0.2]), np.array([0.095, 0.2, 0.3])
    phase = np.array(["s1", "systole", "unlabelled"])
    labels = frame_labels(start, end, phase, 30)
    np.testing.assert_array_equal(labels[:10], 0)
    np.testing.assert_array_equal(labels[10:20], 1)
    np.testing.assert_array_equal(labels[20:], -1)


def test_noise_is_added_at_the_level_asked_for(random):
    sound = random.normal(0, 5, size=(300, 40)).astype(np.float32)
    other = random.normal(-20, 5, size=(300, 40)).astype(np.float32)
    mixed = with_noise(sound, other, 10.0)
    power, before = 10 ** (mixed / 10), 10 ** (sound / 10)
    share = (power - before).mean() / before.mean()
    assert share == pytest.approx(0.1, rel=1e-3)


def test_other_rhythms_keep_sounds_and_systoles(random):
    labels = np.repeat(np.tile([0, 1, 2, 3], 6), [10, 15, 9, 30] * 6).astype(np.int8)
    lengths = set()
    for _ in range(20):
        places = other_rhythm(labels, random)
        assert places.min() >= 0
        assert places.max() < len(labels)
        new = labels[places]
        for code, expected in ((0, 10), (1, 15), (2, 9)):
            runs = np.diff(np.flatnonzero(np.diff(np.r_[-1, new, -1] == code))[:])[::2]
            assert set(runs.tolist()) == {expected}
        lengths.add(len(new))
    assert len(lengths) > 5


def test_crops_hold_beats_and_noise(random):
    labels = np.tile(np.repeat([0, 1, 2, 3], [10, 15, 9, 30]), 20).astype(np.int8)
    beats = random.normal(size=(len(labels), 40)).astype(np.float16)
    silent = np.full(500, 4, dtype=np.int8)
    frames = joined([beats, beats[:500]], [labels, silent])
    drawer = CropDrawer(frames, beats[:400], n_crop=64)
    x, drawn = drawer.draw(random, 200)
    assert x.shape == (200, 64, 40)
    assert np.isfinite(x).all()
    noises = (drawn == 4).all(axis=1)
    assert 5 < noises.sum() < 60
    assert (drawn[~noises] != 4).all()
    assert drawer.n_annotated == len(labels)


@pytest.mark.parametrize("kind", noise.KINDS)
@pytest.mark.parametrize("n_times", [999, 4000])
def test_noises_are_finite_and_of_the_length(random, kind, n_times):
    for _ in range(5):
        waveform = kind(random, n_times, 2000.0)
        assert waveform.shape == (n_times,)
        assert np.isfinite(waveform).all()


def test_drawn_noise_has_unit_power(random):
    waveform = noise.draw_noise(random, 8000, 2000.0)
    assert np.sqrt(np.mean(waveform**2)) == pytest.approx(1, rel=1e-4)


def test_levels_do_not_depend_on_the_tone(random):
    waveform = random.normal(size=6000).astype(np.float32)
    x = levelled(decibels(waveform))
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(levelled(decibels(7 * waveform)), x, atol=1e-3)


def test_steps_rise_and_fall():
    sizes = [step_size(done) for done in np.linspace(0, 1, 101)]
    assert np.argmax(sizes) == 5
    assert sizes[0] < 0.1 * max(sizes)
    assert sizes[-1] < 0.01 * max(sizes)
