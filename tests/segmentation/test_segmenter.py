"""HeartSoundSegmenter and the segmenter of the package."""

import json
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, cross_val_score

from skheart._core.provenance import known_training, seen_in
from skheart.audio import RecordingError
from skheart.datasets import load_circor2022, make_heart_sounds, read_segmentation
from skheart.segmentation import (
    HeartSoundSegmenter,
    beat_intervals,
    beat_times,
    decode_phases,
    heart_rate,
    load_segmenter,
    no_heartbeat_reason,
    phase_score,
    rhythm_features,
)
from skheart.segmentation.packaged import FOLDER, read_packaged, write_packaged
from skheart.segmentation.scores import matches

N_FLOOR = 60  # recordings of CirCor that the test below segments


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(
        20, duration=(6.0, 9.0), noise=(-25.0, -14.0), random_state=3
    )


@pytest.fixture(scope="module")
def annotated(sounds):
    """Return the simulated sounds as segments of 0.1 s, without the phases between."""
    found = []
    for s1, s2 in zip(sounds.beats, sounds.s2_onsets, strict=True):
        start = np.r_[s1, s2]
        phase = np.array(["s1"] * len(s1) + ["s2"] * len(s2))
        found.append((start, start + 0.1, phase))
    return found


@pytest.fixture(scope="module")
def found(sounds):
    return load_segmenter().predict(sounds.data)


@pytest.mark.parametrize(("phase", "name"), [("s1", "beats"), ("s2", "s2_onsets")])
def test_simulated_sounds_are_found_within_60_ms(sounds, found, phase, name):
    n_true = n_found = n_matched = 0
    for waveform, true, segments in zip(sounds.data, sounds[name], found, strict=True):
        end = len(waveform) / sounds.sample_rate - 0.2
        own = segments.start[segments.phase == phase]
        true, own = (x[(x > 0.2) & (x < end)] for x in (true, own))
        n_matched += len(matches(true, own, 0.06)[0])
        n_true += len(true)
        n_found += len(own)
    # Sounds at the edge of the part that counts may lie on one side each.
    assert n_matched > 0.9 * max(n_true, n_found)


def test_phases_follow_each_other_without_gaps(found):
    order = ["s1", "systole", "s2", "diastole"]
    for start, end, phase in found:
        assert (end > start).all()
        joined = np.isclose(end[:-1], start[1:])
        assert joined.mean() > 0.95
        for i in np.flatnonzero(joined):
            assert phase[i + 1] == order[(order.index(phase[i]) + 1) % 4]


def test_probabilities_are_those_of_frames_of_10_ms(sounds):
    probability = load_segmenter().predict_proba(sounds.data[:2])
    for waveform, values in zip(sounds.data, probability, strict=False):
        assert values.shape == (1 + len(waveform) // 20, 5)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)


def test_gain_and_offset_do_not_matter(sounds):
    segmenter = load_segmenter()
    x = sounds.data[0]
    plain, louder = segmenter.predict_proba([x, 300 * x + 5])
    np.testing.assert_allclose(plain, louder, atol=0.02)


def test_other_sample_rates_give_the_same_beats():
    sounds = make_heart_sounds(2, sample_rate=4000, duration=6.0, random_state=1)
    fast = load_segmenter(input_sample_rate=4000).predict(sounds.data)
    for segments, beats in zip(fast, sounds.beats, strict=True):
        own = segments.start[segments.phase == "s1"]
        assert len(matches(beats, own, 0.06)[0]) >= len(beats) - 2


def _silent(name):
    random = np.random.default_rng(5)
    n_times = 20_000
    time = np.arange(n_times) / 2000
    beeping = time % 1 < 0.2
    return {
        "white noise": random.normal(size=n_times),
        "faint noise": 1e-7 * random.normal(size=n_times),
        "brown noise": np.cumsum(random.normal(size=n_times)),
        "tone": np.sin(2 * np.pi * 100 * time),
        "beeps": np.sin(2 * np.pi * 440 * time) * beeping,
        "fast beeps": np.sin(2 * np.pi * 250 * time) * (time % 0.4 < 0.1),
        "metronome": (np.arange(n_times) % 1200 == 0).astype(float),
        "one knock": (np.arange(n_times) == 5000).astype(float),
        "ramp": np.linspace(-1, 1, n_times),
        "syllables": random.normal(size=n_times) * np.sin(2 * np.pi * 2 * time) ** 4,
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        *("white noise", "faint noise", "brown noise", "tone", "beeps"),
        *("fast beeps", "metronome", "one knock", "ramp", "syllables"),
    ],
)
def test_without_a_heartbeat_the_segmentation_is_empty(name):
    start, end, phase = load_segmenter().predict([_silent(name)])[0]
    assert len(start) == len(end) == len(phase) == 0


