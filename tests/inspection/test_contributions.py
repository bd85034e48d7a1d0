"""The logit as a sum over frames: exact, at the right times, for the right class."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skheart import CNNClassifier, SpectrogramTransformer, load_pretrained
from skheart.inspection import Contributions, frame_contributions
from skheart.neural.attention import FrameShares
from skheart.neural.networks import compact
from skheart.pretrained import model_names


def logits_of(model, X):
    """Return the network's own logits, (n_recordings, n_outputs)."""
    transformer, classifier = (step for _, step in model.steps)
    return classifier._logits(transformer.transform(X))


@pytest.fixture(scope="session")
def real_recordings(shared_data):
    """Return the paths of real recordings of three corpora, from 1 to 60 seconds."""
    paths = sorted((shared_data / "pascal" / "set_b").glob("*.flac"))[::150]
    for corpus in ("circor2022", "cinc2016"):
        paths += sorted((shared_data / corpus).rglob("*.flac"))[::800]
    assert len(paths) >= 6
    return [str(path) for path in paths]


@pytest.mark.parametrize("name", model_names())
def test_contributions_of_shipped_models_add_up_to_the_logit(name, real_recordings):
    model = load_pretrained(name)
    found = frame_contributions(model, real_recordings)
    logits = logits_of(model, real_recordings)
    probabilities = model.predict_proba(real_recordings)
    assert len(found) == len(real_recordings)
    for one, logit, probability in zip(found, logits, probabilities, strict=True):
        total = one.values.sum(axis=0) + one.bias
        np.testing.assert_allclose(total, one.logit)
        if len(model.classes_) == 2:
            column = model.classes_.tolist().index(one.positive)
            assert total == pytest.approx(logit[0] * (1, -1)[column == 0], abs=1e-4)
            assert expit(total) == pytest.approx(probability[column], abs=1e-4)
        else:
            assert one.positive is None
            np.testing.assert_allclose(total, logit, atol=1e-4)
            np.testing.assert_allclose(softmax(total), probability, atol=1e-4)
    assert {one.positive for one in found} == {
        {"murmur": "murmur", "abnormal": "abnormal"}.get(name)
    }


