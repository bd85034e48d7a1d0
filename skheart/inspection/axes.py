"""Axes to draw in, and the colours that all displays use."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart._core.optional import optional_import

BLUE, RED, GREY = "#0b6e99", "#b3261e", "0.6"
# Light, so that lines stay readable; the sounds are a little darker than the rest.
PHASE_COLOURS = {
    "s1": "#dccbe8",
    "systole": "#fbe6c2",
    "s2": "#c3dcea",
    "diastole": "#f1f3f5",
}


def axes_for(ax: Any, *, user: str, size: tuple[float, float]) -> Any:
    """Return the axes of the user, or those of a new figure of a size in inches."""
    optional_import("matplotlib", user=user, extra="plot")
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def shade_phases(
    ax: Any,
    segmentation: Any,
    *,
    colours: dict[str, str] = PHASE_COLOURS,
    low: float = 0,
    height: float = 1,
    **options: Any,
) -> dict[str, Any]:
    """Draw phases in their colours; return one artist for each, with a label.

    `low` and `height` are in units of the height of the axes.
    """
    start, end, phase = map(np.asarray, segmentation)
    settings = {"transform": ax.get_xaxis_transform(), "linewidth": 0, "zorder": 0}
    artists = {}
    for name, colour in colours.items():
        rows = phase == name
        spans = list(zip(start[rows], (end - start)[rows], strict=True))
        artists[name] = ax.broken_barh(
            spans, (low, height), color=colour, label=name, **settings | options
        )
    return artists
