"""Test that simulated recordings contain what the simulator states."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skheart.datasets import make_heart_sounds

RATE = 2000


def band_energy(waveform, low, high, sample_rate=RATE):
    """Return the mean power between two frequencies in Hz."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequencies = np.fft.rfftfreq(len(waveform), 1 / sample_rate)
    return power[(frequencies >= low) & (frequencies < high)].sum() / len(waveform) ** 2


def between(waveform, starts, ends, sample_rate=RATE):
    """Return the parts of a waveform between start and end (in s), concatenated."""
    parts = [
        waveform[round(a * sample_rate) : round(b * sample_rate)]
        for a, b in zip(starts, ends, strict=True)
    ]
    return np.concatenate(parts)


def systoles(sounds, i):
    """Return the onsets of the first and the second sound of each complete systole."""
    seconds = sounds.s2_onsets[i]
    firsts = sounds.beats[i][sounds.beats[i] < seconds[-1]]
    return firsts, seconds[np.searchsorted(seconds, firsts)]


def diastoles(sounds, i):
    """Return the onsets of each second sound and of the next first sound."""
    firsts = sounds.beats[i]
    seconds = sounds.s2_onsets[i][sounds.s2_onsets[i] < firsts[-1]]
    return seconds, firsts[np.searchsorted(firsts, seconds)]


def test_shapes_and_labels():
    sounds = make_heart_sounds(
        30,
        classes=("normal", "murmur", "extrasystole"),
        as_frame=True,
        random_state=0,
    )
    assert sounds.data.shape == sounds.target.shape == sounds.groups.shape == (30,)
    assert sounds.data.dtype == object
    assert sounds.target_names.tolist() == ["extrasystole", "murmur", "normal"]
    assert all((sounds.target == name).sum() == 10 for name in sounds.target_names)
    for i, waveform in enumerate(sounds.data):
        assert waveform.dtype == np.float32
        assert waveform.ndim == 1
        assert 0.1 < np.abs(waveform).max() <= 1
        assert len(waveform) == round(sounds.frame["duration"][i] * RATE)
        assert 4 * RATE <= len(waveform) <= 8 * RATE
    assert len({len(waveform) for waveform in sounds.data}) > 20
    assert len(sounds.frame) == 30
    assert sounds.sample_rate == RATE
    assert "No score on them" in sounds.DESCR


