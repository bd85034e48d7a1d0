"""Test that the code of the documentation runs, and that the names in it exist."""

import pkgutil
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.M)
BLOCKS = {
    path.stem: BLOCK.findall(path.read_text(encoding="utf-8"))
    for path in sorted(DOCS.glob("*.rst"))
    if path.stem != "journey_researcher"  # run by test_journeys.py, with few patients
}


def run(script, *arguments, folder):
    """Run a script in a folder, and return its output."""
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks])
def test_code_runs_in_order(page, shared_data, tmp_path):
    (tmp_path / "corpora").symlink_to(shared_data)
    code = "\n".join(map(textwrap.dedent, BLOCKS[page]))
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    assert "nan" not in run("page.py", folder=tmp_path).lower()


def test_the_example_that_plots_runs(tmp_path):
    run(ROOT / "examples" / "plot_spectrograms.py", folder=tmp_path)
    assert (tmp_path / "spectrograms.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "corpus"),
    [("train_murmur", "circor2022"), ("deep_stethoscope", "pascal")],
)
def test_examples_that_train_run(example, corpus, shared_data, tmp_path):
    path = ROOT / "examples" / f"{example}.py"
    arguments = [str(shared_data / corpus), "--epochs", "1", "--folds", "2"]
    printed = run(path, *arguments, folder=tmp_path)
    assert len(re.findall("AUROC", printed)) >= 3
    assert "nan" not in printed


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROUTE = CONTRIBUTING.partition("## The route")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+\.[\w.]+)`", ROUTE))))
def test_names_on_the_route_exist(name):
    pkgutil.resolve_name(f"skheart.{name}")
