"""Tables of ``benchmarks/results/scale.json``: many recordings, workers, memory."""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from skheart_directives import RESULTS, _list_table, _speed, _time
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PATH = RESULTS / "scale.json"
MILLION = 1_000_000
RUNTIMES = ("ONNX Runtime", "TensorFlow")
OURS = ("skheart, ONNX", "skheart, TensorFlow")


class ProgramTable(SphinxDirective):
    """The time of ``skheart predict`` and of a script, for the same recordings."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["program"]
        titles = [f"Relative to {name.replace('skheart, ', '')}" for name in OURS]
        rows = [("Program", "Time", *titles)]
        for name, seconds in results["seconds"].items():
            time = _time(results[OURS[0]][name]["seconds"])
            time += f" ({min(seconds):.1f} to {max(seconds):.1f})"
            ratios = ("" if name == own else _ratio(results[own][name]) for own in OURS)
            title = f"**{name}**" if name in OURS else name
            rows.append((title, time, *ratios))
        return self.parse_text_to_nodes(_list_table(rows, "34 22 22 22"))


class WorkersTable(SphinxDirective):
    """What one worker does, and how long a million recordings take."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["workers"]
        workers = results["of one worker"]
        both = results["recordings per second of two workers at once"]
        rates = [workers[runtime]["recordings per second"] for runtime in RUNTIMES]
        hours = [MILLION / rate["median"] / 3600 for rate in rates]
        size = results["bytes of a file"]
        rows = [
            ("One worker, on one core", *RUNTIMES),
            ("Recordings per second", *map(_range, rates)),
            (
                "Two workers on two cores, together",
                *(_range(both[runtime]) for runtime in RUNTIMES),
            ),
            (
                "Time until the first 64 recordings are predicted",
                *(_range(workers[x]["start, seconds"], "s") for x in RUNTIMES),
            ),
            (
                "Peak memory",
                *(
                    f"{workers[x]['peak memory, MB']['median']:.0f} MB"
                    for x in RUNTIMES
                ),
            ),
            (
                f"Read from the storage ({size / 1e3:.0f} kB each)",
                *(f"{size * rate['median'] / 1e6:.1f} MB/s" for rate in rates),
            ),
            ("A million recordings, one worker", *map(_duration, hours)),
            ("10 workers", *(_duration(value / 10) for value in hours)),
            ("100 workers", *(_duration(value / 100) for value in hours)),
        ]
        return self.parse_text_to_nodes(_list_table(rows, "44 28 28"))


class ManyTable(SphinxDirective):
    """Peak memory and time of one command for more and more recordings."""

    def run(self) -> list[nodes.Node]:
        results = _results(self.env)["memory"]
        rows = [
            ("Recordings", *(f"{x}: {y}" for x in RUNTIMES for y in ("memory", "time")))
        ]
        for n in results[RUNTIMES[0]]:
            cells = []
            for runtime in RUNTIMES:
                row = results[runtime][n]
                cells += [f"{row['peak memory, MB']} MB", f"{row['seconds']:.0f} s"]
            rows.append((f"{int(n):,}", *cells))
        return self.parse_text_to_nodes(_list_table(rows, "20 20 20 20 20"))


class MillionTable(SphinxDirective):
    """What else a million recordings take, from the times of the other benchmarks."""

    def run(self) -> list[nodes.Node]:
        speed = _speed(self.env)
        files = speed["spectrograms"]["from WAV files, all cores"]
        computed = files["skheart, one thread"]["seconds"]
        n = speed["training"]["recordings"]
        epoch = speed["training"]["an epoch"]["skheart"]["seconds"] / n
        rows = [
            ("Quantity", "One recording", "A million"),
            ("Spectrogram on disk, float16", "40 × 1001 × 2 bytes = 80 kB", "80 GB"),
            (
                "Computing it from WAV, one core",
                _time(computed),
                _duration(computed * MILLION / 3600),
            ),
            ("The list of keys, in memory", "100 bytes", "100 MB"),
            (
                "An epoch of training, two cores",
                _time(epoch),
                _duration(epoch * MILLION / 3600),
            ),
        ]
        return self.parse_text_to_nodes(_list_table(rows, "34 33 33"))


def _results(env: Any) -> dict[str, Any]:
    env.note_dependency(str(PATH))
    return json.loads(PATH.read_text(encoding="utf-8"))


def _ratio(row: dict[str, float]) -> str:
    return f"{row['ratio']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"


def _range(figures: dict[str, float], unit: str = "") -> str:
    low, high = figures["lowest"], figures["highest"]
    return f"{figures['median']:.1f} ({low:.1f} to {high:.1f}) {unit}".rstrip()


def _duration(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{60 * hours:.0f} minutes"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("program-table", ProgramTable)
    app.add_directive("workers-table", WorkersTable)
    app.add_directive("many-table", ManyTable)
    app.add_directive("million-table", MillionTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
