"""The page of an evaluation: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from skheart._core.files import atomic_path
from skheart._core.optional import optional_import
from skheart.inspection.displays import SpectrogramDisplay
from skheart.metrics import RocBand, roc_band

_N_WORST = 6  # recordings that are drawn
_SIZE = (4.2, 4.0)  # inches: a phone shows it without scrolling
_COLOUR = "#0b6e99"
_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto;
  padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.note { border-left: 4px solid #c33; padding: .3rem .8rem; background: var(--soft); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .8rem .25rem 0;
  text-align: left; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top;
  max-width: 100%; }
figure svg, figure img { max-width: 100%; height: auto; background: white; }
figcaption { font-size: .85rem; max-width: 26rem; overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
"""


def write_evaluation_page(
    path: str | os.PathLike[str],
    figures: dict[str, Any],
    *,
    title: str,
    recordings: list[str],
    y_true: Any,
    probabilities: Any,
    groups: Any,
    notes: list[str],
) -> None:
    """Write the figures of an evaluation as a self-contained HTML page.

    Parameters
    ----------
    path : str or os.PathLike
        The page to write. An existing file is replaced.
    figures : dict
        What :func:`evaluate_answers` returned.
    title : str
        Such as ``"murmur on circor2022"``.
    recordings : list of str
        Paths, for the spectrograms of the worst answers; empty to draw none.
    y_true : array-like of shape (n_recordings,)
        True labels.
    probabilities : array-like of shape (n_recordings, n_classes)
        What the model answered.
    groups : array-like of shape (n_recordings,)
        The patient of each recording.
    notes : list of str
        Sentences to put first: what was evaluated, and what is not known.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skheart.report import evaluate_answers, write_evaluation_page
    >>> answers = {"y_true": ["murmur", "normal"], "probabilities": [[0.9, 0.1]] * 2}
    >>> figures = evaluate_answers(**answers, classes=["murmur", "normal"])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "page.html"
    >>> write_evaluation_page(path, figures, title="Two recordings", **answers,
    ...                       recordings=[], groups=["Anna", "Bo"], notes=[])
    >>> path.stat().st_size > 1000
    True
    """
    optional_import("matplotlib", user="an evaluation page", extra="plot")
    truth = np.asarray(y_true).astype(str)
    scores = np.asarray(probabilities, dtype=float)
    names, positive = figures["classes"], figures["positive"]
    parts = [f"<h1>{html.escape(title)}</h1>"]
    parts += [f"<p>{html.escape(note)}</p>" for note in notes]
    parts.append(
        '<p class="note">skheart is for research. It is not a medical device, and '
        "these figures do not make it one.</p>"
    )
    parts += ["<h2>Figures</h2>", _summary(figures)]
    if positive is not None:
        of_positive = scores[:, names.index(positive)]
        is_positive = truth == positive
        if 0 < is_positive.sum() < len(truth):
            band = roc_band(is_positive, of_positive, groups=groups, random_state=0)
            rates = figures["by_recording"]["rates"][positive]
            parts.append(_figure(_roc_chart(band, rates), _ROC_TEXT))
        text = (
            "Calibration by recording: the share that is positive, with its 95 % "
            "interval, against the mean probability, in ten equally large bins. "
            f"Expected calibration error {figures['calibration']['error']:.3f}."
        )
        chart = _calibration_chart(figures["calibration"]["bins"])
        parts.append(_figure(chart, text))
        parts += ["<h2>Thresholds, by recording</h2>"]
        parts.append(_thresholds(is_positive, of_positive, figures["threshold"]))
    parts += ["<h2>Confusion matrices</h2>"]
    for key, what in (("by_recording", "recordings"), ("by_patient", "patients")):
        if figures[key] is not None:
            parts.append(_confusion(figures[key]["confusion"], names, what))
    parts += _worst(recordings, truth, scores, names)
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(page.encode(errors="replace"))


_ROC_TEXT = (
    "ROC curve by recording, with the band that contains 95 % of the curves of "
    "resampled patients. The dot is the model at its threshold."
)


def _summary(figures: dict[str, Any]) -> str:
    """Return the table of all figures, by recording and by patient."""
    columns = [("recordings", figures["by_recording"])]
    if figures["by_patient"] is not None:
        columns.append(("patients", figures["by_patient"]))
    rows: list[list[str]] = [
        ["number", *(str(one["n"]) for _, one in columns)],
        ["AUROC", *(interval_text(one["auroc"]) for _, one in columns)],
        ["accuracy", *(interval_text(one["accuracy"]) for _, one in columns)],
        [
            "always the most frequent class",
            *(f"{one['majority']['share']:.3f}" for _, one in columns),
        ],
    ]
    for name in figures["by_recording"]["rates"]:
        for rate in ("sensitivity", "specificity", "ppv", "npv"):
            label = rate.upper() if len(rate) == 3 else rate
            cells = [interval_text(one["rates"][name][rate]) for _, one in columns]
            rows.append([f"{name}: {label}", *cells])
        prevalences = [f"{one['rates'][name]['prevalence']:.3f}" for _, one in columns]
        rows.append([f"{name}: prevalence that PPV and NPV are for", *prevalences])
    head = ["", *(f"by {what[:-1]}" for what, _ in columns)]
    return _table(head, rows)


