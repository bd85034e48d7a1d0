"""Test the cache: spectrograms on disk, damaged entries, URLs, training from disk."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import fsspec
import joblib
import numpy as np
import pytest
import soundfile

from skheart import (
    CNNClassifier,
    RecordingError,
    SpectrogramTransformer,
    read_recording,
)
from skheart.audio import remote
from skheart.datasets import make_heart_sounds
from skheart.spectrogram import CachedSpectrograms, CacheError, SpectrogramCache


@pytest.fixture(scope="module")
def sounds():
    return make_heart_sounds(12, duration=(1.5, 4.0), random_state=0)


@pytest.fixture
def paths(tmp_path, sounds):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for index, waveform in enumerate(sounds.data):
        soundfile.write(folder / f"{index}.wav", waveform, 2000)
    return [str(folder / f"{index}.wav") for index in range(len(sounds.data))]


def transformer(**parameters):
    return SpectrogramTransformer(**{"duration": 3.0, **parameters})


@pytest.mark.parametrize("duration", [3.0, None])
@pytest.mark.parametrize("padding", ["repeat", "constant"])
def test_the_same_with_and_without(tmp_path, paths, computed, padding, duration):
    parameters = {"padding": padding, "duration": duration}
    expected = transformer(**parameters).transform(paths)
    computed.clear()
    kept = transformer(cache=tmp_path / "cache", **parameters)
    np.testing.assert_array_equal(kept.transform(paths), expected)
    assert len(computed) == len(paths)
    np.testing.assert_array_equal(kept.transform(paths), expected)
    np.testing.assert_array_equal(kept.transform(paths[::-1]), expected[::-1])
    lazy = transformer(cache=tmp_path / "cache", lazy=True, **parameters)
    spectrograms = lazy.transform(paths)
    assert isinstance(spectrograms, CachedSpectrograms)
    assert spectrograms.shape == expected.shape
    np.testing.assert_array_equal(spectrograms, expected)
    assert len(computed) == len(paths)


def test_waveforms_in_memory_are_kept_too(tmp_path, sounds, computed):
    expected = transformer().transform(sounds.data)
    computed.clear()
    for _ in range(2):
        given = transformer(cache=tmp_path / "cache").transform(sounds.data)
        np.testing.assert_array_equal(given, expected)
    assert len(computed) == len(sounds.data)
    # The same values at another rate are another recording.
    transformer(cache=tmp_path / "cache", input_sample_rate=4000).transform(sounds.data)
    assert len(computed) == 2 * len(sounds.data)


def test_entries_depend_on_contents_not_on_names(tmp_path, paths, computed):
    kept = transformer(cache=tmp_path / "cache")
    before = kept.transform(paths)
    copy = shutil.copy(paths[0], tmp_path / "copy.wav")
    np.testing.assert_array_equal(kept.transform([str(copy)])[0], before[0])
    assert len(computed) == len(paths)
    shutil.copy(paths[1], paths[0])  # another recording under the same name
    np.testing.assert_array_equal(kept.transform(paths[:1])[0], before[1])
    assert len(computed) == len(paths)


@pytest.mark.parametrize(
    "other",
    [
        {"n_bands": 30},
        {"f_max": 800.0},
        {"hop": 0.01},
        {"normalize": None},
        {"amin": 1e-5},
        {"scale": "linear"},
        {"duration": 2.0},
        {"dtype": "float16"},
    ],
    ids=str,
)
def test_other_settings_are_other_spectrograms(tmp_path, paths, computed, other):
    transformer(cache=tmp_path / "cache").transform(paths)
    changed = transformer(cache=tmp_path / "cache", **other).transform(paths)
    assert len(computed) == 2 * len(paths)
    np.testing.assert_array_equal(changed, transformer(**other).transform(paths))


def test_half_precision(tmp_path, paths):
    whole = transformer().transform(paths)
    half = transformer(dtype="float16", cache=tmp_path).transform(paths)
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, whole, rtol=1e-3, atol=1e-4)
    assert SpectrogramCache(tmp_path).contents().n_bytes < 0.6 * whole.nbytes


def test_damaged_entries_are_computed_again(tmp_path, paths, computed):
    kept = transformer(cache=tmp_path / "cache")
    expected = kept.transform(paths)
    files = sorted((tmp_path / "cache").glob("*/*.npy"))
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:-10])
    content = bytearray(files[2].read_bytes())
    content[-300] ^= 1
    files[2].write_bytes(content)
    computed.clear()
    np.testing.assert_array_equal(kept.transform(paths), expected)
    assert len(computed) == 3
    np.testing.assert_array_equal(kept.transform(paths), expected)
    assert len(computed) == 3


def test_clear_and_prune_keep_other_files(tmp_path, paths):
    folder = tmp_path / "cache"
    cache = SpectrogramCache(folder)
    assert cache.contents() == (0, 0)
    transformer(cache=folder).transform(paths)
    (folder / "notes.txt").write_text("mine")
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / "mine.npy").write_text("mine")
    n_spectrograms, n_bytes = cache.contents()
    assert n_spectrograms == len(paths)
    files = sorted(folder.glob("*/*.npy"))
    assert n_bytes == sum(f.stat().st_size for f in files) - 4
    # Entries count as old until they are used again.
    for file in files:
        if file.stat().st_size > 4:
            os.utime(file, (1e9, 1e9))
    transformer(cache=folder).transform(paths[:2])
    used = [f for f in files if f.stat().st_mtime > 1.1e9]
    assert cache.prune(sum(f.stat().st_size for f in used)) == len(paths) - 2
    assert sorted(folder.glob("*/*.npy")) == used
    assert cache.clear() == 2
    assert cache.contents() == (0, 0)
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "ab" / "mine.npy").read_text() == "mine"


@pytest.mark.usefixtures("fresh_workers")
def test_several_processes_write_one_folder(tmp_path, sounds):
    expected = transformer().transform(sounds.data)
    kept = transformer(cache=tmp_path)
    with joblib.parallel_config("loky", n_jobs=2):
        several = joblib.Parallel()(
            joblib.delayed(kept.transform)(sounds.data) for _ in range(8)
        )
    for spectrograms in several:
        np.testing.assert_array_equal(spectrograms, expected)
    assert SpectrogramCache(tmp_path).contents().n_spectrograms == len(sounds.data)
    assert not list(tmp_path.glob("*/.*"))


KILLED = """
import os, resource, signal, sys
import numpy as np
from skheart import SpectrogramTransformer

