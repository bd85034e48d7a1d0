"""Where the score lies in the heartbeat: by formula, and for simulated murmurs."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer, load_pretrained
from skheart.datasets import make_heart_sounds
from skheart.inspection import (
    Contributions,
    OcclusionMap,
    frame_contributions,
    occlusion_map,
    phase_contributions,
)

PHASES = ("s1", "systole", "s2", "diastole", "none")
CLASSES = np.array(["murmur", "normal"])


def contributions(values, step=0.1):
    values = np.asarray(values, dtype=float)
    positive = None if values.ndim == 2 else "murmur"
    times = step * np.arange(len(values))
    return Contributions(times, values, 0.0, positive, CLASSES)


def test_values_are_shared_by_the_time_they_have_in_each_phase():
    # Values stand for 0-0.05, 0.05-0.15, 0.15-0.25, ... seconds.
    start, end = np.array([0.05, 0.1, 0.25, 0.30]), np.array([0.1, 0.25, 0.30, 0.40])
    phase = np.array(["s1", "systole", "s2", "diastole"])
    found = phase_contributions(contributions([1, 2, 3, 4]), (start, end, phase))
    assert found == pytest.approx(
        {"s1": 0.1, "systole": 0.4, "s2": 0.2, "diastole": 0.2, "none": 0.1}
    )


def test_what_speaks_against_the_class_is_left_out():
    segments = np.array([0.0, 0.25]), np.array([0.25, 0.5]), np.array(["s1", "s2"])
    found = phase_contributions(contributions([-3, 1, 0, 3, -5]), segments)
    assert found == pytest.approx(
        {"s1": 0.25, "systole": 0, "s2": 0.75, "diastole": 0, "none": 0}
    )


def test_nothing_speaks_for_the_class():
    segments = np.array([0.0]), np.array([0.5]), np.array(["s1"])
    found = phase_contributions(contributions([-1, -2]), segments)
    assert list(found) == list(PHASES)
    assert all(np.isnan(share) for share in found.values())


def test_without_a_heartbeat_everything_is_outside():
    empty = np.empty(0), np.empty(0), np.empty(0, dtype=str)
    found = phase_contributions(contributions([1, 2]), empty)
    assert found == {"s1": 0, "systole": 0, "s2": 0, "diastole": 0, "none": 1}


def test_each_class_of_several():
    segments = np.array([0.0, 0.05]), np.array([0.05, 0.3]), np.array(["s1", "s2"])
    found = phase_contributions(contributions([[1, 3], [1, 1], [2, 0]]), segments)
    np.testing.assert_allclose(found["s1"], [0.25, 0.75])
    np.testing.assert_allclose(found["s2"], [0.75, 0.25])
    np.testing.assert_allclose(sum(found.values()), [1, 1])


def test_parts_of_an_occlusion_map_count_by_themselves():
    values = np.array([[1.0, -2.0], [1.0, 2.0]])
    found = OcclusionMap(
        np.array([0.05, 0.15]), np.array([100.0, 200.0]), values, "murmur", 1.0
    )
    segments = np.array([0.0, 0.1]), np.array([0.1, 0.2]), np.array(["s1", "systole"])
    shares = phase_contributions(found, segments)
    assert (shares["s1"], shares["systole"]) == (0.5, 0.5)


# Simulated murmurs -------------------------------------------------------------------

SYSTOLIC, DIASTOLIC = "holosystolic", "early-diastolic"
SETTINGS = {
    "duration": 5.0,
    "heart_rate": (50.0, 62.0),
    "murmur_level": (-18.0, -10.0),
    "noise": (-34.0, -26.0),
}


@pytest.fixture(scope="module")
def trained():
    """Return a pipeline that detects murmurs in systole and in diastole.

    Frames of the network are 80 ms long, half of the default.
    """
    kinds = [
        make_heart_sounds(60, murmurs=kind, random_state=seed, **SETTINGS)
        for seed, kind in enumerate((SYSTOLIC, DIASTOLIC))
    ]
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=5.0, hop=0.01)),
            ("cnn", CNNClassifier(epochs=15, random_state=0)),
        ]
    )
    return pipeline.fit(
        [waveform for sounds in kinds for waveform in sounds.data],
        np.concatenate([sounds.target for sounds in kinds]),
    )


def simulated(kind):
    """Return recordings of patients that `trained` does not know."""
    label = "murmur" if kind else "normal"
    return make_heart_sounds(
        8,
        classes=label,
        murmurs=kind or SYSTOLIC,
        recordings_per_patient=1,
        random_state=7,
        **SETTINGS,
    )


def true_phases(sounds, number):
    """Return the phases of a simulated recording, from the simulation itself."""
    first, second = sounds.beats[number], sounds.s2_onsets[number]
    starts = np.r_[first, first + 0.05, second, second + 0.05]
    words = np.repeat(
        ["s1", "systole", "s2", "diastole"], [len(first)] * 2 + [len(second)] * 2
    )
    order = np.argsort(starts)
    starts, words = starts[order], words[order]
    return starts, np.r_[starts[1:], 5.0], words


def mean_shares(maps, sounds):
    """Return the mean share of each phase, among the parts that have a phase."""
    found = [
        phase_contributions(one, true_phases(sounds, number))
        for number, one in enumerate(maps)
    ]
    return {
        phase: np.mean([shares[phase] / (1 - shares["none"]) for shares in found])
        for phase in PHASES[:4]
    }


def occlusion_maps(model, sounds, n_recordings=4):
    return [
        occlusion_map(model, waveform, time_step=0.05, n_bands=1)
        for waveform in sounds.data[:n_recordings]
    ]


@pytest.mark.parametrize(
    ("kind", "phase"), [(SYSTOLIC, "systole"), (DIASTOLIC, "diastole")]
)
def test_the_score_of_a_murmur_lies_where_the_murmur_is(trained, kind, phase):
    sounds = simulated(kind)
    assert (trained.predict(sounds.data) == "murmur").all()
    maps = frame_contributions(trained, sounds.data)
    assert mean_shares(maps, sounds)[phase] >= 0.8
    assert mean_shares(occlusion_maps(trained, sounds), sounds)[phase] >= 0.8


def test_without_a_murmur_nothing_speaks_for_one(trained):
    normal, murmur = (
        frame_contributions(trained, simulated(kind).data) for kind in (None, SYSTOLIC)
    )
    assert all(one.logit < 0 for one in normal)
    for_normal, for_murmur = (
        np.mean([np.maximum(one.values, 0).sum() for one in maps])
        for maps in (normal, murmur)
    )
    assert for_normal < 0.1 * for_murmur


def test_the_shipped_model_looks_for_a_systolic_murmur_in_systole():
    # 160 ms are one frame of its network, so that the sound before systole counts.
    model, sounds = load_pretrained("murmur"), simulated(SYSTOLIC)
    shares = mean_shares(frame_contributions(model, sounds.data), sounds)
    assert shares["systole"] > 0.7
    assert shares["s1"] + shares["systole"] > 0.9


# Sanity check of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: what
# is computed depends on what the network has learned, not on the recording alone.


def randomised(model, seed):
    """Return the pipeline with all weights of each layer in another order."""
    model = copy.deepcopy(model)
    rng = np.random.default_rng(seed)
    for layer in model[-1].model_.layers:
        layer.set_weights(
            [rng.permutation(w.ravel()).reshape(w.shape) for w in layer.get_weights()]
        )
    return model


def correlation(maps, others):
    """Return the mean rank correlation of the maps of two models."""
    return np.mean(
        [
            spearmanr(one.values.ravel(), other.values.ravel()).statistic
            for one, other in zip(maps, others, strict=True)
        ]
    )


def test_maps_of_a_network_with_random_weights_differ(trained):
    sounds = simulated(SYSTOLIC)
    maps = frame_contributions(trained, sounds.data)
    of_parts = occlusion_maps(trained, sounds, 2)
    again = copy.deepcopy(trained)
    assert correlation(maps, frame_contributions(again, sounds.data)) > 0.999
    correlations, part_correlations = [], []
    for seed in range(4):
        other = randomised(trained, seed)
        others = frame_contributions(other, sounds.data)
        correlations.append(correlation(maps, others))
        part_correlations.append(
            correlation(of_parts, occlusion_maps(other, sounds, 2))
        )
        assert not mean_shares(others, sounds)["systole"] >= 0.6  # NaN if nothing is
    assert np.abs(correlations).mean() < 0.5
    assert np.abs(part_correlations).mean() < 0.5
