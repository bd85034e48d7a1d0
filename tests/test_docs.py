"""The guide: the code of each page runs, from top to bottom."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = [
    "getting_started",
    "spectrograms",
    "classifier",
    "evaluation",
    "pretrained",
    "scale",
    "deployment",
]
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.M)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_code_runs_in_order(page, tmp_path):
    blocks = BLOCK.findall((DOCS / f"{page}.rst").read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    script = tmp_path / "page.py"
    script.write_text("\n".join(map(textwrap.dedent, blocks)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "nan" not in done.stdout.lower()
