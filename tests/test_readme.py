"""The README: its code runs, its commands exist, CI runs its test command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_code_runs_in_order(tmp_path):
    program = "\n".join(blocks("python"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "(60, 40, 251)" in done.stdout
    assert "['murmur' 'normal']" in done.stdout
    assert "nan" not in done.stdout
    assert (tmp_path / "model.skheart").is_file()


def test_continuous_integration_runs_the_test_command():
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    (command,) = [line for line in lines if "pytest" in line]
    assert command.startswith("python3.11 -m venv ")
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_commands_exist():
    from skheart.cli.main import _parser

    lines = "".join(blocks("sh"))
    commands = re.findall(r"^(?:\S*/)?skheart (\S+) (.*?)(?:\s+[#>].*)?$", lines, re.M)
    used = {command for command, _ in commands}
    assert {"predict", "train", "evaluate", "export"} <= used
    for command, arguments in commands:
        options = _parser().parse_args([command, *arguments.split()])
        assert options.command.__name__ == command


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!https?:)[^)]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()
