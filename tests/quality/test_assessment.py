"""signal_quality and assess_quality."""

import json

import numpy as np
import pytest

from skheart.audio import RecordingError
from skheart.datasets import make_heart_sounds
from skheart.quality import (
    QUALITY_INDICES,
    Quality,
    assess_quality,
    signal_quality,
)
from skheart.quality.table import PATH, combined

RATE = 2000
N = 20_000
TIME = np.arange(N) / RATE


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(
        12, classes="normal", duration=10.0, noise=-35.0, random_state=0
    )


def pink(n, seed):
    random = np.random.default_rng(seed)
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    size = np.where(frequency > 20, 1 / np.sqrt(np.maximum(frequency, 1)), 0)
    x = np.fft.irfft(size * np.exp(2j * np.pi * random.random(len(size))), n)
    return x / x.std()


def with_noise(waveform, level, seed):
    return waveform + waveform.std() * 10 ** (-level / 20) * pink(len(waveform), seed)


# What cannot be used -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("waveform", "sample_rate", "reason"),
    [
        (np.zeros(N), RATE, "silent"),
        (np.full(N, 0.25), RATE, "silent"),
        (np.sin(2 * np.pi * 50 * TIME)[:1999], RATE, "shorter than 1 s"),
        (np.zeros(0), RATE, "shorter than 1 s"),
        (
            np.where(TIME < 5, np.sin(300 * TIME), np.nan),
            RATE,
            "NaN or infinite values",
        ),
        (
            np.where(TIME < 5, np.sin(300 * TIME), np.inf),
            RATE,
            "NaN or infinite values",
        ),
        (1e30 * np.sin(300 * TIME), RATE, "values too large"),
        (np.sin(300 * TIME), 1000, "sampled below 1600 Hz"),
    ],
)
def test_what_cannot_be_used_has_the_quality_0_and_a_reason(
    waveform, sample_rate, reason
):
    found = assess_quality(waveform, sample_rate=sample_rate)
    assert isinstance(found, Quality)
    assert found.quality == 0
    assert found.reasons == (reason,)
    assert tuple(found.indices) == QUALITY_INDICES
    assert np.isnan(list(found.indices.values())).all()
    assert signal_quality(waveform, sample_rate=sample_rate) == 0


@pytest.mark.parametrize("waveform", [np.zeros((5, 4000)), ["a", "b"], 3.0])
def test_what_is_no_waveform_is_an_error(waveform):
    with pytest.raises(RecordingError, match="one-dimensional"):
        signal_quality(waveform, sample_rate=RATE)


@pytest.mark.parametrize("sample_rate", [0, -2000, np.nan, "2000", None])
def test_a_wrong_rate_is_an_error(sample_rate):
    with pytest.raises(ValueError, match="sample_rate must be a positive number of Hz"):
        signal_quality(np.ones(N), sample_rate=sample_rate)


def _other(name):
    random = np.random.default_rng(5)
    beeping = (TIME % 0.8 < 0.15) * np.sin(2 * np.pi * 440 * TIME)
    return {
        "white noise": random.normal(size=N),
        "faint noise": 1e-7 * random.normal(size=N),
        "brown noise": np.cumsum(random.normal(size=N)),
        "tone": np.sin(2 * np.pi * 100 * TIME),
        "beeps": beeping,
        "beeps in noise": beeping + 0.05 * random.normal(size=N),
        "metronome": (np.arange(N) % 1600 == 0).astype(float),
        "one knock": (np.arange(N) == 5000).astype(float),
        "syllables": random.normal(size=N) * np.sin(2 * np.pi * 2 * TIME) ** 4,
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        *("white noise", "faint noise", "brown noise", "tone", "beeps"),
        *("beeps in noise", "metronome", "one knock", "syllables"),
    ],
)
def test_what_is_no_heart_sound_has_a_quality_near_0(name):
    found = assess_quality(_other(name), sample_rate=RATE)
    assert found.quality < 0.1
    assert found.reasons
    assert np.isfinite(list(found.indices.values())).all()


def test_beeps_above_what_is_resampled():
    time = np.arange(8 * 44_100) / 44_100
    beeping = (time % 0.8 < 0.15) * np.sin(2 * np.pi * 1500 * time)
    assert signal_quality(beeping, sample_rate=44_100) < 0.1


