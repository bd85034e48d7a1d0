"""The benchmark of the segmentation: its baselines, its counts, its results."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from skheart.datasets import make_heart_sounds
from skheart.segmentation.scores import matches

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Make the modules of the benchmarks importable, as they are for each other."""
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def test_peak_picking_finds_plain_sounds():
    from _beats_elsewhere import peak_picking

    sounds = make_heart_sounds(
        8, classes="normal", duration=8.0, noise=None, heart_rate=65.0, random_state=0
    )
    matched = 0
    for waveform, beats in zip(sounds.data, sounds.beats, strict=True):
        start, end, phase = peak_picking(waveform, sounds.sample_rate)
        middle = ((start + end) / 2)[phase == "s1"]
        matched += len(matches(beats, middle, 0.1)[0])
    assert matched > 0.8 * sum(map(len, sounds.beats))


def test_the_decoder_for_springer_is_the_package_s(monkeypatch):
    """Two programs for the same model give the same states."""
    from _beats_elsewhere import Decoder

    from skheart.segmentation.kernels import best_path

    random = np.random.default_rng(0)
    n_frames, longest = 60, 12
    likely = random.random((4, n_frames)) + 0.01
    duration = random.random((4, longest)) + 0.01
    duration /= duration.sum(axis=1, keepdims=True)

    class Emissions:
        def likelihood(self, observations):
            return likely

    states = Decoder(Emissions(), duration, None).decode(np.zeros((n_frames, 4)))
    emission = np.zeros((n_frames + 1, 4))
    emission[1:] = np.cumsum(np.log(likely.T), axis=0)
    at_least = np.cumsum(duration[:, ::-1], axis=1)[:, ::-1]
    transition = np.full((4, 4), -1e9)
    transition[np.arange(4), (np.arange(4) + 1) % 4] = 0
    found = np.empty(n_frames, dtype=np.int8)
    best_path(emission, np.log(duration), np.log(at_least), transition, found)
    np.testing.assert_array_equal(found, states)


def test_figures_of_known_counts():
    from segmentation import KINDS, phase_figures

    counts = np.zeros((4, len(KINDS), 3))
    counts[:, :, 0], counts[:, :, 1], counts[:, :, 2] = 8, 10, 10
    figures = phase_figures(counts, np.array(["a", "a", "b", "c"]))
    assert (figures["recordings"], figures["patients"]) == (4, 3)
    for phase, at in KINDS:
        figure = figures[f"{phase} {at}"]
        assert figure["f1"] == figure["low"] == figure["high"] == 0.8
        assert figure["n"] == 40


def test_auroc_by_patient():
    from _rhythm_study import auroc, by_patient

    y = np.array([0, 1, 0, 0, 0, 1])
    score = np.array([0.1, 0.9, 0.2, 0.3, 0.95, 0.8])
    group = np.array(["a", "a", "b", "b", "c", "d"])
    assert auroc(y, score, group)["auroc"] == 0.75
    found = by_patient(y, score, group)
    assert found["auroc"] == 0.5
    assert (found["n"], found["positive"]) == (4, 2)


def _two_sounds(first, second):
    """Return probabilities of first and second sounds at these times, in seconds."""
    labels = np.full(1000, 3)
    for s1, s2 in zip(np.round(first * 100), np.round(second * 100), strict=True):
        labels[int(s1) : int(s1) + 10] = 0
        labels[int(s1) + 10 : int(s2)] = 1
        labels[int(s2) : int(s2) + 10] = 2
    return np.full((1000, 5), 0.025) + 0.875 * np.eye(5)[labels]


def test_a_beat_is_early_if_both_sounds_are():
    from _rhythm_trials import both_sounds, forced_rhythm

    beats = 0.4 + 0.8 * np.arange(11)
    early, misplaced = beats.copy(), beats.copy()
    early[5] -= 0.24
    misplaced[5] -= 0.12
    regular = both_sounds(_two_sounds(beats, beats + 0.3))
    np.testing.assert_allclose(regular, 0, atol=0.03)
    found = both_sounds(_two_sounds(early, early + 0.3))
    np.testing.assert_allclose(found[:3], [0.3, 0.3, 0.09], atol=0.03)
    one_only = both_sounds(_two_sounds(misplaced, beats + 0.3))
    np.testing.assert_allclose(one_only, 0, atol=0.03)
    assert np.isnan(both_sounds(_two_sounds(beats[:2], beats[:2] + 0.3))).all()
    costs = [forced_rhythm(_two_sounds(x, x + 0.3)) for x in (beats, early)]
    assert costs[0][2] == 0
    assert costs[1][2] >= 1
    assert costs[1][1] < costs[0][1] - 5  # the least probable diastole


def test_the_card_has_the_figures_of_its_fold():
    from train_segmenter import SHIPPED

    from skheart.segmentation.packaged import read_packaged

    results = json.loads((FOLDER / "results" / "segmentation.json").read_text("utf-8"))
    figures = read_packaged()[1]["figures"]
    assert figures == results["by fold"][str(SHIPPED)]
    assert (
        figures["recordings"]
        == read_packaged()[1]["training"]["parts"][0]["n_held_out"]
    )
