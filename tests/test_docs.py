"""The documentation: the code of each page runs, from top to bottom."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", re.M)
BLOCKS = {
    path.stem: BLOCK.findall(path.read_text(encoding="utf-8"))
    for path in sorted(DOCS.glob("*.rst"))
}


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks])
def test_code_runs_in_order(page, shared_data, tmp_path):
    (tmp_path / "corpora").symlink_to(shared_data)
    script = tmp_path / "page.py"
    code = "\n".join(map(textwrap.dedent, BLOCKS[page]))
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "nan" not in done.stdout.lower()
