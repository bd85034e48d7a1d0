"""Test loading class folders, and that skipped files are listed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from skheart.datasets import load_class_folders


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.ones(10) / 2, 2000)


def test_skipped_files_are_listed_with_their_reason(tmp_path):
    for name in ("a/1.wav", "a/2.flac", "a/deep/3.aiff", "b/4.caf", "b/.hidden.wav"):
        sound(tmp_path / name)
    for name in ("b/5.mid", "b/notes.txt", "a/.DS_Store", ".git/x.wav", "top.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    corpus = load_class_folders(tmp_path)
    assert [Path(path).name for path in corpus.data] == [
        *("1.wav", "2.flac", "3.aiff", "4.caf")
    ]
    assert corpus.target.tolist() == ["a", "a", "a", "b"]
    reasons = {Path(path).name: why for path, _, why in corpus.skipped}
    assert set(reasons) == {"5.mid", "notes.txt"}
    assert "'notes.txt'" in reasons["notes.txt"]


def test_phone_recordings_without_the_package_for_them(tmp_path):
    (tmp_path / "murmur").mkdir()
    (tmp_path / "murmur" / "1.m4a").write_text("x")
    assert load_class_folders(tmp_path).data.tolist()
    program = (
        "import sys; sys.modules['av'] = None\n"
        "from skheart.datasets import load_class_folders\n"
        "load_class_folders(sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert "1 other files" in done.stderr
    assert "skheart[formats]" in done.stderr
    assert "ffmpeg -i" in done.stderr
