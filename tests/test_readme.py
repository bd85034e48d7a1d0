"""The README: its code runs, its commands are those that are tested."""

import re
import subprocess
import sys
import tomllib
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
    assert (tmp_path / "model.skheart").is_file()


def test_climbs_in_four_steps():
    answer, *steps, deployed = blocks("python")
    assert "load_pretrained" in answer
    assert "OnnxClassifier" in deployed
    assert len(steps) == 4
    assert len([line for line in steps[0].splitlines() if line]) <= 10
    for step, word in zip(
        steps,
        ["fit_transform", "Pipeline(", "GridSearchCV(", "load_model("],
        strict=True,
    ):
        assert word in step


def test_test_command_is_what_continuous_integration_runs():
    setup = [line for block in blocks("sh") for line in block.splitlines()]
    setup = [line for line in setup if line.startswith("python3.11")]
    assert len(setup) == 2
    assert setup[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_commands_exist():
    from skheart.cli.parser import parse

    lines = "".join(blocks("sh"))
    commands = re.findall(r"^skheart (\S+) (.*?)(?:\s+[#>].*)?$", lines, re.M)
    assert len(commands) >= 4
    for command, arguments in commands:
        options = parse([command, *arguments.split()])
        assert options.command == command


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!https?:)[^)]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()


def test_says_what_it_is_not():
    assert "Not a medical device" in README


def test_metadata_points_to_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["readme"] == "README.md"
