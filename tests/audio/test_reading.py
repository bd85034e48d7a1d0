"""Test reading recordings: formats, rates, durations and damaged files."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import tempfile
import tracemalloc
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from skheart.audio import (
    RecordingError,
    check_waveform,
    opening,
    read_recording,
    resample,
    sound_files,
)
from skheart.audio.reading import content_digest

# Format, subtype, and the largest error that its precision or compression allows.
FORMATS = [
    ("WAV", "PCM_U8", 1 / 128),
    ("WAV", "PCM_16", 1 / 2**15),
    ("WAV", "PCM_24", 1 / 2**23),
    ("WAV", "PCM_32", 1e-7),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAVEX", "PCM_16", 1 / 2**15),
    ("RF64", "PCM_16", 1 / 2**15),
    ("W64", "PCM_16", 1 / 2**15),
    ("FLAC", "PCM_16", 1 / 2**15),
    ("FLAC", "PCM_24", 1 / 2**23),
    ("AIFF", "PCM_16", 1 / 2**15),
    ("AIFF", "PCM_24", 1 / 2**23),
    ("CAF", "PCM_16", 1 / 2**15),
    ("OGG", "VORBIS", 0.05),
    ("OGG", "OPUS", 0.1),
    ("MP3", "MPEG_LAYER_III", 0.1),
]


def strongest_frequency(waveform, sample_rate):
    """Return the frequency of the highest peak of the spectrum, in Hz."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return np.fft.rfftfreq(len(waveform), 1 / sample_rate)[np.argmax(spectrum)]


