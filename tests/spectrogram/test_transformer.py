"""Spectrograms against librosa and formulas, and the contract of the transformer."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import ThreadpoolController

import skheart
from skheart import RecordingError, SpectrogramTransformer, log_mel_spectrogram
from skheart.datasets import make_heart_sounds
from skheart.spectrogram.bands import band_edges
from skheart.spectrogram.blas import single_blas_thread


def noise(n_times, seed=0):
    values = np.random.default_rng(seed).normal(scale=0.1, size=n_times)
    return values.astype(np.float32)


def librosas(waveform, *, sample_rate, window, hop, n_bands, f_min, f_max, n_fft, amin):
    """Give the same spectrogram by librosa."""
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


@pytest.fixture
def waveforms():
    """Return five waveforms of unequal length at 2 kHz."""
    lengths = (1500, 2001, 5000, 2000, 777)
    return [noise(n_times, seed) for seed, n_times in enumerate(lengths)]


@pytest.fixture
def paths(tmp_path, waveforms):
    """Return files with these waveforms."""
    paths = [str(tmp_path / f"sound{index}.wav") for index in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, 2000, subtype="FLOAT")
    return paths


# log_mel_spectrogram -----------------------------------------------------------------

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
        (4000, {"hop": 0.0005, "n_bands": 8}),  # more frames than are done at a time
        (9000, {"window": 1.5, "n_fft": 4096}),
        (9000, {"sample_rate": 8000, "f_max": 4000.0}),  # half of the bands are mel's
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
    n_frames = expected.shape[1]  # librosa leaves out a frame where n_fft is odd
    assert ours.shape[1] - n_frames in (0, settings["n_fft"] % 2)
    np.testing.assert_allclose(ours[:, :n_frames], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("settings", "n_fft"),
    [
        ({"n_bands": 5}, 128),  # smallest power of two that holds 100 values
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
def test_a_tone_lands_in_its_band(tone, scale, frequency):
    waveform = tone(frequency, sample_rate=4000)
    spectrogram = log_mel_spectrogram(waveform, sample_rate=4000, scale=scale)
    # Below 1000 Hz Slaney's mel scale is linear too.
    middles = np.linspace(25, 900, 42)[1:-1]
    expected = np.argmin(np.abs(middles - frequency))
    strongest = spectrogram[:, 5:-5].argmax(axis=0)
    assert np.abs(strongest - expected).max() <= 1


def test_a_sound_lands_in_its_frame():
    waveform = np.zeros(4000, dtype=np.float32)
    waveform[2400] = 1.0  # 1.2 s, frame 60
    spectrogram = log_mel_spectrogram(waveform, sample_rate=2000)
    assert (spectrogram.argmax(axis=1) == 60).all()


def test_power_ten_times_larger_is_ten_db():
    soft = log_mel_spectrogram(noise(2000), sample_rate=2000, amin=1e-20)
    loud = log_mel_spectrogram(noise(2000) * 10**0.5, sample_rate=2000, amin=1e-20)
    np.testing.assert_allclose(loud - soft, 10, atol=1e-3)


@pytest.mark.parametrize("limits", [(25, 900), (0, 4000), (1000, 8000), (2000, 2500)])
def test_mel_bands_are_librosas(limits):
    expected = librosa.mel_frequencies(42, fmin=limits[0], fmax=limits[1])
    np.testing.assert_allclose(band_edges(40, *limits, "mel"), expected, rtol=1e-9)


def test_silence_gives_the_floor():
    silent = log_mel_spectrogram(np.zeros(500), sample_rate=2000, amin=1e-4)
    np.testing.assert_allclose(silent, -40, atol=1e-4)


def test_waveform_of_whole_numbers_and_lists():
    whole = np.arange(500) % 7
    expected = log_mel_spectrogram(whole.astype(np.float32), sample_rate=2000)
    for waveform in (whole.astype(np.int16), whole.tolist(), whole.astype(float)):
        ours = log_mel_spectrogram(waveform, sample_rate=2000)
        np.testing.assert_array_equal(ours, expected)


def test_the_waveform_is_left_as_it_was():
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
    ({"window": 1e6}, "The settings need a table of filters of 40 by 2147483648"),
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


@pytest.mark.parametrize(("parameters", "words"), BAD_SETTINGS)
def test_bad_parameters_of_the_function(parameters, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        log_mel_spectrogram(noise(500), **{"sample_rate": 2000} | parameters)


@pytest.mark.parametrize(("parameters", "words"), BAD_SETTINGS)
def test_bad_parameters_of_the_transformer(parameters, words, waveforms):
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match=re.escape(words)):
            getattr(transformer(**parameters), method)(waveforms)


@pytest.mark.parametrize("waveform", [3.0, [], np.empty((2, 0)), ["a"], [1 + 2j]])
def test_bad_waveforms_of_the_function(waveform):
    with pytest.raises(ValueError, match="waveform must hold real numbers along its"):
        log_mel_spectrogram(waveform, sample_rate=2000)


# Containers --------------------------------------------------------------------------


def as_object_array(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


PATH_CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "PathLike": lambda paths: [Path(path) for path in paths],
    "object array": as_object_array,
    "str array": np.array,
    "Series": pd.Series,
    "Series with another index": lambda paths: pd.Series(paths, index=list("vwxyz")),
    "DataFrame": lambda paths: pd.DataFrame({"path": paths}),
    "DataFrame of objects": lambda paths: pd.DataFrame({"path": paths}, dtype=object),
}
WAVEFORM_CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": as_object_array,
    "Series": pd.Series,
    "DataFrame": lambda waveforms: pd.DataFrame({"sound": waveforms}),
    "list of lists": lambda waveforms: [waveform.tolist() for waveform in waveforms],
}


@pytest.mark.parametrize("normalize", ["recording", None])
def test_rows_equal_the_function(waveforms, normalize):
    spectrograms = transformer(normalize=normalize).fit_transform(waveforms)
    assert spectrograms.dtype == np.float32
    assert spectrograms.shape == (5, 40, 51)
    for row, waveform in zip(spectrograms, waveforms, strict=True):
        waveform = waveform[:2000]
        if normalize:
            waveform = (waveform - waveform.mean()) / waveform.std()
        expected = log_mel_spectrogram(waveform, sample_rate=2000)
        if normalize:
            expected = (expected - expected.mean()) / expected.std()
        n_frames = expected.shape[1]
        np.testing.assert_allclose(row[:, :n_frames], expected, atol=1e-3)


@pytest.mark.parametrize("container", PATH_CONTAINERS)
def test_containers_of_paths(container, paths, waveforms):
    X = PATH_CONTAINERS[container](paths)
    expected = transformer().fit_transform(waveforms)
    np.testing.assert_array_equal(transformer().fit(X).transform(X), expected)


@pytest.mark.parametrize("container", WAVEFORM_CONTAINERS)
def test_containers_of_waveforms(container, waveforms):
    X = WAVEFORM_CONTAINERS[container](waveforms)
    expected = transformer().fit_transform(waveforms)
    ours = transformer().fit(X).transform(X)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("kind", [np.array, pd.DataFrame, np.asfortranarray])
def test_two_dimensional_containers(kind):
    rows = [noise(1999, seed) for seed in range(4)]
    fitted = transformer().fit(kind(rows))
    assert fitted.n_features_in_ == 1999
    ours = fitted.transform(kind(rows))
    np.testing.assert_array_equal(ours, transformer().transform(rows))


def test_integer_waveforms(waveforms):
    words = [np.round(waveform * 3000).astype(np.int16) for waveform in waveforms]
    floats = [word.astype(np.float64) for word in words]
    np.testing.assert_allclose(
        transformer().transform(words), transformer().transform(floats), atol=1e-5
    )


def test_paths_and_waveforms_can_be_mixed(paths, waveforms):
    mixed = [paths[0], waveforms[1], Path(paths[2])]
    expected = transformer().transform(waveforms[:3])
    np.testing.assert_array_equal(transformer().transform(mixed), expected)


def test_one_recording(waveforms):
    assert transformer().fit_transform(waveforms[:1]).shape == (1, 40, 51)


def test_order_is_kept(waveforms):
    many = waveforms * 10  # several tasks
    order = np.random.default_rng(0).permutation(len(many))
    straight = transformer().transform(many)
    mixed = transformer(n_jobs=2).transform([many[index] for index in order])
    np.testing.assert_array_equal(mixed, straight[order])


def test_features_are_counted_for_two_dimensions_only(waveforms):
    fitted = transformer().fit(np.stack([noise(500), noise(500, 1)]))
    assert fitted.n_features_in_ == 500
    fitted.fit(waveforms)
    assert not hasattr(fitted, "n_features_in_")


def test_another_number_of_columns_than_in_fit():
    fitted = transformer().fit(np.stack([noise(500), noise(500, 1)]))
    longer = np.stack([noise(501), noise(501, 1)])
    expected = r"expecting 500 features.* Pass list\(X\) to take recordings of any"
    with pytest.raises(ValueError, match=expected):
        fitted.transform(longer)
    assert fitted.transform(list(longer)).shape == (2, 40, 51)


BAD_CONTAINERS = {
    "one path": ("a.wav", "X must hold several recordings, got one path; pass ['a"),
    "one Path": (Path("a.wav"), "X must hold several recordings, got one path"),
    "one waveform": (noise(500), "if X is one waveform, pass [X]."),
    "one waveform, list": (noise(500).tolist(), "if X is one waveform, pass [X]."),
    "three dimensions": (np.zeros((2, 3, 4)), "(n_recordings, n_times), got shape (2,"),
    "empty list": ([], "X holds no recording"),
    "empty array": (np.empty((0, 500)), "Found array with 0 sample(s)"),
    "no columns": (np.empty((3, 0)), "0 feature(s)"),
    "two columns": (
        pd.DataFrame({"path": ["a.wav", "b.wav"], "label": ["normal", "murmur"]}),
        "got shape (2, 2) with entries that are not numbers; pass its one column of "
        "recordings, such as X['path'].",
    ),
    "paths as rows": (np.array([["a.wav"], ["b.wav"]]), "pass its one column"),
    "None inside": ([noise(500), None], "Recording 1 of X is missing: expected a path"),
    "missing path": (pd.Series([np.nan, "a.wav"], dtype=object), "0 of X is missing"),
    "stereo": ([np.ones((2, 5))], "Recording 0 of X must be a one-dimensional array"),
    "text in a list": ([["a", "b"]], "Recording 0 of X must be a one-dimensional"),
}


@pytest.mark.parametrize("case", BAD_CONTAINERS)
def test_bad_containers(case):
    X, words = BAD_CONTAINERS[case]
    with pytest.raises(ValueError, match=re.escape(words)):
        transformer().fit_transform(X)


# Rates and lengths -------------------------------------------------------------------


@pytest.fixture
def heartlike():
    """Return a function that gives 2 s of the same sound at any rate."""

    def make(sample_rate):
        times = np.arange(int(2 * sample_rate)) / sample_rate
        beat = np.exp(-((times % 0.8 - 0.2) ** 2) / 0.002) + 0.05
        hum = sum(np.sin(2 * np.pi * f * times + f) for f in range(30, 890, 23))
        return (beat * hum / 60).astype(np.float32)

    return make


def test_files_of_several_rates_give_the_same(tmp_path, heartlike):
    paths = []
    for rate in (2000, 4000, 8000, 11025, 44100):
        paths.append(tmp_path / f"{rate}.wav")
        soundfile.write(paths[-1], heartlike(rate), rate, subtype="FLOAT")
    spectrograms = transformer(duration=2.0).fit_transform(paths)
    inner = spectrograms[:, :, 2:-2]  # filters differ at the ends
    np.testing.assert_allclose(inner[1:], inner[:1].repeat(4, axis=0), atol=0.05)


@pytest.mark.parametrize("rate", [2000, 4000, 11025])
def test_input_sample_rate_equals_the_file(tmp_path, heartlike, rate):
    path = tmp_path / "sound.wav"
    soundfile.write(path, heartlike(rate), rate, subtype="FLOAT")
    as_array = transformer(input_sample_rate=rate).fit_transform([heartlike(rate)])
    as_file = transformer(input_sample_rate=500).fit_transform([path])
    np.testing.assert_array_equal(as_array, as_file)


def test_default_input_sample_rate_is_sample_rate(heartlike):
    given = transformer(sample_rate=4000.0, input_sample_rate=4000.0)
    left_out = transformer(sample_rate=4000.0)
    np.testing.assert_array_equal(
        given.transform([heartlike(4000)]), left_out.transform([heartlike(4000)])
    )


def test_rate_too_low_for_f_max(tmp_path):
    path, fast = tmp_path / "slow.wav", tmp_path / "fast.wav"
    soundfile.write(path, noise(1000), 1000)
    soundfile.write(fast, noise(2000), 2000)
    expected = (
        f"{str(path)!r} has a sample rate of 1000 Hz and contains nothing above 500 "
        "Hz, but f_max is 900; lower f_max or leave it out."
    )
    with pytest.raises(RecordingError, match=re.escape(expected)):
        transformer().fit_transform([path])
    with pytest.raises(RecordingError, match="Recording 1 of X has a sample rate of 1"):
        transformer(input_sample_rate=1000).fit_transform([fast, noise(1000)])
    assert transformer(f_max=500.0).fit_transform([path]).shape == (1, 40, 51)


def test_duration_cuts(waveforms, paths):
    longer = waveforms[2]
    cut = transformer(duration=0.75).fit_transform([longer, longer[:1500]])
    assert cut.shape == (2, 40, 38)
    np.testing.assert_array_equal(cut[0], cut[1])
    from_file = transformer(duration=0.75).fit_transform([paths[2]])
    np.testing.assert_array_equal(from_file[0], cut[0])


def test_repeat_padding_tiles(waveforms):
    short = waveforms[4]
    alone = transformer(duration=None).fit_transform([short])[0]
    filled = transformer(duration=2.0).fit_transform([short])[0]
    n_frames = alone.shape[1]
    assert n_frames == 1 + 777 // 40
    assert filled.shape == (40, 101)
    tiled = np.tile(alone, (1, 6))[:, :101]
    np.testing.assert_array_equal(filled, tiled)


def test_constant_padding_appends_the_smallest_value(waveforms):
    short = waveforms[4]
    alone = transformer(duration=None).fit_transform([short])[0]
    filled = transformer(duration=2.0, padding="constant").fit_transform([short])[0]
    n_frames = alone.shape[1]
    np.testing.assert_array_equal(filled[:, :n_frames], alone)
    assert (filled[:, n_frames:] == alone.min()).all()


def test_without_duration_the_longest_counts(waveforms):
    spectrograms = transformer(duration=None).fit_transform(waveforms)
    assert spectrograms.shape == (5, 40, 1 + 5000 // 40)
    fixed = transformer(duration=2.5).fit_transform(waveforms)
    np.testing.assert_array_equal(spectrograms, fixed)


# Normalisation -----------------------------------------------------------------------


def test_recording_normalisation_gives_mean_0_and_deviation_1(waveforms):
    rows = transformer(duration=None).fit_transform(waveforms[2:3])
    np.testing.assert_allclose(rows.mean(), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(), 1, atol=1e-4)


def test_band_normalisation_gives_mean_0_and_deviation_1_in_each(waveforms):
    rows = transformer(duration=None, normalize="band").fit_transform(waveforms[2:3])
    np.testing.assert_allclose(rows.mean(axis=2), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(axis=2), 1, atol=1e-4)


@pytest.mark.parametrize("gain", [1e-4, 30.0])
@pytest.mark.parametrize("normalize", ["recording", "band"])
def test_gain_and_offset_do_not_count(waveforms, gain, normalize):
    settings = transformer(normalize=normalize)
    expected = settings.transform(waveforms)
    loud = settings.transform([waveform * gain for waveform in waveforms])
    np.testing.assert_allclose(loud, expected, atol=1e-3)
    shifted = settings.transform([waveform + 0.5 for waveform in waveforms])
    np.testing.assert_allclose(shifted, expected, atol=1e-2)


def test_without_normalisation_gain_counts(waveforms):
    settings = transformer(normalize=None, amin=1e-20)
    expected = settings.transform(waveforms)
    loud = settings.transform([waveform * 10 for waveform in waveforms])
    np.testing.assert_allclose(loud - expected, 20, atol=1e-2)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"normalize": "max"}, "normalize must be one of 'recording', 'band', None,"),
        ({"padding": "zeros"}, "padding must be one of 'repeat', 'constant', got 'ze"),
        ({"on_error": "skip"}, "on_error must be one of 'raise', 'nan', got 'skip'."),
        ({"duration": 0}, "duration must be a positive number of seconds or None, got"),
        ({"input_sample_rate": -1}, "input_sample_rate must be a positive number of"),
    ],
)
def test_bad_parameters_of_the_transformer_alone(waveforms, parameters, words):
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match=re.escape(words)):
            getattr(transformer(**parameters), method)(waveforms)


# Flattening and names ----------------------------------------------------------------


def test_flatten_gives_rows_with_names(waveforms):
    flat = transformer(flatten=True, n_bands=7).fit(waveforms)
    rows = flat.transform(waveforms)
    assert rows.shape == (5, 7 * 51)
    expected = transformer(n_bands=7).fit_transform(waveforms)
    np.testing.assert_array_equal(rows.reshape(5, 7, 51), expected)
    names = flat.get_feature_names_out()
    assert len(names) == 7 * 51
    assert names[0] == "band0_0s"
    assert names[3 * 51 + 31] == "band3_0.62s"
    assert names[-1] == "band6_1s"


@pytest.mark.parametrize("parameters", [{"hop": 0.005}, {"duration": 130.0}])
def test_names_differ_from_one_another(parameters):
    parameters = {"duration": 20.0, "n_bands": 2, "flatten": True} | parameters
    names = SpectrogramTransformer(**parameters).get_feature_names_out()
    assert len(set(names)) == len(names)


def test_pandas_output(waveforms):
    flat = transformer(flatten=True, n_bands=7).set_output(transform="pandas")
    table = flat.fit_transform(waveforms)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == list(flat.get_feature_names_out())
    expected = transformer(flatten=True, n_bands=7).fit_transform(waveforms)
    np.testing.assert_array_equal(table.to_numpy(), expected)


def test_there_are_no_names_without_flatten():
    assert not hasattr(transformer(), "get_feature_names_out")
    with pytest.raises(AttributeError) as caught:
        transformer().get_feature_names_out()
    assert "needs flatten=True" in str(caught.value.__cause__ or caught.value)


def test_there_are_no_names_without_duration():
    with pytest.raises(ValueError, match="needs a fixed duration, got duration=None"):
        transformer(flatten=True, duration=None).get_feature_names_out()


# Recordings that cannot be used ------------------------------------------------------


@pytest.fixture
def some_broken(paths, tmp_path):
    """Return five paths: the second does not exist and the fourth is no sound."""
    broken = list(paths)
    broken[1] = str(tmp_path / "absent.wav")
    broken[3] = str(tmp_path / "letter.wav")
    Path(broken[3]).write_text("Dear doctor, here is the recording.")
    return broken


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_error_names_the_file(some_broken, paths, n_jobs):
    settings = transformer(n_jobs=n_jobs)
    with pytest.raises(FileNotFoundError, match=r"absent\.wav"):
        settings.fit(some_broken).transform(paths * 8 + some_broken)
    with pytest.raises(RecordingError, match=r"letter\.wav' cannot be read as audio"):
        settings.transform(paths * 8 + some_broken[2:])


def test_error_of_an_array_of_text_has_plain_words(tmp_path):
    missing = np.array([str(tmp_path / "absent.wav")])
    with pytest.raises(FileNotFoundError) as caught:
        transformer().transform(missing)
    assert str(caught.value).startswith(f"There is no file {str(missing[0])!r};")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (
            np.full(900, np.nan),
            "Recording 2 of X holds NaN or infinite values",
        ),
        (
            np.zeros(900),
            "Recording 2 of X is silent: all of its 900 values",
        ),
        (
            np.array([]),
            "Recording 2 of X holds no sound: its length is zero.",
        ),
        (
            np.r_[np.zeros(3000), noise(1000)],
            "Recording 2 of X (its first 1 seconds) is silent: all of its 2000 values",
        ),
    ],
)
def test_error_names_the_place_of_a_waveform(waveforms, bad, words):
    X = [*waveforms[:2], bad, *waveforms[2:]]
    with pytest.raises(RecordingError, match=re.escape(words)):
        transformer().fit_transform(X)
    with pytest.warns(RuntimeWarning, match=re.escape(words)):
        spectrograms = transformer(on_error="nan").fit_transform(X)
    np.testing.assert_array_equal(
        np.isnan(spectrograms).all(axis=(1, 2)), np.arange(6) == 2
    )


def test_silence_found_after_resampling_without_duration():
    zeros = np.zeros(399)  # shorter than a window at 8 kHz, not so at 2 kHz
    settings = transformer(duration=None, input_sample_rate=8000)
    with pytest.raises(RecordingError, match="Recording 0 of X is silent: all of"):
        settings.transform([zeros])


def test_nan_rows_warn_and_leave_the_others(some_broken, waveforms):
    settings = transformer(on_error="nan").fit(some_broken)
    with pytest.warns(RuntimeWarning) as caught:
        spectrograms = settings.transform(some_broken)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith("2 of 5 recordings cannot be used and became NaN: ")
    assert repr(some_broken[1]) in message
    assert repr(some_broken[3]) in message
    assert caught[0].filename == __file__
    good = [0, 2, 4]
    np.testing.assert_array_equal(
        spectrograms[good], transformer().transform([waveforms[i] for i in good])
    )
    assert np.isnan(spectrograms[[1, 3]]).all()


def test_nan_warning_names_three_files_at_most(tmp_path):
    absent = [str(tmp_path / f"absent{index}.wav") for index in range(5)]
    with pytest.warns(RuntimeWarning, match="5 of 5 recordings") as caught:
        spectrograms = transformer(on_error="nan", duration=None).transform(absent)
    assert spectrograms.shape == (5, 40, 1)
    message = str(caught[0].message)
    assert [f"absent{index}" in message for index in range(5)] == [True] * 3 + [
        False
    ] * 2
    assert message.endswith(" ...")


def test_nan_in_an_array_of_waveforms():
    X = np.stack([noise(500, seed) for seed in range(4)])
    X[[1, 3], 7] = np.nan
    expected = r"X holds NaN .* in 2 recordings, first in recording 1; repair or leave"
    with pytest.raises(RecordingError, match=expected):
        transformer().fit(X)
    with pytest.warns(RuntimeWarning, match="2 of 4 recordings cannot be used"):
        spectrograms = transformer(on_error="nan").fit_transform(X)
    np.testing.assert_array_equal(
        np.isnan(spectrograms).all(axis=(1, 2)), [False, True, False, True]
    )


def test_wrong_parameters_raise_even_with_on_error_nan(paths):
    with pytest.raises(ValueError, match="f_max must be at most half"):
        transformer(on_error="nan", f_max=5000.0).transform(paths)


# Threads, progress, scikit-learn -----------------------------------------------------


def test_number_of_threads_changes_nothing(paths):
    many = paths * 8
    one = transformer(n_jobs=1).fit_transform(many)
    np.testing.assert_array_equal(transformer(n_jobs=2).fit_transform(many), one)
    np.testing.assert_array_equal(transformer().fit_transform(many), one)


def test_threads_can_be_set_around(paths):
    with joblib.parallel_config(n_jobs=2):
        around = transformer().fit_transform(paths * 8)
    np.testing.assert_array_equal(around, transformer().fit_transform(paths * 8))


def test_verbose_shows_a_bar_on_standard_error(waveforms, capfd):
    transformer(verbose=1).fit_transform(waveforms)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Spectrograms" in err
    assert "5/5 recordings" in err


def test_silent_by_default(waveforms, capfd):
    transformer().fit_transform(waveforms)
    assert capfd.readouterr() == ("", "")


def test_fit_opens_no_file():
    assert isinstance(transformer().fit(["absent.wav"]), SpectrogramTransformer)


def test_pickle_and_clone_give_the_same(waveforms):
    fitted = transformer(n_bands=9, normalize="band").fit(waveforms)
    expected = fitted.transform(waveforms)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(waveforms), expected)
    assert clone(fitted).get_params() == fitted.get_params()
    np.testing.assert_array_equal(clone(fitted).transform(waveforms), expected)


def test_equal_parameters_have_an_equal_hash(waveforms):
    used = transformer()
    used.fit_transform(waveforms)
    used.transform(waveforms)
    assert joblib.hash(used) == joblib.hash(transformer())
    assert joblib.hash(clone(used)) == joblib.hash(transformer())
    assert joblib.hash(transformer(n_bands=41)) != joblib.hash(transformer())


def test_pipeline_memory_computes_once(tmp_path, paths, computed):
    labels = ["normal", "murmur", "normal", "murmur", "normal"]

    def fit(**parameters):
        pipeline = Pipeline(
            [
                ("spectrogram", transformer(flatten=True, **parameters)),
                ("logistic", LogisticRegression()),
            ],
            memory=str(tmp_path / "memory"),
        )
        return pipeline.fit(paths, labels)

    first = fit()
    assert len(computed) == 5
    second = fit()
    assert len(computed) == 5
    assert list(second.predict(paths)) == list(first.predict(paths))
    computed.clear()
    fit(n_bands=30)
    assert len(computed) == 5


def test_pipeline_from_paths_to_labels(paths):
    labels = np.array(["normal", "murmur", "normal", "murmur", "normal"])
    pipeline = make_pipeline(
        transformer(flatten=True), StandardScaler(), LogisticRegression()
    )
    assert list(pipeline.fit(paths, labels).predict(paths)) == list(labels)


@pytest.mark.usefixtures("fresh_workers")
def test_results_do_not_depend_on_neighbours_or_workers(waveforms):
    many = waveforms * 9
    expected = [transformer().transform([waveform])[0] for waveform in waveforms] * 9
    for n_jobs in (1, 2):
        given = transformer(n_jobs=n_jobs).transform(many)
        np.testing.assert_array_equal(given, expected)
    with joblib.parallel_config("loky", n_jobs=2):
        np.testing.assert_array_equal(transformer().transform(many), expected)


def test_products_of_matrices_use_one_thread_and_then_as_before():
    def limits():
        pools = ThreadpoolController().info()
        return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]

    before = limits()
    assert before
    inside = []
    for outlasts in (False, True):
        started, over = threading.Event(), threading.Event()

        def overlap(started=started, over=over):
            with single_blas_thread():
                started.set()
                over.wait()

        thread = threading.Thread(target=overlap)
        with single_blas_thread():
            inside += limits()
            thread.start()
            started.wait()
            if not outlasts:
                over.set()
                thread.join()
            inside += limits()
        if outlasts:  # the first has left, the second still computes
            inside += limits()
            over.set()
            thread.join()
        assert limits() == before
    assert set(inside) == {1}


def test_concurrent_calls_give_the_same_bits(waveforms):
    longer = [np.tile(waveform, 20) for waveform in waveforms]
    expected = transformer(duration=20.0).transform(longer)
    different = []

    def repeat(n_calls):
        for number in range(n_calls):
            X = longer[: 1 + number % 5]
            given = transformer(duration=20.0).transform(X)
            different.append(not np.array_equal(given, expected[: len(X)]))

    threads = [threading.Thread(target=repeat, args=(n,)) for n in (60, 100, 140)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(different) == 300
    assert not any(different)


def test_no_folder_for_compiled_code_is_needed(tmp_path):
    """As of a package that is installed for all, and a user without a home."""
    package = tmp_path / "skheart"
    skipped = shutil.ignore_patterns("__pycache__", "weights")
    shutil.copytree(Path(skheart.__file__).parent, package, ignore=skipped)
    (package / "spectrogram" / "__pycache__").write_text("no folder")
    nowhere = str(package / "__init__.py" / "x")
    code = (
        "import sys, numpy as np\n"
        "from skheart import SpectrogramTransformer\n"
        "X = np.random.default_rng(0).normal(size=(2, 4000)).astype(np.float32)\n"
        "print(SpectrogramTransformer(duration=2.0).transform(X).shape)\n"
        "assert 'librosa' not in sys.modules\n"
        "from skheart.spectrogram import kernels\n"
        "assert kernels.__file__.startswith(sys.argv[1])\n"
    )
    environment = {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "NUMBA_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(package)],
        env=os.environ | environment | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.returncode) == ("(2, 40, 101)", 0), done.stderr


def test_global_seed_is_left_as_it_was(waveforms):
    np.random.seed(3)
    expected = np.random.get_state()[1].copy()
    transformer(n_jobs=2).fit_transform(waveforms)
    np.testing.assert_array_equal(np.random.get_state()[1], expected)


@parametrize_with_checks([SpectrogramTransformer(duration=0.2)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


# Real recordings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("corpus", "pattern"),
    [
        ("pascal", "set_b/*.flac"),
        ("cinc2016", "training-*/*.flac"),
        ("circor2022", "training_data/*.flac"),
        ("circor2022-official-sample", "training_data/*.wav"),
    ],
)
def test_real_recordings(shared_data, corpus, pattern):
    every = sorted((shared_data / corpus).glob(pattern))
    assert len(every) >= 20
    chosen = [every[i] for i in np.linspace(0, len(every) - 1, 20).astype(int)]
    spectrograms = transformer(duration=5.0, n_jobs=2).fit_transform(chosen)
    assert spectrograms.shape == (20, 40, 251)
    assert spectrograms.dtype == np.float32
    assert np.isfinite(spectrograms).all()
    assert spectrograms.std(axis=(1, 2)).min() > 0.5


def test_real_recording_equals_librosa(shared_data):
    path = sorted((shared_data / "circor2022" / "training_data").glob("*.flac"))[0]
    waveform, rate = soundfile.read(path, dtype="float32")
    settings = transformer(sample_rate=rate, duration=None, normalize=None, n_fft=512)
    expected = librosas(waveform, **DEFAULTS | {"sample_rate": rate})
    ours = settings.fit_transform([path])[0]
    np.testing.assert_allclose(ours, expected, atol=1e-3, rtol=0)


def test_missing_entry_becomes_nan():
    X = pd.Series([None, noise(500), np.nan], dtype=object)
    transformer = SpectrogramTransformer(on_error="nan", duration=0.2)
    with pytest.warns(RuntimeWarning, match=r"2 of 3 recordings.*Recording 0 of X is"):
        spectrograms = transformer.fit_transform(X)
    assert np.isnan(spectrograms[[0, 2]]).all()
    assert np.isfinite(spectrograms[1]).all()


def test_file_shorter_than_a_window_is_refused(tmp_path):
    path = tmp_path / "click.wav"
    soundfile.write(path, noise(80), 4000)
    with pytest.raises(RecordingError, match=r"click\.wav' lasts 0\.02 seconds, less"):
        SpectrogramTransformer().fit_transform([path])
    soundfile.write(path, noise(200), 4000)
    assert SpectrogramTransformer().fit_transform([path]).shape == (1, 40, 1001)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("window", [0.05, 0.3])
def test_what_is_not_finite_stays_so(tone, sign, window):
    settings = {"window": window}
    waveform = tone(100)
    expected = log_mel_spectrogram(waveform, sample_rate=2000, **settings)
    waveform[2000] = np.copysign(np.nan, sign)
    given = log_mel_spectrogram(waveform, sample_rate=2000, **settings)
    touched = np.isnan(given).all(axis=0)
    assert abs(touched.sum() - window / 0.02) <= 1  # the frames that hold the value
    np.testing.assert_array_equal(given[:, ~touched], expected[:, ~touched])


def test_the_smallest_power(tone):
    silence = np.zeros(4000, dtype=np.float32)
    given = log_mel_spectrogram(silence, sample_rate=2000, amin=2e-38)
    np.testing.assert_allclose(given, 10 * np.log10(2e-38), rtol=1e-6)
    with pytest.raises(ValueError, match=r"amin must be a number, at least 1\.175"):
        log_mel_spectrogram(silence, sample_rate=2000, amin=1e-40)


@pytest.mark.parametrize("window", [0.05, 0.3])
def test_standardised_either_way(window):
    waveform = make_heart_sounds(1, duration=5.0, random_state=0).data[0]
    settings = {"window": window, "duration": 5.0}

    def spectrogram_of(normalize, times=1.0):
        transformer = SpectrogramTransformer(normalize=normalize, **settings)
        return transformer.fit_transform([times * waveform])[0]

    centred = (waveform - waveform.mean()) / waveform.std()
    decibels = log_mel_spectrogram(centred, sample_rate=2000, window=window)
    for normalize, axis in (("recording", None), ("band", 1)):
        mean = decibels.mean(axis=axis, keepdims=True)
        expected = (decibels - mean) / decibels.std(axis=axis, keepdims=True)
        for times in (1.0, 1e-12, 1e12):  # whatever the gain
            given = spectrogram_of(normalize, times)
            np.testing.assert_allclose(given, expected, atol=1e-3)