# Heart sounds ------------------------------------------------------------------------


def test_clean_heart_sounds_are_good(sounds):
    found = [assess_quality(x, sample_rate=sounds.sample_rate) for x in sounds.data]
    assert np.median([each.quality for each in found]) > 0.7
    assert sum(each.reasons == () for each in found) >= 10


def test_quality_falls_with_noise(sounds):
    means = [
        np.mean(
            [
                signal_quality(with_noise(x, level, seed), sample_rate=RATE)
                for seed, x in enumerate(sounds.data)
            ]
        )
        for level in (30, 10, 0, -10)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1] + 0.4
    assert means[-1] < 0.2


def test_a_noisy_recording_says_so(sounds):
    found = [
        assess_quality(with_noise(x, -15, seed), sample_rate=RATE)
        for seed, x in enumerate(sounds.data)
    ]
    words = {word for each in found for word in each.reasons}
    assert words <= {
        "noisy",
        "no heartbeat found",
        "little sound between 25 and 200 Hz",
    }
    assert all(each.reasons for each in found)


def test_clipping_is_found_at_the_rate_of_the_recording(sounds):
    x = make_heart_sounds(
        1, classes="normal", duration=8.0, sample_rate=4000, noise=None, random_state=1
    ).data[0]
    limit = np.percentile(np.abs(x), 95)
    clipped = assess_quality(np.clip(x, -limit, limit), sample_rate=4000)
    assert "clipped" in clipped.reasons
    assert clipped.indices["clipped"] > 0.04
    plain = assess_quality(x, sample_rate=4000)
    assert "clipped" not in plain.reasons
    assert clipped.quality <= plain.quality + 0.05


def test_gain_and_offset_do_not_matter(sounds):
    x = with_noise(sounds.data[0], 15, 0)
    plain = assess_quality(x, sample_rate=RATE)
    other = assess_quality(300 * x + 20, sample_rate=RATE)
    assert other.quality == pytest.approx(plain.quality, abs=0.02)


def test_the_sample_rate_does_not_matter():
    pairs = [
        make_heart_sounds(
            4, classes="normal", duration=8.0, sample_rate=rate, random_state=2
        )
        for rate in (2000, 8000)
    ]
    means = [
        np.mean([signal_quality(x, sample_rate=each.sample_rate) for x in each.data])
        for each in pairs
    ]
    assert means[0] == pytest.approx(means[1], abs=0.15)


def test_integers_are_a_waveform(sounds):
    x = np.round(20_000 * sounds.data[0]).astype(np.int16)
    whole = signal_quality(x, sample_rate=RATE)
    assert whole == pytest.approx(
        signal_quality(sounds.data[0], sample_rate=RATE), abs=0.05
    )
    assert signal_quality(x.tolist(), sample_rate=RATE) == whole


def test_a_quality_cannot_be_changed(sounds):
    found = assess_quality(sounds.data[0], sample_rate=RATE)
    with pytest.raises(AttributeError):
        found.quality = 1.0


# The table ---------------------------------------------------------------------------


def test_the_table_of_the_package_is_calibrated_and_whole():
    table = json.loads(PATH.read_text("utf-8"))
    assert set(table["curves"]) <= set(QUALITY_INDICES)
    assert len(table["curves"]) >= 10
    assert {"program", "recordings", "kept back"} <= set(table["provenance"])
    for curve in table["curves"].values():
        assert len(curve["at"]) == len(curve["adds"]) >= 2
        assert (np.diff(curve["at"]) > 0).all()
    assert PATH.stat().st_size < 10_000


def test_curves_are_added_and_flat_beyond_their_ends():
    table = {
        "offset": 1.0,
        "curves": {"kurtosis": {"at": [0, 2], "adds": [-2.0, 0.0]}},
    }
    for value, log_odds in ((-5, -1.0), (0, -1.0), (1, 0.0), (2, 1.0), (9, 1.0)):
        quality = combined(table, {"kurtosis": value, "heartbeat_share": 0.9})
        assert quality == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert combined(table, {"kurtosis": 9, "heartbeat_share": 0.0}) == 0