folder, moment = sys.argv[1:]
X = np.random.default_rng(0).normal(size=(20, 40000)).astype(np.float32)
transformer = SpectrogramTransformer(duration=20.0, cache=folder)
transformer.transform(X[:5])

def kill_at_rename(event, arguments):
    if event == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)

if moment == "renaming":
    sys.addaudithook(kill_at_rename)
else:  # a spectrogram has 160 kB; the system ends a process that exceeds a limit
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
transformer.transform(X)
"""


@pytest.mark.parametrize(
    ("moment", "by"), [("writing", signal.SIGXFSZ), ("renaming", signal.SIGKILL)]
)
def test_a_killed_process_leaves_only_complete_spectrograms(tmp_path, moment, by):
    command = [sys.executable, "-B", "-c", KILLED, str(tmp_path), moment]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -by, done.stderr
    cache = SpectrogramCache(tmp_path)
    keys = [
        f.parent.name + f.stem
        for f in tmp_path.glob("*/*.npy")
        if not f.name.startswith(".")
    ]
    assert len(keys) == cache.contents().n_spectrograms == 5
    assert all(cache.get(key).shape == (40, 1001) for key in keys)
    unfinished = list(tmp_path.glob("*/.*"))
    assert unfinished
    for path in unfinished:
        os.utime(path, (1e9, 1e9))  # so old that no process can still write it
    cache.clear()
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.parametrize("cache", [3, 1.5, ["folder"]])
def test_a_cache_is_a_folder(cache, sounds):
    with pytest.raises(TypeError, match="cache must be the path of a folder"):
        transformer(cache=cache).fit(sounds.data)


@pytest.mark.parametrize("on_error", ["raise", "nan"])
def test_an_unusable_folder_is_an_error(tmp_path, sounds, on_error):
    """It is not treated as an error of the recordings."""
    (tmp_path / "cache").write_text("mine")
    kept = transformer(cache=tmp_path / "cache", on_error=on_error)
    with pytest.raises(CacheError, match=r"cache' cannot be .*choose another folder"):
        kept.transform(sounds.data)
    assert (tmp_path / "cache").read_text() == "mine"


def test_a_full_disk_is_an_error(tmp_path):
    # A limit on the size of files has the effect of a full disk. With -B, Python writes
    # no compiled modules, which would be truncated and break later imports.
    code = (
        "import resource, signal, sys\n"
        "from skheart import SpectrogramTransformer\n"
        "from skheart.datasets import make_heart_sounds\n"
        "sounds = make_heart_sounds(3, duration=2.0, random_state=0)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "SpectrogramTransformer(cache=sys.argv[1]).transform(sounds.data)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "cache")],
        capture_output=True,
        text=True,
    )
    assert "CacheError: The cache" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "cache").glob("*/*"))


def test_settings_of_other_number_types_are_the_same(tmp_path, sounds, computed):
    for rate in (2000, 2000.0, np.float32(2000)):
        kept = transformer(cache=tmp_path, sample_rate=rate, input_sample_rate=rate)
        kept.transform(sounds.data)
    assert len(computed) == len(sounds.data)


def test_lazy_needs_a_cache_and_no_columns(tmp_path, sounds):
    with pytest.raises(ValueError, match="lazy=True needs a folder"):
        transformer(lazy=True).fit(sounds.data)
    with pytest.raises(ValueError, match="use flatten=False"):
        transformer(lazy=True, cache=tmp_path, flatten=True).fit(sounds.data)


INDICES = [
    3,
    -1,
    slice(2, 5),
    slice(None, None, -2),
    [0, 3, 3],
    np.array([5, 1]),
    np.arange(12) % 2 == 0,
    Ellipsis,
    (slice(1, 4), Ellipsis),
    (np.array([2, 0]), Ellipsis),
    (2, slice(None), slice(3, 7)),
    (slice(0, 3), slice(2, 4), 5),
    ([1, 2], 0),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_that_of_an_array(tmp_path, sounds, index):
    whole = transformer().transform(sounds.data)
    lazy = transformer(cache=tmp_path, lazy=True).transform(sounds.data)
    part = lazy[index]
    assert part.shape == whole[index].shape
    np.testing.assert_array_equal(part, whole[index])


def test_parts_stay_on_disk_and_pickles_are_small(tmp_path, sounds):
    lazy = transformer(cache=tmp_path, lazy=True).transform(sounds.data)
    assert isinstance(lazy[2:5], CachedSpectrograms)
    assert isinstance(lazy[np.arange(3)][[0, 2]], CachedSpectrograms)
    state = pickle.dumps(lazy)
    assert len(state) < 2000
    np.testing.assert_array_equal(pickle.loads(state), lazy)
    assert "12, 40, 151" in repr(lazy)
    with pytest.raises(IndexError):
        lazy[12]


def test_cleared_entries_are_an_error(tmp_path, sounds):
    lazy = transformer(cache=tmp_path, lazy=True).transform(sounds.data)
    SpectrogramCache(tmp_path).clear()
    with pytest.raises(FileNotFoundError, match="no longer in the cache"):
        lazy[0]


def test_unusable_recordings_are_nan(tmp_path, paths):
    paths[3] = str(tmp_path / "missing.wav")
    lazy = transformer(cache=tmp_path / "c", lazy=True, on_error="nan")
    with pytest.warns(RuntimeWarning, match="1 of 12 recordings"):
        spectrograms = lazy.transform(paths)
    assert np.isnan(spectrograms[3]).all()
    assert np.isfinite(spectrograms[4]).all()
    y = np.arange(12) % 2
    with pytest.raises(ValueError, match="first in recording 3"):
        CNNClassifier(epochs=1, random_state=0).fit(spectrograms, y)
    lazy.set_params(on_error="raise")
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        lazy.transform(paths)


PARAMETERS = {
    "plain": {},
    "crops": {"crop_frames": 60},
    "stopping": {"patience": 1, "validation": 0.5},
    "auroc": {"loss": "auroc"},
    "fine-tuning": {"weights": "murmur"},
}


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.parametrize("kind", ["lazy", "memmap", "float16"])
def test_training_from_disk_equals_training_from_memory(tmp_path, sounds, case, kind):
    X = transformer().transform(sounds.data)
    if kind == "lazy":
        on_disk = transformer(cache=tmp_path, lazy=True).transform(sounds.data)
    elif kind == "float16":
        on_disk = X.astype(np.float16)
        X = on_disk.astype(np.float32)
    else:
        on_disk = np.memmap(tmp_path / "X", dtype=X.dtype, mode="w+", shape=X.shape)
        on_disk[...] = X
    y = np.array(["a", "b"])[np.arange(len(X)) % 2]
    groups = np.arange(len(X)) // 2 + len(X) * (np.arange(len(X)) % 2)
    parameters = {"epochs": 2, "random_state": 0, **PARAMETERS[case]}
    expected = CNNClassifier(**parameters).fit(X, y, groups=groups)
    classifier = CNNClassifier(**parameters).fit(on_disk, y, groups=groups)
    assert classifier.history_ == expected.history_
    assert classifier.n_features_in_ == expected.n_features_in_ == 40
    assert classifier.input_shape_ == expected.input_shape_
    np.testing.assert_array_equal(
        classifier.predict_proba(on_disk), expected.predict_proba(X)
    )
    np.testing.assert_array_equal(
        expected.predict_proba(on_disk), expected.predict_proba(X)
    )


def test_labels_of_recordings_on_disk_are_checked(tmp_path, sounds):
    lazy = transformer(cache=tmp_path, lazy=True).transform(sounds.data)
    classifier = CNNClassifier(epochs=1, random_state=0)
    with pytest.raises(ValueError, match="y cannot be None"):
        classifier.fit(lazy, None)
    with pytest.raises(ValueError, match="X and y must have the same length, got 12"):
        classifier.fit(lazy, [0, 1, 0])
    classifier.fit(lazy, np.arange(12) % 2)
    fewer = transformer(cache=tmp_path, lazy=True, n_bands=30).transform(sounds.data)
    with pytest.raises(ValueError, match="40 bands"):
        classifier.predict(fewer)


@pytest.mark.parametrize("kind", ["memmap", "float16 in memory"])
def test_the_corpus_is_never_completely_copied(tmp_path, kind):
    n_recordings = 400
    shape = (n_recordings, 40, 1001)
    X = np.zeros(shape, np.float16)
    if kind == "memmap":
        X = np.memmap(tmp_path / "X", dtype=np.float16, mode="w+", shape=shape)
    y = np.arange(n_recordings) % 2
    random = np.random.default_rng(0)
    X[:8] = random.normal(size=(8, 40, 1001))
    classifier = CNNClassifier(epochs=1, random_state=0)
    classifier.fit(X[:8], y[:8])  # memory needed only once is not measured
    tracemalloc.start()
    try:
        classifier.fit(X, y).predict_proba(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.4 * X.size * 4


def test_urls_are_read(paths):
    memory = fsspec.filesystem("memory")
    memory.pipe("/ward/a.wav", Path(paths[0]).read_bytes())
    memory.pipe("/ward/text.wav", b"text")
    memory.pipe("/ward/empty.wav", b"")
    url = "memory://ward/a.wav"
    expected, rate = read_recording(paths[0])
    waveform, url_rate = read_recording(url)
    assert rate == url_rate
    np.testing.assert_array_equal(waveform, expected)
    np.testing.assert_array_equal(
        transformer(n_jobs=2).transform([url, paths[1]]),
        transformer().transform(paths[:2]),
    )
    with pytest.raises(FileNotFoundError, match=r"memory://ward/none\.wav"):
        read_recording("memory://ward/none.wav")
    with pytest.raises(ValueError, match=r"memory://ward/text\.wav.*cannot be read"):
        read_recording("memory://ward/text.wav")
    with pytest.raises(ValueError, match=r"memory://ward/empty\.wav.*empty"):
        read_recording("memory://ward/empty.wav")


@pytest.mark.parametrize(
    "url",
    [
        *("nothing://ward/a.wav", "file://{}", "local://{}", "dir://a::file://{}"),
        *("reference://a::{}", "zip://a.wav::memory://b.zip", "memory://a::file://{}"),
        *("simplecache::memory://a.wav", "FILE://{}", "github://a:b@/c.wav"),
    ],
)
def test_urls_cannot_open_local_files(paths, url):
    with pytest.raises((ValueError, FileNotFoundError), match=r"not a URL|no file"):
        read_recording(url.format(paths[0]))


def test_a_url_without_end_is_cut_off(monkeypatch, tmp_path):
    monkeypatch.setattr(remote, "LARGEST_FILE", 3 << 20)
    fsspec.filesystem("memory").pipe("/ward/long.wav", bytes(4 << 20))
    with pytest.raises(RecordingError, match="is larger than"):
        read_recording("memory://ward/long.wav")


def test_urls_are_cached_by_contents(tmp_path, paths, computed):
    memory = fsspec.filesystem("memory")
    memory.pipe("/kept/a.wav", Path(paths[0]).read_bytes())
    kept = transformer(cache=tmp_path / "cache")
    kept.transform(paths[:1])
    kept.transform(["memory://kept/a.wav"])
    assert len(computed) == 1


def test_a_file_replaced_while_it_is_read(tmp_path, paths, monkeypatch):
    """The cache contains the spectrogram of the content that was hashed."""
    expected = transformer().transform(paths[:2])
    get = SpectrogramCache.get

    def replaced_meanwhile(self, key):
        shutil.copy(paths[1], paths[0])
        return get(self, key)

    monkeypatch.setattr(SpectrogramCache, "get", replaced_meanwhile)
    original = Path(paths[0]).read_bytes()
    kept = transformer(cache=tmp_path / "cache")
    np.testing.assert_array_equal(kept.transform(paths[:1])[0], expected[0])
    monkeypatch.undo()
    Path(paths[0]).write_bytes(original)
    np.testing.assert_array_equal(kept.transform(paths[:2]), expected)


def test_a_url_is_downloaded_once(tmp_path, paths, monkeypatch):
    memory = fsspec.filesystem("memory")
    memory.pipe("/once/a.wav", Path(paths[0]).read_bytes())
    opened = []
    open_one = type(memory)._open

    def counted(self, path, *arguments, **others):
        opened.append(path)
        return open_one(self, path, *arguments, **others)

    monkeypatch.setattr(type(memory), "_open", counted)
    kept = transformer(cache=tmp_path / "cache")
    for downloads in (1, 2):  # first not in the cache, then in it
        kept.transform(["memory://once/a.wav"])
        assert len(opened) == downloads
