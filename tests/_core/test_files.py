"""Files are written completely or not at all; paths become text."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from skheart._core.files import atomic_path, text_of


def test_a_whole_file_replaces_the_old_one(tmp_path):
    target = tmp_path / "model.tar.gz"
    target.write_text("old")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".gz"
        assert temporary != target
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["model.tar.gz"]


@pytest.mark.parametrize("old", ["old", None])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file(tmp_path, old, error):
    target = tmp_path / "model.bin"
    if old is not None:
        target.write_text(old)

    def write():
        with atomic_path(str(target)) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == ([] if old is None else ["model.bin"])
    assert old is None or target.read_text() == old


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_file_has_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    with atomic_path(tmp_path / "ours") as temporary:
        temporary.write_text("")
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode


def test_folder_as_target(tmp_path):
    expected = re.escape(f"{str(tmp_path)!r} is a folder, expected a file name.")
    with pytest.raises(IsADirectoryError, match=expected), atomic_path(tmp_path):
        pass


def test_missing_parent(tmp_path):
    target = tmp_path / "none" / "model.bin"
    expected = re.escape(
        f"There is no folder {str(target.parent)!r} to write 'model.bin' in; make it "
        "first."
    )
    with pytest.raises(FileNotFoundError, match=expected), atomic_path(target):
        pass
    assert os.listdir(tmp_path) == []


def test_a_name_without_folder_and_a_long_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model.bin", "m" * 240 + ".bin"):
        with atomic_path(name) as temporary:
            temporary.write_text("new")
        assert Path(name).read_text() == "new"


def test_a_path_as_text():
    for path in ("a.wav", b"a.wav".decode(), Path("a.wav"), np.str_("a.wav")):
        assert text_of(path) == "a.wav"
        assert type(text_of(path)) is str
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, got int"):
        text_of(3)
