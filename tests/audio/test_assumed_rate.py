"""The warning about waveforms without a rate: when it comes, and when it does not."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import soundfile

from skheart import OnnxClassifier, SpectrogramTransformer, export_onnx, load_pretrained
from skheart.audio import assumed_rate, resample
from skheart.audio.assumed_rate import beat_period, warn_about_rate
from skheart.audio.recordings import Recording
from skheart.datasets import make_heart_sounds


def sounds_at(rate, heart_rate=(60.0, 90.0), n_recordings=40, duration=8.0):
    return make_heart_sounds(
        n_recordings,
        sample_rate=rate,
        heart_rate=heart_rate,
        duration=duration,
        random_state=0,
    ).data


@pytest.fixture(scope="module")
def transformer():
    return SpectrogramTransformer(duration=1.0)


@pytest.mark.parametrize("heart_rate", [50.0, 75.0, 110.0])
@pytest.mark.parametrize("rate", [1000, 2000, 44100])
def test_the_period_of_a_simulated_heart(heart_rate, rate):
    sounds = sounds_at(rate, heart_rate, n_recordings=5)
    periods = [beat_period(waveform, rate) for waveform in sounds]
    assert np.median(periods) == pytest.approx(60 / heart_rate, rel=0.1)


@pytest.mark.parametrize(
    "waveform",
    [
        np.random.default_rng(0).normal(size=20_000),
        np.zeros(20_000),
        np.full(20_000, np.nan),
        np.r_[np.ones(19_999), np.inf],
        np.full(20_000, 1e300) * (np.arange(20_000) % 2),
        sounds_at(2000)[0][:7000],
        np.zeros((20_000, 1)),
        np.zeros(20_000, dtype=bool),
        np.zeros(0),
    ],
    ids="noise zeros NaN inf huge short column truth empty".split(),
)
def test_no_period_where_no_heart_is_heard(waveform):
    assert beat_period(waveform, 2000.0) is None


def test_the_period_of_integers_is_that_of_floats():
    waveform = sounds_at(2000)[0]
    integers = np.round(waveform / np.abs(waveform).max() * 30_000).astype(np.int16)
    assert beat_period(integers, 2000.0) == beat_period(waveform, 2000.0)


def test_twice_the_rate_warns(transformer):
    expected = (
        r"sampled at 2000 Hz, at which their median heart rate is 3\d beats per minute"
        r"\. If they were sampled at 4000 Hz, set input_sample_rate=4000; if not, set "
        r"input_sample_rate=2000 to confirm the rate\.$"
    )
    with pytest.warns(UserWarning, match=expected) as caught:
        transformer.transform(sounds_at(4000))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_half_of_the_rate_warns(transformer):
    fast = sounds_at(1000, heart_rate=(80.0, 110.0))
    with pytest.warns(
        UserWarning, match="sampled at 1000 Hz, set input_sample_rate=10"
    ):
        transformer.transform(fast)


def test_an_array_and_all_its_rows_count(transformer):
    many = np.stack(sounds_at(4000, n_recordings=130))
    with pytest.warns(UserWarning, match="median heart rate"):
        transformer.transform(many)


def test_thirty_clear_heartbeats_are_enough(monkeypatch):
    sounds = [*sounds_at(2000, n_recordings=30)] * 10
    seen = []

    def counted(waveform, sample_rate):
        seen.append(waveform)
        return beat_period(waveform, sample_rate)

    monkeypatch.setattr(assumed_rate, "beat_period", counted)
    warn_about_rate([Recording(x, 0) for x in sounds], 2000.0, stacklevel=1)
    assert 30 <= len(seen) <= 40


def test_those_that_are_examined_are_spread_over_the_call():
    """A third of the waveforms is at another rate, wherever these are."""
    right, wrong = sounds_at(2000, n_recordings=80), sounds_at(4000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in (0, 20, 40, 60, 80):
            mixed = [*right[:place], *wrong, *right[place:]]
            recordings = [Recording(waveform, 0) for waveform in mixed]
            warn_about_rate(recordings, 2000.0, stacklevel=1)


def test_no_warning_where_nothing_is_assumed_or_known_wrong(transformer):
    wrong = sounds_at(4000)
    right = sounds_at(2000)
    pairs = [(4000, waveform) for waveform in wrong]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer.transform(right)
        transformer.transform(wrong[:29])
        transformer.transform(pairs)
        transformer.transform([*wrong[:29], *right])
        transformer.fit(wrong)
        for rate in (2000, 4000):
            other = SpectrogramTransformer(duration=1.0, input_sample_rate=rate)
            other.transform(wrong)
        SpectrogramTransformer(duration=1.0, sample_rate=4000).transform(wrong)


def test_exported_models_warn(tmp_path):
    path = tmp_path / "murmur.onnx"
    export_onnx(load_pretrained("murmur"), path)
    with pytest.warns(UserWarning, match="median heart rate is 3") as caught:
        OnnxClassifier(path).predict_proba(sounds_at(4000))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OnnxClassifier(path, input_sample_rate=4000).predict_proba(sounds_at(4000))


@pytest.mark.parametrize(
    ("folder", "detected"),
    [("cinc2016/training-a", True), ("cinc2016/training-e", True), ("pascal", None)],
)
def test_real_recordings(shared_data, folder, detected):
    """Adults' hearts at half of the rate are detected; the right rate never warns."""
    paths = sorted((shared_data / folder).rglob("*.flac"))
    right, wrong = [], []
    for index, path in enumerate(paths[:: max(1, len(paths) // 60)]):
        waveform, rate = soundfile.read(path, dtype="float32", frames=80_000)
        for rows, other in ((right, 2000), (wrong, 4000)):
            rows.append(Recording(resample(waveform, rate, other), index))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_about_rate(right, 2000.0, stacklevel=1)
    if detected:
        with pytest.warns(UserWarning, match="median heart rate is"):
            warn_about_rate(wrong, 2000.0, stacklevel=1)
