"""The average beat and the loudness of phases, of signals whose level is known."""

from __future__ import annotations

import numpy as np
import pytest

from skheart.audio import read_recording
from skheart.datasets import make_heart_sounds, read_segmentation
from skheart.segmentation import average_beat, load_segmenter, phase_loudness

RATE = 2000
PHASES = np.array(["s1", "systole", "s2", "diastole"])
LEVELS = {"s1": 0.0, "systole": -30.0, "s2": -6.0, "diastole": -50.0}  # dB
DURATIONS = (0.1, 0.2, 0.1, 0.4)


def beats(n_beats=6, *, stretch=None, levels=LEVELS):
    """Return a 150 Hz tone whose level is known in each phase, and the phases."""
    stretch = np.ones(n_beats) if stretch is None else np.asarray(stretch)
    durations = np.outer(stretch, DURATIONS).ravel()
    ends = 0.3 + np.cumsum(durations)
    starts = ends - durations
    phase = np.tile(PHASES, n_beats)
    times = np.arange(int((ends[-1] + 0.3) * RATE)) / RATE
    amplitude = np.full(len(times), 1e-4)
    for start, end, name in zip(starts, ends, phase, strict=True):
        amplitude[(times >= start) & (times < end)] = 10 ** (levels[name] / 20)
    return amplitude * np.sin(2 * np.pi * 150 * times), (starts, ends, phase)


def middle_levels(beat):
    """Return the mean level in the middle of each phase of an average beat."""
    found = []
    for start, end in zip(beat.boundaries[:-1], beat.boundaries[1:], strict=True):
        inside = (beat.times > start + 0.03) & (beat.times < end - 0.03)
        found.append(beat.mean[inside].mean())
    return found


def test_levels_and_boundaries_of_known_beats():
    waveform, phases = beats(6)
    beat = average_beat(waveform, phases, sample_rate=RATE)
    assert beat.n_beats == 6
    np.testing.assert_allclose(beat.boundaries, [0, 0.1, 0.3, 0.4, 0.8])
    assert middle_levels(beat) == pytest.approx(list(LEVELS.values()), abs=1.0)
    assert beat.times.shape == beat.mean.shape == beat.low.shape == beat.high.shape
    assert len(beat.times) == 160  # every 5 ms
    assert (np.diff(beat.times) > 0).all()
    assert 0 < beat.times[0] < beat.times[-1] < 0.8
    assert (beat.low <= beat.mean + 1e-9).all()
    assert (beat.mean <= beat.high + 1e-9).all()


def test_beats_of_unequal_length_lie_on_each_other():
    waveform, phases = beats(5, stretch=[0.8, 0.9, 1.0, 1.2, 1.4])
    beat = average_beat(waveform, phases, sample_rate=RATE)
    np.testing.assert_allclose(beat.boundaries, [0, 0.1, 0.3, 0.4, 0.8])
    assert middle_levels(beat) == pytest.approx(list(LEVELS.values()), abs=2.0)
    middle = (beat.times > 0.15) & (beat.times < 0.25)
    assert (beat.high - beat.low)[middle].max() < 1


def test_spread_is_wide_where_beats_differ():
    waveform, phases = beats(20)
    start = phases[0][phases[2] == "systole"]
    times = np.arange(len(waveform)) / RATE
    for one in start[::2]:  # every second systole is 20 dB louder
        waveform[(times >= one) & (times < one + 0.2)] *= 10
    beat = average_beat(waveform, phases, sample_rate=RATE)
    spread = beat.high - beat.low
    assert spread[(beat.times > 0.14) & (beat.times < 0.26)] == pytest.approx(20, abs=2)
    assert spread[(beat.times > 0.5) & (beat.times < 0.7)].max() < 2


def test_beats_that_are_not_complete_do_not_count():
    waveform, (start, end, phase) = beats(6)
    assert average_beat(waveform, (start, end, phase), sample_rate=RATE).n_beats == 6
    rows = np.arange(24) != 9  # the second systole is missing
    pieces = start[rows], end[rows], phase[rows]
    assert average_beat(waveform, pieces, sample_rate=RATE).n_beats == 5
    gap = end.copy()
    gap[4] -= 0.05  # a stretch without a phase inside the beat
    assert average_beat(waveform, (start, gap, phase), sample_rate=RATE).n_beats == 5
    cut = waveform[: int(end[-1] * RATE)]  # the last diastole may go on
    assert average_beat(cut, (start, end, phase), sample_rate=RATE).n_beats == 5


@pytest.mark.parametrize("n_segments", [0, 3])
def test_no_complete_beat(n_segments):
    waveform, phases = beats(1)
    beat = average_beat(waveform, [x[:n_segments] for x in phases], sample_rate=RATE)
    assert beat.n_beats == 0
    assert len(beat.times) == len(beat.mean) == len(beat.boundaries) == 0


def test_order_of_the_segments_makes_no_difference():
    waveform, phases = beats(4)
    order = np.random.default_rng(0).permutation(16)
    shuffled = [part[order] for part in phases]
    expected = average_beat(waveform, phases, sample_rate=RATE)
    np.testing.assert_array_equal(
        average_beat(waveform, shuffled, sample_rate=RATE).mean, expected.mean
    )


