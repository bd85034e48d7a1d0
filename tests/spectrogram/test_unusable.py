"""Test recordings that cannot be used: errors, and NaN with on_error."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from skheart import RecordingError, SpectrogramTransformer


def noise(n_times, seed=0):
    values = np.random.default_rng(seed).normal(scale=0.1, size=n_times)
    return values.astype(np.float32)


def transformer(**parameters):
    return SpectrogramTransformer(**{"duration": 1.0, **parameters})


@pytest.fixture
def some_broken(paths, tmp_path):
    """Return five paths; the second file does not exist, the fourth is text."""
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


def test_error_for_an_array_of_paths_shows_plain_text(tmp_path):
    missing = np.array([str(tmp_path / "absent.wav")])
    with pytest.raises(FileNotFoundError) as caught:
        transformer().transform(missing)
    assert str(caught.value).startswith(f"There is no file {str(missing[0])!r};")


@pytest.mark.parametrize(
    ("bad", "message"),
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
def test_error_names_the_index_of_a_waveform(waveforms, bad, message):
    X = [*waveforms[:2], bad, *waveforms[2:]]
    with pytest.raises(RecordingError, match=re.escape(message)):
        transformer().fit_transform(X)
    with pytest.warns(RuntimeWarning, match=re.escape(message)):
        spectrograms = transformer(on_error="nan").fit_transform(X)
    np.testing.assert_array_equal(
        np.isnan(spectrograms).all(axis=(1, 2)), np.arange(6) == 2
    )


def test_silence_found_after_resampling_without_duration():
    zeros = np.zeros(399)  # shorter than a window, but only at 8 kHz
    settings = transformer(duration=None, input_sample_rate=8000)
    with pytest.raises(RecordingError, match="Recording 0 of X is silent: all of"):
        settings.transform([zeros])


def test_nan_rows_warn_and_do_not_affect_the_others(some_broken, waveforms):
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
