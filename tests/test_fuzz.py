"""Test 10,000 broken inputs: each yields a result or an error that names the file."""

from __future__ import annotations

import copy
import csv
import hashlib
import io
import json
import os
import pickle
import resource
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from skheart import (
    ModelFileError,
    SpectrogramTransformer,
    load_model,
    load_pretrained,
    save_model,
)
from skheart.cli.main import main
from skheart.datasets import make_heart_sounds

pytestmark = pytest.mark.slow

# The examples are the same in each run.
fuzzing = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # reducing a failing example would take minutes
    suppress_health_check=list(HealthCheck),
)
LARGEST_GROWTH = 400 << 20  # bytes of memory

# Recordings -------------------------------------------------------------------------

WAVEFORM = make_heart_sounds(1, duration=1.5, random_state=0).data[0]
FORMATS = {
    "pcm16": ("WAV", "PCM_16", 1),
    "stereo": ("WAV", "PCM_16", 2),
    "pcm8": ("WAV", "PCM_U8", 1),
    "pcm24": ("WAV", "PCM_24", 1),
    "float": ("WAV", "FLOAT", 1),
    "double": ("WAV", "DOUBLE", 1),
    "adpcm": ("WAV", "IMA_ADPCM", 1),
    "ulaw": ("WAV", "ULAW", 1),
    "extensible": ("WAVEX", "PCM_16", 1),
    "rf64": ("RF64", "PCM_16", 1),
    "w64": ("W64", "PCM_16", 1),
    "aiff": ("AIFF", "PCM_16", 1),
    "au": ("AU", "PCM_16", 1),
    "caf": ("CAF", "PCM_16", 1),
    "flac": ("FLAC", "PCM_16", 1),
    "ogg": ("OGG", "VORBIS", 1),
    "opus": ("OGG", "OPUS", 1),
    "mp3": ("MP3", "MPEG_LAYER_III", 1),
}


def sound_file(kind):
    form, subtype, n_channels = FORMATS[kind]
    rate = 8000 if kind in ("ogg", "opus", "mp3") else 2000
    buffer = io.BytesIO()
    samples = np.repeat(WAVEFORM[:, np.newaxis], n_channels, axis=1)
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


SOUND_FILES = {kind: sound_file(kind) for kind in FORMATS}


def wav(samples, *, tag=1, n_channels=1, rate=2000, bits=16, align=None, **sizes):
    """Return a WAV file with any values in its header."""
    align = n_channels * bits // 8 if align is None else align
    clip = {"H": 0xFFFF, "I": 0xFFFFFFFF}
    fields = zip(
        "HHIIHH", (tag, n_channels, rate, rate * align, align, bits), strict=True
    )
    fmt = b"".join(struct.pack(f"<{k}", value & clip[k]) for k, value in fields)
    chunks = b"fmt " + struct.pack("<I", sizes.get("fmt", 16)) + fmt
    chunks += b"data" + struct.pack("<I", sizes.get("data", len(samples)))
    chunks += samples
    size = struct.pack("<I", sizes.get("riff", 4 + len(chunks)))
    return b"RIFF" + size + b"WAVE" + chunks


def boundaries(content):
    """Return the positions where the chunks of a RIFF or FORM file begin and end."""
    order = ">" if content[:4] == b"FORM" else "<"
    places, position = [4, 8, 12], 12
    while position + 8 <= len(content):
        (length,) = struct.unpack(f"{order}I", content[position + 4 : position + 8])
        places += [position, position + 4, position + 8, position + 8 + length]
        position += 8 + length + length % 2
    return sorted({place for place in places if place <= len(content)})


def zip_bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("model.json", "weights.bin"):
            archive.writestr(name, bytes(50_000_000))
    return buffer.getvalue()