def interval_text(value: dict[str, float | None] | None) -> str:
    """Return a figure with its interval as text."""
    if value is None or value["value"] is None:
        return "undefined"
    if value["low"] is None or value["high"] is None:
        return f"{value['value']:.3f} (no interval)"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def _thresholds(positive: np.ndarray, scores: np.ndarray, chosen: float | None) -> str:
    rows = []
    for threshold in sorted({*_THRESHOLDS, *([] if chosen is None else [chosen])}):
        called = scores >= threshold
        found = called[positive].mean() if positive.any() else np.nan
        cleared = (~called[~positive]).mean() if (~positive).any() else np.nan
        mark = " (of the model)" if threshold == chosen else ""
        counts = [str(int(called.sum())), str(int((called & ~positive).sum()))]
        rates = [f"{found:.3f}", f"{cleared:.3f}"]
        rows.append([f"{threshold:.3g}{mark}", *rates, *counts])
    head = ["threshold", "sensitivity", "specificity", "called positive", "wrongly"]
    return _table(head, rows)


def _confusion(counts: list[list[int]], names: list[str], what: str) -> str:
    head = [f"true class of {what}", *(f"answer {name}" for name in names)]
    rows = [[name, *map(str, row)] for name, row in zip(names, counts, strict=True)]
    return _table(head, rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table; all columns but the first are numbers."""
    kinds = ["", *(' class="number"' for _ in head[1:])]
    top = "".join(
        f'<th scope="col"{kind}>{html.escape(cell)}</th>'
        for kind, cell in zip(kinds, head, strict=True)
    )
    lines = []
    for first, *rest in rows:
        cells = "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in rest)
        lines.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
    body = "\n".join(lines)
    return f'<div class="wide"><table><tr>{top}</tr>\n{body}</table></div>'


def _worst(
    recordings: list[str], truth: np.ndarray, scores: np.ndarray, names: list[str]
) -> list[str]:
    """Return the recordings whose true class got the lowest probability."""
    columns = [names.index(label) for label in truth]
    given = scores[np.arange(len(truth)), columns]
    worst = [row for row in np.argsort(given)[:_N_WORST] if given[row] < 0.5]
    if not worst or not recordings:
        return []
    parts = ["<h2>Recordings with the worst answers</h2>"]
    for row in worst:
        text = (
            f"{Path(recordings[row]).name}: {truth[row]}, which got the probability "
            f"{given[row]:.3f}"
        )
        content = base64.b64encode(_spectrogram_png(recordings[row])).decode()
        image = f'<img alt="Spectrogram" src="data:image/png;base64,{content}">'
        parts.append(_figure(image, text))
    return parts


def _figure(content: str, text: str) -> str:
    caption = html.escape(text)
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


# Pictures -----------------------------------------------------------------------------


def _roc_chart(band: RocBand, rates: dict[str, Any]) -> str:
    """Return a ROC curve as SVG, with the model's own point."""
    figure, ax = _axes("False positive rate (1 - specificity)", "Sensitivity")
    false, true, low, high = band
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    ax.fill_between(false, low, high, color=_COLOUR, alpha=0.2, linewidth=0)
    ax.plot(false, true, color=_COLOUR)
    sensitivity, specificity = rates["sensitivity"], rates["specificity"]
    ax.plot(1 - specificity["value"], sensitivity["value"], "o", color="#b3261e")
    return _svg(figure, "ROC curve")


def _calibration_chart(bins: list[dict[str, float]]) -> str:
    """Return a calibration plot as SVG."""
    figure, ax = _axes("Mean probability", "Share that is positive")
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    x = [one["probability"] for one in bins]
    below = [one["share"] - one["low"] for one in bins]
    above = [one["high"] - one["share"] for one in bins]
    shares = [one["share"] for one in bins]
    ax.errorbar(x, shares, [below, above], fmt="o", color=_COLOUR, capsize=2)
    return _svg(figure, "Calibration plot")


def _spectrogram_png(recording: str) -> bytes:
    """Return the spectrogram of the first 20 seconds of a recording as PNG."""
    from skheart.spectrogram.transformer import SpectrogramTransformer

    transformer = SpectrogramTransformer(duration=20.0, normalize=None)
    figure, ax = _drawing((5.2, 2.4))
    display = SpectrogramDisplay.from_recording(recording, transformer=transformer)
    display.name = None
    display.plot(ax)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def _drawing(size: tuple[float, float]) -> tuple[Any, Any]:
    """Return a figure that no window of matplotlib knows, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def _axes(x: str, y: str) -> tuple[Any, Any]:
    figure, ax = _drawing(_SIZE)
    ax.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_aspect("equal")
    return figure, ax


def _svg(figure: Any, label: str) -> str:
    """Return a figure as an SVG element for a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Names inside must not meet those of another figure on the page.
    prefix = re.sub(r"\W", "", label)
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
