"""Contributions of frequency bands: by formula, and for simulated murmurs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt
from scipy.special import logit
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer, load_pretrained
from skheart.datasets import make_heart_sounds
from skheart.inspection import BandContributions, band_contributions, occlusion_map


def test_bands_are_those_of_a_map_with_one_part(of_linear, sounds):
    # Of 12 bands, three lie in each quarter of the map.
    edges = 25 + (900 - 25) / 13 * np.array([3.5, 6.5, 9.5])
    for waveform in sounds.data[:3]:
        found = band_contributions(of_linear, waveform, edges=edges)
        expected = occlusion_map(of_linear, waveform, time_step=60.0, n_bands=4)
        np.testing.assert_allclose(found.values, expected.values[:, 0], atol=1e-6)
        assert (found.positive, found.logit) == ("murmur", expected.logit)


def test_falls_of_a_linear_network_add_up(of_linear, sounds):
    # If everything is hidden, each band is at its mean, as if it were hidden alone.
    (whole,) = band_contributions(of_linear, sounds.data[0], edges=[]).values
    found = band_contributions(of_linear, sounds.data[0])
    assert found.values.sum() == pytest.approx(whole, abs=1e-4)
    (probability,) = of_linear.predict_proba(sounds.data[:1])
    assert found.logit == pytest.approx(logit(probability[0]), abs=1e-3)


def test_edges_of_bands(of_linear, sounds):
    def edges(given):
        found = band_contributions(of_linear, sounds.data[0], edges=given)
        assert found.values.shape == found.low.shape
        return found.low.tolist(), found.high.tolist()

    assert edges([200, 400]) == ([25, 200, 400], [200, 400, 900])
    assert edges([10, 25, 500, 900, 2000]) == ([25, 500], [500, 900])
    # The lowest centre is at 92 Hz, the next ones at 160 and 227 Hz.
    assert edges([50, 60, 200, 205]) == ([25, 205], [205, 900])
    assert edges([]) == ([25], [900])


def test_shares_are_of_all_changes():
    edges = np.arange(3.0)
    found = BandContributions(edges, edges + 1, np.array([6.0, -3.0, 1.0]), "x", 4.0)
    assert found.shares == pytest.approx([0.6, -0.3, 0.1])
    none = BandContributions(edges, edges + 1, np.zeros(3), "x", 0.0)
    assert np.isnan(none.shares).all()


def test_each_class_of_several(of_three, sounds):
    (probability,) = of_three.predict_proba(sounds.data[:1])
    for label, p in zip("abc", probability, strict=True):
        found = band_contributions(of_three, sounds.data[0], label=label)
        assert (found.positive, found.logit) == (label, pytest.approx(logit(p), 1e-3))
    default = band_contributions(of_three, sounds.data[0])
    assert default.positive == "abc"[probability.argmax()]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"edges": [300, 200]}, r"above 0, got \[300\.0, 200\.0\]"),
        ({"edges": [[100, 200]]}, "edges must be rising frequencies in Hz"),
        ({"edges": [0, 100]}, "edges must be rising frequencies in Hz, above 0, got"),
        ({"edges": [100, np.nan]}, "edges must be rising frequencies in Hz"),
        ({"label": "x"}, "label must be one of 'murmur', 'normal', got 'x'"),
    ],
)
def test_wrong_parameters(of_linear, sounds, parameters, message):
    with pytest.raises(ValueError, match=message):
        band_contributions(of_linear, sounds.data[0], **parameters)


def test_other_estimators_are_refused(of_linear, sounds):
    with pytest.raises(ValueError, match="for band_contributions, got CNNClassifier"):
        band_contributions(of_linear[-1], sounds.data[0])


# Simulated murmurs -------------------------------------------------------------------

EDGES = (100, 200, 300, 400, 500)
BANDS = [(110, 190), (210, 290), (310, 390), (410, 490)]  # of murmurs, in Hz


def heart_sounds(band=None, *, n_recordings=4, seed):
    """Return simulated recordings, with a murmur of a band in systole or without."""
    sounds = make_heart_sounds(
        n_recordings,
        classes="normal",
        recordings_per_patient=1,
        duration=5.0,
        heart_rate=(50.0, 62.0),
        noise=(-34.0, -26.0),
        random_state=seed,
    )
    if band is None:
        return list(sounds.data)
    rng = np.random.default_rng(seed)
    passed = butter(4, band, "bandpass", fs=sounds.sample_rate, output="sos")
    recordings = []
    for number, waveform in enumerate(sounds.data):
        murmur = sosfiltfilt(passed, rng.normal(size=len(waveform)))
        murmur *= np.abs(waveform).max() / 4 / murmur.std()  # 12 dB below the sounds
        times = np.arange(len(waveform)) / sounds.sample_rate
        first, second = sounds.beats[number], sounds.s2_onsets[number]
        since = times - np.r_[-9, first][np.searchsorted(first, times, side="right")]
        until = np.r_[second, 9][np.searchsorted(second, times)] - times
        systole = (since > 0.05) & (since + until < 0.6)
        recordings.append((waveform + murmur * systole).astype(np.float32))
    return recordings


def mean_shares(model, recordings):
    found = [band_contributions(model, one, edges=EDGES) for one in recordings]
    assert all(one.positive == "murmur" for one in found)
    return np.mean([one.shares for one in found], axis=0)


@pytest.mark.parametrize("number", range(4))
def test_the_band_of_a_murmur_counts_most_for_the_shipped_model(number):
    # The lowest band has the sounds S1 and S2, which count for every murmur.
    shares = mean_shares(
        load_pretrained("murmur"), heart_sounds(BANDS[number], seed=1, n_recordings=8)
    )
    assert shares[1:].argmax() == number
    assert shares[1 + number] > 0.1


@pytest.mark.parametrize("number", [2, 3])
def test_the_band_of_a_murmur_counts_most_for_a_network_that_knows_it(number):
    model = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(duration=5.0)),
            ("cnn", CNNClassifier(epochs=15, random_state=0)),
        ]
    )
    murmurs = heart_sounds(BANDS[number], seed=6, n_recordings=16)
    normal = heart_sounds(seed=5, n_recordings=16)
    model.fit([*normal, *murmurs], ["normal"] * 16 + ["murmur"] * 16)
    shares = mean_shares(model, heart_sounds(BANDS[number], seed=9))
    assert shares.argmax() == 1 + number
    assert shares[1 + number] > 0.5
