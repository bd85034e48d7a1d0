"""Test that the journeys of the documentation run as they are written.

The code and the commands are those of the pages, on real recordings. What they print
must have the lines of the page; the numbers in them can differ.
"""

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from skheart.cli.main import main
from skheart.datasets import load_pascal

ROOT = Path(__file__).resolve().parent.parent


def blocks(page, language):
    """Return the code blocks of a page in one language."""
    text = (ROOT / "docs" / f"{page}.rst").read_text(encoding="utf-8")
    pattern = rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)"
    return [textwrap.dedent(block) for block in re.findall(pattern, text, re.M)]


def session(page):
    """Return the commands of a page, each with the lines that it prints."""
    steps = []
    for line in "".join(blocks(page, "console")).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> "):
            command, printed = steps[-1]
            steps[-1] = (command.removesuffix("\\") + line[2:], printed)
        elif line:
            steps[-1][1].append(line)
    return steps


def masked(text):
    """Return the lines of a text without their numbers, spaces and ``...``."""
    lines = (re.sub(r"\d+(\.\d+)?", "0", line) for line in text.splitlines())
    found = {" ".join(line.split()) for line in lines}
    return found - {"", "..."}


def run(command, capfd):
    """Run a command and return what it prints."""
    words = shlex.split(command)
    if words[0] == "skheart":
        # One recording of the ward is empty: "predict" says so with its exit code.
        expected = 1 if words[1] == "predict" else 0
        assert main(words[1:]) == expected, capfd.readouterr().err
    else:
        words[0] = {"python": sys.executable}.get(words[0], words[0])
        subprocess.run(words, check=True)
    captured = capfd.readouterr()
    return captured.out + captured.err


def test_ward(shared_data, tmp_path, monkeypatch, capfd):
    (tmp_path / "corpora").symlink_to(shared_data)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    steps = session("journey_ward")
    used = [shlex.split(command)[1] for command, _ in steps]
    assert used[1:] == ["train", "tune", "predict", "-n", "evaluate", "models"]
    for command, printed in steps:
        found = masked(run(command, capfd).replace(str(tmp_path), "/home/ward"))
        assert masked("\n".join(printed)) <= found
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
    callback = (tmp_path / "callback.csv").read_text().splitlines()
    listed = (tmp_path / "ward" / "new.csv").read_text().splitlines()[1:]
    assert len(callback) - 1 == len({line.rsplit(",")[-1] for line in listed})


@pytest.fixture
def few_patients(shared_data, tmp_path):
    """Link the recordings of 36 patients of PASCAL, a third of them with a murmur."""
    pascal = load_pascal(shared_data, subsets="b", classes=("murmur", "normal"))
    sick = np.unique(pascal.groups[pascal.target == "murmur"])
    healthy = np.setdiff1d(pascal.groups, sick)
    chosen = [*sick[:12], *healthy[:24]]
    folder = tmp_path / "corpora" / "pascal" / "set_b"
    folder.mkdir(parents=True)
    for path in pascal.data[np.isin(pascal.groups, chosen)]:
        (folder / Path(path).name).symlink_to(path)
    return tmp_path


@pytest.mark.slow
def test_researcher(few_patients):
    program = "\n".join(blocks("journey_researcher", "python"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=few_patients,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert " 36 patients; 12 have a murmur" in done.stdout
    assert "nan" not in done.stdout.lower()
    printed = "\n".join(blocks("journey_researcher", "text"))
    # Which settings are chosen depends on the recordings.
    without = [re.sub(r"\{.*", "", text) for text in (printed, done.stdout)]
    assert masked(without[0]) == masked(without[1])
