"""Progress bars on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

_EVERY = 0.5  # seconds between two texts in a notebook


@contextmanager
def progress_bar(
    description: str, *, total: int, shown: bool = True, unit: str = ""
) -> Iterator[Any]:
    """Provide a function ``advance(steps=1, note="")`` that moves a progress bar.

    In a notebook without ipywidgets, the bar is a line of text.
    """
    if not shown:
        yield lambda steps=1, note="": None
        return
    from rich.console import Console

    console = Console(stderr=True)
    without_widgets = console.is_jupyter and find_spec("ipywidgets") is None
    if without_widgets:
        with _line(description, total, unit) as advance:
            yield advance
    else:
        with _bar(console, description, total, unit) as advance:
            yield advance


@contextmanager
def _bar(console: Any, description: str, total: int, unit: str) -> Iterator[Any]:
    """Draw a bar on a terminal or with a widget; elsewhere write its last state."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    # rich would send what a program prints to the terminal, above the bar, also where
    # standard output is a file or a pipe.
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    with Progress(*columns, console=console, redirect_stdout=to_terminal) as bar:
        task = bar.add_task(description, total=total, note="")

        def advance(steps: int = 1, note: str = "") -> None:
            bar.update(task, advance=steps, note=note)

        yield advance


@contextmanager
def _line(description: str, total: int, unit: str) -> Iterator[Any]:
    """Write a line of text again and again."""
    started = written = time.monotonic()
    done, width, last = 0, 0, ""

    def write() -> None:
        nonlocal width, written
        written = time.monotonic()
        seconds = written - started
        text = f"{description} {done}/{total} {unit}".rstrip()
        text += f", {_minutes(seconds)}"
        if 0 < done < total:
            text += f", {_minutes(seconds * (total - done) / done)} left"
        if last:
            text += f", {last}"
        sys.stderr.write(f"\r{text.ljust(width)}")
        sys.stderr.flush()
        width = len(text)

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, last
        done, last = done + steps, note
        if time.monotonic() - written >= _EVERY:
            write()

    write()
    try:
        yield advance
    finally:
        write()
        sys.stderr.write("\n")


def _minutes(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02}"
