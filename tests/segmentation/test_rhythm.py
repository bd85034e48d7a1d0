"""Decoding, heart rate, intervals, rhythm features and their transformer."""

import numpy as np
import pytest
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from skheart.datasets import make_heart_sounds
from skheart.segmentation import (
    RHYTHM_FEATURES,
    PhaseScore,
    RhythmTransformer,
    beat_intervals,
    beat_times,
    decode_phases,
    heart_rate,
    load_segmenter,
    no_heartbeat_reason,
    phase_score,
    rhythm_features,
)
from skheart.segmentation.periodicity import period

PHASES = ("s1", "systole", "s2", "diastole")


def certain(beats, *, systole=0.30, duration=None, blur=0.9):
    """Return probabilities of beats at these times: S1 0.1 s, S2 0.1 s long."""
    duration = duration or beats[-1] + 0.7
    labels = np.full(round(duration * 100), 3)
    for beat in np.round(np.asarray(beats) * 100).astype(int):
        second = beat + round(systole * 100)
        labels[beat : beat + 10] = 0
        labels[beat + 10 : second] = 1
        labels[second : second + 10] = 2
    probability = np.full((len(labels), 5), (1 - blur) / 4)
    probability[np.arange(len(labels)), labels] = blur
    return probability


REGULAR = 0.4 + 0.8 * np.arange(10)


def test_certain_phases_are_decoded_as_they_are():
    start, end, phase = decode_phases(certain(REGULAR))
    np.testing.assert_allclose(start[phase == "s1"], REGULAR, atol=0.011)
    np.testing.assert_allclose(end[phase == "s1"], REGULAR + 0.1, atol=0.011)
    np.testing.assert_allclose(start[phase == "s2"], REGULAR + 0.3, atol=0.011)
    assert phase[0] == "diastole"
    assert start[0] == 0


def test_a_sound_that_is_hidden_is_filled_in():
    probability = certain(REGULAR)
    hidden = slice(380, 420)  # around the beat at 4.0 s
    probability[hidden, :4] = 0.24
    probability[hidden, 4] = 0.04
    start, _, phase = decode_phases(probability)
    assert np.abs(start[phase == "s1"] - REGULAR[5 - 0]).min() < 0.8
    assert (phase == "s1").sum() == 10


def test_an_early_beat_stays_early():
    early = REGULAR.copy()
    early[5] -= 0.25
    times = beat_times(certain(early))
    np.testing.assert_allclose(times, early + 0.045, atol=0.02)
    start, _, phase = decode_phases(certain(early))
    np.testing.assert_allclose(start[phase == "s1"], early, atol=0.03)


def test_a_stretch_of_noise_has_no_segments():
    probability = certain(REGULAR, duration=12.0)
    noisy = slice(450, 750)
    probability[noisy] = (0.02, 0.02, 0.02, 0.02, 0.92)
    start, end, _ = decode_phases(probability)
    inside = (start > 4.7) & (end < 7.3)
    assert not inside.any()
    assert (start < 4.0).any()
    assert (start > 7.5).any()


def test_less_than_a_beat_is_none():
    probability = np.full((500, 5), 0.01)
    probability[:, 4] = 0.96
    probability[200:212] = (0.96, 0.01, 0.01, 0.01, 0.01)
    assert len(decode_phases(probability).start) == 0
    assert np.isnan(heart_rate(probability).bpm)
    assert len(beat_times(probability)) == 0


@pytest.mark.parametrize("rate", [40, 60, 97, 140, 190])
def test_heart_rate_of_known_beats(rate):
    beats = 0.3 + 60 / rate * np.arange(12)
    probability = certain(beats, systole=min(0.3, 0.45 * 60 / rate))
    found = heart_rate(probability)
    assert found.bpm == pytest.approx(rate, rel=0.01)
    assert found.certainty > 0.8
    assert period(probability).systole == pytest.approx(
        min(0.3, 0.45 * 60 / rate), abs=0.011
    )


def test_equal_systole_and_diastole_are_one_beat():
    probability = certain(0.3 + 0.6 * np.arange(15), systole=0.3)
    assert heart_rate(probability).bpm == pytest.approx(100, rel=0.01)


def test_intervals_leave_out_a_gap():
    beats = np.r_[REGULAR, 12.0 + REGULAR]
    probability = certain(beats)
    probability[820:1230] = (0.02, 0.02, 0.02, 0.02, 0.92)
    intervals = beat_intervals(probability)
    assert intervals.max() < 0.9
    assert len(intervals) >= 16


def test_features_of_a_regular_rhythm():
    found = dict(zip(RHYTHM_FEATURES, rhythm_features(certain(REGULAR)), strict=True))
    assert found["heart_rate"] == pytest.approx(75, rel=0.01)
    assert found["n_intervals"] == 9
    for name in ("shortest", "longest", "longest_unbroken"):
        assert found[name] == pytest.approx(1, abs=0.03)
    for name in ("spread", "largest_jump", "short_long", "early_share", "late_share"):
        assert found[name] == pytest.approx(0, abs=0.03)