def broken_contents():
    """Yield the name and the content of each broken file written by hand."""
    for kind in ("pcm16", "stereo", "pcm24", "float", "aiff", "extensible"):
        content = SOUND_FILES[kind]
        for place in boundaries(content):
            for cut in {max(0, place - 1), place, place + 1}:
                yield f"{kind} cut at {cut}", content[:cut]
    samples = np.round(WAVEFORM * 20_000).astype("<i2").tobytes()
    for field in ("riff", "data", "fmt"):
        for size in (0, 1, 15, 17, 40, len(samples) - 1, len(samples) + 1, 0x7FFFFFFF,
                     0x80000000, 0xFFFFFFFE, 0xFFFFFFFF):  # fmt: skip
            yield f"{field} size {size}", wav(samples, **{field: size})
    for n_channels in (0, 2, 3, 64, 65, 255, 1024, 1025, 65535):
        for align in (None, 0, 1, 2, 65535):
            content = wav(samples, n_channels=n_channels, align=align)
            yield f"{n_channels} channels by {align}", content
    for rate in (0, 1, 2, 99, 1800, 768_000, 768_001, 4_000_000_000, 0xFFFFFFFF):
        yield f"{rate} Hz", wav(samples, rate=rate)
    for bits in (0, 1, 7, 8, 12, 20, 24, 31, 32, 33, 48, 64, 65535):
        for extra in (0, 1, 2, 5):
            yield f"{bits} bits and {extra}", wav(samples + b"\1" * extra, bits=bits)
    for tag in (0, 2, 3, 6, 7, 0x11, 0x31, 0x50, 0x55, 0xFFFE, 0xFFFF):
        yield f"tag {tag}", wav(samples, tag=tag)
    for name, value in [
        ("nan", np.nan), ("inf", np.inf), ("huge", 3e38), ("tiny", 1e-45), ("flat", 0.5)
    ]:  # fmt: skip
        for width, bits in (("<f4", 32), ("<f8", 64)):
            one = WAVEFORM.astype(width)
            one[1000] = value
            every = np.full_like(one, value)
            yield f"{name} once {bits}", wav(one.tobytes(), tag=3, bits=bits)
            yield f"{name} {bits}", wav(every.tobytes(), tag=3, bits=bits)
    for length in range(0, 8):
        yield f"{length} bytes of 24 bits", wav(samples[:length], bits=24)
    yield "empty", b""
    yield "text", b"this is no recording\n" * 100
    yield "page", b"<!DOCTYPE html><html><body>404</body></html>"
    yield "pickle", pickle.dumps({"a": np.arange(5)})
    yield "zip bomb", zip_bomb()
    yield "zeros", bytes(100_000)
    yield "ones", b"\xff" * 100_000
    magics = [b"RIFF", b"RIFX", b"FORM", b"fLaC", b"OggS", b"ID3\4", b"\xff\xfb"]
    for magic in [*magics, b"caff", b".snd", b"riff", b"RF64", b"MThd", b"Creative"]:
        for rest in (b"", b"\0" * 40, b"\xff" * 4000):
            yield f"{magic!r} and {rest[:1]!r}", magic + rest


@pytest.fixture(scope="module")
def transformer():
    return SpectrogramTransformer(duration=3.0)


def check_transform(transformer, path):
    """Check that a spectrogram is complete, or that an error names the file."""
    message = None
    try:
        (spectrogram,) = transformer.transform([path])
    except (OSError, ValueError) as error:
        message = str(error)
    if message is not None:
        assert repr(os.fsdecode(path)) in message
        return False
    assert spectrogram.shape == (40, 151)
    assert np.isfinite(spectrogram).all()
    return True