def test_speech_is_empty(speech):
    """Few sounds of speech look like a weak heartbeat, with a low certainty."""
    segmenter = load_segmenter(input_sample_rate=8000)
    probabilities = segmenter.predict_proba([speech(seed) for seed in range(20)])
    found = [p for p in probabilities if len(decode_phases(p).start)]
    assert len(found) <= 2
    assert all(heart_rate(p).certainty < 0.6 for p in found)


def test_a_recording_of_a_few_milliseconds_is_empty():
    random = np.random.default_rng(0)
    for n_times in (1, 30, 57, 700):
        x = random.normal(size=max(n_times, 2))
        probability = load_segmenter().predict_proba([x])[0]
        assert len(probability) == 1 + len(x) // 20
        assert len(load_segmenter().predict([x])[0].start) == 0


@pytest.mark.parametrize("rate", [2000, 4000])
@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
def test_silence_is_empty(rate, value):
    segmenter = load_segmenter(input_sample_rate=rate)
    probability = segmenter.predict_proba([np.full(5 * rate, value)])[0]
    assert probability.shape == (501, 5)
    np.testing.assert_array_equal(probability, [[0, 0, 0, 0, 1]] * 501)
    assert len(decode_phases(probability).start) == 0
    assert np.isnan(heart_rate(probability).bpm)
    assert no_heartbeat_reason(probability) == "it is silent"


def test_recordings_that_cannot_be_used(sounds, tmp_path):
    good, broken = sounds.data[0], np.full(5000, np.nan)
    missing = str(tmp_path / "missing.wav")
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        load_segmenter().predict([good, missing])
    with pytest.raises(RecordingError, match="Recording 1 of X holds NaN"):
        load_segmenter().predict([good, broken])
    segmenter = load_segmenter(on_error="nan", n_jobs=2)
    message = r"2 of 3 recordings cannot be used and have no segments: .*missing\.wav"
    with pytest.warns(RuntimeWarning, match=message):
        first, *others = segmenter.predict([good, missing, broken])
    assert len(first.start) > 0
    assert [len(segmentation.start) for segmentation in others] == [0, 0]
    with pytest.warns(RuntimeWarning, match=message):
        _, *others = segmenter.predict_proba([good, missing, broken])
    for probability in others:
        assert np.isnan(probability).all()
        assert probability.shape == (1, 5)
        assert np.isnan(heart_rate(probability).bpm)
        assert np.isnan(rhythm_features(probability)).all()
        assert len(beat_times(probability)) == len(beat_intervals(probability)) == 0
        assert no_heartbeat_reason(probability) == "it cannot be used"


def test_number_of_threads_changes_nothing(sounds, fresh_workers):
    X = [*sounds.data, *sounds.data]
    one = load_segmenter().predict_proba(X)
    many = load_segmenter(n_jobs=2).predict_proba(X)
    with joblib.parallel_config("loky", n_jobs=2):
        processes = load_segmenter().predict_proba(X)
    for expected, *others in zip(one, many, processes, strict=True):
        for other in others:
            np.testing.assert_array_equal(other, expected)


def test_without_numba_the_segments_are_the_same(sounds, tmp_path):
    """A process without numba uses the functions in numpy."""
    np.savez(tmp_path / "sounds.npz", *sounds.data[:4])
    code = (
        "import sys\n"
        "sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from skheart.segmentation import load_segmenter\n"
        "sounds = np.load(sys.argv[1])\n"
        "found = load_segmenter().predict_proba([sounds[x] for x in sounds.files])\n"
        "np.savez(sys.argv[2], *found)\n"
    )
    files = [str(tmp_path / name) for name in ("sounds.npz", "found.npz")]
    subprocess.run([sys.executable, "-W", "error", "-c", code, *files], check=True)
    expected = load_segmenter().predict_proba(sounds.data[:4])
    with np.load(files[1]) as found:
        for name, probability in zip(found.files, expected, strict=True):
            np.testing.assert_allclose(found[name], probability, atol=1e-3)


