"""Tables of ``benchmarks/results/segmentation.json``: the phases, and the rhythm."""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from skheart_directives import RESULTS, _list_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PATH = RESULTS / "segmentation.json"
KINDS = ("s1 start", "s2 start", "s1 centre", "s2 centre")
LOCATIONS = ("AV", "PV", "TV", "MV")
RHYTHMS = {
    "CirCor with spliced beats": "CirCor, premature beats inserted",
    "CinC 2016 b, arrhythmic beats": "CinC 2016 b, arrhythmic beats",
    "PASCAL B, extrasystole": "PASCAL B, label “extrasystole”",
}


class PhaseTable(SphinxDirective):
    """F1 of onsets and centres of both sounds."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)
        chosen = {
            "**All recordings**": results["clean"],
            "10 dB of pink noise added": results["noise 10 dB"],
            "0 dB of pink noise added": results["noise 0 dB"],
            **{f"Location {x}": results["by location"][x] for x in LOCATIONS},
            "With a murmur here": results["by murmur"]["murmur here"],
            "Without a murmur": results["by murmur"]["no murmur"],
            "The segmenter of the package": results["by fold"]["0"],
            "Springer's HSMM (pyPCG), same recordings": results[
                "Springer HSMM, fold 0"
            ],
            "Peak picking, all recordings": results["peak picking"],
        }
        head = (
            "Recordings",
            "Number",
            *(kind.replace("start", "onset") for kind in KINDS),
        )
        rows = [head]
        for title, figures in chosen.items():
            cells = (_interval(figures[kind], "f1") for kind in KINDS)
            rows.append((title, str(figures["recordings"]), *cells))
        return self.parse_text_to_nodes(_list_table(rows, "28 8 16 16 16 16"))


class HeartRateTable(SphinxDirective):
    """Errors of the heart rate."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)
        rows = [
            (
                "Recordings",
                "Annotated part: median error",
                "Within 5 bpm",
                "Whole recording: median error",
                "Within 5 bpm",
            )
        ]
        for name in ("clean", "noise 10 dB", "noise 0 dB"):
            cells = []
            for part in ("annotated", "whole"):
                figures = results[name]["heart rate"][part]
                cells += [
                    f"{figures['median error']:.2f} bpm",
                    f"{100 * figures['share within 5 bpm']:.1f} %",
                ]
            rows.append((name, *cells))
        return self.parse_text_to_nodes(_list_table(rows, "20 20 20 20 20"))


class RhythmTable(SphinxDirective):
    """AUROC of early beats, by corpus and length of the recordings, and by patient."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["rhythm"]
        rows = [("Corpus", "Number", "Positive", "AUROC")]
        for name, title in RHYTHMS.items():
            lengths = results[name]["by length"].items()
            parts = {f"{title}, {length}": figures for length, figures in lengths}
            if "by patient" in results[name]:
                parts[f"{title}, patients"] = results[name]["by patient"]
            for part, figures in parts.items():
                if "auroc" in figures:
                    counts = str(figures["n"]), str(figures["positive"])
                    rows.append((part, *counts, _interval(figures, "auroc")))
        return self.parse_text_to_nodes(_list_table(rows, "46 14 14 26"))


def _results(env: Any) -> dict[str, Any]:
    env.note_dependency(str(PATH))
    return json.loads(PATH.read_text(encoding="utf-8"))


def _interval(figures: dict[str, Any], name: str) -> str:
    return f"{figures[name]:.3f} ({figures['low']:.3f}–{figures['high']:.3f})"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("phase-table", PhaseTable)
    app.add_directive("heart-rate-table", HeartRateTable)
    app.add_directive("rhythm-table", RhythmTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
