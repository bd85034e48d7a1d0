"""Test SpectrogramTransformer: containers, rates, durations, normalization, names."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skheart import RecordingError, SpectrogramTransformer, log_mel_spectrogram
from skheart.datasets import make_heart_sounds


def noise(n_times, seed=0):
    values = np.random.default_rng(seed).normal(scale=0.1, size=n_times)
    return values.astype(np.float32)


def transformer(**parameters):
    return SpectrogramTransformer(**{"duration": 1.0, **parameters})


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
    "str array of one column": lambda paths: np.array(paths)[:, np.newaxis],
    "object array of one column": lambda paths: as_object_array(paths)[:, np.newaxis],
    "Series": pd.Series,
    "Series with another index": lambda paths: pd.Series(paths, index=list("vwxyz")),
    "DataFrame": lambda paths: pd.DataFrame({"path": paths}),
    "DataFrame of objects": lambda paths: pd.DataFrame({"path": paths}, dtype=object),
}


WAVEFORM_CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": as_object_array,
    "object array of one column": lambda w: as_object_array(w)[:, np.newaxis],
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
    integers = [np.round(waveform * 3000).astype(np.int16) for waveform in waveforms]
    floats = [waveform.astype(np.float64) for waveform in integers]
    np.testing.assert_allclose(
        transformer().transform(integers), transformer().transform(floats), atol=1e-5
    )


def test_paths_and_waveforms_can_be_mixed(paths, waveforms):
    mixed = [paths[0], waveforms[1], Path(paths[2])]
    expected = transformer().transform(waveforms[:3])
    np.testing.assert_array_equal(transformer().transform(mixed), expected)


def test_one_recording(waveforms):
    assert transformer().fit_transform(waveforms[:1]).shape == (1, 40, 51)


def test_order_is_kept(waveforms):
    many = waveforms * 10  # several blocks of work
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
    "paths in two columns": (np.array([["a.wav", "b.wav"]]), "pass its one column"),
    "None inside": ([noise(500), None], "Recording 1 of X is missing: expected a path"),
    "missing path": (pd.Series([np.nan, "a.wav"], dtype=object), "0 of X is missing"),
    "stereo": ([np.ones((2, 5))], "Recording 0 of X must be a one-dimensional array"),
    "text in a list": ([["a", "b"]], "Recording 0 of X must be a one-dimensional"),
}


@pytest.mark.parametrize("case", BAD_CONTAINERS)
def test_bad_containers(case):
    X, message = BAD_CONTAINERS[case]
    with pytest.raises(ValueError, match=re.escape(message)):
        transformer().fit_transform(X)


# Rates and lengths -------------------------------------------------------------------


@pytest.fixture
def heartlike():
    """Return a function that makes 2 s of the same sound at any rate."""

    def make(sample_rate):
        times = np.arange(int(2 * sample_rate)) / sample_rate
        beat = np.exp(-((times % 0.8 - 0.2) ** 2) / 0.002) + 0.05
        hum = sum(np.sin(2 * np.pi * f * times + f) for f in range(30, 890, 23))
        return (beat * hum / 60).astype(np.float32)

    return make


def test_files_of_several_rates_are_equal(tmp_path, heartlike):
    paths = []
    for rate in (2000, 4000, 8000, 11025, 44100):
        paths.append(tmp_path / f"{rate}.wav")
        soundfile.write(paths[-1], heartlike(rate), rate, subtype="FLOAT")
    spectrograms = transformer(duration=2.0).fit_transform(paths)
    inner = spectrograms[:, :, 2:-2]  # the resampling filters differ at the ends
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


def test_without_duration_the_longest_decides(waveforms):
    spectrograms = transformer(duration=None).fit_transform(waveforms)
    assert spectrograms.shape == (5, 40, 1 + 5000 // 40)
    fixed = transformer(duration=2.5).fit_transform(waveforms)
    np.testing.assert_array_equal(spectrograms, fixed)


# Normalization -----------------------------------------------------------------------


def test_recordings_have_mean_0_and_deviation_1(waveforms):
    rows = transformer(duration=None).fit_transform(waveforms[2:3])
    np.testing.assert_allclose(rows.mean(), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(), 1, atol=1e-4)


def test_bands_have_mean_0_and_deviation_1(waveforms):
    rows = transformer(duration=None, normalize="band").fit_transform(waveforms[2:3])
    np.testing.assert_allclose(rows.mean(axis=2), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(axis=2), 1, atol=1e-4)


@pytest.mark.parametrize("gain", [1e-4, 30.0])
@pytest.mark.parametrize("normalize", ["recording", "band"])
def test_gain_and_offset_are_removed(waveforms, gain, normalize):
    settings = transformer(normalize=normalize)
    expected = settings.transform(waveforms)
    loud = settings.transform([waveform * gain for waveform in waveforms])
    np.testing.assert_allclose(loud, expected, atol=1e-3)
    shifted = settings.transform([waveform + 0.5 for waveform in waveforms])
    np.testing.assert_allclose(shifted, expected, atol=1e-2)


def test_without_normalization_the_gain_is_kept(waveforms):
    settings = transformer(normalize=None, amin=1e-20)
    expected = settings.transform(waveforms)
    loud = settings.transform([waveform * 10 for waveform in waveforms])
    np.testing.assert_allclose(loud - expected, 20, atol=1e-2)


@pytest.mark.parametrize("window", [0.05, 0.3])
def test_normalization_equals_the_formula(window):
    waveform = make_heart_sounds(1, duration=5.0, random_state=0).data[0]
    settings = {"window": window, "duration": 5.0}

    def spectrogram_of(normalize, gain):
        transformer = SpectrogramTransformer(normalize=normalize, **settings)
        return transformer.fit_transform([gain * waveform])[0]

    centred = (waveform - waveform.mean()) / waveform.std()
    decibels = log_mel_spectrogram(centred, sample_rate=2000, window=window)
    for normalize, axis in (("recording", None), ("band", 1)):
        mean = decibels.mean(axis=axis, keepdims=True)
        expected = (decibels - mean) / decibels.std(axis=axis, keepdims=True)
        for gain in (1.0, 1e-12, 1e12):
            given = spectrogram_of(normalize, gain)
            np.testing.assert_allclose(given, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"normalize": "max"}, "normalize must be one of 'recording', 'band', None,"),
        ({"padding": "zeros"}, "padding must be one of 'repeat', 'constant', got 'ze"),
        ({"on_error": "skip"}, "on_error must be one of 'raise', 'nan', got 'skip'."),
        ({"duration": 0}, "duration must be a positive number of seconds or None, got"),
        ({"input_sample_rate": -1}, "input_sample_rate must be a positive number of"),
    ],
)
def test_bad_parameters(waveforms, parameters, message):
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match=re.escape(message)):
            getattr(transformer(**parameters), method)(waveforms)


# Flattening and names ----------------------------------------------------------------


def test_flatten_returns_rows_with_names(waveforms):
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


# scikit-learn ------------------------------------------------------------------------


def test_fit_opens_no_file():
    assert isinstance(transformer().fit(["absent.wav"]), SpectrogramTransformer)


def test_pickle_and_clone(waveforms):
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


def test_global_seed_is_not_changed(waveforms):
    np.random.seed(3)
    expected = np.random.get_state()[1].copy()
    transformer(n_jobs=2).fit_transform(waveforms)
    np.testing.assert_array_equal(np.random.get_state()[1], expected)


@parametrize_with_checks([SpectrogramTransformer(duration=0.2)])
def test_scikit_learn_checks(estimator, check):
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
