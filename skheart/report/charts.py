"""The pictures of a page, as SVG and PNG."""

from __future__ import annotations

import io
import re
from typing import Any

from skheart.inspection.displays import SpectrogramDisplay
from skheart.metrics import RocBand

_SIZE = (4.2, 4.0)  # inches: a phone shows it without scrolling
_COLOUR = "#0b6e99"


def roc_chart(band: RocBand, rates: dict[str, Any]) -> str:
    """Return a ROC curve as SVG, with the model's own point."""
    figure, ax = _axes("False positive rate (1 - specificity)", "Sensitivity")
    false, true, low, high = band
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    ax.fill_between(false, low, high, color=_COLOUR, alpha=0.2, linewidth=0)
    ax.plot(false, true, color=_COLOUR)
    sensitivity, specificity = rates["sensitivity"], rates["specificity"]
    ax.plot(1 - specificity["value"], sensitivity["value"], "o", color="#b3261e")
    return _svg(figure, "ROC curve")


def calibration_chart(bins: list[dict[str, float]]) -> str:
    """Return a calibration plot as SVG."""
    figure, ax = _axes("Mean probability", "Share that is positive")
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    x = [one["probability"] for one in bins]
    below = [one["share"] - one["low"] for one in bins]
    above = [one["high"] - one["share"] for one in bins]
    shares = [one["share"] for one in bins]
    ax.errorbar(x, shares, [below, above], fmt="o", color=_COLOUR, capsize=2)
    return _svg(figure, "Calibration plot")


def spectrogram_png(recording: str) -> bytes:
    """Return the spectrogram of the first 20 seconds of a recording as PNG."""
    from skheart.spectrogram.transformer import SpectrogramTransformer

    transformer = SpectrogramTransformer(duration=20.0, normalize=None)
    figure, ax = _figure((5.2, 2.4))
    display = SpectrogramDisplay.from_recording(recording, transformer=transformer)
    display.name = None
    display.plot(ax)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def _figure(size: tuple[float, float]) -> tuple[Any, Any]:
    """Return a figure that no window of matplotlib knows, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def _axes(x: str, y: str) -> tuple[Any, Any]:
    figure, ax = _figure(_SIZE)
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
