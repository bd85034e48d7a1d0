"""The indices of quality, on signals whose values are known."""

import numpy as np
import pytest

from skheart.quality import QUALITY_INDICES, envelope, phases, spectrum
from skheart.quality.indices import indices_of
from skheart.segmentation.frames import decibels

RATE = 2000
N = 20_000
TIME = np.arange(N) / RATE


def noise(n=N, seed=0):
    return np.random.default_rng(seed).normal(size=n).astype(np.float32)


def tone(frequency):
    return np.sin(2 * np.pi * frequency * TIME).astype(np.float32)


# Waveform and spectrum ---------------------------------------------------------------


def test_clipped_values_are_those_in_runs_at_the_limits():
    waveform = np.array([0, 3, 3, 3, 1, 3, 3, -1, -2, -2, -2, -2, 0, 3], dtype=float)
    assert spectrum.clipped_share(waveform) == pytest.approx(7 / 14)
    assert spectrum.clipped_share(tone(50)) < 0.01
    assert spectrum.clipped_share(np.clip(tone(50), -0.5, 0.5)) > 0.5


def test_kurtosis_of_known_distributions():
    assert np.exp(spectrum.log_kurtosis(noise(200_000))) == pytest.approx(3, rel=0.05)
    assert np.exp(spectrum.log_kurtosis(tone(50))) == pytest.approx(1.5, rel=0.01)
    assert spectrum.log_kurtosis(np.zeros(10)) == 0


def test_spectrum_has_the_power_of_the_tone_at_its_frequency():
    frequency, power = spectrum.power_spectrum(tone(125))
    assert frequency[np.argmax(power)] == pytest.approx(125, abs=2)


@pytest.mark.parametrize(("hertz", "share"), [(10, 0), (30, 1), (190, 1), (250, 0)])
def test_band_of_heart_sounds(hertz, share):
    found = spectrum.band_share(*spectrum.power_spectrum(tone(hertz)))
    assert found == pytest.approx(share, abs=0.02)


def test_band_share_of_white_noise():
    found = spectrum.band_share(*spectrum.power_spectrum(noise()))
    assert found == pytest.approx(0.175, abs=0.02)


def test_tones_are_tonal_and_noise_is_not():
    beeping = tone(440) * (TIME % 0.8 < 0.15)
    for waveform in (tone(150), tone(440), beeping):
        assert spectrum.tonality(*spectrum.power_spectrum(waveform)) > 0.6
    # Heart sounds are narrow lines at low frequencies.
    for waveform in (tone(60), noise()):
        assert spectrum.tonality(*spectrum.power_spectrum(waveform)) < 0.05
    # A tone and a heart sound share the power.
    both = tone(60) + tone(440)
    assert 0.3 < spectrum.tonality(*spectrum.power_spectrum(both)) < 0.6


# Envelope ----------------------------------------------------------------------------


def throbbing(beat=0.8, n=1000):
    """Return an envelope that rises and falls once in each beat."""
    return 1.2 + np.cos(2 * np.pi * np.arange(n) / 100 / beat)


def test_envelope_is_the_amplitude_in_the_band():
    inside = envelope.envelope_of(decibels(tone(100)))
    outside = envelope.envelope_of(decibels(tone(500)))
    assert inside[10:-10].min() > 20 * outside[10:-10].max()
    loud = TIME % 1 < 0.5
    found = envelope.envelope_of(decibels(tone(100) * loud))
    assert np.corrcoef(found, (np.arange(len(found)) % 100 < 50))[0, 1] > 0.9


def test_periodic_envelopes_have_a_peak():
    regular = throbbing()
    irregular = np.abs(noise(1000, seed=1)) + 0.5
    assert envelope.periodicity(regular) > envelope.periodicity(irregular) + 0.3
    assert envelope.autocorrelation(regular) == pytest.approx(1, abs=0.02)
    assert envelope.autocorrelation(irregular) < 0.4
    assert envelope.sample_entropy(regular) < 0.5
    assert envelope.sample_entropy(irregular) > 1.5


def test_a_constant_envelope_has_no_rhythm():
    constant = np.full(500, 0.3)
    assert envelope.periodicity(constant) == 0
    assert envelope.autocorrelation(constant) == 0
    assert envelope.deviation(constant) == pytest.approx(0, abs=1e-9)
    assert envelope.contrast(constant) == pytest.approx(0)
    assert envelope.bursts(constant) == pytest.approx(0)


def test_sample_entropy_equals_its_definition():
    values = np.repeat(np.random.default_rng(2).integers(0, 3, 60).astype(float), 4)
    series = values[::4]
    limit = 0.2 * series.std()
    pairs = {2: 0, 3: 0}
    n = len(series) - 2
    for i in range(n):
        for j in range(n):
            if (
                i != j
                and (np.abs(series[i : i + 2] - series[j : j + 2]) <= limit).all()
            ):
                pairs[2] += 1
                pairs[3] += bool(abs(series[i + 2] - series[j + 2]) <= limit)
    expected = -np.log(pairs[3] / pairs[2])
    assert envelope.sample_entropy(values) == pytest.approx(expected)


def test_contrast_and_bursts_in_decibels():
    values = np.ones(1000)
    values[::5] = 10
    assert envelope.contrast(values) == pytest.approx(20)
    values = np.ones(1000)
    values[400:500] = 10  # one second of ten
    assert 5 < envelope.bursts(values) < 20


# Phases ------------------------------------------------------------------------------


def certain(states):
    probability = np.full((len(states), 5), 0.01)
    probability[np.arange(len(states)), states] = 0.96
    return probability


def test_steps_out_of_order_are_counted():
    assert phases.order_violations(certain([0, 0, 1, 2, 2, 3, 0, 1])) == 0
    # Of four steps, 0 to 2 and 2 to 1 break the order.
    assert phases.order_violations(certain([0, 2, 1, 2, 3])) == 0.5
    assert phases.order_violations(certain([3, 3, 3])) == 1


def test_shares_of_the_phases():
    beat = [0] * 10 + [1] * 20 + [2] * 10 + [3] * 40
    found = certain(np.array(beat * 8))
    assert phases.heartbeat_share(found) == pytest.approx(1, abs=0.01)
    assert phases.no_heartbeat(found) == pytest.approx(0.01)
    nothing = certain(np.full(600, 4))
    assert phases.heartbeat_share(nothing) == 0
    assert phases.no_heartbeat(nothing) == pytest.approx(0.96)
    assert phases.doubt(np.full((10, 5), 0.2)) == pytest.approx(1)
    assert phases.doubt(np.eye(5)) == pytest.approx(0, abs=1e-6)


# All ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2000, 2001, 3333, 61_001])
def test_indices_are_finite(n):
    for waveform in (noise(n), np.resize(tone(60), n), np.eye(1, n, 100)[0]):
        found = indices_of(waveform.astype(np.float32), RATE)
        assert tuple(found) == QUALITY_INDICES
        assert np.isfinite(list(found.values())).all()


def test_nothing_left_after_resampling_is_finite():
    time = np.arange(88_200) / 44_100
    waveform = np.sin(2 * np.pi * 9000 * time).astype(np.float32)
    assert np.isfinite(list(indices_of(waveform, 44_100).values())).all()