@pytest.mark.parametrize("sample_rate", [1000, 4000, 44100])
def test_loudness_is_in_decibels_at_every_rate(sample_rate):
    waveform, phases = beats(6)
    times = np.arange(int(len(waveform) / RATE * sample_rate)) / sample_rate
    envelope = np.full(len(times), 1e-4)
    for start, end, name in zip(*phases, strict=True):
        envelope[(times >= start) & (times < end)] = 10 ** (LEVELS[name] / 20)
    tone = envelope * np.sin(2 * np.pi * 150 * times)
    found = phase_loudness(tone, phases, sample_rate=sample_rate)
    assert found["s1"] == pytest.approx(0, abs=1)
    assert found["systole"] == pytest.approx(-30, abs=1)
    assert found["s2"] == pytest.approx(-6, abs=1)
    assert found["diastole"] == pytest.approx(-50, abs=1.5)
    assert found["systole/s1"] == found["systole"] - found["s1"]
    assert found["diastole/s2"] == found["diastole"] - found["s2"]
    assert found["systole/diastole"] == found["systole"] - found["diastole"]


def test_gain_changes_levels_but_no_ratio():
    waveform, phases = beats(6)
    one = phase_loudness(waveform, phases, sample_rate=RATE)
    other = phase_loudness(waveform / 10, phases, sample_rate=RATE)
    for name in PHASES.tolist():
        assert other[name] == pytest.approx(one[name] - 20, abs=0.1)
    for name in ("systole/s1", "diastole/s2", "systole/diastole"):
        assert other[name] == pytest.approx(one[name], abs=0.1)


def test_movement_below_25_hz_does_not_count():
    waveform, phases = beats(6)
    times = np.arange(len(waveform)) / RATE
    moved = waveform + 0.1 * np.sin(2 * np.pi * 2 * times) + 0.3
    one = phase_loudness(waveform, phases, sample_rate=RATE)
    other = phase_loudness(moved, phases, sample_rate=RATE)
    assert other["systole"] == pytest.approx(one["systole"], abs=1)


def test_one_loud_click_changes_little():
    waveform, phases = beats(9)
    clicked = waveform.copy()
    clicked[int((phases[0][5] + 0.1) * RATE)] += 5  # in the second systole
    one = phase_loudness(waveform, phases, sample_rate=RATE)
    other = phase_loudness(clicked, phases, sample_rate=RATE)
    assert other["systole"] == pytest.approx(one["systole"], abs=1)


def test_phases_that_do_not_occur_are_nan():
    waveform, phases = beats(1)
    found = phase_loudness(waveform, [x[:2] for x in phases], sample_rate=RATE)
    assert np.isfinite(found["systole/s1"])
    assert np.isnan([found["s2"], found["diastole"], found["systole/diastole"]]).all()
    empty = phase_loudness(waveform, [x[:0] for x in phases], sample_rate=RATE)
    assert np.isnan(list(empty.values())).all()


def test_silence_has_the_lowest_level():
    _, phases = beats(3)
    found = phase_loudness(np.zeros(6000), phases, sample_rate=RATE)
    assert found["s1"] == found["diastole"] == -120
    assert average_beat(np.zeros(6000), phases, sample_rate=RATE).mean.max() == -120


def test_a_murmur_is_loud_in_its_phase():
    ratios = {}
    for kind in ("holosystolic", "early-diastolic", None):
        sounds = make_heart_sounds(
            6,
            classes="murmur" if kind else "normal",
            murmurs=kind or "holosystolic",
            murmur_level=-16.0,
            noise=-30.0,
            heart_rate=(55, 75),
            duration=8.0,
            random_state=0,
        )
        found = load_segmenter().predict(sounds.data)
        levels = [
            phase_loudness(waveform, segmentation, sample_rate=RATE)
            for waveform, segmentation in zip(sounds.data, found, strict=True)
        ]
        ratios[kind] = {
            name: np.median([one[name] for one in levels]) for name in levels[0]
        }
    assert ratios["holosystolic"]["systole/s1"] > ratios[None]["systole/s1"] + 8
    assert ratios["early-diastolic"]["diastole/s2"] > ratios[None]["diastole/s2"] + 3
    assert (
        ratios["early-diastolic"]["systole/diastole"] < ratios[None]["systole/diastole"]
    )


def test_real_beats_of_annotated_recordings(shared_data):
    paths = sorted((shared_data / "circor2022").rglob("*_AV.tsv"))[::60]
    assert len(paths) >= 3
    for path in paths:
        sound = path.with_suffix(".flac")
        if not sound.is_file():
            sound = path.with_suffix(".wav")
        waveform, rate = read_recording(sound)
        phases = read_segmentation(path)
        beat = average_beat(waveform, phases, sample_rate=rate)
        n_diastoles = int(np.sum(np.asarray(phases[2]) == "diastole"))
        assert 2 <= beat.n_beats <= n_diastoles
        assert 0.3 < beat.boundaries[-1] < 1.5
        assert np.isfinite(beat.mean).all()
        # The sound is louder than what follows it.
        loudness = phase_loudness(waveform, phases, sample_rate=rate)
        assert loudness["s1"] > loudness["diastole"]


@pytest.mark.parametrize("function", [average_beat, phase_loudness])
def test_wrong_arguments(function):
    waveform, phases = beats(1)
    with pytest.raises(ValueError, match="must be a number of Hz, above 100"):
        function(waveform, phases, sample_rate=50)
    with pytest.raises(ValueError, match="NaN or infinite"):
        function(np.full(100, np.nan), phases, sample_rate=RATE)
    message = r"segmentation must be a tuple \(start, end, phase\)"
    with pytest.raises(ValueError, match=message):
        function(waveform, phases[:2], sample_rate=RATE)
    with pytest.raises(ValueError, match=message):
        function(waveform, (phases[0], phases[1][:2], phases[2]), sample_rate=RATE)
