"""Entries of X: files, waveforms, waveforms with a rate, and what is none of them."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.io import wavfile
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from skheart import (
    OnnxClassifier,
    RecordingError,
    SpectrogramDisplay,
    SpectrogramTransformer,
    export_onnx,
    load_pretrained,
    read_recording,
    save_spectrogram_images,
)
from skheart.datasets import make_heart_sounds

SOUND = np.random.default_rng(0).normal(size=2000).astype(np.float32)
RATE = 4000
WAVEFORM = make_heart_sounds(1, duration=2.0, sample_rate=RATE, random_state=0).data[0]
WAVEFORM = (WAVEFORM / np.abs(WAVEFORM).max() * 0.9).astype(np.float32)

# Entries that cannot be used, and what is said about them --------------------------

ENTRIES = {
    "column": (SOUND[:, np.newaxis], "got shape (2000, 1) and dtype float32; if its"),
    "no sound": (b"Dear doctor,", "Recording 1 of X cannot be read as audio (its"),
    "no bytes": (b"", "Recording 1 of X is an empty file"),
    "text file": (io.StringIO("abc"), "open file (StringIO) of text; open it in"),
    "file": (io.BytesIO(b"RIFF"), "Recording 1 of X cannot be read as audio ("),
    "empty file": (io.BytesIO(), "Recording 1 of X is an empty file"),
    "ragged": ([[1.0, 2.0], [3.0]], "is a list of several things, expected a path"),
    "rate behind": ((SOUND, 2000), "as a tuple, (sample_rate, waveform)"),
    "rate in a list": ([2000, SOUND], "as a tuple, (sample_rate, waveform)"),
    "no rate": ((0, SOUND), "has the sample rate 0, expected a positive number"),
    "rate NaN": ((np.nan, SOUND), "has the sample rate nan, expected"),
    "rate True": ((True, SOUND), "has the sample rate True, expected"),
    "rate complex": ((2j, SOUND), "has the sample rate 2j, expected"),
    "rate too high": ((1e9, SOUND), "has the sample rate 1000000000.0, expected"),
    "low rate": ((1000, SOUND), "Recording 1 of X has a sample rate of 1000 Hz and"),
    "missing": ((2000, None), "is missing: expected a path or a waveform"),
    "text": ((2000, "abc"), "is missing: expected a path or a waveform"),
    "words": ((2000, ["a", "b"]), "one-dimensional array of real numbers, got"),
    "wide": ((2000, SOUND[np.newaxis]), "or (n_times, n_channels) beside its rate"),
    "cube": ((2000, SOUND.reshape(2, 10, 100)), "one-dimensional array of real"),
    "empty": ((2000, []), "holds no sound: its length is zero"),
    "silent": ((2000, np.zeros(2000, np.int16)), "is silent: all of its 2000 values"),
    "NaN": ((2000, np.full(2000, np.nan)), "holds NaN or infinite values"),
    "dict": ({"bytes": b""}, "is a dict of 'bytes', expected 'array' and 'sampling_"),
    "dict, no rate": ({"array": SOUND, "sampling_rate": None}, "the sample rate None"),
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
        (io.BytesIO(b"RIFF"), "got one open file (BytesIO); pass [X]"),
        (b"RIFF", "got the content of one file; pass [X]"),
        (memoryview(b"RIFF"), "got the content of one file; pass [X]"),
        ((2000, SOUND), "got one waveform with its rate; pass [X]"),
        ({"array": SOUND, "sampling_rate": 2000}, "got one waveform with its rate"),
        (np.array([b"RIFF\0\0", b"RIFF"]), "bytes of fixed length, which drops zeros"),
    ],
)
def test_bad_containers(X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SpectrogramTransformer().fit(X)


# The same recording in every form ----------------------------------------------------


def wav_bytes(waveform=WAVEFORM, rate=RATE, subtype="PCM_16"):
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def opened_at_its_end():
    file = io.BytesIO()
    file.write(wav_bytes())
    return file


def in_a_zip_file():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.wav", wav_bytes())
    return zipfile.ZipFile(archive).open("a.wav")


def as_scipy_reads(subtype):
    return wavfile.read(io.BytesIO(wav_bytes(subtype=subtype)))


FORMS = {
    "bytes": wav_bytes,
    "bytearray": lambda: bytearray(wav_bytes()),
    "memoryview": lambda: memoryview(wav_bytes()),
    "BytesIO": opened_at_its_end,
    "zip member": in_a_zip_file,
    "int16": lambda: as_scipy_reads("PCM_16"),
    "int32": lambda: as_scipy_reads("PCM_24"),
    "float": lambda: (RATE, WAVEFORM),
    "numpy rate": lambda: (np.int64(RATE), WAVEFORM.astype(np.float64)),
    "list": lambda: (float(RATE), WAVEFORM.tolist()),
    "stereo": lambda: (RATE, np.c_[WAVEFORM * 1.5, WAVEFORM * 0.5]),
    "dict": lambda: {"array": WAVEFORM, "sampling_rate": RATE, "path": None},
    "uint8": lambda: as_scipy_reads("PCM_U8"),
}


@pytest.mark.parametrize("cached", [False, True], ids=["computed", "cached"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_spectrogram_of_the_file(tmp_path, form, cached):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())
    transformer = SpectrogramTransformer(
        normalize=None, duration=None, cache=tmp_path / "cache" if cached else None
    )
    expected = transformer.transform([path])
    entry = FORMS[form]()
    for _ in range(2):  # an open file can be read again, a cached spectrogram be found
        spectrogram = transformer.fit_transform([entry])
        # One step of 16 bits, or of 8, is far below the sound.
        loud = expected > expected.max() - (20 if form == "uint8" else 40)
        np.testing.assert_allclose(spectrogram[loud], expected[loud], atol=0.5)


def test_integers_are_scaled_to_full_scale():
    for subtype, tolerance in [("PCM_U8", 1 / 64), ("PCM_16", 1e-4), ("PCM_32", 1e-6)]:
        rate, integers = as_scipy_reads(subtype)
        transformer = SpectrogramTransformer(normalize=None, duration=None, amin=1e-12)
        scaled = transformer.transform([(rate, integers), (rate, WAVEFORM)])
        power = 10 ** (scaled / 10)
        np.testing.assert_allclose(power[0].sum(), power[1].sum(), rtol=tolerance)


def test_the_rate_beside_a_waveform_counts_for_it_alone():
    transformer = SpectrogramTransformer(input_sample_rate=RATE, duration=None)
    alone = transformer.transform([WAVEFORM])
    half = WAVEFORM[::2]
    both = transformer.transform([(RATE // 2, half), WAVEFORM, (RATE, WAVEFORM)])
    np.testing.assert_array_equal(both[1], alone[0])
    np.testing.assert_array_equal(both[2], alone[0])
    assert not np.array_equal(both[0], alone[0])
    assert both[0].shape == alone[0].shape  # of the same duration


def test_rates_are_part_of_the_key_in_the_cache(tmp_path):
    transformer = SpectrogramTransformer(duration=1.0, cache=tmp_path)
    spectrograms = transformer.transform([(rate, SOUND) for rate in (2000, 3000, 4000)])
    assert not np.array_equal(spectrograms[0], spectrograms[1])
    assert not np.array_equal(spectrograms[1], spectrograms[2])
    np.testing.assert_array_equal(transformer.transform([SOUND])[0], spectrograms[0])


def test_duration_cuts_all_forms_alike():
    transformer = SpectrogramTransformer(duration=0.7)
    spectrograms = transformer.transform([FORMS[form]() for form in ("bytes", "int16")])
    np.testing.assert_allclose(spectrograms[0], spectrograms[1], atol=1e-5)


def test_containers_that_are_read_like_lists():
    class Column(Sequence):
        """What data sets return in place of a list."""

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return ({"array": WAVEFORM, "sampling_rate": RATE}, (RATE, SOUND))[index]

    transformer = SpectrogramTransformer(duration=1.0)
    expected = transformer.transform(list(Column()))
    for X in (Column(), pd.Series(list(Column())), tuple(Column())):
        np.testing.assert_array_equal(transformer.transform(X), expected)


def test_an_open_file_is_left_at_its_position():
    with tempfile.TemporaryFile() as file:
        file.write(wav_bytes())
        file.seek(7)
        SpectrogramTransformer().transform([file])
        assert file.tell() == 7
        waveform, rate = read_recording(file)
        assert (len(waveform), rate) == (len(WAVEFORM), RATE)
        assert file.tell() == 7


def test_threads_share_an_open_file():
    file = io.BytesIO(wav_bytes())
    expected = SpectrogramTransformer().transform([file])
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(SpectrogramTransformer().transform, [[file]] * 40):
            np.testing.assert_array_equal(got, expected)
    many = SpectrogramTransformer(n_jobs=4).transform([file] * 40)
    assert (many == expected).all()


class OneWay(io.BytesIO):
    """Like a pipe or a download, which cannot be read again."""

    def seek(self, *_):
        raise io.UnsupportedOperation("seek")


def test_files_that_cannot_be_read_twice_are_refused():
    closed = io.BytesIO(wav_bytes())
    closed.close()
    for file in (OneWay(wav_bytes()), closed):
        with pytest.raises(RecordingError, match=r"1 of X is an open file .* pass its"):
            SpectrogramTransformer().transform([SOUND, file])


def test_read_recording_takes_bytes_and_files():
    for source in (wav_bytes(), io.BytesIO(wav_bytes())):
        waveform, rate = read_recording(source, sample_rate=2000)
        assert rate == 2000
        assert len(waveform) == len(WAVEFORM) // 2
    with pytest.raises(RecordingError, match=r"^The recording cannot be read as"):
        read_recording(b"no sound at all")


def test_a_pipeline_is_cross_validated_on_pairs_and_files():
    sounds = make_heart_sounds(12, duration=2.0, sample_rate=RATE, random_state=0)
    pairs = [(RATE, waveform) for waveform in sounds.data]
    files = [io.BytesIO(wav_bytes(waveform, subtype="FLOAT")) for _, waveform in pairs]
    pipeline = make_pipeline(
        SpectrogramTransformer(duration=2.0, flatten=True), LogisticRegression()
    )
    predicted = [
        cross_val_predict(pipeline, X, sounds.target, cv=3, n_jobs=n_jobs)
        for X in (pairs, files)
        for n_jobs in (None, 1)
    ]
    for labels in predicted:
        np.testing.assert_array_equal(labels, predicted[0])


def test_an_exported_model_takes_every_form(tmp_path):
    path = tmp_path / "murmur.onnx"
    export_onnx(load_pretrained("murmur"), path)
    X = [make() for form, make in FORMS.items() if form != "uint8"]
    probabilities = OnnxClassifier(path).predict_proba(X)
    np.testing.assert_allclose(
        probabilities, probabilities[:1].repeat(len(X), 0), atol=0.01
    )
    with pytest.raises(RecordingError, match="Recording 1 of X has the sample rate -1"):
        OnnxClassifier(path).predict([X[0], (-1, SOUND)])


def test_displays_and_images_take_every_form(tmp_path):
    display = SpectrogramDisplay.from_recording((RATE, WAVEFORM))
    assert display.spectrogram.shape == (40, 101)
    paths = save_spectrogram_images([FORMS["bytes"](), FORMS["dict"]()], tmp_path)
    assert [path.name for path in paths] == ["recording_0.png", "recording_1.png"]


# What is nearly silent ---------------------------------------------------------------


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
