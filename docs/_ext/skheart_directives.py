"""Directives that show parts of the package on the pages.

``cli-help`` shows the help of a command, ``corpus-info`` the facts about a corpus,
``model-card`` the card of a pretrained model, ``accuracy-table``, ``trials-table``,
``patients-table``, ``loss-table``, ``speed-table``, ``growth-table``,
``deployment-table``, ``start-table`` and ``stream-table`` the figures in
``benchmarks/results``; formulas become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from skheart.cli.main import command_parser, program_parser
from skheart.datasets import CORPORA, CORPUS_INFO
from skheart.pretrained import model_card

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
METHODS = {
    "majority": "Majority class",
    "energy": "Energy, logistic regression",
    "mfcc": "MFCC, logistic regression",
    "minirocket": "MiniRocket, ridge",
    "skheart": "skheart",
}
TASKS = {
    "pascal_murmur": "PASCAL murmur",
    "pascal_extrasystole": "PASCAL extra-systole",
    "cinc_within": "CinC within",
    "cinc_mean_accuracy": "CinC MAcc",
    "circor_recording": "CirCor record-ing",
    "circor_patient": "CirCor patient",
    "circor_weighted_accuracy": "CirCor w. acc.",
    "circor_outcome": "CirCor outcome",
}

SPEED = {
    ("spectrograms", "from memory, one thread"): "Spectrogram, from memory, one thread",
    ("spectrograms", "from WAV files, all cores"): "Spectrogram, from a WAV file",
    ("training", "an epoch"): "An epoch of training",
    ("prediction", "one recording, warm"): "From a path to its probability",
    ("prediction", "1000 recordings"): "The same, one of 1000",
    ("prediction", "a new process"): "The same, in a new process",
    ("search", "search"): "A search, 18 fits and one more",
    ("search from whole spectrograms", "search"): "The same, from whole spectrograms",
}


class CommandHelp(SphinxDirective):
    """What ``skheart [COMMAND] --help`` prints."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        parser = command_parser(*self.arguments) if self.arguments else program_parser()
        text = parser.format_help()
        return [nodes.literal_block(text, text, language="text")]


class CorpusInfo(SphinxDirective):
    """Summary, citation, licence, home page and loader of a corpus."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        info = CORPUS_INFO[self.arguments[0]]
        loader = CORPORA[info.name]
        # The backslash keeps initials such as "P." from starting a list.
        text = f"""\
{info.summary}

:Licence: {info.licence}
:Cite: \\{info.citation}
:Home page: {info.homepage}
:Loader: :func:`skheart.datasets.{loader.__name__}`
:Folder: `{info.name}`
"""
        return self.parse_text_to_nodes(text)


class ModelCardText(SphinxDirective):
    """The card of a pretrained model."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = str(model_card(self.arguments[0]))
        return [nodes.literal_block(text, text, language="text")]


class AccuracyTable(SphinxDirective):
    """The scores of every task and method, from the results of the benchmark."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(RESULTS / "accuracy.json"))
        results = json.loads((RESULTS / "accuracy.json").read_text(encoding="utf-8"))
        rows = [("Task and score", "Method", "Folds", "All together")]
        for task, row in results["figures"]["skheart"].items():
            first = f"{row['task']}: {row['score']}"
            for method, title in METHODS.items():
                figure = results["figures"].get(method, {}).get(task)
                if figure is None:
                    continue
                mine = method == "skheart"
                folds, together = _texts(figure)
                mark = "**" if mine else ""
                rows.append((first, f"{mark}{title}{mark}", folds, together))
                first = ""
        return self.parse_text_to_nodes(_list_table(rows, "34 26 16 24"))


class TrialsTable(SphinxDirective):
    """The settings that were tried, with scores of the folds for choosing them."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "trials.json"
        self.env.note_dependency(str(path))
        trials = json.loads(path.read_text(encoding="utf-8"))["trials"]
        tasks = list(trials[0]["figures"])
        rows = [("", *(TASKS[task] for task in tasks))]
        for row in trials:
            figures = [row["figures"].get(task) for task in tasks]
            texts = ("" if f is None else f"{f:.3f}" for f in figures)
            rows.append((row["title"], *texts))
        return self.parse_text_to_nodes(_list_table(rows, "28" + " 9" * len(tasks)))


PATIENT_MODELS = {
    "rule": "Probabilities pooled by class",
    "model": "Patient model",
}


