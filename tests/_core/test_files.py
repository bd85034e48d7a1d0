"""Test that files are written completely or not at all, and keep mode and links."""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from skheart._core.files import atomic_path, check_target, text_of

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs modes and pipes of POSIX")


def write(path, text="new", **options):
    with atomic_path(path, **options) as temporary:
        temporary.write_text(text)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_written_and_nothing_else_is_left(tmp_path, durable):
    path = tmp_path / "model.skheart"
    for text in ("one", "two"):
        write(path, text, durable=durable)
        assert path.read_text() == text
        assert list(tmp_path.iterdir()) == [path]


def test_an_error_keeps_the_old_content(tmp_path):
    path = tmp_path / "model.skheart"
    write(path, "old")
    with suppress(RuntimeError), atomic_path(path) as temporary:
        assert temporary.suffix == ".skheart"
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@POSIX
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_new_files_follow_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o666 & ~mask


@POSIX
def test_the_umask_is_not_changed(tmp_path, monkeypatch):
    """It belongs to the whole process, so other threads would see the change."""
    changes = []
    monkeypatch.setattr(os, "umask", lambda mask: changes.append(mask) or 0o022)
    write(tmp_path / "new")
    assert not changes


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_an_existing_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "private"
    path.write_text("old")
    path.chmod(mode)
    with atomic_path(path) as temporary:
        assert mode_of(temporary) == mode | 0o200  # writable until it is complete
        temporary.write_text("new")
    assert (path.read_text(), mode_of(path)) == ("new", mode)


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_is_kept(tmp_path, exists):
    (tmp_path / "there").mkdir()
    path, link = tmp_path / "there" / "file", tmp_path / "link"
    if exists:
        path.write_text("old")
    link.symlink_to(path)
    write(link)
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert list((tmp_path / "there").iterdir()) == [path]


@POSIX
def test_pipes_and_devices_are_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(pipe)
    reader.join()
    assert read == ["new"]
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_targets_that_cannot_be_written(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder, expected a file name"):
        check_target(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*create it first"):
        check_target(tmp_path / "no" / "file")


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
def test_an_error_keeps_the_old_file(tmp_path, old, error):
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
        f"There is no folder {str(target.parent)!r} to write 'model.bin' in; "
        "create it first."
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "model.txt"
    expected = (
        rf"^{re.escape(repr(str(path)))} cannot be written \(No space left on dev"
    )
    with pytest.raises(OSError, match=expected), atomic_path(path):
        Path("/dev/full").write_text("x")
    assert not list(tmp_path.iterdir())
