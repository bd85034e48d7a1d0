"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor

from skheart.spectrogram.bands import SpectrogramSettings

# TensorFlow reads it when it is first imported, and then logs errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the real recordings; without it, skip, but fail in CI."""
    path = Path(
        os.environ.get("SKHEART_SHARED_DATA", ROOT.parent / "shared" / "data")
    ).resolve()
    if not (path / "pascal" / "set_b").is_dir():
        message = (
            f"The real recordings are not at {path}; set SKHEART_SHARED_DATA to the "
            "folder that holds pascal, cinc2016 and circor2022."
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture
def tone():
    """Return a function that makes a sine wave; frequency in Hz, duration in s."""

    def make(frequency, *, duration=2.0, sample_rate=2000, amplitude=0.5):
        times = np.arange(int(duration * sample_rate)) / sample_rate
        return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def speech():
    """Return a function that simulates speech at 8 kHz, from a seed.

    Pulses of the voice pass through resonances; syllables differ in length.
    """

    def make(seed, *, duration=8):
        random = np.random.default_rng(seed)
        times = np.arange(duration * 8000) / 8000

        def curve(per_second):
            n = duration * per_second
            return np.interp(times * per_second, np.arange(n), random.normal(size=n))

        pitch = 120 * np.exp(0.15 * curve(2))
        pulses = np.diff(np.floor(np.cumsum(pitch) / 8000), prepend=0)
        decay = np.exp(-80 * times[:240])
        resonances = [np.sin(2 * np.pi * f * times[:240]) for f in (500, 1500, 2500)]
        voice = np.convolve(pulses, decay * sum(resonances))[: len(times)]
        return voice * np.clip(curve(6), 0, None)

    return make


@pytest.fixture
def fresh_workers():
    """Start new worker processes of joblib for this test, and stop them after it.

    Otherwise joblib replaces a worker whose memory has grown since the last test (for
    example by importing TensorFlow), and warns in a thread, which fails the test.
    """
    get_reusable_executor().shutdown(wait=True)
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def computed(monkeypatch):
    """Return a list that grows with each spectrogram computed in this process."""
    calls = []
    compute = SpectrogramSettings.compute

    def counted(self, waveform, **settings):
        calls.append(len(waveform))
        return compute(self, waveform, **settings)

    monkeypatch.setattr(SpectrogramSettings, "compute", counted)
    return calls


@pytest.fixture(scope="session")
def murmur_onnx(tmp_path_factory):
    """Return the path of the pretrained model "murmur", exported as ONNX."""
    from skheart import export_onnx, load_pretrained

    path = tmp_path_factory.mktemp("onnx") / "murmur.onnx"
    export_onnx(load_pretrained("murmur"), path)
    return path


@pytest.fixture
def in_eight_threads():
    """Return a function that calls another one in eight threads at once."""

    def call(work):
        results, start = [None] * 8, threading.Barrier(8)

        def one(number):
            start.wait()
            results[number] = work()

        threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return call
