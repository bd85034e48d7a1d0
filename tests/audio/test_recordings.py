"""Test the errors for entries of X that are not recordings."""

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
def test_a_bad_entry_does_not_affect_the_others(case):
    bad, message = ENTRIES[case]
    with pytest.raises(RecordingError, match=re.escape(message)):
        SpectrogramTransformer().transform([SOUND, bad])
    with pytest.warns(RuntimeWarning, match=re.escape(message)):
        spectrograms = SpectrogramTransformer(on_error="nan").transform([SOUND, bad])
    assert np.isfinite(spectrograms[0]).all()
    assert np.isnan(spectrograms[1]).all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (io.BytesIO(b"RIFF"), "got an open file (BytesIO); pass a list of paths"),
        ((2000, SOUND), "pass [waveform] and set input_sample_rate"),
    ],
)
def test_bad_containers(X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SpectrogramTransformer().fit(X)


@pytest.mark.parametrize("normalize", ["recording", "band", None])
def test_a_nearly_silent_recording(normalize):
    """Either it is an error, or its spectrogram is finite."""
    transformer = SpectrogramTransformer(normalize=normalize, input_sample_rate=4000)
    usable = []
    for size in (1e-30, 1e-36, 1e-37, 3e-38, 1e-40):
        try:
            (spectrogram,) = transformer.transform([SOUND * size])
        except RecordingError:
            continue
        assert np.isfinite(spectrogram).all()
        usable.append(size)
    assert 1e-30 in usable
    assert 1e-40 not in usable
