"""Test the phases of heartbeats from the command line."""

import csv
import io
import json
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import soundfile

from skheart.cli.main import main
from skheart.datasets import make_heart_sounds
from skheart.segmentation import load_segmenter
from skheart.segmentation.scores import matches

matplotlib.use("Agg")

from matplotlib import image

OFFLINE = """\
import socket, sys

def connect(*_):
    raise OSError("there is no network here")

socket.socket.connect = socket.getaddrinfo = connect
from skheart.cli.main import main
code = main(["segment", *sys.argv[1:]])
assert not {"tensorflow", "keras", "matplotlib"} & set(sys.modules)
sys.exit(code)
"""


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


def segmented(*arguments, capsys, code=0):
    """Run the command with JSON, and return the entries by the names of the files."""
    assert main(["segment", *map(str, arguments), "--format", "json"]) == code
    entries = json.loads(capsys.readouterr().out)
    return {entry["recording"].rpartition("/")[2]: entry for entry in entries}


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
    found = segmented(folder, capsys=capsys, code=1)
    heart, noise, text = (found[f"{x}.wav"] for x in ("heart", "noise", "text"))
    assert 40 < heart["heart_rate"] < 180
    assert heart["segments"]
    assert heart["reason"] is None
    assert noise["segments"] == []
    assert noise["heart_rate"] is None
    assert noise["reason"] == "most of it does not sound like a heart"
    assert text["segments"] is None
    assert "text.wav" in text["error"]
    assert main(["segment", str(folder / "noise.wav")]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no heartbeat was found: most of it does not sound" in captured.err


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


def test_a_fresh_process_segments_a_file_offline(folder):
    path = str(folder / "heart.wav")
    command = [sys.executable, "-W", "error", "-c", OFFLINE, path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["phase"] for row in rows] == load_segmenter().predict([path])[
        0
    ].phase.tolist()


# Sounds that are no good recordings of a heart ---------------------------------------


@pytest.fixture(scope="module")
def odd_sounds(tmp_path_factory, speech):
    """Return a folder of sounds that are no good recordings of a heart."""
    folder = tmp_path_factory.mktemp("odd")
    random = np.random.default_rng(0)
    sounds = {
        "silence": (2000, np.zeros(20_000)),
        "offset": (44_100, np.full(200_000, 0.25)),
        "noise": (4000, random.normal(scale=0.1, size=40_000)),
        "moment": (2000, random.normal(scale=0.1, size=200)),
        "second": (4000, random.normal(scale=0.1, size=4000)),
        "speech": (8000, speech(0)),
        "two channels": (44_100, random.normal(scale=0.1, size=(90_000, 2))),
    }
    for name, (rate, sound) in sounds.items():
        loudest = max(np.abs(sound).max(), 1)
        soundfile.write(folder / f"{name}.wav", sound / loudest, rate)
    return folder


def test_sounds_without_a_heartbeat_have_a_reason(odd_sounds, capsys):
    found = segmented(odd_sounds, capsys=capsys)
    for entry in found.values():
        assert entry["segments"] == [], entry["recording"]
        assert entry["heart_rate"] is None
        assert entry["error"] is None
    assert found["silence.wav"]["reason"] == "it is silent"
    assert found["offset.wav"]["reason"] == "it is silent"
    assert found["moment.wav"]["reason"] == "it is shorter than a beat, 0.27 s"
    assert found["noise.wav"]["reason"] == "most of it does not sound like a heart"
    assert all(entry["reason"] for entry in found.values())


def test_files_that_cannot_be_used_leave_the_others(odd_sounds, broken, folder, capsys):
    heart = folder / "heart.wav"
    found = segmented(broken, heart, odd_sounds, capsys=capsys, code=1)
    errors = {name for name, entry in found.items() if entry["error"]}
    assert errors == {"empty.wav", "text.wav", "nan.wav", "slow.wav", "cut.wav"}
    assert found["heart.wav"]["segments"]
    assert found["silent.wav"]["reason"] == "it is silent"


@pytest.mark.parametrize("rate", [2000, 4000, 8000, 44_100])
def test_one_second_and_other_sample_rates(rate, tmp_path, capsys):
    sounds = make_heart_sounds(
        1,
        classes="normal",
        duration=8.0,
        noise=-25.0,
        sample_rate=rate,
        random_state=3,
    )
    whole, short = tmp_path / "whole.wav", tmp_path / "short.wav"
    soundfile.write(whole, sounds.data[0], rate)
    soundfile.write(short, sounds.data[0][:rate], rate)
    found = segmented(whole, short, capsys=capsys)
    segments = found["whole.wav"]["segments"]
    starts = np.array([x["start"] for x in segments if x["phase"] == "s1"])
    beats = sounds.beats[0]
    assert len(matches(beats, starts, 0.06)[0]) >= len(beats) - 2
    assert found["whole.wav"]["heart_rate"] == pytest.approx(
        60 / np.diff(beats).mean(), rel=0.1
    )
    # One second is one beat or two: there may be an answer or a reason for none.
    short = found["short.wav"]
    assert (short["heart_rate"] is None) == bool(short["reason"])


# Pictures ----------------------------------------------------------------------------


def test_a_picture_of_several_recordings(folder, odd_sounds, tmp_path, capsys):
    heart, picture = folder / "heart.wav", tmp_path / "beats.png"
    silence = odd_sounds / "silence.wav"
    assert main(["segment", str(heart), "-o", str(picture)]) == 0
    assert capsys.readouterr() == (f"Wrote {picture}\n", "")
    one = image.imread(picture)
    arguments = ["segment", *map(str, [heart, silence, heart]), "-o", str(picture)]
    assert main(arguments) == 2
    assert f"{str(picture)!r} exists; pass --force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0
    assert (
        "silence.wav: no heartbeat was found: it is silent" in capsys.readouterr().err
    )
    three = image.imread(picture)
    assert three.shape[0] == pytest.approx(3 * one.shape[0], abs=2)
    assert three.shape[1] == one.shape[1] > 2 * one.shape[0]
    third = three.shape[0] // 3
    dark = [(part[..., :3].max(axis=-1) < 0.3).mean() for part in _thirds(three, third)]
    assert dark[1] < 0.01 < min(dark[0], dark[2])  # only a title for the silence


def _thirds(picture, third):
    return [picture[first : first + third] for first in (0, third, 2 * third)]


def test_rows_beside_a_picture(folder, tmp_path, capsys):
    picture = tmp_path / "beats.PNG"
    entries = segmented(folder, "-o", picture, capsys=capsys, code=1)
    assert sorted(entries) == ["heart.wav", "noise.wav", "text.wav"]
    assert image.imread(picture).shape[0] > 500


def test_pictures_that_cannot_be_drawn(folder, tmp_path, capsys, monkeypatch):
    picture = tmp_path / "beats.png"
    assert main(["segment", str(folder / "text.wav"), "-o", str(picture)]) == 1
    assert not picture.exists()
    heart = str(folder / "heart.wav")
    capsys.readouterr()
    assert main(["segment", *[heart] * 11, "-o", str(picture)]) == 2
    assert "shows at most 10 recordings, got 11" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["segment", heart, "-o", str(picture)]) == 2
    error = capsys.readouterr().err
    assert "skheart segment -o FILE.png needs matplotlib" in error
    assert "pip install 'skheart[plot]'" in error
    assert not picture.exists()
