"""Test that streams equal predictions for each span, in constant memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skheart import (
    CNNClassifier,
    OnnxClassifier,
    SpectrogramTransformer,
    StreamingClassifier,
    load_pretrained,
    read_recording,
)
from skheart.datasets import make_heart_sounds


@pytest.fixture(scope="module")
def murmur():
    return load_pretrained("murmur")


@pytest.fixture(scope="module")
def exported(murmur_onnx):
    return OnnxClassifier(murmur_onnx)


@pytest.fixture(scope="module")
def waveform():
    return make_heart_sounds(1, duration=40.0, random_state=0).data[0]


def pushed(stream, waveform, lengths):
    """Push a waveform in chunks whose lengths repeat the given ones."""
    answers, start, number = [], 0, 0
    while start < len(waveform):
        n_times = lengths[number % len(lengths)]
        answers += stream.push(waveform[start : start + n_times])
        start, number = start + n_times, number + 1
    return answers


CHUNKS = {
    "single values": [1],
    "odd": [0, 1, 997, 0, 2501],
    "a hop": [2000],
    "longer than the span": [25_000],
    "all at once": [10**9],
}


@pytest.mark.parametrize("lengths", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize("kind", ["pipeline", "onnx"])
def test_equal_to_predictions_for_each_span(request, murmur, waveform, kind, lengths):
    model = murmur if kind == "pipeline" else request.getfixturevalue("exported")
    stream = StreamingClassifier(model, hop=2.5, span=8.0, first=4.0)
    answers = pushed(stream, waveform, lengths)
    assert [answer.time for answer in answers] == list(np.arange(4.0, 40.1, 2.5))
    ends = [round(answer.time * 2000) for answer in answers]
    spans = [waveform[max(0, end - 16_000) : end] for end in ends]
    expected = np.vstack([model.predict_proba([span]) for span in spans])
    given = np.vstack([answer.probabilities for answer in answers])
    np.testing.assert_allclose(given, expected, atol=1e-6)
    assert np.ptp(given[:, 0]) > 1e-3
    assert stream.time == 40.0


def test_a_real_recording_at_its_own_rate(shared_data, murmur, exported):
    path = max(
        (shared_data / "cinc2016").rglob("*.flac"), key=lambda p: p.stat().st_size
    )
    waveform, rate = read_recording(path)
    upsampled = np.repeat(waveform, 2)  # simulates another sample rate
    pipeline = load_pretrained("murmur")
    pipeline.set_params(spectrogram__input_sample_rate=2 * rate)
    for model in (murmur, exported):
        stream = StreamingClassifier(model, hop=3.0, input_sample_rate=2 * rate)
        answers = pushed(stream, upsampled, [1234])
        assert len(answers) > 5
        for answer in answers:
            end = round(answer.time * 2 * rate)
            span = upsampled[max(0, end - round(60 * rate)) : end]
            expected = pipeline.predict_proba([span])[0]
            np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)


def test_defaults(murmur, waveform):
    stream = StreamingClassifier(murmur)
    answers = stream.push(waveform)
    assert [answer.time for answer in answers] == list(np.arange(5.0, 40.1, 1.0))
    last = murmur.predict_proba([waveform[-60_000:]])[0]
    np.testing.assert_allclose(answers[-1].probabilities, last, atol=1e-6)
    assert stream.classes_.tolist() == ["murmur", "normal"]


def test_reset(murmur, waveform):
    stream = StreamingClassifier(murmur, hop=2.0)
    before = stream.push(waveform[:23_456])
    stream.reset()
    assert stream.time == 0
    again = stream.push(waveform[:23_456])
    assert len(again) == len(before) > 0
    for one, other in zip(before, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize("fault", [np.nan, np.inf, 0.0])
def test_a_fault_affects_only_its_spans(exported, waveform, fault):
    broken = np.array(waveform)
    broken[10_000 : 10_001 if fault else 30_000] = fault
    stream = StreamingClassifier(exported, hop=1.0, span=3.0)
    answers = pushed(stream, broken, [777])
    assert len(answers) == 38
    faulty = [answer for answer in answers if answer.error]
    # NaN affects each span that contains it, silence the spans of nothing else.
    expected = dict.fromkeys(map(str, (np.nan, np.inf)), 3) | {"0.0": 8}
    assert len(faulty) == expected[str(fault)]
    for answer in answers:
        assert np.isnan(answer.probabilities).all() == bool(answer.error)
    reason = "is silent" if fault == 0 else "holds NaN or infinite"
    message = f"The span that ends at {faulty[0].time:g} seconds {reason}"
    assert message in faulty[0].error


@pytest.mark.parametrize("kind", ["pipeline", "onnx"])
def test_a_stream_survives_every_error(request, murmur, waveform, kind):
    model = murmur if kind == "pipeline" else request.getfixturevalue("exported")
    noise = np.random.default_rng(0).uniform(-1, 1, 12_000)
    stream = StreamingClassifier(model, hop=1.0, span=2.0, first=2.0)
    answers = []
    for level in (1e-40, 3e38, 1e-30):  # 6 seconds each, as from a faulty driver
        answers += pushed(stream, level * noise, [512])
    answers += pushed(stream, waveform[:8000], [512])
    assert [answer.time for answer in answers] == list(np.arange(2.0, 22.1, 1.0))
    for answer in answers:  # either probabilities or an error that names the span
        assert np.isfinite(answer.probabilities).all() == (answer.error == "")
        if answer.error:
            assert f"The span that ends at {answer.time:g} seconds" in answer.error
    expected = model.predict_proba([waveform[4000:8000]])[0]
    np.testing.assert_allclose(answers[-1].probabilities, expected, atol=1e-6)


class Faulty(LogisticRegression):
    """Raise an error, return NaN, return probabilities, and repeat."""

    n_calls = 0

    def predict_proba(self, X):
        self.n_calls += 1
        if self.n_calls % 3 == 1:
            raise KeyError("lost")
        return super().predict_proba(X) + (np.nan if self.n_calls % 3 == 2 else 0)


def test_an_unexpected_failure_is_one_answer(waveform):
    flat = SpectrogramTransformer(flatten=True, duration=2.0)
    model = make_pipeline(flat, Faulty())
    model.fit([waveform[:4000], waveform[4000:8000]], ["murmur", "normal"])
    stream = StreamingClassifier(model, hop=2.0, span=2.0)
    lost, nan, good = stream.push(waveform[:12_000])
    assert lost.error == (
        "The span that ends at 2 seconds cannot be classified: KeyError: 'lost'"
    )
    assert nan.error.startswith("The span that ends at 4 seconds has no probabilities")
    assert (good.time, good.error) == (6.0, "")
    assert good.probabilities.sum() == pytest.approx(1)


def test_an_hour_in_constant_memory(exported):
    stream = StreamingClassifier(exported, hop=30.0)
    minute = np.random.default_rng(0).normal(size=120_000).astype(np.float32)
    stream.push(minute)
    tracemalloc.start()
    try:
        for _ in range(5):
            stream.push(minute)
        early, _ = tracemalloc.get_traced_memory()
        answers = 0
        for _ in range(54):
            answers += len(stream.push(minute))
        late, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.time == 3600
    assert answers == 108
    assert late - early < 50_000
    assert peak - early < 2_000_000


def test_only_the_latest_sound_is_kept_if_the_next_answer_is_far_away(exported):
    stream = StreamingClassifier(exported, hop=7200.0, span=5.0)
    second = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    stream.push(np.tile(second, 6))
    tracemalloc.start()
    try:
        for _ in range(1800):  # half an hour: 14 MB
            stream.push(second)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


@pytest.mark.parametrize(
    "chunk", [3.0, np.ones((2, 2)), ["a"], [None], np.ones(3, complex)]
)
def test_a_wrong_chunk_does_not_change_the_stream(exported, waveform, chunk):
    stream = StreamingClassifier(exported)
    stream.push(waveform[:9000])
    with pytest.raises(ValueError, match="chunk must be a one-dimensional array of"):
        stream.push(chunk)
    assert stream.push([]) == []
    assert stream.time == 4.5
    (answer,) = stream.push(waveform[9000:10_000])
    expected = exported.predict_proba([waveform[:10_000]])[0]
    np.testing.assert_array_equal(answer.probabilities, expected)


def test_the_sample_rate_of_the_model(murmur, exported, waveform):
    twice = np.repeat(waveform[:12_000], 2)
    pipeline = load_pretrained("murmur")
    pipeline.set_params(spectrogram__input_sample_rate=4000)
    light = OnnxClassifier(exported.path, input_sample_rate=4000)
    search = GridSearchCV(light, {"n_threads": [1]}, cv=2)
    search.fit([waveform] * 4, ["murmur", "normal"] * 2)
    for model in (pipeline, light, search):
        stream = StreamingClassifier(model)
        answers = stream.push(twice)
        assert [answer.time for answer in answers] == [5.0, 6.0]
        expected = model.predict_proba([twice])[0]
        np.testing.assert_allclose(answers[-1].probabilities, expected, atol=1e-6)


def test_what_cannot_be_streamed(murmur, exported):
    for settings, message in [
        ({"hop": 0}, "hop must be"),
        ({"span": -1}, "span must be"),
        ({"first": 9.0, "span": 3.0}, "first must be at most span=3 seconds"),
        ({"input_sample_rate": "fast"}, "input_sample_rate must be"),
        ({"input_sample_rate": 1000}, "input_sample_rate must be at least 1800 Hz"),
    ]:
        with pytest.raises(ValueError, match=message):
            StreamingClassifier(murmur, **settings)
        with pytest.raises(ValueError, match=message):
            StreamingClassifier(exported, **settings)
    with pytest.raises(ValueError, match="got CNNClassifier"):
        StreamingClassifier(murmur[1])
    fresh = make_pipeline(SpectrogramTransformer(), CNNClassifier())
    with pytest.raises(NotFittedError):
        StreamingClassifier(fresh)
    flat = make_pipeline(SpectrogramTransformer(flatten=True), LogisticRegression())
    with pytest.raises(NotFittedError):
        StreamingClassifier(flat)


@pytest.mark.slow
def test_many_predictions_and_pushes_do_not_fill_the_memory(tmp_path):
    code = """
import gc
import sys
import numpy as np
from sklearn.pipeline import make_pipeline
from skheart import CNNClassifier, SpectrogramTransformer, StreamingClassifier
from skheart import load_model, save_model

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

X = np.random.default_rng(0).normal(size=(8, 8_000)).astype(np.float32)
pipeline = make_pipeline(SpectrogramTransformer(duration=4.0), CNNClassifier(epochs=1))
save_model(pipeline.fit(X, np.arange(8) % 2), sys.argv[1])
model = load_model(sys.argv[1])
stream = StreamingClassifier(model, hop=1.0)
n_answers = 0
for i in range(3_300):
    n_answers += sum(not one.error for one in stream.push(X[i % 8, :500]))
    if i % 6 == 0:
        model.predict_proba(X[:1])
    if i == 300:
        before = resident()
assert n_answers > 800
print(resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.skheart")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 20  # MB