def chunk(name, content):
    """Return a RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def wav_bytes(*chunks, riff_size=None):
    """Return a WAV file (16 bit, mono, 2 kHz) that consists of `chunks`."""
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 2000, 4000, 2, 16))
    body = b"WAVE" + fmt + b"".join(chunks)
    size = len(body) if riff_size is None else riff_size
    return b"RIFF" + struct.pack("<I", size) + body


@pytest.fixture
def pcm(tone):
    """Return 0.5 s of a 50 Hz tone at 2 kHz as 16-bit integers."""
    return (tone(50, duration=0.5) * 32767).astype("<i2")


# Formats, rates and lengths


@pytest.mark.parametrize(("kind", "subtype", "error"), FORMATS)
def test_every_format_is_read(tmp_path, tone, kind, subtype, error):
    if subtype not in soundfile.available_subtypes(kind):
        pytest.skip(f"this libsndfile does not write {kind} {subtype}")
    path = tmp_path / "tone.bin"  # the ending of the name is ignored
    written = tone(50, sample_rate=8000)
    soundfile.write(path, written, 8000, format=kind, subtype=subtype)
    waveform, rate = read_recording(path)
    assert waveform.dtype == np.float32
    assert rate == 8000.0
    assert isinstance(rate, float)
    assert len(waveform) == len(written)
    np.testing.assert_allclose(waveform, written, atol=error, rtol=0)
    assert strongest_frequency(waveform, rate) == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF"])
def test_channels_are_averaged(tmp_path, tone, kind):
    left, right = tone(50), tone(120, amplitude=0.25)
    path = tmp_path / "stereo"
    soundfile.write(path, np.c_[left, right], 2000, format=kind, subtype="PCM_16")
    waveform, _ = read_recording(path)
    np.testing.assert_allclose(waveform, (left + right) / 2, atol=1 / 2**15)


def test_opposite_channels_are_silent(tmp_path, tone):
    path = tmp_path / "opposite.wav"
    soundfile.write(path, np.c_[tone(50), -tone(50)], 2000, subtype="FLOAT")
    with pytest.raises(RecordingError, match=r"opposite\.wav' is silent"):
        read_recording(path)


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 44100])
@pytest.mark.parametrize("n_extra", [0, 7], ids=["whole seconds", "odd length"])
def test_resampling_keeps_frequency_and_length(tmp_path, tone, rate, n_extra):
    path = tmp_path / "tone.wav"
    written = tone(50, duration=2 + n_extra / rate, sample_rate=rate)
    soundfile.write(path, written, rate, subtype="FLOAT")
    waveform, new_rate = read_recording(path, sample_rate=2000)
    assert new_rate == 2000.0
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - len(written) * 2000 / rate) <= 1
    assert strongest_frequency(waveform, new_rate) == pytest.approx(50, abs=0.5)
    middle = slice(500, 3500)  # without the ends, where filters differ
    expected = tone(50, duration=2)
    np.testing.assert_allclose(waveform[middle], expected[middle], atol=1e-3)


def test_resampling_removes_frequencies_above_the_new_limit(tmp_path, tone):
    path = tmp_path / "two.wav"
    both = tone(50, sample_rate=8000) + tone(1500, sample_rate=8000)
    soundfile.write(path, both, 8000, subtype="FLOAT")
    waveform, _ = read_recording(path, sample_rate=2000)
    expected = tone(50)  # 1500 Hz would be aliased to 500 Hz
    np.testing.assert_allclose(waveform[200:-200], expected[200:-200], atol=2e-3)


def test_resample_agrees_with_scipy(tone):
    noise = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    slow = np.convolve(noise, np.hanning(40) / 20, mode="same").astype(np.float32)
    ours = resample(slow, 8000, 4000)
    scipys = resample_poly(slow, 1, 2)
    assert ours.shape == scipys.shape
    np.testing.assert_allclose(ours[200:-200], scipys[200:-200], atol=0.01)


def test_resample_returns_at_least_one_value():
    one = np.array([0.5], dtype=np.float32)
    assert len(resample(one, 44100, 100)) == 1


def test_resample_to_the_same_rate_copies_nothing(tone):
    waveform = tone(50)
    assert resample(waveform, 2000, 2000.0) is waveform


@pytest.mark.parametrize("duration", [0.25, 1, 1.3333])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
def test_duration_reads_the_start(tmp_path, tone, kind, duration):
    path = tmp_path / "tone"
    soundfile.write(path, tone(50, sample_rate=8000), 8000, format=kind)
    whole, _ = read_recording(path)
    start, _ = read_recording(path, duration=duration)
    assert len(start) == np.ceil(duration * 8000)
    np.testing.assert_array_equal(start, whole[: len(start)])


def test_duration_and_sample_rate_together(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(50, sample_rate=8000), 8000)
    waveform, rate = read_recording(path, duration=0.5, sample_rate=2000)
    assert (len(waveform), rate) == (1000, 2000.0)


def test_duration_longer_than_the_recording(tmp_path, tone):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(50), 2000)
    assert len(read_recording(path, duration=1000)[0]) == 4000


def test_the_ending_of_the_name_is_ignored(tmp_path, tone):
    path = tmp_path / "flac_inside.wav"
    soundfile.write(path, tone(50), 2000, format="FLAC", subtype="PCM_16")
    waveform, _ = read_recording(path)
    np.testing.assert_allclose(waveform, tone(50), atol=1 / 2**15)


@pytest.mark.parametrize("kind", [str, Path, os.fsencode], ids=["str", "Path", "bytes"])
def test_paths_of_every_kind(tmp_path, tone, kind):
    path = tmp_path / "Herztöne 心音 #1.wav"
    soundfile.write(path, tone(50), 2000)
    if kind is os.fsencode:

        class BytesPath(os.PathLike):
            def __fspath__(self):
                return os.fsencode(path)

        waveform, _ = read_recording(BytesPath())
    else:
        waveform, _ = read_recording(kind(path))
    assert len(waveform) == 4000


# Unusual but valid files


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36])
def test_header_of_a_streaming_writer(tmp_path, pcm, size):
    path = tmp_path / "stream.wav"
    sound = b"data" + struct.pack("<I", size) + pcm.tobytes()
    path.write_bytes(wav_bytes(sound, riff_size=size))
    waveform, _ = read_recording(path)
    np.testing.assert_allclose(waveform, pcm / 32768, atol=1e-6)


def test_header_of_an_interrupted_writer(tmp_path, pcm):
    path = tmp_path / "stopped.wav"
    sound = b"data" + struct.pack("<I", 0) + pcm.tobytes()
    path.write_bytes(wav_bytes(sound, riff_size=8))
    waveform, _ = read_recording(path)
    np.testing.assert_allclose(waveform, pcm / 32768, atol=1e-6)


@pytest.mark.parametrize("note", [b"INFOISFT\4\0\0\0abc\0", b"odd length."])
@pytest.mark.parametrize("place", ["before", "after"])
def test_other_chunks_around_the_sound(tmp_path, pcm, note, place):
    path = tmp_path / "chunks.wav"
    parts = [chunk(b"data", pcm.tobytes())]
    parts.insert(0 if place == "before" else 1, chunk(b"LIST", note))
    path.write_bytes(wav_bytes(*parts))
    waveform, _ = read_recording(path)
    np.testing.assert_allclose(waveform, pcm / 32768, atol=1e-6)


def test_odd_number_of_bytes_without_padding(tmp_path):
    path = tmp_path / "odd.wav"
    samples = (128 + 100 * np.sin(np.arange(1001) / 10)).astype(np.uint8)
    soundfile.write(path, (samples - 128.0) / 128, 2000, subtype="PCM_U8")
    content = path.read_bytes()
    start = content.index(b"data") + 8
    path.write_bytes(content[: start + 1001])
    waveform, _ = read_recording(path)
    assert len(waveform) == 1001


def test_wrong_size_of_the_whole_file_is_no_truncation(tmp_path, pcm):
    path = tmp_path / "riff.wav"
    path.write_bytes(wav_bytes(chunk(b"data", pcm.tobytes()), riff_size=10**6))
    assert len(read_recording(path)[0]) == len(pcm)


# Files that cannot be used


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC", "MP3"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_truncated_files_are_refused(tmp_path, kind, share):
    if kind not in soundfile.available_formats():
        pytest.skip(f"this libsndfile does not know {kind}")
    path = tmp_path / f"cut.{kind.lower()}"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 40000)
    soundfile.write(path, noise, 8000, format=kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError, match=re.escape(repr(str(path)))) as caught:
        read_recording(path)
    if kind in ("WAV", "AIFF"):  # for others, the reason comes from libsndfile
        assert "is truncated: its header promises more sound" in str(caught.value)


def test_start_of_an_mp3_is_not_reported_as_missing(tmp_path):
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile does not know MP3")
    path = tmp_path / "cut.mp3"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 8000), 8000)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordingError, match="cannot be read as audio") as caught:
        read_recording(path)
    assert "does not exist" not in str(caught.value)


def test_truncated_behind_the_part_that_is_read(tmp_path, pcm):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(chunk(b"data", pcm.tobytes()))[:-100])
    with pytest.raises(RecordingError, match="is truncated"):
        read_recording(path, duration=0.1)


def test_truncated_behind_a_chunk_of_odd_length(tmp_path, pcm):
    path = tmp_path / "cut.wav"
    note, sound = chunk(b"LIST", b"odd length."), chunk(b"data", pcm.tobytes())
    path.write_bytes(wav_bytes(note, sound)[:-100])
    with pytest.raises(RecordingError, match="is truncated"):
        read_recording(path)


def test_truncated_in_the_middle_of_a_sample(tmp_path, pcm):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(chunk(b"data", pcm.tobytes()))[:-1])
    with pytest.raises(RecordingError, match="is truncated"):
        read_recording(path)


BAD_CONTENTS = {
    "header only": (wav_bytes(chunk(b"data", b"")), "holds no sound"),
    "header only, cut": (wav_bytes(b"data\xd0\7\0\0"), "holds no sound"),
    "zero bytes": (b"", "is an empty file"),
    "text": (b"Dear doctor,\nhere is the recording.\n", "cannot be read as audio"),
    "zeros": (b"\0" * 5000, "cannot be read as audio"),
    "half a header": (wav_bytes()[:20], "cannot be read as audio"),
    "no sample rate": (
        wav_bytes(chunk(b"data", b"\1\0" * 500)).replace(
            struct.pack("<I", 2000), struct.pack("<I", 2**31 - 5)
        ),
        "sample rate is 2147483643 Hz",
    ),
}


@pytest.mark.parametrize("case", BAD_CONTENTS)
def test_bad_contents_name_the_file(tmp_path, case):
    content, message = BAD_CONTENTS[case]
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(path)
    assert repr(str(path)) in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_file_with_values_that_are_not_finite(tmp_path, tone, bad):
    path = tmp_path / "bad.wav"
    waveform = tone(50)
    waveform[-3] = bad
    soundfile.write(path, waveform, 2000, subtype="FLOAT")
    with pytest.raises(RecordingError, match=r"bad\.wav' holds NaN or infinite values"):
        read_recording(path)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_silent_file(tmp_path, value):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.full(500, value), 2000, subtype="FLOAT")
    expected = f"silent.wav' is silent: all of its 500 values are {value:g}"
    with pytest.raises(RecordingError, match=re.escape(expected)):
        read_recording(path)


def test_file_that_is_silent_in_the_part_that_is_read(tmp_path, tone):
    path = tmp_path / "late.wav"
    soundfile.write(path, np.r_[np.zeros(4000), tone(50)], 2000)
    assert len(read_recording(path)[0]) == 8000
    expected = (
        r"late\.wav' \(its first 1\.5 seconds\) is silent: all of its 3000 values"
    )
    with pytest.raises(RecordingError, match=expected):
        read_recording(path, duration=1.5)


def test_absent_file_names_path_and_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = (
        "There is no file 'no/such.wav'; check the path, which is relative to "
        f"{str(tmp_path)!r}."
    )
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(expected)}$"):
        read_recording("no/such.wav")


def test_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, expected a sound file"):
        read_recording(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_is_refused_without_waiting(tmp_path):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    with pytest.raises(RecordingError, match=r"pipe\.wav' is not a regular file"):
        read_recording(path)


def test_path_with_a_null_character():
    with pytest.raises(RecordingError, match="contains a null character"):
        read_recording("sound\0.wav")


@contextmanager
def no_privileges():
    """Drop the privileges of root, who may read everything, inside the block."""
    root = hasattr(os, "setresuid") and os.getuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions as on POSIX")
def test_file_that_may_not_be_read(tone):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "locked.wav")
        soundfile.write(path, tone(50), 2000)
        path.chmod(0)
        message = r"locked\.wav' may not be read"
        with no_privileges(), pytest.raises(PermissionError, match=message):
            read_recording(path)


@pytest.mark.parametrize("path", [None, 3, np.zeros(9), ["a.wav"]])
def test_path_of_a_wrong_type(path):
    with pytest.raises(TypeError, match=r"path must be a str, os\.PathLike, bytes or"):
        read_recording(path)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sample_rate": -2000}, "sample_rate must be a positive number of Hz or None"),
        ({"sample_rate": 0}, "got 0."),
        ({"sample_rate": "2000"}, "got '2000'."),
        ({"sample_rate": True}, "got True."),
        ({"duration": 0}, "duration must be a positive number of seconds or None"),
        ({"duration": np.nan}, "got nan."),
        ({"duration": np.inf}, "got inf."),
    ],
)
def test_bad_parameters(tmp_path, tone, parameters, message):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(50), 2000)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_recording(path, **parameters)


# Waveforms in memory


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
def test_check_waveform_returns_float32(dtype):
    checked = check_waveform(np.arange(10, dtype=dtype))
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, np.arange(10))


def test_check_waveform_copies_only_if_necessary(tone):
    waveform = tone(50)
    assert check_waveform(waveform) is waveform


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ([], "sound 7 holds no sound: its length is zero."),
        ([1.0, np.nan], "sound 7 holds NaN or infinite values"),
        ([1.0, 1e39], "sound 7 holds NaN or infinite values"),
        ([2, 2, 2], "sound 7 is silent: all of its 3 values are 2"),
        ([[1, 2]], "sound 7 must be a one-dimensional array of real numbers"),
        (3.0, "sound 7 must be a one-dimensional array of real numbers"),
        ([1, 2j], "sound 7 must be a one-dimensional array of real numbers"),
        (["a", "b"], "sound 7 must be a one-dimensional array of real numbers"),
        ([[1, 2], [3]], "sound 7 must be a one-dimensional array of real numbers"),
        ([True, False], "sound 7 must be a one-dimensional array of real numbers"),
    ],
)
def test_check_waveform_error_messages(waveform, message):
    with pytest.raises(RecordingError, match=re.escape(message)):
        check_waveform(waveform, name="sound 7")


def test_check_waveform_can_allow_silence():
    np.testing.assert_array_equal(check_waveform([2, 2], allow_silence=True), [2, 2])


def test_recording_error_is_a_value_error():
    assert issubclass(RecordingError, ValueError)


# Real recordings


def test_pascal_recording(shared_data):
    path = sorted((shared_data / "pascal" / "set_b").glob("*.flac"))[0]
    values, rate = soundfile.read(path)
    assert rate == 4000
    waveform, our_rate = read_recording(path)
    assert our_rate == 4000.0
    np.testing.assert_allclose(waveform, values, atol=1e-7)
    slower, _ = read_recording(path, sample_rate=2000)
    np.testing.assert_allclose(len(slower), len(values) / 2, atol=1)


def test_circor_recording(shared_data):
    folder = shared_data / "circor2022-official-sample" / "training_data"
    path = sorted(folder.glob("*.wav"))[0]
    values, rate = soundfile.read(path, dtype="int16")
    waveform, our_rate = read_recording(path)
    assert our_rate == rate == 4000
    np.testing.assert_allclose(waveform * 32768, values, atol=0.01)


@pytest.mark.parametrize("n_channels", [1, 2, 5])
@pytest.mark.parametrize("duration", [None, 0.1, 0.30001, 7.0])
def test_plain_wav_equals_libsndfile(tmp_path, n_channels, duration):
    path = tmp_path / "plain.wav"
    random = np.random.default_rng(0)
    samples = random.integers(-(2**15), 2**15, (1201, n_channels)).astype(np.int16)
    soundfile.write(path, samples, 2000, subtype="PCM_16")
    plain = sound_files._decode_plain_wav(io.BytesIO(path.read_bytes()), duration)
    assert (plain is not None) == (n_channels <= 2)
    n_times = 1201 if duration is None else min(1201, int(np.ceil(duration * 2000)))
    expected, _ = soundfile.read(path, n_times, dtype="float32", always_2d=True)
    waveform, rate = read_recording(path, duration=duration)
    assert rate == 2000
    assert waveform.dtype == np.float32
    expected = expected[:, 0] if n_channels == 1 else expected.mean(axis=1)
    np.testing.assert_array_equal(waveform, expected)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [case[:2] for case in FORMATS if case[:2] != ("WAV", "PCM_16")],
)
def test_other_files_equal_libsndfile(tmp_path, tone, container, subtype):
    path = tmp_path / "other.wav"
    rate = 48000 if subtype == "OPUS" else 44100
    sound = tone(100, sample_rate=rate, duration=0.2)
    soundfile.write(path, sound, rate, format=container, subtype=subtype)
    assert sound_files._decode_plain_wav(io.BytesIO(path.read_bytes()), None) is None


# The hash of the content


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_digest_does_not_depend_on_the_format_or_the_name(tmp_path, tone, subtype):
    digests = set()
    samples = np.round(tone(50) * 30_000).astype(np.int16)
    for name in ("a.wav", "b.flac", "c.aiff"):
        soundfile.write(tmp_path / name, samples, 2000, subtype=subtype)
        digests.add(content_digest(tmp_path / name, key=b"salt"))
    assert len(digests) == 1
    assert len(digests.pop()) == 32


def test_digest_depends_on_sound_rate_and_key(tmp_path, tone):
    path = tmp_path / "tone.wav"
    digests = []
    for frequency, rate, key in [
        (50, 2000, b"salt"),
        (60, 2000, b"salt"),
        (50, 4000, b"salt"),
        (50, 2000, b"pepper"),
    ]:
        soundfile.write(path, tone(frequency), rate)
        digests.append(content_digest(path, key=key))
    assert len(set(digests)) == 4


# Files that are valid only in part, or that strain the format


def mp3_bytes(n_times=200_000, rate=8000):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, n_times)
    noise[: n_times // 2] *= 0.01  # so that frames differ in size
    soundfile.write(buffer, noise, rate, format="MP3")
    return buffer.getvalue()


def test_mp3_without_its_length(tmp_path):
    content = mp3_bytes()
    path = tmp_path / "plain.mp3"
    for beginning in (b"", b"ID3\4\0\0\0\0\1\0" + bytes(128)):
        # Without the tag that holds the length, decoders can only estimate it.
        path.write_bytes(beginning + content.replace(b"Xing", bytes(4)))
        whole, rate = read_recording(path)
        assert rate == 8000
        assert len(whole) > 50_000
        path.write_bytes(beginning + content[: len(content) // 2])
        with pytest.raises(RecordingError, match=r"plain\.mp3'"):
            read_recording(path)


@pytest.mark.parametrize("duration", [None, 1.0, 100.0])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_flac_of_unknown_length(tmp_path, tone, duration, n_channels):
    path = tmp_path / "stream.flac"
    sound = np.repeat(tone(50, duration=10)[:, np.newaxis], n_channels, axis=1)
    soundfile.write(path, sound, 2000)
    expected, _ = read_recording(path, duration=duration)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # no number of values, as in files written to a pipe
    content[22:26] = bytes(4)
    path.write_bytes(content)
    waveform, _ = read_recording(path, duration=duration)
    np.testing.assert_array_equal(waveform, expected)


@pytest.mark.parametrize("ending", ["raw", "vox", "gsm", "ul", "al", "sds", "wav"])
def test_files_without_a_header_are_refused(tmp_path, capfd, ending):
    path = tmp_path / f"notes.{ending}"
    for content in (b"Dear doctor,\n" * 500, b"\xf0\x7e\0\1" + b"\x7e" * 5000):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match="its format is not known"):
            read_recording(path)
    assert capfd.readouterr() == ("", "")


def test_a_wav_with_the_ending_of_a_raw_file_is_read(tmp_path, tone):
    path = tmp_path / "tone.raw"
    soundfile.write(path, tone(50), 2000, format="WAV", subtype="PCM_24")
    assert len(read_recording(path)[0]) == 4000


@pytest.mark.parametrize("n_channels", [1, 64])
def test_a_file_too_large_to_be_read_is_refused(tmp_path, n_channels):
    """The file is sparse and takes no space on the disk."""
    path = tmp_path / "long.wav"
    size = 0xFFFF0000
    width = 2 * n_channels
    fmt = struct.pack("<HHIIHH", 1, n_channels, 2000, 2000 * width, width, 16)
    size -= size % width
    head = b"WAVE" + chunk(b"fmt ", fmt) + b"data" + struct.pack("<I", size)
    head = b"RIFF" + struct.pack("<I", size + len(head)) + head
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    tracemalloc.start()
    try:
        if n_channels == 1:
            with pytest.raises(RecordingError, match=r"long\.wav' is longer than"):
                read_recording(path)
        with pytest.raises(RecordingError, match="is silent"):
            read_recording(path, duration=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 << 20
    with pytest.raises(RecordingError, match="too large to be held in memory"):
        opening.read_content(str(path), repr(str(path)))


@pytest.mark.parametrize("size", [1e-39, 1e-45])
def test_values_below_the_range_of_float32_are_silent(tmp_path, tone, size):
    path = tmp_path / "tiny.wav"
    soundfile.write(path, tone(50) * size, 2000, subtype="FLOAT")
    with pytest.raises(RecordingError, match="is silent"):
        read_recording(path)


def test_values_too_large_to_be_squared(tmp_path, tone):
    path = tmp_path / "large.wav"
    soundfile.write(path, tone(50) * 3e38, 2000, subtype="FLOAT")
    with pytest.raises(RecordingError, match="too large to be squared"):
        read_recording(path)


def test_no_file_stays_open(tmp_path, tone):
    good, bad = tmp_path / "good.flac", tmp_path / "bad.flac"
    soundfile.write(good, tone(50), 2000)
    bad.write_bytes(b"fLaC and no more")
    before = len(os.listdir("/proc/self/fd"))
    for path in (good, bad, tmp_path):
        for _ in range(5):
            with suppress(RecordingError, IsADirectoryError):
                read_recording(path)
    assert len(os.listdir("/proc/self/fd")) == before
