"""Entries of X that are no recordings, each with an error that tells what to pass."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

from skheart import RecordingError, SpectrogramTransformer

SOUND = np.random.default_rng(0).normal(size=2000).astype(np.float32)

ENTRIES = {
    "column": (SOUND[:, np.newaxis], "got shape (2000, 1) and dtype float32; if its"),
    "file": (io.BytesIO(b"RIFF"), "is an open file (BytesIO), expected a path"),
    "pair": ((2000, SOUND), "pass the waveform and set input_sample_rate"),
    "ragged": ([[1.0, 2.0], [3.0]], "is a list of several things, expected a path"),
    "None": (None, "is missing: expected a path or a waveform, got None"),
    "number": (3.5, "is missing: expected a path or a waveform, got 3.5"),
    "truth": (SOUND > 0, "must be a one-dimensional array of real numbers, got shape"),
    "null": ("a\0.wav", "contains a null character"),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_a_bad_entry_tells_what_to_pass_and_leaves_the_others(case):
    bad, words = ENTRIES[case]
    with pytest.raises(RecordingError, match=re.escape(words)):
        SpectrogramTransformer().transform([SOUND, bad])
    with pytest.warns(RuntimeWarning, match=re.escape(words)):
        spectrograms = SpectrogramTransformer(on_error="nan").transform([SOUND, bad])
    assert np.isfinite(spectrograms[0]).all()
    assert np.isnan(spectrograms[1]).all()


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (io.BytesIO(b"RIFF"), "got an open file (BytesIO); pass a list of paths"),
        ((2000, SOUND), "pass [waveform] and set input_sample_rate"),
    ],
)
def test_a_bad_container_tells_what_to_pass(X, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        SpectrogramTransformer().fit(X)


@pytest.mark.parametrize("normalize", ["recording", "band", None])
def test_a_recording_that_is_silent_but_for_rounding(normalize):
    """It is refused, or its spectrogram is finite; never NaN."""
    for size in (1e-30, 1e-36, 1e-37, 3e-38, 1e-40):
        transformer = SpectrogramTransformer(
            normalize=normalize, on_error="nan", input_sample_rate=4000
        )
        try:
            (spectrogram,), (error,) = transformer._transform([SOUND * size])
        except RecordingError:
            continue
        assert error or np.isfinite(spectrogram).all()
