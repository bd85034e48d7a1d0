"""Test the phases of heartbeats from the command line."""

import csv
import io
import json

import numpy as np
import pytest
import soundfile

from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.segmentation import load_segmenter


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a heart, white noise and a text."""
    folder = tmp_path_factory.mktemp("sounds")
    sounds = make_heart_sounds(1, classes="normal", duration=6.0, random_state=0)
    soundfile.write(folder / "heart.wav", sounds.data[0], sounds.sample_rate)
    noise = np.random.default_rng(0).normal(scale=0.1, size=12_000)
    soundfile.write(folder / "noise.wav", noise, 2000)
    (folder / "text.wav").write_text("no sound")
    return folder


def test_rows_are_those_of_the_segmenter(folder, capsys):
    path = str(folder / "heart.wav")
    assert main(["segment", path]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    start, end, phase = load_segmenter().predict([path])[0]
    assert list(rows[0]) == ["recording", "start", "end", "phase"]
    assert [row["phase"] for row in rows] == phase.tolist()
    np.testing.assert_allclose([float(row["start"]) for row in rows], start, atol=1e-3)
    np.testing.assert_allclose([float(row["end"]) for row in rows], end, atol=1e-3)


def test_noise_has_no_beats_and_a_text_is_an_error(folder, capsys):
    assert main(["segment", str(folder), "--format", "json"]) == 1
    captured = capsys.readouterr()
    heart, noise, text = json.loads(captured.out)
    assert 40 < heart["heart_rate"] < 180
    assert heart["segments"]
    assert noise["segments"] == []
    assert noise["heart_rate"] is None
    assert text["segments"] is None
    assert "text.wav" in text["error"]
    assert main(["segment", str(folder / "noise.wav")]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no heartbeat was found" in captured.err


def test_label_track_of_audacity(folder, tmp_path, capsys):
    path, labels = str(folder / "heart.wav"), tmp_path / "labels.txt"
    arguments = ["segment", path, "--format", "audacity", "-o", str(labels)]
    assert main(arguments) == 0
    rows = [line.split("\t") for line in labels.read_text().splitlines()]
    assert {row[2] for row in rows} == {"s1", "systole", "s2", "diastole"}
    assert all(float(start) < float(end) for start, end, _ in rows)
    assert main(arguments) == 2
    assert "exists; pass --force" in capsys.readouterr().err
    assert main(["segment", path, path, "--format", "audacity"]) == 2
    assert "takes one recording" in capsys.readouterr().err
