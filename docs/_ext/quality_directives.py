"""Tables of ``benchmarks/results/quality.json``: agreement, other sounds, noise."""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from skheart_directives import RESULTS, _list_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PATH = RESULTS / "quality.json"
TASKS = {
    "CinC 2016, flag": "CinC 2016, flag “poor”",
    "CinC 2016 a, flag": "of these, database a",
    "CinC 2016 b, flag": "of these, database b",
    "CinC 2016 e, flag": "of these, database e",
    "CinC 2016 b, noise": "CinC 2016 b, loud noise",
    "PASCAL A, artifact": "PASCAL A, “artifact”",
    "PASCAL B, noisy": "PASCAL B, “noisy”",
    "CirCor, little annotated": "CirCor, less than half annotated",
}


class AgreementTable(SphinxDirective):
    """AUROC of poor recordings, ours and that of pyPCG's indices."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)
        head = (
            "Label",
            "Recordings (poor)",
            "Other patients",
            "Other corpora only",
            "pyPCG's indices, other patients",
            "pyPCG's indices, other corpora only",
        )
        rows = [head]
        for name, title in TASKS.items():
            ours, theirs = results["agreement"][name], results["pyPCG"][name]
            counts = f"{ours['within']['n']} ({ours['within']['positive']})"
            cells = (
                _interval(figures[protocol])
                for figures in (ours, theirs)
                for protocol in ("within", "left out")
            )
            rows.append((title, counts, *cells))
        return self.parse_text_to_nodes(_list_table(rows, "24 12 16 16 16 16"))


class OtherSoundsTable(SphinxDirective):
    """How many sounds without a heart lie below the thresholds."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["other sounds"]
        thresholds = results["thresholds"]
        rows = [
            (
                "Sounds",
                "Number",
                "Median quality",
                *(f"Below {value:.2f}" for value in thresholds.values()),
            )
        ]
        for name, figures in results["sounds"].items():
            shares = (
                f"{100 * figures[f'below the threshold that keeps {share}']:.1f} %"
                for share in thresholds
            )
            median = f"{figures['median quality']:.2f}"
            rows.append((name, str(figures["n"]), median, *shares))
        return self.parse_text_to_nodes(_list_table(rows, "36 12 16 18 18"))


class NoiseTable(SphinxDirective):
    """The quality of real recordings with noise added."""

    def run(self) -> list[nodes.Node]:
        rows = [("Recording above the noise", "Median quality", "Middle half")]
        for level, figures in _results(self.env)["noise added"].items():
            low, high = figures["quartiles"]
            rows.append((level, f"{figures['median']:.2f}", f"{low:.2f}–{high:.2f}"))
        return self.parse_text_to_nodes(_list_table(rows, "40 30 30"))


class MurmurTable(SphinxDirective):
    """How many recordings with and without a murmur lie below the thresholds."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)
        kept = results["other sounds"]["thresholds"]
        titles = (f"Below the threshold that keeps {share}" for share in kept)
        rows = [("Murmur at this location", "Number", "Median quality", *titles)]
        for word, figures in results["CirCor by murmur"].items():
            shares = (
                f"{100 * figures[f'below the threshold that keeps {share}']:.1f} %"
                for share in kept
            )
            median = f"{figures['median quality']:.2f}"
            rows.append((word, str(figures["n"]), median, *shares))
        return self.parse_text_to_nodes(_list_table(rows, "24 14 18 22 22"))


class CalibrationTable(SphinxDirective):
    """How often recordings of a quality are good."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["calibration"]
        titles = {
            "circor2022": "CirCor (share annotated)",
            "cinc2016": "CinC 2016",
            "pascal": "PASCAL",
        }
        found = {
            corpus: {row["quality"]: row for row in rows}
            for corpus, rows in results.items()
        }
        bins = sorted({name for rows in found.values() for name in rows})
        table = [("Quality", *titles.values())]
        for name in bins:
            cells = []
            for corpus in titles:
                row = found[corpus].get(name)
                cells.append(
                    f"{row['share good']:.2f} ({row['recordings']})" if row else "—"
                )
            table.append((name, *cells))
        return self.parse_text_to_nodes(_list_table(table, "25 25 25 25"))


def _results(env: Any) -> dict[str, Any]:
    env.note_dependency(str(PATH))
    return json.loads(PATH.read_text(encoding="utf-8"))


def _interval(figures: dict[str, Any]) -> str:
    return f"{figures['auroc']:.3f} ({figures['low']:.3f}–{figures['high']:.3f})"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("quality-agreement-table", AgreementTable)
    app.add_directive("other-sounds-table", OtherSoundsTable)
    app.add_directive("quality-noise-table", NoiseTable)
    app.add_directive("quality-murmur-table", MurmurTable)
    app.add_directive("quality-calibration-table", CalibrationTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
