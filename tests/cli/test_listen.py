"""Test answers for sound that comes through a pipe."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest

from skheart import StreamingClassifier, load_pretrained
from skheart.datasets import make_heart_sounds

RATE = 4000


@pytest.fixture(scope="module")
def sound():
    sounds = make_heart_sounds(1, duration=8.0, sample_rate=RATE, random_state=0)
    return sounds.data[0] / np.abs(sounds.data[0]).max() / 2


def listened(content, *arguments):
    command = [sys.executable, "-m", "skheart", "listen", "--input", "-", *arguments]
    done = subprocess.run(command, input=content, capture_output=True)
    return done, list(csv.DictReader(io.StringIO(done.stdout.decode())))


@pytest.mark.parametrize(
    ("encoding", "kind", "scale"), [("s16le", "<i2", 32768), ("f32le", "<f4", 1)]
)
def test_answers_are_those_of_the_stream(sound, encoding, kind, scale):
    raw = (np.round(sound * scale) if scale > 1 else sound).astype(kind)
    arguments = ["--sample-rate", str(RATE), "--encoding", encoding]
    done, rows = listened(raw.tobytes() + b"\0", *arguments)  # half a value at the end
    assert done.returncode == 0, done.stderr
    stream = StreamingClassifier(load_pretrained("murmur"), input_sample_rate=RATE)
    answers = stream.push((raw / scale).astype(np.float32))
    assert answers
    assert [float(row["time"]) for row in rows] == [x.time for x in answers]
    for row, answer in zip(rows, answers, strict=True):
        probability = float(row["probability_murmur"])
        assert probability == pytest.approx(answer.probabilities[0], abs=1e-5)
        assert row["prediction"] == answer.prediction


def test_no_sound():
    done, rows = listened(b"")
    assert done.returncode == 0
    assert rows == []
    assert b"no sound came on standard input" in done.stderr
