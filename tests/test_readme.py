"""Test the code, commands and paths in README and the pages beside it."""

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
    from skheart.cli.main import parse

    lines = "".join(blocks("sh"))
    commands = re.findall(r"^(?:\S*/)?skheart (\S+) (.*?)(?:\s+[#>].*)?$", lines, re.M)
    used = {command for command, _ in commands}
    assert {"predict", "train", "evaluate", "export"} <= used
    for command, arguments in commands:
        options = parse([command, *arguments.split()])
        assert options.command == command


def mentioned_paths(page):
    """Return the files of the repository that a page links to or mentions."""
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(((?!https?:)[^)]+)\)", text)
    folders = "benchmarks|docs|examples|requirements|skheart|tests"
    return sorted({*links, *re.findall(rf"\b((?:{folders})/[\w/.]*\w)", text)})


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_files_that_the_pages_name_exist(page):
    paths = mentioned_paths(page)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