@pytest.fixture
def bounded():
    """Fail if memory grows by more than a network and some recordings need."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) << 10 < LARGEST_GROWTH


@pytest.mark.usefixtures("bounded")
def test_broken_files_written_by_hand(tmp_path, transformer):
    used, refused = 0, 0
    for number, (_, content) in enumerate(broken_contents()):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(content)
        if check_transform(transformer, path):
            used += 1
        else:
            refused += 1
    assert used > 20  # some are unusual but valid
    assert refused > 250


EDITS = st.lists(
    st.tuples(
        # A position in the header, or anywhere.
        st.one_of(st.integers(0, 63), st.integers(0, 1 << 20)),
        st.one_of(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]), st.integers(0, 255)),
    ),
    max_size=6,
)
MUTATION = st.tuples(
    st.sampled_from(sorted(FORMATS)),
    EDITS,
    st.one_of(st.none(), st.integers(0, 1 << 16)),  # length after truncation
    st.binary(max_size=12),  # inserted bytes
    st.integers(0, 1 << 16),  # where they are inserted
)


def mutated(mutation, contents=SOUND_FILES):
    kind, edits, cut, extra, place = mutation
    content = bytearray(contents[kind])
    for where, value in edits:
        content[where % len(content)] = value
    place %= len(content)
    content[place:place] = extra
    return bytes(content if cut is None else content[: cut % (len(content) + 1)])


@pytest.mark.usefixtures("bounded")
def test_six_thousand_mutated_recordings(tmp_path, transformer):
    outcomes = []

    @settings(fuzzing, max_examples=600)
    @given(st.lists(MUTATION, min_size=10, max_size=10))
    def try_several(mutations):
        for mutation in mutations:
            path = tmp_path / "one.wav"
            path.write_bytes(mutated(mutation))
            outcomes.append(check_transform(transformer, path))

    try_several()
    assert len(outcomes) >= 6000
    assert 0.02 < np.mean(outcomes) < 0.98


# The command line -------------------------------------------------------------------


def odd_places(folder):
    """Create unusual files and names, and return their paths as bytes."""
    good = SOUND_FILES["pcm16"]
    places = [os.fsencode(folder / name) for name in ("pipe", "folder", "a", "b", "no")]
    pipe, inside, one, other, _ = places
    os.mkfifo(pipe)
    os.mkdir(inside)
    os.symlink(other, one)
    os.symlink(one, other)
    base = os.fsencode(folder)
    for name in (b"two\nlines.wav", b"bad\xff\xfe.wav", b"a,b;\"c'.wav", b" .wav",
                 "Herzgeräusch ♥.wav".encode(), b"-o.wav", b"x" * 250):  # fmt: skip
        path = base + b"/" + name
        Path(os.fsdecode(path)).write_bytes(good)
        places.append(path)
    forbidden = folder / "forbidden.wav"
    forbidden.write_bytes(good)
    forbidden.chmod(0)
    places += [os.fsencode(forbidden), b"/dev/null", b"/dev/zero", b"/proc/self/mem"]
    places += [base + b"/" + b"y" * 300, base + b"/pipe/x.wav"]
    return places


def predicted(recordings, output):
    """Run ``skheart predict``, check its rows, and return them."""
    names = [os.fsdecode(name) for name in recordings]
    code = main(["predict", "--quiet", "--force", "-o", str(output), "--", *names])
    text = output.read_text(encoding="utf-8", errors="surrogateescape")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["recording"] for row in rows] == names
    assert code == int(any(row["error"] for row in rows))
    for row in rows:
        if row["error"]:
            assert not row["prediction"]
            assert repr(row["recording"]) in row["error"]
        else:
            total = sum(float(row[f"probability_{n}"]) for n in ("murmur", "normal"))
            assert row["prediction"] in ("murmur", "normal")
            assert total == pytest.approx(1, abs=1e-5)
    return rows


@pytest.mark.usefixtures("bounded")
def test_predict_with_special_files_and_odd_names(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    places = odd_places(folder)
    rows = predicted(places, tmp_path / "out.csv")
    named = {os.path.basename(os.fsencode(row["recording"])): row for row in rows}
    for name in (b"two\nlines.wav", b"bad\xff\xfe.wav", b" .wav", b"-o.wav"):
        assert not named[name]["error"]
    for name in (b"pipe", b"folder", b"a", b"b", b"no", b"null", b"zero", b"mem"):
        assert named[name]["error"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for place in places:
            check_transform(SpectrogramTransformer(duration=3.0), os.fsdecode(place))


@pytest.mark.usefixtures("bounded")
def test_predict_with_fifteen_hundred_broken_recordings(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    by_hand = [content for _, content in broken_contents()]
    rounds = []

    @settings(fuzzing, max_examples=12)
    @given(st.lists(MUTATION, min_size=100, max_size=100))
    def try_several(mutations):
        contents = [mutated(mutation) for mutation in mutations]
        contents += by_hand[len(rounds) :: 12]
        paths = []
        for number, content in enumerate(contents):
            paths.append(os.fsencode(folder / f"{number}.wav"))
            Path(os.fsdecode(paths[-1])).write_bytes(content)
        rounds.append(len(predicted(paths, tmp_path / "out.csv")))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv"]

    try_several()
    assert sum(rounds) >= 1500


# Models -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "murmur.skheart"
    save_model(load_pretrained("murmur"), path)
    return path


def check_load(path):
    """Check that a model predicts, or that an error names the file."""
    message = None
    try:
        pipeline = load_model(path)
    except ModelFileError as error:
        message = str(error)
    if message is not None:
        assert repr(str(path)) in message
        return False
    probabilities = pipeline.predict_proba([WAVEFORM])
    assert probabilities.shape == (1, len(pipeline.classes_))
    return True


@pytest.mark.usefixtures("bounded")
def test_two_thousand_five_hundred_mutated_models(tmp_path, model_file):
    content = model_file.read_bytes()
    size = len(content)
    near_the_end = st.integers(size - 400, size - 1)  # the archive's directory
    edits = st.lists(
        st.tuples(
            st.one_of(st.integers(0, 80), near_the_end, st.integers(0, size - 1)),
            st.integers(0, 255),
        ),
        max_size=4,
    )
    mutation = st.tuples(
        st.just("model"), edits,
        st.one_of(st.none(), st.none(), st.integers(0, size)),
        st.binary(max_size=6), st.one_of(near_the_end, st.integers(0, size)),
    )  # fmt: skip
    outcomes = []

    @settings(fuzzing, max_examples=250)
    @given(st.lists(mutation, min_size=10, max_size=10))
    def try_several(mutations):
        for one in mutations:
            path = tmp_path / "model.skheart"
            path.write_bytes(mutated(one, {"model": content}))
            outcomes.append(check_load(path))

    try_several()
    assert len(outcomes) >= 2500
    assert np.mean(outcomes) < 0.5


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.skheart"
    for _, content in broken_contents():
        path.write_bytes(content)
        assert not check_load(path)


def places_of(value, place=()):
    """Yield the path of each value in a tree of JSON."""
    yield place
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places_of(part, (*place, key))
    elif isinstance(value, list):
        for number, part in enumerate(value[:20]):
            yield from places_of(part, (*place, number))


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**40), 2**40),
        st.integers(-3, 300),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(
            ["", "x", "Dense", "Lambda", "keras.layers", "builtins", "os", "system",
             "relu", "float16", "eval", "crossentropy", "__class__"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=4,
)  # fmt: skip


@pytest.mark.usefixtures("bounded")
def test_models_with_changed_text(tmp_path, model_file):
    """The checksums are valid: whoever changes the text can also compute them."""
    with zipfile.ZipFile(model_file) as archive:
        text = json.loads(archive.read("model.json"))
        weights = archive.read("weights.bin")
    del text["training"]
    places = [place for place in places_of(text) if place]
    outcomes = []

    @settings(fuzzing, max_examples=500)
    @given(st.sampled_from(places), JSON, st.booleans())
    def try_one(place, value, removed):
        forged = copy.deepcopy(text)
        holder = forged
        for key in place[:-1]:
            holder = holder[key]
        if removed:
            del holder[place[-1]]
        else:
            holder[place[-1]] = value
        content = json.dumps(forged).encode()
        path = tmp_path / "model.skheart"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.json", content)
            archive.writestr("weights.bin", weights)
            archive.comment = hashlib.sha256(content).hexdigest().encode()
        outcomes.append(check_load(path))

    try_one()
    assert len(outcomes) >= 400
    assert not all(outcomes)
