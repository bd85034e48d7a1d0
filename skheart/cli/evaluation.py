"""The report of a model's answers: text, JSON, a table, a page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skheart._core.decisions import Decision, labels_of
from skheart.cli.commands.evaluate import SAME_NAMES
from skheart.cli.options import check_output
from skheart.cli.row_writer import RowWriter
from skheart.cli.tables import answer_columns
from skheart.report import evaluate_answers, write_evaluation_page
from skheart.report.evaluation_page import interval_text
from skheart.report.official_scores import official_score

_POOLED = {"max": "highest", "mean": "mean", "median": "median"}
_SEEN = {
    "unseen": "none of which the model was trained on",
    "unknown": "it is unknown whether the model was trained on them",
    "seen": (
        "ALL OF WHICH THE MODEL\nWAS TRAINED OR TUNED ON: these figures are too "
        "optimistic; evaluate it on others"
    ),
}


def check_outputs(options: argparse.Namespace) -> None:
    """Raise if an output file already exists or has the wrong ending."""
    for option, path, ending in (
        ("--report", options.report, ".html"),
        ("--answers", options.answers, ".csv"),
    ):
        if path is not None:
            check_output(path, option, force=options.force, endings=(ending,))


def report_on(
    options: argparse.Namespace,
    corpus: Bunch,
    probabilities: np.ndarray,
    classes: np.ndarray,
    decision: Decision,
    *,
    header: dict[str, Any],
    title: str,
) -> None:
    """Print the figures of answers, and write the files that were asked for."""
    target = corpus.target.astype(str)
    figures = evaluate_answers(
        target,
        probabilities,
        classes=classes,
        groups=corpus.groups,
        decision=decision,
        prevalence=options.prevalence,
        random_state=options.seed,
    )
    official = official_score(corpus, probabilities, classes, decision)
    report = {
        "corpus": corpus.name,
        **header,
        "has_patients": corpus.has_patients,
        **figures,
        "official": official,
    }
    if options.answers is not None:
        _write_answers(options.answers, corpus, probabilities, classes, decision)
    if options.report is not None:
        write_evaluation_page(
            options.report,
            figures,
            title=title,
            recordings=corpus.data.tolist(),
            y_true=target,
            probabilities=probabilities,
            groups=corpus.groups,
            notes=[*_header_lines(report), *_official_lines(official)],
        )
    if options.format == "json":
        print(json.dumps(report, indent=2, allow_nan=False))
    else:
        print(report_text(report))


def _write_answers(
    path: Path,
    corpus: Bunch,
    probabilities: np.ndarray,
    classes: np.ndarray,
    decision: Decision,
) -> None:
    """Write one row for each recording: its label, the answer and the probabilities."""
    answers = labels_of(probabilities, classes, decision)
    with RowWriter(path, "csv") as rows:
        names = ("recording", "patient", "label")
        known = zip(corpus.data, corpus.groups, corpus.target, strict=True)
        for values, answer, numbers in zip(known, answers, probabilities, strict=True):
            row = dict(zip(names, map(str, values), strict=True))
            rows.write(row | answer_columns(answer, numbers, classes))


# The report ---------------------------------------------------------------------------


def report_text(report: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    columns = [("recording", report["by_recording"])]
    if report["by_patient"] is not None and report["has_patients"]:
        columns.append(("patient", report["by_patient"]))
    rows = [["", *(f"by {what}" for what, _ in columns)]]
    for key in ("auroc", "accuracy"):
        name = "AUROC" if key == "auroc" else key
        rows.append([name, *(interval_text(one[key]) for _, one in columns)])
    for name in report["by_recording"]["rates"]:
        for rate in ("sensitivity", "specificity", "ppv", "npv"):
            label = rate.upper() if len(rate) == 3 else rate
            cells = [interval_text(one["rates"][name][rate]) for _, one in columns]
            rows.append([f"{name}: {label}", *cells])
    width = max(len(row[0]) for row in rows) + 2
    lines = _header_lines(report)
    lines += [
        "".join([row[0].ljust(width), *(c.ljust(26) for c in row[1:])]).rstrip()
        for row in rows
    ]
    for what, one in columns:
        lines.append(f"Confusion matrix by {what} (rows: true class)")
        lines += _confusion_lines(one["confusion"], report["classes"])
    lines += _closing_lines(report)
    return "\n".join(lines)


def _header_lines(report: dict[str, Any]) -> list[str]:
    """Return what was scored, and what was left out."""
    by_recording = report["by_recording"]
    of = f" of {by_recording['n_patients']} patients" if report["has_patients"] else ""
    lines = [f"{report['corpus']}: {by_recording['n']} recordings{of}"]
    if "seen" in report:
        lines[0] += f", {_SEEN[report['seen']]}"
    else:
        lines[0] += f", each predicted by a model of {report['folds']} folds that was "
        lines[0] += "not trained on it"
        if report["start"] == "unknown":
            lines.append(
                "It is unknown whether the network of --weights was trained on these "
                "patients; if it\nwas, the figures are too optimistic"
            )
    seen = "were left out: the model was trained or tuned on them or their patients"
    for name, text in (
        ("n_left_out", seen),
        ("n_same_names", SAME_NAMES),
        ("n_other_labels", "with other labels were left out"),
        ("n_unusable", "could not be used"),
    ):
        if report.get(name):
            lines.append(f"{report[name]} recordings {text}")
    if not report["has_patients"]:
        table = report["corpus"] == "table"
        missing = "no column of patients" if table else "no --patient-pattern"
        lines.append(
            f"Each recording is counted as a patient ({missing}): where patients have\n"
            "several recordings, the intervals are too narrow"
        )
    return lines


def _confusion_lines(counts: list[list[int]], classes: list[str]) -> list[str]:
    width = max(len(name) for name in classes) + 2
    lines = ["".join([" " * width, *(name.rjust(width) for name in classes)])]
    for name, row in zip(classes, counts, strict=True):
        lines.append("".join([name.ljust(width), *(str(n).rjust(width) for n in row)]))
    return lines


def _closing_lines(report: dict[str, Any]) -> list[str]:
    """Return what the figures are about."""
    lines = _official_lines(report["official"])
    majority = report["by_recording"]["majority"]
    lines.append(
        f"Always answering {majority['class']} has accuracy {majority['share']:.3f}."
    )
    positive = report["positive"]
    if positive is None:
        lines.append("AUROC is the mean of each class against the rest.")
        return lines
    prevalence = report["by_recording"]["rates"][positive]["prevalence"]
    threshold = report["threshold"]
    decided = "most probable class" if threshold is None else f"{threshold:.3g}"
    if report["patient_threshold"] is not None:
        decided += f", of patients {report['patient_threshold']:.3g}"
    lines += [
        f"Positive class: {positive} (--positive). Threshold: {decided} (--threshold).",
        f"PPV and NPV hold for a prevalence of {prevalence:.3f} (--prevalence).",
        f"Expected calibration error: {report['calibration']['error']:.3f}.",
        _pooling_line(report["pooling"]),
    ]
    return lines


def _pooling_line(pooling: Any) -> str:
    if pooling == "patient model":
        return "A patient model computes the probabilities of patients."
    if isinstance(pooling, list):
        ways = ", ".join(_POOLED[way] for way in pooling)
        return f"The probabilities of a patient are pooled by class: {ways}."
    return (
        f"The probability of a patient is the {_POOLED[pooling]} of the patient's "
        "recordings."
    )


def _official_lines(official: dict[str, Any] | None) -> list[str]:
    if official is None or official["value"] is None:
        return []
    lines = [f"{official['score']}: {official['value']:.3f} ({official['note']})"]
    if official["by_database"]:
        parts = (f"{k} {v['value']:.3f}" for k, v in official["by_database"].items())
        lines.append(f"by database: {', '.join(parts)}")
    return lines