def test_times_are_those_of_the_recording_itself(of_compact, sounds):
    found = frame_contributions(of_compact, sounds.data)
    for one, waveform in zip(found, sounds.data, strict=True):
        n_frames = min(1 + len(waveform) // 40, 151)  # cut after 3 s
        assert one.values.shape == one.times.shape == (n_frames,)
        np.testing.assert_allclose(one.times, np.arange(n_frames) * 0.02)


@pytest.mark.parametrize("padding", ["repeat", "constant"])
@pytest.mark.parametrize("crop_frames", [20, 60, 151, None])
def test_sum_for_windows_of_every_length(fitted_pipeline, sounds, padding, crop_frames):
    model = fitted_pipeline(sounds, crop_frames=crop_frames)
    model.set_params(spectrogram__padding=padding)
    found = frame_contributions(model, sounds.data[:6])
    totals = [one.values.sum() + one.bias for one in found]
    np.testing.assert_allclose(
        totals, -logits_of(model, sounds.data[:6])[:, 0], atol=1e-4
    )
    if padding == "constant":
        assert all(len(one.values) == 151 for one in found)


def test_sum_if_recordings_are_shorter_than_a_window(of_compact, sounds):
    model = copy.deepcopy(of_compact).set_params(spectrogram__duration=None)
    short = [waveform[:1400] for waveform in sounds.data[:3]]
    found = frame_contributions(model, short)
    assert [len(one.values) for one in found] == [36] * 3
    totals = [one.values.sum() + one.bias for one in found]
    np.testing.assert_allclose(totals, -logits_of(model, short)[:, 0], atol=1e-4)


def test_sum_for_several_classes(of_three, sounds):
    found = frame_contributions(of_three, sounds.data[:4])
    totals = np.array([one.values.sum(axis=0) + one.bias for one in found])
    np.testing.assert_allclose(totals, logits_of(of_three, sounds.data[:4]), atol=1e-4)
    assert found[0].positive is None
    assert found[0].classes.tolist() == ["a", "b", "c"]
    assert found[0].values.shape[1] == 3


def test_sum_of_a_calibrated_network(fitted_pipeline, sounds):
    model = fitted_pipeline(sounds, loss="auroc", epochs=2)
    assert model[-1].model_.layers[-1].name == "calibration"
    found = frame_contributions(model, sounds.data[:4])
    totals = [one.values.sum() + one.bias for one in found]
    np.testing.assert_allclose(
        totals, -logits_of(model, sounds.data[:4])[:, 0], atol=1e-4
    )


def test_without_a_word_for_healthy_the_second_class_is_positive(
    fitted_pipeline, sounds
):
    model = fitted_pipeline(sounds, np.where(sounds.target == "murmur", "x", "w"))
    (one,) = frame_contributions(model, sounds.data[:1])
    assert one.positive == "x"
    assert one.logit == pytest.approx(logits_of(model, sounds.data[:1])[0, 0], abs=1e-4)


def test_a_change_of_the_sound_changes_contributions_at_its_time():
    # Without attention, each frame depends on what is near it alone.
    network = compact(n_bands=40, n_frames=250)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=w.shape, scale=0.2) for w in network.weights])
    norms = [layer for layer in network.layers if layer.name.endswith("_norm")]
    for norm in norms:
        norm.moving_variance.assign(np.ones(norm.moving_variance.shape))
    attention = network.get_layer("attention")
    attention.set_weights([np.zeros_like(attention.get_weights()[0])])
    shares = FrameShares(network)
    windows = rng.normal(size=(1, 40, 250, 1)).astype(np.float32)
    frames = np.arange(250)
    for place in (3, 77, 128, 246):
        changed = windows.copy()
        changed[:, :, place] += 5
        change = np.abs(shares(changed) - shares(windows))[0, :, 0]
        assert np.abs(frames[change > 0] - place).max() <= 23  # what a frame depends on
        near = np.abs(frames - place) <= 12
        assert change[near].sum() > 0.5 * change.sum()
        if 30 < place < 220:
            middle = np.average(frames, weights=change)
            assert middle == pytest.approx(place, abs=5)


def test_contributions_are_those_of_the_positive_class(of_compact, sounds):
    (one,) = frame_contributions(of_compact, sounds.data[:1])
    assert isinstance(one, Contributions)
    assert of_compact.classes_.tolist() == ["murmur", "normal"]
    assert one.positive == "murmur"


def test_the_pipeline_stays_as_it_is(of_compact, sounds):
    before = of_compact.get_params()
    probabilities = of_compact.predict_proba(sounds.data)
    frame_contributions(of_compact, sounds.data)
    assert of_compact.get_params() == before
    np.testing.assert_array_equal(of_compact.predict_proba(sounds.data), probabilities)


@pytest.mark.parametrize("network", ["linear", "deep_stethoscope"])
def test_another_network_is_refused_with_a_way_out(
    network, fitted_pipeline, of_linear, sounds
):
    model = of_linear
    if network != "linear":
        model = fitted_pipeline(sounds, network=network)
    with pytest.raises(
        ValueError, match=r"needs the compact network.*use occlusion_map\.$"
    ):
        frame_contributions(model, sounds.data[:1])


def test_other_estimators_are_refused(of_compact, sounds):
    transformer, classifier = (step for _, step in of_compact.steps)
    with pytest.raises(ValueError, match=r"Pipeline of a SpectrogramTransformer.*CNNC"):
        frame_contributions(classifier, sounds.data)
    other = make_pipeline(SpectrogramTransformer(flatten=True), LogisticRegression())
    with pytest.raises(ValueError, match=re.escape("'LogisticRegression']")):
        frame_contributions(other, sounds.data)
    with pytest.raises(NotFittedError):
        frame_contributions(clone(of_compact), sounds.data)
    assert isinstance(classifier, CNNClassifier)
    assert isinstance(transformer, SpectrogramTransformer)