def test_seed():
    first, again, other = (
        make_heart_sounds(8, as_frame=True, random_state=seed) for seed in (3, 3, 4)
    )
    for one, two in zip(first.data, again.data, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(first.target, again.target)
    assert first.frame.equals(again.frame)
    assert not np.array_equal(first.data[0][:4000], other.data[0][:4000])


def test_random_state_instance_advances():
    rng = np.random.RandomState(3)
    first, second = (make_heart_sounds(1, random_state=rng) for _ in range(2))
    same = make_heart_sounds(1, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(first.data[0], same.data[0])
    assert not np.array_equal(first.data[0][:4000], second.data[0][:4000])


def test_global_seed_is_left_alone():
    before = np.random.get_state()
    make_heart_sounds(3, random_state=0)
    after = np.random.get_state()
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_one_recording_of_fixed_duration():
    sounds = make_heart_sounds(1, duration=2.5005, random_state=0)
    assert sounds.data.shape == (1,)
    assert sounds.data[0].shape == (5001,)
    assert sounds.target.tolist() == ["normal"]
    several = make_heart_sounds(3, duration=3.0, random_state=0)
    assert several.data.shape == (3,)
    assert [waveform.shape for waveform in several.data] == [(6000,)] * 3


def test_very_short_recording():
    sounds = make_heart_sounds(2, duration=0.0004, random_state=0)
    assert all(waveform.shape == (1,) for waveform in sounds.data)
    assert all(np.isfinite(waveform).all() for waveform in sounds.data)


def test_weights():
    sounds = make_heart_sounds(
        10, classes=("murmur", "normal"), weights=(3, 7), random_state=0
    )
    assert (sounds.target == "murmur").sum() == 3
    thirds = make_heart_sounds(
        10, classes=("normal", "murmur"), weights=(1, 2), random_state=0
    )
    assert (thirds.target == "murmur").sum() == 7
    none = make_heart_sounds(4, weights=(1, 0), random_state=0)
    assert none.target_names.tolist() == ["normal"]


def test_properties_of_a_patient_are_constant():
    sounds = make_heart_sounds(
        60,
        recordings_per_patient=(3, 5),
        heart_rate=(50, 120),
        as_frame=True,
        random_state=1,
    )
    frame = sounds.frame
    for patient in np.unique(sounds.groups):
        own = np.flatnonzero(sounds.groups == patient)
        assert np.all(np.diff(own) == 1)
        assert len(own) <= 5
        assert len(set(sounds.target[own])) == 1
        assert len(set(frame["murmur"][own])) == 1
        assert np.ptp(frame["heart_rate"][own]) <= 0.11 * frame["heart_rate"][own].min()
        if len(own) <= 4:
            assert len(set(frame["location"][own])) == len(own)
    sizes = np.unique(sounds.groups, return_counts=True)[1]
    assert (sizes < 3).sum() <= 2  # the last patient of each class
    has_murmur = sounds.target == "murmur"
    assert set(frame["murmur"][has_murmur]) == {
        "holosystolic",
        "mid-systolic",
        "early-diastolic",
    }
    assert set(frame["murmur"][~has_murmur]) == {""}
    np.testing.assert_array_equal(np.isfinite(frame["murmur_level"]), has_murmur)
    assert frame["murmur_level"][has_murmur].between(-34 - 8, -14).all()
    alone = make_heart_sounds(7, recordings_per_patient=1, random_state=0)
    assert len(set(alone.groups)) == 7


def test_timbre_depends_on_the_patient():
    # Without noise, two spectra of one patient differ less than those of two patients.
    sounds = make_heart_sounds(
        24, classes="normal", recordings_per_patient=2, noise=None, random_state=0
    )
    edges = np.arange(20, 160, 10)
    spectra = np.array(
        [
            [band_energy(x, low, low + 10) / band_energy(x, 20, 160) for low in edges]
            for x in sounds.data
        ]
    )
    distance = np.abs(spectra[:, None] - spectra[None]).sum(axis=-1)
    same = sounds.groups[:, None] == sounds.groups[None]
    off_diagonal = ~np.eye(24, dtype=bool)
    assert distance[same & off_diagonal].mean() < 0.6 * distance[~same].mean()


def test_beats_repeat_at_the_heart_rate():
    sounds = make_heart_sounds(
        20, classes="normal", heart_rate=(50, 120), duration=10.0, random_state=2
    )
    for i in range(20):
        rate = 60 / np.mean(np.diff(sounds.beats[i]))
        assert 50 <= sounds.frame["heart_rate"][i] <= 120
        assert rate == pytest.approx(sounds.frame["heart_rate"][i], rel=0.06)
    fixed = make_heart_sounds(3, heart_rate=70, random_state=0)
    assert set(fixed.frame["heart_rate"]) == {70.0}


def test_autocorrelation_peaks_at_the_beat_interval():
    sounds = make_heart_sounds(
        10, classes="normal", heart_rate=75, duration=10.0, random_state=5
    )
    for i, waveform in enumerate(sounds.data):
        envelope = np.convolve(np.abs(waveform), np.ones(100) / 100, mode="same")
        envelope -= envelope.mean()
        power = np.abs(np.fft.rfft(envelope, 2 * len(envelope))) ** 2
        correlation = np.fft.irfft(power)
        lags = np.arange(int(0.6 * RATE), int(1.2 * RATE))
        found = lags[np.argmax(correlation[lags])] / RATE
        assert found == pytest.approx(np.mean(np.diff(sounds.beats[i])), rel=0.08)


def test_heart_sounds_are_at_their_onsets():
    sounds = make_heart_sounds(12, classes="normal", noise=None, random_state=0)
    for i, waveform in enumerate(sounds.data):
        firsts, seconds = systoles(sounds, i)
        loud = between(waveform, firsts, firsts + 0.08)
        before = between(waveform, *diastoles(sounds, i))[-1:]
        assert before.size
        ends = sounds.beats[i][1:]
        quiet = between(waveform, ends - 0.05, ends)
        assert np.mean(loud**2) > 100 * np.mean(quiet**2)
        short = between(waveform, seconds[:-1], seconds[:-1] + 0.04)
        assert np.mean(short**2) > 20 * np.mean(quiet**2)


def test_heart_sounds_are_low_and_the_second_is_higher():
    sounds = make_heart_sounds(40, classes="normal", noise=None, random_state=0)
    centres = {"first": [], "second": []}
    for i, waveform in enumerate(sounds.data):
        assert band_energy(waveform, 15, 200) > 0.95 * band_energy(waveform, 0, 1001)
        firsts, seconds = systoles(sounds, i)
        for name, starts in (("first", firsts), ("second", seconds[:-1])):
            burst = between(waveform, starts, starts + 0.1)
            power = np.abs(np.fft.rfft(burst)) ** 2
            frequencies = np.fft.rfftfreq(len(burst), 1 / RATE)
            centres[name].append((power * frequencies).sum() / power.sum())
    assert np.median(centres["second"]) > np.median(centres["first"]) + 5


def test_hertz_do_not_depend_on_the_sample_rate():
    # With the same seed and without noise, only the sampling differs.
    coarse, fine = (
        make_heart_sounds(
            1, noise=None, duration=5.0, sample_rate=sample_rate, random_state=0
        )
        for sample_rate in (1000, 4000)
    )
    assert len(fine.data[0]) == 4 * len(coarse.data[0]) == 20000
    assert fine.sample_rate == 4000
    np.testing.assert_allclose(fine.data[0][::4], coarse.data[0], atol=0.05)


def test_murmur_lies_in_its_phase_and_band():
    sounds = make_heart_sounds(
        80, murmur_level=-18.0, noise=None, heart_rate=(55, 75), random_state=0
    )
    energy = {}
    for i, waveform in enumerate(sounds.data):
        firsts, seconds = systoles(sounds, i)
        systole = between(waveform, firsts + 0.12, seconds - 0.01)
        start, end = diastoles(sounds, i)
        diastole = between(waveform, start + 0.12, np.minimum(start + 0.3, end))
        kind = sounds.frame["murmur"][i]
        energy.setdefault(kind, []).append(
            [
                10 * np.log10(band_energy(x, 150, 500) + 1e-12)
                for x in (systole, diastole)
            ]
        )
    middle = {kind: np.median(values, axis=0) for kind, values in energy.items()}
    assert middle["holosystolic"][0] > middle[""][0] + 6
    assert middle["mid-systolic"][0] > middle[""][0] + 6
    assert middle["early-diastolic"][1] > middle[""][1] + 6
    assert middle["early-diastolic"][1] > middle["early-diastolic"][0] + 6
    assert middle["holosystolic"][0] > middle["holosystolic"][1] + 6


def test_murmur_level_is_in_decibels():
    sounds = make_heart_sounds(
        40,
        classes="murmur",
        murmur_level=-12.0,
        noise=None,
        heart_rate=50,
        random_state=0,
    )
    kinds = sounds.frame["murmur"] == "holosystolic"
    difference = []
    for i in np.flatnonzero(kinds):
        firsts, seconds = systoles(sounds, i)
        plateau = between(sounds.data[i], firsts + 0.2, seconds - 0.04)
        loudest = np.abs(sounds.data[i]).max()
        level = 10 * np.log10(np.mean(plateau**2)) - 20 * np.log10(loudest)
        difference.append(level - sounds.frame["murmur_level"][i])
    assert len(difference) > 5
    assert abs(np.median(difference)) < 2.5


@pytest.mark.parametrize("level", [-20.0, -6.0])
def test_noise_is_in_decibels(level):
    # Noise is drawn last: with the same seed, the heart sounds are identical.
    found = []
    for seed in range(15):
        settings = {"classes": "normal", "duration": 5.0, "random_state": seed}
        clean = make_heart_sounds(1, noise=None, **settings).data[0].astype(float)
        noisy = make_heart_sounds(1, noise=level, **settings)
        assert noisy.frame["noise"].tolist() == [level]
        waveform = noisy.data[0].astype(float)
        heart = clean * (waveform @ clean) / (clean @ clean)
        rest = waveform - heart
        found.append(10 * np.log10(np.mean(rest**2) / np.mean(heart**2)))
    # About half of the recordings also contain clicks and rubs, which add power.
    assert np.min(found) == pytest.approx(level, abs=1.0)
    assert np.percentile(found, 25) == pytest.approx(level, abs=1.0)


def test_noise_reaches_other_frequencies_than_the_heart():
    quiet, loud = (
        make_heart_sounds(10, classes="normal", noise=noise, random_state=0)
        for noise in (None, -10.0)
    )
    share = [
        np.median([band_energy(x, 300, 1000) / band_energy(x, 0, 1001) for x in s.data])
        for s in (quiet, loud)
    ]
    assert share[1] > 10 * share[0]


def test_extrasystoles_are_early_with_a_compensatory_pause():
    sounds = make_heart_sounds(
        40,
        classes=("normal", "extrasystole"),
        duration=(6.0, 9.0),
        random_state=0,
    )
    premature = sounds.target == "extrasystole"
    counts = np.asarray(sounds.frame["n_extrasystoles"])
    assert (counts[premature] >= 1).all()
    assert (counts[~premature] == 0).all()
    for i in range(40):
        intervals = np.diff(sounds.beats[i]) * sounds.frame["heart_rate"][i] / 60
        if not premature[i]:
            assert 0.85 < intervals.min() <= intervals.max() < 1.15
            continue
        assert intervals.min() < 0.8
        early = np.flatnonzero(intervals[:-1] < 0.8)
        assert early.size
        np.testing.assert_allclose(intervals[early] + intervals[early + 1], 2, atol=0.2)
        assert (intervals[early] > 0.4).all()
        assert (intervals < 0.8).sum() == counts[i]


def test_shortest_recordings_contain_an_extrasystole():
    sounds = make_heart_sounds(
        50, classes="extrasystole", heart_rate=60, duration=3.0, random_state=0
    )
    assert all(np.diff(beats).min() < 0.8 for beats in sounds.beats)


def test_learnable_but_not_trivial():
    sounds = make_heart_sounds(240, random_state=0)
    edges = [10, 25, 40, 60, 80, 110, 150, 200, 260, 330, 410, 500, 700, 1000]
    X = np.log(
        [[band_energy(x, *pair) for pair in pairwise(edges)] for x in sounds.data]
    )
    energy = [np.mean(np.square(x)) for x in sounds.data]
    is_murmur = sounds.target == "murmur"
    model = make_pipeline(StandardScaler(), LogisticRegression())
    probabilities = cross_val_predict(
        model,
        X,
        is_murmur,
        groups=sounds.groups,
        cv=StratifiedGroupKFold(4, shuffle=True, random_state=0),
        method="predict_proba",
    )
    assert 0.7 < roc_auc_score(is_murmur, probabilities[:, 1]) < 0.93
    assert 0.35 < roc_auc_score(is_murmur, energy) < 0.65


def test_louder_murmurs_are_easier():
    scores = []
    for level in (-45.0, -30.0, -15.0):
        sounds = make_heart_sounds(80, murmur_level=level, random_state=1)
        ratio = [
            band_energy(x, 120, 450) / band_energy(x, 20, 120) for x in sounds.data
        ]
        scores.append(roc_auc_score(sounds.target == "murmur", ratio))
    assert scores[0] < scores[1] < scores[2]


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    sounds = make_heart_sounds(2, duration=1.0, random_state=0)
    assert type(sounds.frame) is dict
    assert sounds.frame["duration"].tolist() == [1.0, 1.0]
    with pytest.raises(ImportError, match="as_frame=True needs pandas"):
        make_heart_sounds(1, duration=1.0, as_frame=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_recordings": 0}, "n_recordings must be a positive integer, got 0"),
        ({"n_recordings": 2.5}, "n_recordings must be a positive integer, got 2.5"),
        ({"n_recordings": True}, "n_recordings must be a positive integer"),
        ({"classes": ()}, "classes must be one or more of"),
        ({"classes": "artifact"}, "classes must be .* got 'artifact'"),
        ({"classes": ("murmur", "murmur")}, "different words"),
        ({"weights": (1,)}, "weights must be .* one for each of the 2 classes"),
        ({"weights": (-1, 2)}, "weights must be non-negative"),
        ({"weights": (0, 0)}, "weights must be non-negative and not all 0"),
        ({"weights": (np.nan, 1)}, r"weights must be .* got \(nan, 1\)"),
        ({"recordings_per_patient": 0}, "recordings_per_patient must be a positive"),
        ({"recordings_per_patient": (3, 2)}, r"a lowest and a highest one, got \(3,"),
        ({"recordings_per_patient": 1.5}, "must be a positive integer, got 1.5"),
        ({"recordings_per_patient": "2"}, "must be a positive integer, got '2'"),
        ({"duration": 0}, "duration must be a positive number of seconds, got 0"),
        ({"duration": (5, 3)}, r"duration must be a number, or .* got \(5, 3\)"),
        ({"duration": "34"}, "duration must be a positive number of .* got '34'"),
        ({"duration": None}, "duration must be a positive number of .* got None"),
        ({"duration": (1, 2, 3)}, r"duration must be a number, or .* got \(1, 2, 3"),
        ({"duration": np.nan}, "duration must be a positive number of seconds"),
        ({"sample_rate": 800}, "sample_rate must be .* Hz, at least 1000, got 800"),
        ({"sample_rate": "2000"}, "sample_rate must be a number of Hz"),
        ({"heart_rate": 20}, "heart_rate must be .* at least 30, at most 220, got 20"),
        ({"heart_rate": (60, 300)}, "heart_rate must be .* at most 220, got 300"),
        ({"murmur_level": np.inf}, "murmur_level must be a number of dB, got inf"),
        ({"noise": (0, -10)}, r"noise must be a number, or .* got \(0, -10\)"),
        ({"as_frame": "no"}, "as_frame must be True or False"),
        (
            {"classes": "extrasystole", "duration": 2.0, "heart_rate": 60},
            r"duration must be at least three beats .*3\.00 s at 60 .* got 2 s",
        ),
    ],
)
def test_errors_name_the_parameter(settings, message):
    with pytest.raises(ValueError, match=message):
        make_heart_sounds(**{"n_recordings": 1, **settings})


@pytest.mark.parametrize(
    "murmurs",
    ["early-diastolic", ("mid-systolic",), ("holosystolic", "early-diastolic")],
)
def test_kinds_of_murmurs(murmurs):
    sounds = make_heart_sounds(
        40, classes="murmur", murmurs=murmurs, recordings_per_patient=1, random_state=0
    )
    kinds = {murmurs} if isinstance(murmurs, str) else set(murmurs)
    assert set(sounds.frame["murmur"]) == kinds


def test_default_kinds_of_murmurs_are_all_of_them():
    kinds = ("early-diastolic", "mid-systolic", "holosystolic")
    default = make_heart_sounds(4, classes="murmur", random_state=0)
    named = make_heart_sounds(4, classes="murmur", murmurs=kinds, random_state=0)
    for one, other in zip(default.data, named.data, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("murmurs", ["systolic", (), ("holosystolic", "x")])
def test_unknown_kinds_of_murmurs(murmurs):
    with pytest.raises(
        ValueError, match="murmurs must be one or more of 'holosystolic'"
    ):
        make_heart_sounds(1, murmurs=murmurs)