def test_features_of_an_early_beat_with_a_pause():
    early = REGULAR.copy()
    early[5] -= 0.24  # 30 % of a beat
    found = dict(zip(RHYTHM_FEATURES, rhythm_features(certain(early)), strict=True))
    assert found["shortest"] == pytest.approx(0.7, abs=0.03)
    assert found["longest"] == pytest.approx(1.3, abs=0.03)
    assert found["largest_jump"] == pytest.approx(0.6, abs=0.05)
    assert found["short_long"] == pytest.approx(0.09, abs=0.02)
    assert found["early_share"] == pytest.approx(1 / 9)
    assert found["late_share"] == pytest.approx(1 / 9)


def test_a_missed_beat_is_not_a_long_one():
    beats = np.delete(REGULAR, 5)
    found = dict(zip(RHYTHM_FEATURES, rhythm_features(certain(beats)), strict=True))
    assert found["longest"] == pytest.approx(2, abs=0.05)
    assert found["longest_unbroken"] == pytest.approx(1, abs=0.05)


def test_reasons_for_no_heart_rate():
    noise = np.full((500, 5), 0.05)
    noise[:, 4] = 0.8
    assert no_heartbeat_reason(noise) == "most of it does not sound like a heart"
    uneven = np.full((500, 5), 0.16)  # no sound is more likely than another
    uneven[:, 4] = 0.36
    assert no_heartbeat_reason(uneven) == "its sounds do not repeat regularly"
    assert no_heartbeat_reason(certain(REGULAR)) == ""
    assert no_heartbeat_reason(certain(REGULAR)[:20]) == (
        "it is shorter than a beat, 0.27 s"
    )
    for probability in (noise, uneven, certain(REGULAR)):
        missing = np.isnan(heart_rate(probability).bpm)
        assert missing == bool(no_heartbeat_reason(probability))


def test_features_of_recordings_that_cannot_be_used(tmp_path):
    heart = make_heart_sounds(1, duration=6.0, random_state=0).data[0]
    X = [heart, str(tmp_path / "missing.wav")]
    with pytest.warns(RuntimeWarning, match=r"1 of 2 recordings cannot be used"):
        features = RhythmTransformer(on_error="nan", n_jobs=2).transform(X)
    assert np.isfinite(features[0]).all()
    assert np.isnan(features[1]).all()
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        RhythmTransformer().transform(X)


@pytest.mark.parametrize("function", [heart_rate, beat_times, rhythm_features])
@pytest.mark.parametrize("shape", [(5,), (10, 4), (0, 5), (2, 10, 5)])
def test_wrong_shapes(function, shape):
    with pytest.raises(ValueError, match=r"probability must have the shape"):
        function(np.zeros(shape))


# Scores ------------------------------------------------------------------------------


def segmentation(*rows):
    start, end, phase = zip(*rows, strict=True)
    return np.array(start), np.array(end), np.array(phase)


def test_score_of_known_matches():
    true = segmentation((0.0, 0.1, "s1"), (0.1, 1.0, "systole"), (1.0, 1.1, "s1"))
    found = segmentation((0.05, 0.1, "s1"), (0.5, 0.6, "s1"), (1.07, 1.1, "s1"))
    score = phase_score(true, found, phase="s1")
    assert score == PhaseScore(n_matched=1, n_true=2, n_predicted=3)
    assert score.sensitivity == 0.5
    assert score.precision == pytest.approx(1 / 3)
    assert score.f1 == pytest.approx(0.4)
    assert phase_score(true, found, phase="s1", at="centre").n_matched == 2
    assert phase_score(true, found, phase="s1", tolerance=0.08).n_matched == 2


def test_what_nobody_annotated_does_not_count():
    true = segmentation((0.0, 1.0, "unlabelled"), (1.0, 1.1, "s1"))
    found = segmentation((0.5, 0.6, "s1"), (1.0, 1.1, "s1"), (3.0, 3.1, "s1"))
    assert phase_score(true, found, phase="s1") == PhaseScore(1, 1, 1)


def test_each_sound_is_matched_once():
    true = segmentation((1.0, 1.5, "s1"))
    found = segmentation((1.0, 1.1, "s1"), (1.03, 1.1, "s1"))
    assert phase_score(true, found, phase="s1") == PhaseScore(1, 1, 2)


def test_scores_without_sounds():
    nothing = np.zeros(0), np.zeros(0), np.zeros(0, dtype="<U8")
    score = phase_score(nothing, nothing, phase="s2")
    assert np.isnan([score.sensitivity, score.precision, score.f1]).all()


# Transformer -------------------------------------------------------------------------


def test_features_in_a_union():
    sounds = make_heart_sounds(
        24, classes=("normal", "extrasystole"), duration=12.0, random_state=0
    )
    union = make_union(RhythmTransformer(), VarianceThreshold())
    transformer = RhythmTransformer()
    features = transformer.fit_transform(sounds.data)
    assert features.shape == (24, len(RHYTHM_FEATURES))
    assert list(transformer.get_feature_names_out()) == list(RHYTHM_FEATURES)
    rows = np.stack([x[:20_000] for x in sounds.data])
    assert union.fit_transform(rows).shape == (24, len(RHYTHM_FEATURES) + 20_000)
    model = make_pipeline(
        RhythmTransformer(load_segmenter()),
        SimpleImputer(),
        LogisticRegression(max_iter=5000),
    )
    model.fit(sounds.data, sounds.target)
    assert model.score(sounds.data, sounds.target) > 0.8
    column = features[:, RHYTHM_FEATURES.index("largest_jump")]
    early = sounds.target == "extrasystole"
    assert np.median(column[early]) > 2 * np.median(column[~early])
