"""Test log_mel_spectrogram against librosa, formulas and known signals."""

from __future__ import annotations

import re
import warnings

import librosa
import numpy as np
import pytest
import soundfile

from skheart import SpectrogramTransformer, log_mel_spectrogram
from skheart.spectrogram.bands import band_edges


def noise(n_times, seed=0):
    values = np.random.default_rng(seed).normal(scale=0.1, size=n_times)
    return values.astype(np.float32)


def librosas(waveform, *, sample_rate, window, hop, n_bands, f_min, f_max, n_fft, amin):
    """Compute the same spectrogram with librosa."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_fft=.* is too large", UserWarning)
        power = librosa.feature.melspectrogram(
            y=waveform,
            sr=sample_rate,
            n_fft=n_fft,
            win_length=round(window * sample_rate),
            hop_length=round(hop * sample_rate),
            n_mels=n_bands,
            fmin=f_min,
            fmax=f_max,
            center=True,
            pad_mode="constant",
        )
    return librosa.power_to_db(power, ref=1.0, amin=amin, top_db=None)


def transformer(**parameters):
    return SpectrogramTransformer(**{"duration": 1.0, **parameters})


DEFAULTS = {
    "sample_rate": 2000,
    "window": 0.05,
    "hop": 0.02,
    "n_bands": 40,
    "f_min": 25.0,
    "f_max": 900.0,
    "n_fft": 512,
    "amin": 1e-6,
}


@pytest.mark.parametrize(
    ("n_times", "settings"),
    [
        (4000, {}),
        (4001, {"n_fft": 1024}),
        (3997, {"window": 0.0255, "n_fft": 256, "n_bands": 16}),  # 51 values
        (3999, {"window": 0.0255, "n_fft": 301, "n_bands": 16}),  # odd n_fft
        (5000, {"sample_rate": 4000, "window": 0.064, "hop": 0.016, "n_fft": 512}),
        (5001, {"hop": 0.0075, "n_bands": 8, "f_min": 0.0, "f_max": 1000.0}),
        (4410, {"sample_rate": 44100, "f_max": 8000.0, "n_fft": 4096, "n_bands": 32}),
        (4000, {"amin": 1e-3, "n_bands": 12}),
        (4000, {"window": 0.064, "n_fft": 128, "n_bands": 20}),  # as long as n_fft
        (4000, {"window": 0.001, "n_fft": 128, "n_bands": 20}),  # two values
        (4000, {"f_min": 400.0, "f_max": 410.0, "n_bands": 1}),
        (4000, {"hop": 0.0005, "n_bands": 8}),  # more frames than one block
        (9000, {"window": 1.5, "n_fft": 4096}),
        (9000, {"sample_rate": 8000, "f_max": 4000.0}),  # both parts of the mel scale
        (60, {}),  # shorter than a window of 100
        (1, {}),
    ],
)
def test_equals_librosa(n_times, settings):
    settings = DEFAULTS | settings
    waveform = noise(n_times)
    ours = log_mel_spectrogram(waveform, **settings)
    expected = librosas(waveform, **settings)
    assert ours.dtype == np.float32
    assert ours.shape[1] == 1 + n_times // round(
        settings["hop"] * settings["sample_rate"]
    )
    n_frames = expected.shape[1]  # librosa omits a frame if n_fft is odd
    assert ours.shape[1] - n_frames in (0, settings["n_fft"] % 2)
    np.testing.assert_allclose(ours[:, :n_frames], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("settings", "n_fft"),
    [
        ({"n_bands": 5}, 128),  # smallest power of two that is at least 100
        ({"n_bands": 5, "window": 0.064}, 128),  # 128 values
        ({"n_bands": 5, "window": 0.0645}, 256),  # 129 values
        ({"n_bands": 200}, 256),  # with 128, bands would be empty
        ({"n_bands": 400}, 512),
    ],
)
def test_default_n_fft(settings, n_fft):
    settings = DEFAULTS | settings | {"n_fft": n_fft}
    if n_fft > 128 and settings["window"] == 0.05:
        with pytest.raises(ValueError, match="too many"):
            log_mel_spectrogram(noise(999), **settings | {"n_fft": n_fft // 2})
    expected = librosas(noise(999), **settings)
    ours = log_mel_spectrogram(noise(999), **settings | {"n_fft": None})
    np.testing.assert_allclose(ours, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(3, 1501), (2, 3, 800), (1, 1501), (0, 1501)])
def test_several_waveforms_equal_one_by_one(shape):
    batch = noise(int(np.prod(shape))).reshape(shape)
    together = log_mel_spectrogram(batch, sample_rate=2000)
    assert together.shape == (*shape[:-1], 40, 1 + shape[-1] // 40)
    for index in np.ndindex(shape[:-1]):
        alone = log_mel_spectrogram(batch[index], sample_rate=2000)
        np.testing.assert_allclose(together[index], alone, atol=1e-4)


def test_linear_scale_equals_the_formula():
    rate, n_window, n_hop, n_fft, n_bands = 2000, 100, 40, 256, 17
    waveform = noise(1003).astype(np.float64)
    padded = np.pad(waveform, n_window // 2 + n_hop)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_window) / n_window)
    edges = np.linspace(100, 800, n_bands + 2)
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    expected = np.empty((n_bands, 1 + 1003 // n_hop))
    for frame in range(expected.shape[1]):
        start = frame * n_hop + n_hop  # the middle of the frame is at frame * n_hop
        part = padded[start : start + n_window] * taper
        power = np.abs(np.fft.rfft(part, n_fft)) ** 2
        for band in range(n_bands):
            low, middle, high = edges[band : band + 3]
            triangle = np.interp(bins, [low, middle, high], [0, 1, 0], left=0, right=0)
            area = (high - low) / 2
            expected[band, frame] = power @ triangle / area
    ours = log_mel_spectrogram(
        waveform,
        sample_rate=rate,
        window=0.05,
        hop=0.02,
        n_bands=n_bands,
        f_min=100,
        f_max=800,
        scale="linear",
        n_fft=n_fft,
        amin=1e-12,
    )
    np.testing.assert_allclose(ours, 10 * np.log10(expected), atol=1e-2)


@pytest.mark.parametrize("scale", ["linear", "mel"])
@pytest.mark.parametrize("frequency", [50, 200, 440, 800])
def test_a_tone_is_in_its_band(tone, scale, frequency):
    waveform = tone(frequency, sample_rate=4000)
    spectrogram = log_mel_spectrogram(waveform, sample_rate=4000, scale=scale)
    # Slaney's mel scale is linear below 1000 Hz, too.
    middles = np.linspace(25, 900, 42)[1:-1]
    expected = np.argmin(np.abs(middles - frequency))
    strongest = spectrogram[:, 5:-5].argmax(axis=0)
    assert np.abs(strongest - expected).max() <= 1


def test_a_click_is_in_its_frame():
    waveform = np.zeros(4000, dtype=np.float32)
    waveform[2400] = 1.0  # 1.2 s, frame 60
    spectrogram = log_mel_spectrogram(waveform, sample_rate=2000)
    assert (spectrogram.argmax(axis=1) == 60).all()


def test_power_ten_times_larger_is_ten_db():
    soft = log_mel_spectrogram(noise(2000), sample_rate=2000, amin=1e-20)
    loud = log_mel_spectrogram(noise(2000) * 10**0.5, sample_rate=2000, amin=1e-20)
    np.testing.assert_allclose(loud - soft, 10, atol=1e-3)


@pytest.mark.parametrize("limits", [(25, 900), (0, 4000), (1000, 8000), (2000, 2500)])
def test_mel_bands_equal_librosa(limits):
    expected = librosa.mel_frequencies(42, fmin=limits[0], fmax=limits[1])
    np.testing.assert_allclose(band_edges(40, *limits, "mel"), expected, rtol=1e-9)


def test_silence_is_at_the_floor():
    silent = log_mel_spectrogram(np.zeros(500), sample_rate=2000, amin=1e-4)
    np.testing.assert_allclose(silent, -40, atol=1e-4)


def test_waveform_of_whole_numbers_and_lists():
    whole = np.arange(500) % 7
    expected = log_mel_spectrogram(whole.astype(np.float32), sample_rate=2000)
    for waveform in (whole.astype(np.int16), whole.tolist(), whole.astype(float)):
        ours = log_mel_spectrogram(waveform, sample_rate=2000)
        np.testing.assert_array_equal(ours, expected)


def test_the_waveform_is_not_changed():
    waveform = noise(500)
    log_mel_spectrogram(waveform, sample_rate=2000)
    transformer().transform([waveform])
    np.testing.assert_array_equal(waveform, noise(500))


BAD_SETTINGS = [
    ({"sample_rate": -2000}, "sample_rate must be a positive number of Hz, got -2000."),
    ({"sample_rate": "2000"}, "sample_rate must be a positive number of Hz"),
    ({"window": 0}, "window must be a positive number of seconds, got 0."),
    ({"hop": np.nan}, "hop must be a positive number of seconds, got nan."),
    ({"n_bands": 0}, "n_bands must be a positive integer, got 0."),
    ({"n_bands": 12.0}, "n_bands must be a positive integer, got 12.0."),
    ({"f_min": -1}, "f_min must be a number of Hz, at least 0, got -1."),
    ({"f_max": np.inf}, "f_max must be a positive number of Hz, got inf."),
    ({"f_max": 20.0}, "f_max must be above f_min=25 Hz, got 20.0."),
    (
        {"f_max": 1200.0},
        "f_max must be at most half of sample_rate=2000 Hz, got 1200; lower f_max to "
        "1000 or raise sample_rate.",
    ),
    ({"scale": "bark"}, "scale must be one of 'mel', 'linear', got 'bark'."),
    ({"n_fft": 64}, "n_fft must be at least 100, the values in a window of 0.05"),
    ({"n_fft": 256.0}, "n_fft must be a positive integer, got 256.0."),
    ({"amin": 0}, "amin must be a number, at least 1.17549e-38, got 0."),
    (
        {"window": 1e6},
        "The settings need a table of filters of 40 by 2147483648",
    ),
    ({"window": 1e4}, "The settings need a"),
    (
        {"n_fft": 2**28},
        "The settings need a table of filters of 40 by 268435456 values",
    ),
    ({"n_bands": 10**7}, "The settings need a table of filters of 10000000 by"),
    (
        {"window": 10.0, "sample_rate": 44100, "f_max": 20000.0, "n_bands": 4},
        "The settings need a Fourier transform of",
    ),
    (
        {"n_bands": 200, "n_fft": 128},
        "n_bands=200 is too many between 25 and 900 Hz: ",
    ),
    (
        {"n_bands": 200, "n_fft": 128, "scale": "linear"},
        "a transform of length n_fft=128; lower n_bands or raise n_fft.",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), BAD_SETTINGS)
def test_bad_parameters_of_the_function(parameters, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        log_mel_spectrogram(noise(500), **{"sample_rate": 2000} | parameters)


@pytest.mark.parametrize(("parameters", "message"), BAD_SETTINGS)
def test_bad_parameters_of_the_transformer(parameters, message, waveforms):
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(transformer(**parameters), method)(waveforms)


@pytest.mark.parametrize("waveform", [3.0, [], np.empty((2, 0)), ["a"], [1 + 2j]])
def test_bad_waveforms_of_the_function(waveform):
    with pytest.raises(ValueError, match="waveform must hold real numbers along its"):
        log_mel_spectrogram(waveform, sample_rate=2000)


def test_real_recording_equals_librosa(shared_data):
    path = sorted((shared_data / "circor2022" / "training_data").glob("*.flac"))[0]
    waveform, rate = soundfile.read(path, dtype="float32")
    settings = transformer(sample_rate=rate, duration=None, normalize=None, n_fft=512)
    expected = librosas(waveform, **DEFAULTS | {"sample_rate": rate})
    ours = settings.fit_transform([path])[0]
    np.testing.assert_allclose(ours, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("window", [0.05, 0.3])
def test_nan_affects_only_its_frames(tone, sign, window):
    settings = {"window": window}
    waveform = tone(100)
    expected = log_mel_spectrogram(waveform, sample_rate=2000, **settings)
    waveform[2000] = np.copysign(np.nan, sign)
    given = log_mel_spectrogram(waveform, sample_rate=2000, **settings)
    touched = np.isnan(given).all(axis=0)
    assert abs(touched.sum() - window / 0.02) <= 1  # the frames that contain it
    np.testing.assert_array_equal(given[:, ~touched], expected[:, ~touched])


def test_the_smallest_power(tone):
    silence = np.zeros(4000, dtype=np.float32)
    given = log_mel_spectrogram(silence, sample_rate=2000, amin=2e-38)
    np.testing.assert_allclose(given, 10 * np.log10(2e-38), rtol=1e-6)
    with pytest.raises(ValueError, match=r"amin must be a number, at least 1\.175"):
        log_mel_spectrogram(silence, sample_rate=2000, amin=1e-40)