def test_long_recordings_are_evaluated_in_parts(sounds, monkeypatch):
    from skheart.segmentation import segmenter

    long = np.concatenate(list(sounds.data[:4]))
    whole = load_segmenter().predict_proba([long])[0]
    monkeypatch.setattr(segmenter, "_LONGEST_PART", 700)
    parts = load_segmenter().predict_proba([long])[0]
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_children_of_circor_that_were_not_trained_on(shared_data):
    _, card = read_packaged()
    circor = load_circor2022(shared_data)
    training = known_training(card["training"])
    status = seen_in(
        training, "circor2022", circor.groups, lambda key: [None] * len(circor.groups)
    )
    assert (status == "seen").sum() == training["parts"][0]["n_recordings"]
    unseen = np.flatnonzero(status == "unseen")
    assert len(unseen) == training["parts"][0]["n_held_out"] > 400
    rows = unseen[:: len(unseen) // N_FLOOR]
    truth = [read_segmentation(circor.frame["segmentation"][row]) for row in rows]
    score = load_segmenter().score(circor.data[rows], truth)
    assert score > 0.92


def test_adults_of_pascal(shared_data):
    import csv

    times = {}
    with (shared_data / "pascal" / "set_a_timing.csv").open() as file:
        for row in csv.DictReader(file):
            if row["sound"] == "S1":
                stem = row["fname"].split("/")[1].removesuffix(".wav")
                times.setdefault(stem, []).append(int(row["location"]) / 44_100)
    matched = 0
    for stem, true in times.items():
        path = next((shared_data / "pascal" / "set_a").glob(f"{stem}.*"))
        start, end, phase = load_segmenter().predict([path])[0]
        middle = ((start + end) / 2)[phase == "s1"]
        matched += len(matches(np.sort(true), middle, 0.1)[0])
    assert matched > 0.75 * sum(map(len, times.values()))


# Training ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(sounds, annotated):
    return HeartSoundSegmenter(epochs=80, batch_size=8, random_state=0).fit(
        sounds.data, annotated
    )


def test_training_learns(sounds, annotated, trained):
    assert trained.losses_[-1] < 0.7 * trained.losses_[0]
    first = trained.predict_proba(sounds.data[:1])[0][:, 0]
    onsets = np.round(sounds.beats[0] * 100).astype(int)
    assert first[onsets + 4].mean() > 2 * first.mean()


def test_one_seed_one_result(sounds, annotated):
    def fitted(seed):
        segmenter = HeartSoundSegmenter(epochs=1, batch_size=2, random_state=seed)
        return segmenter.fit(sounds.data[:3], annotated[:3]).weights_[0]

    np.testing.assert_array_equal(fitted(1), fitted(1))
    assert not np.array_equal(fitted(1), fitted(2))


def test_in_cross_validation(sounds, annotated):
    segmenter = HeartSoundSegmenter(epochs=1, batch_size=2, random_state=0)
    scores = cross_val_score(
        segmenter, sounds.data, annotated, groups=sounds.groups, cv=GroupKFold(2)
    )
    assert scores.shape == (2,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_score_is_the_mean_f1_of_both_sounds(sounds, annotated, found):
    totals = []
    for phase in ("s1", "s2"):
        each = [
            phase_score(true, own, phase=phase)
            for true, own in zip(annotated, found, strict=True)
        ]
        total = each[0]
        for one in each[1:]:
            total = total + one
        totals.append(total.f1)
    score = load_segmenter().score(sounds.data, annotated)
    assert score == pytest.approx(np.mean(totals))


def test_clone_and_pickle(sounds):
    segmenter = load_segmenter()
    again = pickle.loads(pickle.dumps(segmenter))
    one, other = (x.predict_proba(sounds.data[:1])[0] for x in (segmenter, again))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(NotFittedError):
        clone(segmenter).predict(sounds.data)


@pytest.mark.parametrize(
    ("settings", "y", "message"),
    [
        ({"epochs": 0}, "right", "epochs must be a positive number, got 0"),
        ({"batch_size": 1.5}, "right", "batch_size must be a positive integer"),
        ({"on_error": "skip"}, "right", "on_error must be one of 'raise', 'nan'"),
        ({"input_sample_rate": -1}, "right", "input_sample_rate must be a positive"),
        ({}, None, "y must hold one segmentation .* got None"),
        ({}, "short", "each of the 2 recordings, got 1"),
        ({}, "words", r"a tuple \(start, end, phase\) .* for recording 0"),
        ({}, "none", "y must annotate heartbeats"),
    ],
)
def test_wrong_parameters(sounds, annotated, settings, y, message):
    given = {
        "right": annotated[:2],
        None: None,
        "short": annotated[:1],
        "words": ["s1", "s2"],
        "none": [(np.zeros(1), np.ones(1), np.array(["none"]))] * 2,
    }[y]
    with pytest.raises(ValueError, match=message):
        HeartSoundSegmenter(**settings).fit(sounds.data[:2], given)


# The file ----------------------------------------------------------------------------


def test_the_weights_are_small_and_the_card_complete():
    weights, card = read_packaged()
    assert (FOLDER / "weights.npz").stat().st_size < 600_000
    assert card["n_parameters"] == sum(weight.size for weight in weights)
    assert {"data", "figures", "limits", "training"} <= set(card)
    assert card["training"]["complete"]


def test_damaged_weights_are_an_error(tmp_path):
    weights, card = read_packaged()
    write_packaged(weights, {"note": "a copy"}, folder=tmp_path)
    assert read_packaged(tmp_path)[1]["note"] == "a copy"
    path = tmp_path / "weights.npz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="missing or damaged"):
        read_packaged(tmp_path)
    assert json.loads((FOLDER / "weights.json").read_text())["sha256"] == card["sha256"]
