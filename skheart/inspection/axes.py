"""Axes to draw in, and the colours that all displays use."""

from __future__ import annotations

from typing import Any

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
    optional_import("matplotlib", user=f"{user}.plot", extra="plot")
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def shade_phases(
    ax: Any, start: Any, end: Any, phase: Any, *, alpha: float = 1.0
) -> list[Any]:
    """Colour the background of axes by phase; return one artist for each phase."""
    artists = []
    for name, colour in PHASE_COLOURS.items():
        rows = phase == name
        spans = list(zip(start[rows], (end - start)[rows], strict=True))
        artists.append(
            ax.broken_barh(
                spans,
                (0, 1),
                transform=ax.get_xaxis_transform(),
                color=colour,
                linewidth=0,
                alpha=alpha,
                zorder=0,
                label=name,
            )
        )
    return artists
