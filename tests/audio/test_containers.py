"""Files of phones and browsers, decoded with PyAV: what is read and what is refused.

The files are made here, by the encoders in PyAV's package.
"""

from __future__ import annotations

import io
import os
import random
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import av
import numpy as np
import pytest
import soundfile

from skheart import RecordingError, SpectrogramTransformer, read_recording
from skheart.audio import containers, limits
from skheart.audio.formats import (
    CONTAINER_SUFFIXES,
    SOUND_FILE_SUFFIXES,
    container_of,
    readable_suffixes,
)
from skheart.audio.waveform import resample
from skheart.cli.main import main
from skheart.datasets import load_class_folders, make_heart_sounds

# Container and codec as FFmpeg calls them, rate, channels, and the largest error of
# the waveform that the coding makes, as a share of its RMS.
CASES = {
    "m4a": ("ipod", "aac", 8000, 1, 0.1),
    "mp4": ("mp4", "aac", 44100, 2, 0.1),
    "mov": ("mov", "alac", 8000, 1, 0),
    "mov, numbers": ("mov", "pcm_s16le", 8000, 2, 0),
    "mov, 24 bits": ("mov", "pcm_s24be", 8000, 1, 0),
    "mov, floats": ("mov", "pcm_f32le", 8000, 1, 0),
    "3gp": ("3gp", "libopencore_amrnb", 8000, 1, 0.3),
    "3gp, aac": ("3gp", "aac", 16000, 1, 0.1),
    "webm": ("webm", "libopus", 48000, 1, 0.1),
    "webm, live": ("webm", "libopus", 48000, 1, 0.1),
    "mka": ("matroska", "flac", 8000, 2, 0),
    "mka, mp3": ("matroska", "libmp3lame", 16000, 1, 0.1),
    "mka, numbers": ("matroska", "pcm_s16le", 4000, 1, 0),
    "mka, vorbis": ("matroska", "vorbis", 16000, 2, 0.1),
    "amr": ("amr", "libopencore_amrnb", 8000, 1, 0.3),
    "wma": ("asf", "wmav2", 16000, 1, 0.1),
    "wma, 1": ("asf", "wmav1", 44100, 2, 0.1),
    "aac": ("adts", "aac", 16000, 1, 0.1),
    "mp4, fragments": ("mp4", "aac", 16000, 1, 0.1),
}
MUXER_OPTIONS = {
    "webm, live": {"live": "1"},
    "mp4, fragments": {
        "movflags": "frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": "500000",
    },
}
BIT_RATES = {"wmav1": 128_000, "wmav2": 128_000, "libopencore_amrnb": 12_200}
LOSSLESS = [case for case, (*_, error) in CASES.items() if error == 0]


@cache
def heart_sound(rate, duration=2.0):
    """Return a simulated heart sound that is not silent and not periodic."""
    sounds = make_heart_sounds(
        1, duration=duration, sample_rate=4000, heart_rate=70.0, random_state=0
    )
    waveform = resample(sounds.data[0].astype(np.float32), 4000, rate)
    return 0.7 * waveform / np.abs(waveform).max()


def encode(file, container, codec, tracks, rate, options=None):
    """Write one audio stream for each waveform of shape (n_channels, n_times)."""
    with av.open(file, "w", format=container, options=options or {}) as output:
        streams = []
        for track in tracks:
            layout = {1: "mono", 2: "stereo"}[len(track)]
            strict = {"strict": "experimental"} if codec == "vorbis" else {}
            streams.append(output.add_stream(codec, rate, strict, layout=layout))
            if codec in BIT_RATES:
                streams[-1].bit_rate = BIT_RATES[codec]
            streams[-1].codec_context.open()
        for stream, track in zip(streams, tracks, strict=True):
            codec_context = stream.codec_context
            resampler = av.AudioResampler(
                format=codec_context.format,
                layout=codec_context.layout,
                rate=rate,
                frame_size=codec_context.frame_size or 1024,
            )
            frame = av.AudioFrame.from_ndarray(
                np.array(track, dtype=np.float32), "fltp", codec_context.layout.name
            )
            frame.sample_rate, frame.pts = rate, 0
            for part in [*resampler.resample(frame), *resampler.resample(None), None]:
                output.mux(stream.encode(part))


