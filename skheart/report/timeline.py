"""The picture of a recording over time, and of its average beat, as SVG.

Horizontal places are percentages, so that a picture fits a phone and a sheet of paper
while its text keeps its size. Curves are drawn in nested pictures that are stretched.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from skheart.report.data_urls import spectrogram_address
from skheart.report.description import RecordingDescription, Window

PHASES = ("s1", "systole", "s2", "diastole")
PHASE_NAMES = {"s1": "S1", "systole": "systole", "s2": "S2", "diastole": "diastole"}
_COLUMNS = 800  # of a waveform
_BARS = 400  # of contributions
_TICKS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)  # seconds
_MOST_TICKS = 7
_TITLE, _GAP = 14, 5  # pixels above and below the title of a row
_LABELLED = 7.0  # percent of the width from which on a window has its number


def timeline(description: RecordingDescription, shown: str) -> str:
    """Return everything over time as SVG: with windows as buttons, and a cursor.

    The probability and contributions are those of the class `shown`.
    """
    sound, duration = description.sound, description.duration
    if sound is None:
        raise ValueError("description must hold its sound to be drawn.")
    rows = []  # title, height and content
    if description.phases:
        rows.append(("Phases of the heartbeat", 12, _phases(description)))
    rows.append(("Waveform", 58, _waveform(sound.waveform)))
    title = f"Spectrogram, {sound.f_min:g} to {sound.f_max:g} Hz"
    rows.append((title, 92, _image(spectrogram_address(sound.spectrogram), title)))
    if description.contribution is not None:
        title = f"What speaks for {shown} (up) and against it (down)"
        rows.append((title, 46, _contributions(description.contribution.values, title)))
    inside = [one for one in description.windows if one.start < duration]
    if inside:
        length = inside[0].end - inside[0].start
        title = f"Probability of {shown} in windows of {length:g} s: click to play"
        rows.append((title, 44, _windows(inside, duration, shown)))
    parts, bottom = "", 0
    for title, height, content in rows:
        parts += (
            f'<text x="0" y="{bottom + _TITLE - 4}">{escape(title)}</text>'
            f'<svg x="0" y="{bottom + _TITLE}" width="100%" height="{height}">'
            f"{content}</svg>"
        )
        bottom += _TITLE + height + _GAP
    name = escape(f"{description.file or 'recording'} over time", quote=True)
    return (
        f'<svg class="time" width="100%" height="{bottom + 17}" role="group" '
        f'aria-label="{name}">{parts}{_axis(duration, bottom)}'
        f'<line class="cursor" x1="0" x2="0" y1="{_TITLE}" y2="{bottom}"/></svg>'
    )


def beat_picture(description: RecordingDescription) -> str:
    """Return the average beat as SVG; the phase that speaks most for it is marked."""
    beat, contribution = description.average_beat, description.contribution
    edges, top, height = np.asarray(beat.boundaries, dtype=float), 34, 100
    end = float(edges[-1])
    low, high = float(np.min(beat.low)), float(np.max(beat.high))
    marked = marked_phase(description)
    parts = []
    for phase, first, last in zip(PHASES, edges[:-1], edges[1:], strict=True):
        x, width = 100 * first / end, 100 * (last - first) / end
        kind = f"{phase} marked" if phase == marked else phase
        parts.append(
            f'<rect class="{kind}" x="{x:.2f}%" width="{width:.2f}%" y="{top}" '
            f'height="{height}"/>'
        )
        middle = f'x="{x + width / 2:.2f}%" text-anchor="middle"'
        parts.append(f'<text {middle} y="13">{PHASE_NAMES[phase]}</text>')
        share = np.nan if contribution is None else contribution.by_phase[phase]
        if np.isfinite(share):
            parts.append(f'<text {middle} y="28">{100 * share:.0f} %</text>')
    scale = 100 / max(high - low, 1e-9)
    band = _line(beat.times, beat.high, end, high, scale)
    band += _line(beat.times[::-1], beat.low[::-1], end, high, scale).replace("M", "L")
    curve = _line(beat.times, beat.mean, end, high, scale)
    parts.append(
        f'<svg x="0" y="{top}" width="100%" height="{height}" viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none"><path class="spread" d="{band}z"/>'
        f'<path class="curve" d="{curve}"/></svg>'
    )
    parts.append(
        f'<text x="100%" text-anchor="end" y="{top + height + 14}">{end:.2f} s</text>'
        f'<text x="0" y="{top + height + 14}">0 s</text>'
    )
    name = f"Average of {beat.n_beats} heartbeats, {high - low:.0f} dB from bottom to "
    name += "top"
    return (
        f'<svg class="beat" width="100%" height="{top + height + 18}" role="img" '
        f'aria-label="{name}">{"".join(parts)}</svg>'
    )


def rounded(p: float) -> str:
    """Return a probability with two digits, never as 0.00 or 1.00."""
    if p < 0.005:
        return "< 0.01"
    return "> 0.99" if p > 0.995 else f"{p:.2f}"


def marked_phase(description: RecordingDescription) -> str | None:
    """Return systole or diastole, the one with the larger share of contributions.

    None if the contributions belong to another class than the answer, or if the share
    is below a quarter.
    """
    contribution = description.contribution
    if contribution is None or contribution.positive != description.answer:
        return None
    shares = {name: contribution.by_phase[name] for name in ("systole", "diastole")}
    if not np.isfinite(list(shares.values())).all():
        return None
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= 0.25 else None


def _stretched(width: float, content: str, label: str) -> str:
    """Return an SVG of `width` by 100 units, stretched to the width of the page."""
    return (
        f'<svg width="100%" height="100%" viewBox="0 0 {width:g} 100" '
        f'preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        f"{content}</svg>"
    )


def _phases(description: RecordingDescription) -> str:
    paths = []
    for phase in PHASES:
        boxes = [
            f"M{1e4 * one.start / description.duration:.0f} 0H"
            f"{1e4 * min(one.end / description.duration, 1):.0f}V100H"
            f"{1e4 * one.start / description.duration:.0f}z"
            for one in description.phases
            if one.phase == phase
        ]
        paths.append(f'<path class="{phase}" d="{"".join(boxes)}"/>')
    n_beats = sum(one.phase == "s1" for one in description.phases)
    return _stretched(1e4, "".join(paths), f"Phases of {n_beats} heartbeats")


def _waveform(waveform: np.ndarray) -> str:
    """Return the waveform: a line from minimum to maximum for each pixel column."""
    # Loud outliers are cut off, so that the rest stays visible.
    peak = 1.5 * float(np.percentile(np.abs(waveform), 99.5)) or 1.0
    drawn = np.clip(waveform / peak, -1, 1)
    columns = np.array_split(drawn, min(_COLUMNS, len(drawn)))
    lines = [
        f"M{x} {50 - 48 * float(part.max()):.0f}V{50 - 48 * float(part.min()) + 1:.0f}"
        for x, part in enumerate(columns)
    ]
    path = f'<path class="wave" d="{"".join(lines)}"/>'
    return _stretched(len(columns), path, "Waveform")


def _image(address: str, label: str) -> str:
    return (
        f'<image width="100%" height="100%" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}" href="{address}"/>'
    )


def _contributions(values: np.ndarray, label: str) -> str:
    """Return bars: positive contributions above the zero line, negative ones below."""
    parts = np.array_split(np.asarray(values, dtype=float), min(_BARS, len(values)))
    sums = np.array([part.mean() for part in parts])
    top, bottom = max(float(sums.max()), 0.0), min(float(sums.min()), 0.0)
    scale = 96 / max(top - bottom, 1e-12)
    zero = 2 + scale * top
    paths = ""
    for kind, part in (("for", np.maximum(sums, 0)), ("against", np.minimum(sums, 0))):
        steps = [f"V{zero - scale * y:.1f}H{x + 1}" for x, y in enumerate(part)]
        paths += f'<path class="{kind}" d="M0 {zero:.1f}{"".join(steps)}V{zero:.1f}z"/>'
    line = f'<path class="zero" d="M0 {zero:.1f}H{len(parts)}"/>'
    return _stretched(len(parts), paths + line, label)


def _windows(windows: list[Window], duration: float, shown: str) -> str:
    """Return a button for each window, in two rows because neighbours overlap."""
    parts = []
    for number, window in enumerate(windows):
        end = min(window.end, duration)
        p = window.probabilities[shown]
        x, width = 100 * window.start / duration, 100 * (end - window.start) / duration
        y = 23 * (number % 2)
        label = f"Play {window.start:.1f} to {end:.1f} s: probability of {shown} "
        label += rounded(p)
        text = ""
        if width >= _LABELLED:
            middle = f'x="{x + width / 2:.2f}%" y="{y + 15}" text-anchor="middle"'
            text = f"<text {middle}>{escape(rounded(p))}</text>"
        parts.append(
            f'<g class="window" role="button" tabindex="0" aria-label="'
            f'{escape(label)}" data-start="{window.start:.3f}" data-end="{end:.3f}">'
            f'<rect class="p{round(10 * p)}" x="{x:.2f}%" y="{y + 1}" '
            f'width="{width:.2f}%" height="20" rx="3"/>{text}</g>'
        )
    return "".join(parts)


def _axis(duration: float, y: int) -> str:
    """Return the labels of the time axis, in seconds."""
    step = next((s for s in _TICKS if duration / s <= _MOST_TICKS), _TICKS[-1])
    ticks = []
    for number in range(int(duration / step) + 1):
        place = 100 * number * step / duration
        anchor = "start" if number == 0 else "end" if place > 97 else "middle"
        unit = " s" if number == 0 else ""
        ticks.append(
            f'<text x="{place:.2f}%" y="{y + 12}" text-anchor="{anchor}">'
            f"{number * step:g}{unit}</text>"
        )
    return "".join(ticks)


def _line(times: Any, values: Any, end: float, high: float, scale: float) -> str:
    """Return the path of a curve in an SVG that is 1000 units wide."""
    points = [
        f"{1000 * float(t) / end:.1f} {(high - float(v)) * scale:.1f}"
        for t, v in zip(times, values, strict=True)
    ]
    return "M" + "L".join(points)
