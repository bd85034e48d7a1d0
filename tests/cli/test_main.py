"""Test the program: help, usage errors, and existing files."""

import re
import subprocess
import sys

import pytest

from skheart.cli.main import main

COMMANDS = ["cache", "cross-validate", "demo", "evaluate", "export", "listen", "models"]
COMMANDS += ["predict", "report", "segment", "serve", "spectrogram", "train", "tune"]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "skheart", *arguments],
        capture_output=True,
        text=True,
    )


def test_help_and_version_need_no_tensorflow():
    program = (
        "import sys\n"
        "from skheart.cli.main import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0\n"
        "assert not {'tensorflow', 'librosa', 'sklearn'} & set(sys.modules)\n"
    )
    helps = ([command, "--help"] for command in COMMANDS)
    for arguments in (["--help"], ["--version"], *helps):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_help_lists_every_command():
    text = run("--help").stdout
    assert sorted(re.findall(r"^    ([\w-]+)(?:  .*)?$", text, re.M)) == COMMANDS


def test_usage_errors():
    for arguments in (
        [],
        ["predict", "--format", "xml"],
        ["cure"],
        ["train", "mitbih", "x", "-o", "y"],
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: skheart")


@pytest.mark.parametrize("command", ["predict", "spectrogram", "demo"])
def test_files_are_replaced_with_force_only(command, folders, model, tmp_path, capsys):
    recording = str(next((folders / "murmur").iterdir()))
    there = tmp_path / "model.skheart"
    arguments = {
        "predict": ["--model", str(model), recording, "-o", str(there)],
        "spectrogram": [recording, "-o", str(tmp_path / "a.png")],
        "demo": ["-o", str(tmp_path)],
    }[command]
    there = tmp_path / "a.png" if command == "spectrogram" else there
    there.write_text("mine")
    assert main([command, *arguments]) == 2
    assert f"{str(there)!r} exists; pass --force" in capsys.readouterr().err
    assert there.read_text() == "mine"
    if command != "demo":
        assert main([command, *arguments, "--force"]) == 0
        assert there.read_bytes() != b"mine"