class PatientsTable(SphinxDirective):
    """The weighted accuracy of murmur3 with and without its patient model."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "patient_model.json"
        self.env.note_dependency(str(path))
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        titles = ("Folds", "All together", "Unknown found", "First fold")
        rows = [("", *titles)]
        for name, title in PATIENT_MODELS.items():
            row = figures[name]
            right, answered = row["of them right"], row["answered Unknown"]
            found = f"{right} of {row['Unknown']}, in {answered} predictions"
            _, first = _texts({**row["kept back"], "mean": None})
            rows.append((title, *_texts(row), found, first))
        return self.parse_text_to_nodes(_list_table(rows, "28 15 22 15 20"))


class LossTable(SphinxDirective):
    """AUROC by loss, and its difference from cross-entropy."""

    def run(self) -> list[nodes.Node]:
        path = RESULTS / "loss_study.json"
        self.env.note_dependency(str(path))
        studies = json.loads(path.read_text(encoding="utf-8"))["studies"]
        titles = ("from cross-entropy", "from the same with batches of both classes")
        rows = [("Corpus", "Loss", "AUROC, folds", *titles)]
        for name, study in studies.items():
            corpus, comma, how = name.partition(",")
            title = CORPUS_INFO[corpus].title + comma + how
            title += f", {study['seeds']} × 5 folds"
            for loss, row in study["losses"].items():
                first = loss == "cross-entropy"
                differences = [
                    f"{part['difference']:+.3f} ({part['low']:+.3f} to "
                    f"{part['high']:+.3f})"
                    if part["low"] != part["high"]
                    else ""
                    for part in (row, row["same_batches"])
                ]
                rows.append(
                    (
                        title if first else "",
                        loss,
                        f"{row['mean']:.3f} ± {row['sd']:.3f}",
                        *differences,
                    )
                )
        return self.parse_text_to_nodes(_list_table(rows, "20 24 16 20 20"))


class SpeedTable(SphinxDirective):
    """The time that each way of doing the same work takes, from the benchmark."""

    def run(self) -> list[nodes.Node]:
        results = _speed(self.env)
        rows = [("Task", "Program", "Time", "Relative to skheart (lowest to highest)")]
        for (benchmark, part), title in SPEED.items():
            first = title
            for way, row in results[benchmark][part].items():
                mine = way == "skheart"
                ratio = (
                    f"{row['ratio']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"
                )
                name = f"**{way}**" if mine else way
                rows.append((first, name, _time(row["seconds"]), "" if mine else ratio))
                first = ""
        return self.parse_text_to_nodes(_list_table(rows, "30 28 16 26"))


class GrowthTable(SphinxDirective):
    """Memory and time of fit and predict against the number of recordings."""

    def run(self) -> list[nodes.Node]:
        rows = [("Spectrograms", "Recordings", "Peak memory", "One epoch", "Predict")]
        for where, sizes in _speed(self.env)["growth"].items():
            first = where
            for row in sizes.values():
                if isinstance(row, dict):
                    texts = (f"{row['peak, MB']} MB", f"{row['fit, s']:.1f} s")
                    predict = f"{row['predict, s']:.1f} s"
                    rows.append((first, str(row["recordings"]), *texts, predict))
                    first = ""
        return self.parse_text_to_nodes(_list_table(rows, "24 19 19 19 19"))


class DeploymentTable(SphinxDirective):
    """Size and latency of a model in each runtime."""

    def run(self) -> list[nodes.Node]:
        rows = [
            ("Duration", "Runtime", "Size of the file", "Median", "99th percentile")
        ]
        measured = _speed(self.env)["deployment"]["of a recording"]
        for duration, ways in measured.items():
            first = duration
            for way, row in ways.items():
                if isinstance(row, dict):
                    size = f"{row['bytes'] / 1e6:.2f} MB"
                    times = (f"{row['median']:.1f} ms", f"{row['p99']:.1f} ms")
                    rows.append((first, way, size, *times))
                    first = ""
        return self.parse_text_to_nodes(_list_table(rows, "10 36 18 18 18"))


class StartTable(SphinxDirective):
    """The time of ``skheart predict`` in a new process."""

    def run(self) -> list[nodes.Node]:
        measured = _speed(self.env)["deployment"]["a new process"]
        rows = [("``skheart predict`` in a new process", "Time")]
        titles = {"skheart": "``murmur.onnx``", "with TensorFlow": "``--model murmur``"}
        for way, title in titles.items():
            rows.append((title, _time(measured[way]["seconds"])))
        return self.parse_text_to_nodes(_list_table(rows, "60 40"))


class StreamTable(SphinxDirective):
    """How many times faster than real time a stream is classified."""

    def run(self) -> list[nodes.Node]:
        rows = [("Span", "Speed relative to real time")]
        measured = _speed(self.env)["deployment"]["streaming, times real time"]
        rows += [(window, f"{times:.0f}") for window, times in measured.items()]
        return self.parse_text_to_nodes(_list_table(rows, "60 40"))


def _speed(env: Any) -> dict[str, Any]:
    path = RESULTS / "speed.json"
    env.note_dependency(str(path))
    return json.loads(path.read_text(encoding="utf-8"))["benchmarks"]


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _texts(figure: dict[str, Any]) -> tuple[str, str]:
    together = f"{figure['value']:.3f}"
    if figure.get("low") is not None:
        together += f" ({figure['low']:.3f} to {figure['high']:.3f})"
    if figure.get("parts") and len(figure["parts"]) > 1:
        parts = (f"{part} {value:.2f}" for part, value in figure["parts"].items())
        together += f"; {', '.join(parts)}"
    if figure.get("mean") is None:
        return "", together
    return f"{figure['mean']:.3f} ± {figure['sd']:.3f}", together


def _list_table(rows: list[tuple[str, ...]], widths: str) -> str:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in rows:
        marks = ["   * -", *["     -"] * (len(row) - 1)]
        lines += [f"{mark} {cell}" for mark, cell in zip(marks, row, strict=True)]
    return "\n".join(lines) + "\n"


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the renderer."""
    app.add_directive("cli-help", CommandHelp)
    app.add_directive("corpus-info", CorpusInfo)
    app.add_directive("model-card", ModelCardText)
    app.add_directive("accuracy-table", AccuracyTable)
    app.add_directive("trials-table", TrialsTable)
    app.add_directive("patients-table", PatientsTable)
    app.add_directive("loss-table", LossTable)
    app.add_directive("speed-table", SpeedTable)
    app.add_directive("growth-table", GrowthTable)
    app.add_directive("deployment-table", DeploymentTable)
    app.add_directive("start-table", StartTable)
    app.add_directive("stream-table", StreamTable)
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
