"""Files that are written completely or not at all, with the right mode and place."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress

import pytest

from skheart._core.files import atomic_path, check_target

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


def test_an_error_leaves_what_was_there(tmp_path):
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
def test_new_files_have_the_mode_that_the_user_wants(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o666 & ~mask


@POSIX
def test_files_of_other_threads_keep_their_mode(tmp_path, monkeypatch):
    """The umask belongs to the whole process; it must not be changed."""
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
        assert mode_of(temporary) == mode | 0o200  # it must still be written
        temporary.write_text("new")
    assert (path.read_text(), mode_of(path)) == ("new", mode)


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_still_points_to_the_file(tmp_path, exists):
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
def test_pipes_and_devices_stay_what_they_are(tmp_path):
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
