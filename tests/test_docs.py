"""The documentation: its code runs, and the functions that it names exist."""

import pkgutil
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


CONTRIBUTING = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROUTE = CONTRIBUTING.partition("## The route")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+\.[\w.]+)`", ROUTE))))
def test_names_on_the_route_exist(name):
    pkgutil.resolve_name(f"skheart.{name}")
