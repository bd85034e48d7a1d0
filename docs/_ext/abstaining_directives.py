"""Tables of ``benchmarks/results/abstaining.json``: what "unsure" costs and gains."""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from skheart_directives import RESULTS, _list_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PATH = RESULTS / "abstaining.json"


class AbstainingTable(SphinxDirective):
    """Coverage, accuracy, sensitivity and specificity for limits of confidence."""

    def run(self) -> list[nodes.Node]:
        names = ("accuracy", "accuracy by patient", "sensitivity", "specificity")
        rows = [
            ("With a prediction", "Minimum confidence", *map(str.capitalize, names))
        ]
        for point in _results(self.env)["circor2022"]["quality and confidence"]:
            cells = (f"{point[name]:.3f}" for name in names)
            share = f"{100 * point['coverage']:.0f} %"
            rows.append((share, f"{point['min_confidence']:.2f}", *cells))
        return self.parse_text_to_nodes(_list_table(rows, "16 16 16 20 16 16"))


class UnsureTable(SphinxDirective):
    """How many sounds without a heart get the answer "unsure"."""

    def run(self) -> list[nodes.Node]:
        rows = [("Sounds", "Number", "Unsure")]
        for name, figures in _results(self.env)["without a heart"].items():
            share = f"{100 * figures['unsure']:.1f} %"
            rows.append((name, str(figures["sounds"]), share))
        return self.parse_text_to_nodes(_list_table(rows, "50 25 25"))


def _results(env: Any) -> dict[str, Any]:
    env.note_dependency(str(PATH))
    return json.loads(PATH.read_text(encoding="utf-8"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("abstaining-table", AbstainingTable)
    app.add_directive("unsure-table", UnsureTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
