"""Directives: ``shift-table``, ``distilled-table`` and ``whole-patients-table``.

They show ``benchmarks/results/trials.json`` (parts "shift" and "distilled") and
``whole_patients.json``.
"""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from skheart_directives import RESULTS, _list_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCORED = {
    "cinc_within": "CinC 2016, within databases",
    "circor_recording": "CirCor, by recording",
    "circor_patient": "CirCor, by patient",
}
LEFT_OUT = ("left out a", "left out b", "left out f", "left out")


class ShiftTable(SphinxDirective):
    """AUROC on databases left out and on known ones, and differences of the mean."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "trials.json"
        self.env.note_dependency(str(path))
        trials = json.loads(path.read_text(encoding="utf-8"))["shift"]["trials"]
        titles = ("a", "b", "f", "Mean", "Its difference", "Known")
        rows = [("", *titles)]
        for row in trials:
            figures = [f"{row['figures'][name]:.3f}" for name in LEFT_OUT]
            limits = row.get("differences", {}).get("left out")
            difference = f"{limits[0]:+.3f} to {limits[1]:+.3f}" if limits else ""
            known = f"{row['figures']['within']:.3f}"
            rows.append((row["title"], *figures, difference, known))
        widths = "28 10 10 10 10 20 12"
        return self.parse_text_to_nodes(_list_table(rows, widths))


class DistilledTable(SphinxDirective):
    """Scores of teachers and of their student, and differences to the plain recipe."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "trials.json"
        self.env.note_dependency(str(path))
        trials = json.loads(path.read_text(encoding="utf-8"))["distilled"]["trials"]
        rows = [("", *SCORED.values())]
        for row in trials:
            cells = []
            for name in SCORED:
                cell = f"{row['figures'][name]:.3f}"
                if limits := row.get("differences", {}).get(name):
                    cell += f" ({limits[0]:+.3f} to {limits[1]:+.3f})"
                cells.append(cell)
            rows.append((row["title"], *cells))
        return self.parse_text_to_nodes(_list_table(rows, "28 24 24 24"))


class WholePatientsTable(SphinxDirective):
    """AUROC of CirCor's murmurs by patient, for each way to join recordings."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "whole_patients.json"
        self.env.note_dependency(str(path))
        results = json.loads(path.read_text(encoding="utf-8"))
        rows = [("", "Folds", "All together", "Difference")]
        for part, title in (("patients", "By patient"), ("recordings", "By recording")):
            for name, row in results[part].items():
                low, high = row["interval"]
                below, above = row["of the difference"]
                difference = f"{row['difference']:+.3f} ({below:+.3f} to {above:+.3f})"
                rows.append(
                    (
                        f"{title}: {name}",
                        f"{row['mean']:.3f}",
                        f"{row['value']:.3f} ({low:.3f} to {high:.3f})",
                        difference if below != above else "",
                    )
                )
        return self.parse_text_to_nodes(_list_table(rows, "40 10 25 25"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("shift-table", ShiftTable)
    app.add_directive("distilled-table", DistilledTable)
    app.add_directive("whole-patients-table", WholePatientsTable)
    return {"parallel_read_safe": True}