@cache
def original(case):
    """Return the waveform that `sound_file` encodes."""
    _, codec, rate, *_ = CASES[case]
    if codec != "libopencore_amrnb":
        return heart_sound(rate)
    # This coding for speech removes what is below 80 Hz, and most of a heart sound.
    times = np.arange(2 * rate) / rate
    return (0.5 * np.sin(2 * np.pi * 300 * times) * np.sin(3 * times)).astype("f4")


@cache
def sound_file(case):
    container, codec, rate, n_channels, _ = CASES[case]
    waveform = original(case)
    track = [waveform] if n_channels == 1 else [1.2 * waveform, 0.8 * waveform]
    buffer = io.BytesIO()
    encode(buffer, container, codec, [track], rate, MUXER_OPTIONS.get(case))
    return buffer.getvalue()


def video(container="mp4", codec="mpeg4", sound=None):
    """Return a film of ten grey pictures, with or without sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        audio = output.add_stream("aac", rate=8000, layout="mono") if sound else None
        for number in range(10):
            picture = np.full((64, 64, 3), 20 * number, dtype=np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode(None))
        if audio:
            for start in range(0, 8000, 1024):
                part = heart_sound(8000)[np.newaxis, start : start + 1024]
                frame = av.AudioFrame.from_ndarray(part.copy(), "fltp", "mono")
                frame.sample_rate, frame.pts = 8000, start
                output.mux(audio.encode(frame))
            output.mux(audio.encode(None))
    return buffer.getvalue()


def lag_of(waveform, other):
    """Return how much later a waveform is than another, in values."""
    size = 1 << (len(waveform) + len(other)).bit_length()
    product = np.fft.rfft(waveform, size) * np.conj(np.fft.rfft(other, size))
    lag = int(np.argmax(np.fft.irfft(product)))
    return lag if lag < size // 2 else lag - size


# What is read ------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_every_container_gives_the_waveform(tmp_path, case):
    *_, rate, _, largest = CASES[case]
    path = tmp_path / "recording.bin"  # the ending does not count
    path.write_bytes(sound_file(case))
    waveform, our_rate = read_recording(path)
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert our_rate == rate
    expected = original(case)
    if largest == 0:
        np.testing.assert_allclose(waveform, expected, atol=1.5 / 2**15)
        return
    assert abs(len(waveform) - len(expected)) <= 2048  # encoders fill up the last frame
    lag = lag_of(waveform, expected)
    assert abs(lag) <= 2048  # and some begin with silence
    n_times = min(len(waveform) - max(lag, 0), len(expected) - max(-lag, 0)) - 2048
    got = waveform[max(lag, 0) :][:n_times]
    expected = expected[max(-lag, 0) :][:n_times]
    error = np.sqrt(np.mean((got - expected) ** 2) / np.mean(expected**2))
    assert error < largest


@pytest.mark.parametrize("case", ["m4a", "webm", "amr", "wma", "aac", "mov, numbers"])
def test_duration_reads_the_start(case):
    rate = CASES[case][2]
    whole, _ = read_recording(sound_file(case))
    for duration in (0.3, 1, 0.77777):
        start, _ = read_recording(sound_file(case), duration=duration)
        assert len(start) == np.ceil(duration * rate)
        np.testing.assert_array_equal(start, whole[: len(start)])
    assert len(read_recording(sound_file(case), duration=1000)[0]) == len(whole)


def test_sample_rate_resamples():
    waveform, rate = read_recording(sound_file("webm"), sample_rate=2000)
    assert rate == 2000
    assert abs(len(waveform) - 4000) <= 1
    assert np.corrcoef(waveform[:3900], heart_sound(2000)[:3900])[0, 1] > 0.99


def test_opposite_channels_are_silent():
    buffer = io.BytesIO()
    waveform = heart_sound(8000)
    encode(buffer, "mov", "pcm_f32le", [[waveform, -waveform]], 8000)
    with pytest.raises(RecordingError, match="The recording is silent"):
        read_recording(buffer)


def test_silence_and_values_that_are_not_finite():
    buffer = io.BytesIO()
    encode(buffer, "mov", "alac", [np.zeros((1, 8000))], 8000)
    with pytest.raises(RecordingError, match="is silent: all of its 8000 values are 0"):
        read_recording(buffer)
    buffer = io.BytesIO()
    waveform = heart_sound(8000).copy()
    waveform[7] = np.nan
    encode(buffer, "mov", "pcm_f32le", [[waveform]], 8000)
    with pytest.raises(RecordingError, match="holds NaN or infinite values"):
        read_recording(buffer)


def test_the_sound_of_a_film_is_read():
    waveform, rate = read_recording(video(sound=True))
    assert rate == 8000
    assert np.corrcoef(waveform[:7000], heart_sound(8000)[:7000])[0, 1] > 0.99


def test_threads_decode_alike():
    expected = [read_recording(sound_file(case))[0] for case in CASES]
    with ThreadPoolExecutor(4) as pool:
        jobs = pool.map(read_recording, [sound_file(case) for case in CASES] * 3)
        for number, (waveform, _) in enumerate(jobs):
            np.testing.assert_array_equal(waveform, expected[number % len(CASES)])


def test_a_transformer_takes_paths_and_bytes(tmp_path):
    path = tmp_path / "a.m4a"
    path.write_bytes(sound_file("m4a"))
    transformer = SpectrogramTransformer(duration=1.5, cache=tmp_path / "cache")
    for _ in range(2):
        spectrograms = transformer.transform(
            [path, sound_file("m4a"), heart_sound(2000)]
        )
        np.testing.assert_array_equal(spectrograms[0], spectrograms[1])
        assert (
            np.corrcoef(spectrograms[0].ravel(), spectrograms[2].ravel())[0, 1] > 0.98
        )


def test_the_command_line_takes_them(tmp_path, capsys):
    path = tmp_path / "phone 1.m4a"
    path.write_bytes(sound_file("m4a"))
    (tmp_path / "broken.webm").write_bytes(sound_file("webm")[:2000])
    assert main(["predict", str(path), str(tmp_path / "broken.webm")]) == 1
    output = capsys.readouterr().out
    good, bad = output.splitlines()[1:3]
    assert "phone 1.m4a" in good
    assert "cannot be used" not in good
    assert "broken.webm' is truncated" in bad


# What is refused ---------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
@pytest.mark.parametrize(
    "case", [case for case in CASES if "live" not in case and "fragments" not in case]
)
def test_truncated_files_are_refused(tmp_path, case, share):
    path = tmp_path / "cut.m4a"
    content = sound_file(case)
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError, match="truncated") as caught:
        read_recording(path)
    assert repr(str(path)) in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
def test_a_truncated_mp4_with_its_index_in_front(tmp_path, share):
    path = tmp_path / "a.mp4"
    options = {"movflags": "faststart"}
    encode(str(path), "mp4", "aac", [[heart_sound(16000)]], 16000, options)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert len(read_recording(path)[0]) >= len(heart_sound(16000))
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(RecordingError, match="truncated"):
        read_recording(path)


@pytest.mark.parametrize("case", ["webm, live", "mp4, fragments"])
def test_of_a_live_recording_the_start_is_returned_or_it_is_refused(case):
    """Such files do not say how long they are."""
    whole, _ = read_recording(sound_file(case))
    n_read = 0
    for n_bytes in range(2000, len(sound_file(case)), 100):
        try:
            start, _ = read_recording(sound_file(case)[:n_bytes])
        except RecordingError:
            continue
        n_read += 1
        n_times = min(len(start), len(whole)) - 2048  # the last frame is not complete
        np.testing.assert_allclose(start[:n_times], whole[:n_times], atol=1e-6)
    assert n_read > 1


def test_a_film_without_sound():
    for container, codec in (("mp4", "mpeg4"), ("webm", "libvpx"), ("mov", "mpeg4")):
        with pytest.raises(RecordingError, match="holds no sound: it has no audio str"):
            read_recording(video(container, codec))


def test_several_audio_streams():
    buffer = io.BytesIO()
    encode(buffer, "matroska", "flac", [[heart_sound(8000)]] * 2, 8000)
    with pytest.raises(RecordingError, match="holds 2 audio streams, expected one"):
        read_recording(buffer)


def test_a_coding_that_is_not_on_the_list():
    buffer = io.BytesIO()
    encode(buffer, "matroska", "ac3", [[heart_sound(48000)]], 48000)
    with pytest.raises(RecordingError, match=r"in a coding that is not read \(ac3\)"):
        read_recording(buffer)


BEGINNINGS = {
    "mov": b"\0\0\0\x14ftypisom\0\0\0\0",
    "matroska": b"\x1aE\xdf\xa3",
    "asf": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    "amr": b"#!AMR\n",
    "aac": b"\xff\xf1",
}


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_nothing_behind_the_beginning(tmp_path, capfd, kind):
    path = tmp_path / "a.wav"
    noise = random.Random(0).randbytes(5000)
    for rest in (b"", b"\0" * 5000, b"Dear doctor,\n" * 500, noise):
        path.write_bytes(BEGINNINGS[kind] + rest)
        with path.open("rb") as file:
            assert container_of(file) == kind
        with pytest.raises(
            RecordingError, match=r"a\.wav' (is an? .* cannot be read|h)"
        ):
            read_recording(path)
    assert capfd.readouterr() == ("", "")


def test_sound_files_are_no_containers():
    for kind in ("WAV", "FLAC", "OGG", "AIFF", "AU", "CAF", "W64", "RF64", "MP3"):
        buffer = io.BytesIO()
        soundfile.write(buffer, heart_sound(8000), 8000, format=kind)
        assert container_of(buffer) is None


@pytest.mark.parametrize("case", CASES)
def test_damaged_files_are_read_or_refused(case, capfd):
    """A crash would end the tests; warnings and other errors than ours fail."""
    dice = random.Random(case)
    content = sound_file(case)
    refused = []
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(dice.choice([1, 2, 8, 40])):
            ends = [len(content), 300, 900]  # headers are at the start or at the end
            place = dice.randrange(min(len(damaged), dice.choice(ends)))
            place = dice.choice([place, len(damaged) - 1 - place])
            if dice.random() < 0.2:
                del damaged[place : place + dice.choice([1, 4, 50])]
            else:
                length = dice.choice([1, 1, 4])
                forged = [dice.randbytes(length), b"\xff" * length, bytes(length)]
                damaged[place : place + length] = dice.choice(forged)
        if container_of(io.BytesIO(damaged)) is None:  # left to libsndfile
            continue
        try:
            waveform, rate = read_recording(bytes(damaged), duration=5.0)
        except RecordingError as error:
            refused.append(str(error))
        else:
            assert np.isfinite(waveform).all()
            assert 0 < len(waveform) <= 5.0 * rate + 1
    assert len(refused) > 30
    assert all(message.startswith("The recording ") for message in refused)
    assert capfd.readouterr() == ("", "")


# Forged sizes ------------------------------------------------------------------------


def with_counts(case, box, *numbers):
    """Return a file whose first `box` says other numbers behind its four flag bytes."""
    content = bytearray(sound_file(case))
    place = content.index(box) + 8
    packed = struct.pack(f">{len(numbers)}I", *numbers)
    content[place : place + len(packed)] = packed
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        with_counts("m4a", b"stsz", 0, 80_000_000),
        with_counts("m4a", b"stsz", 1, 80_000_000),
        with_counts("m4a", b"stsz", 100, 80_000_000),
        with_counts("mp4, fragments", b"trun", 80_000_000),
        sound_file("m4a").replace(b"udta", b"cmov"),
    ],
    ids=["stsz, sizes", "stsz, one", "stsz, hundred", "trun", "cmov"],
)
def test_an_index_of_more_packets_than_memory_is_refused(content):
    """FFmpeg alone takes 2.8 GB for the second of these files of 10 kB."""
    with pytest.raises(RecordingError, match="its index is compressed or lists more"):
        read_recording(content)


@pytest.mark.parametrize("case", ["m4a", "mov", "mp4, fragments"])
def test_packets_are_counted_as_pyav_counts_them(case, monkeypatch):
    with av.open(io.BytesIO(sound_file(case))) as opened:
        n_packets = sum(packet.size > 0 for packet in opened.demux(audio=0))
    monkeypatch.setattr(containers, "_MOST_PACKETS", n_packets)
    read_recording(sound_file(case))
    monkeypatch.setattr(containers, "_MOST_PACKETS", n_packets - 1)
    with pytest.raises(RecordingError, match="lists more than"):
        read_recording(sound_file(case))


def test_an_index_inside_the_sound_counts_if_a_segment_index_can_point_to_it():
    box = struct.pack(">I4sII", 20, b"trun", 0, 80_000_000)
    inside = struct.pack(">I4s", 8 + len(box), b"mdat") + box
    read_recording(sound_file("m4a") + inside)
    segments = struct.pack(">I4s", 8, b"sidx")
    with pytest.raises(RecordingError, match="lists more than"):
        read_recording(sound_file("m4a") + inside + segments)


def test_a_file_of_empty_boxes_ends():
    boxes = struct.pack(">I4s", 8, b"free") * (containers._MOST_BOXES + 1)
    with pytest.raises(RecordingError, match="lists more than"):
        read_recording(boxes)


def test_reading_the_same_again_and_again_ends():
    file = containers._Bounded(io.BytesIO(bytes(1000)))
    n_read = 0
    while file.read(100_000):
        n_read += 1
        file.seek(0)
    assert 600 < n_read < 700


def test_too_long_by_its_header_or_by_what_is_decoded(monkeypatch):
    for case in ("m4a", "wma", "webm, live", "aac"):
        rate = CASES[case][2]
        n_times = len(read_recording(sound_file(case))[0])
        expected = f"is longer than {n_times // 2 / rate:.0f} seconds, the most that"
        with monkeypatch.context() as patch:
            for module in (containers, limits):
                patch.setattr(module, "LARGEST_LENGTH", n_times + rate)
            read_recording(sound_file(case))
            for module in (containers, limits):
                patch.setattr(module, "LARGEST_LENGTH", n_times // 2)
            with pytest.raises(RecordingError, match=expected):
                read_recording(sound_file(case))
            assert len(read_recording(sound_file(case), duration=0.1)[0]) == rate / 10


# Other files are never opened --------------------------------------------------------


@pytest.fixture
def secret(tmp_path):
    """Return the path of a recording that others only name."""
    path = tmp_path / "secret.mov"
    path.write_bytes(sound_file("mov, 24 bits"))
    return path


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{}'\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_no_recordings(tmp_path, kind):
    secret = tmp_path / "secret.aac"
    secret.write_bytes(sound_file("aac"))
    text = PLAYLISTS[kind].format(secret)
    path = tmp_path / "list.m3u8"
    path.write_text(text)
    allowed = {"safe": "0"} if kind == "concat" else {}
    with av.open(str(path), options=allowed) as opened:  # FFmpeg alone reads the secret
        assert sum(frame.samples for frame in opened.decode(audio=0)) > 30_000
    for name in ("list.m3u8", "list.m4a", "list.mp4", "list.webm"):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(RecordingError, match="its format is not known"):
            read_recording(path)
    for beginning in BEGINNINGS.values():
        with pytest.raises(RecordingError, match="cannot be read"):
            read_recording(beginning + text.encode())


def with_reference(content, path):
    """Return a film whose sound is in another file, and whose own sound is zeros."""
    alias = bytearray(150)
    target = str(path).encode()
    target += b"\0" * (len(target) % 2)
    alias += struct.pack(">HH", 2, len(target)) + target + b"\xff\xff\0\0"
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    content = bytearray(content)
    place = content.index(b"dref") + 12
    old = struct.unpack(">I", content[place : place + 4])[0]
    content[place : place + old] = entry
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        place = content.rindex(box) - 4  # the last one is that of the sound
        size = struct.unpack(">I", content[place : place + 4])[0]
        content[place : place + 4] = struct.pack(">I", size + len(entry) - old)
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    return bytes(content)


def test_references_of_a_film_to_other_files_are_not_followed(tmp_path, secret):
    path = tmp_path / "reference.mov"
    path.write_bytes(with_reference(secret.read_bytes(), secret))
    follow = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(path), options=follow) as opened:  # FFmpeg reads the secret
        parts = [frame.to_ndarray() for frame in opened.decode(audio=0)]
    assert np.abs(np.concatenate(parts, axis=1)).max() > 0
    with pytest.raises(RecordingError, match="holds no sound: its length is zero"):
        read_recording(path)


def test_what_ffmpeg_would_open_is_refused(tmp_path, secret, monkeypatch):
    """Even if a demuxer follows references, it cannot open anything."""
    follow = {"enable_drefs": "1", "use_absolute_path": "1"}
    monkeypatch.setattr(containers, "_OPTIONS", follow)
    content = with_reference(secret.read_bytes(), secret)
    opened = []
    refuse = containers._refuse_to_open

    def refuse_and_note(url, *rest):
        opened.append(url)
        refuse(url, *rest)

    monkeypatch.setattr(containers, "_refuse_to_open", refuse_and_note)
    with pytest.raises(RecordingError):
        read_recording(content)
    assert opened == [str(secret)]


# Without PyAV ------------------------------------------------------------------------


@pytest.fixture
def without_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)


def test_the_error_without_pyav_says_what_to_install_or_run(tmp_path, without_pyav):
    path = tmp_path / "my phone.m4a"
    path.write_bytes(sound_file("m4a"))
    expected = (
        f"{str(path)!r} is an MP4, M4A, MOV or 3GP file, which needs another package; "
        'install PyAV with pip install "skheart[formats]", or convert the file with '
        f"ffmpeg -i '{path}' '{path.with_suffix('.wav')}'"
    )
    with pytest.raises(RecordingError, match=f"^{re.escape(expected)}$"):
        read_recording(path)
    with pytest.raises(RecordingError, match=r"ffmpeg -i NAME\.m4a NAME\.wav$"):
        read_recording(path.read_bytes())


def test_the_others_are_read_without_pyav(without_pyav):
    transformer = SpectrogramTransformer(on_error="nan")
    with pytest.warns(RuntimeWarning, match=r"1 of X is a WebM.*skheart\[formats\]"):
        spectrograms = transformer.transform([heart_sound(2000), sound_file("webm")])
    assert np.isfinite(spectrograms[0]).all()
    assert np.isnan(spectrograms[1]).all()


def test_pyav_is_imported_only_when_needed(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, heart_sound(8000), 8000)
    code = (
        "import sys, skheart\n"
        f"skheart.read_recording({str(path)!r})\n"
        "print('av' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_folders_hold_what_can_be_read(tmp_path, monkeypatch):
    assert readable_suffixes() == SOUND_FILE_SUFFIXES | CONTAINER_SUFFIXES
    for suffix in sorted(SOUND_FILE_SUFFIXES | CONTAINER_SUFFIXES | {".avi", ".m3u8"}):
        path = tmp_path / "murmur" / f"1{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    corpus = load_class_folders(tmp_path)
    assert {os.path.splitext(path)[1] for path in corpus.data} == readable_suffixes()
    assert {os.path.splitext(path)[1] for path, *_ in corpus.skipped} == {
        ".avi",
        ".m3u8",
    }
    monkeypatch.setitem(sys.modules, "av", None)
    assert readable_suffixes() == SOUND_FILE_SUFFIXES
    corpus = load_class_folders(tmp_path)
    assert {os.path.splitext(path)[1] for path in corpus.data} == SOUND_FILE_SUFFIXES
    reasons = {os.path.splitext(path)[1]: reason for path, _, reason in corpus.skipped}
    assert set(reasons) == CONTAINER_SUFFIXES | {".avi", ".m3u8"}
    assert reasons[".m4a"].endswith("ffmpeg -i 1.m4a 1.wav")
    assert 'pip install "skheart[formats]"' in reasons[".webm"]
