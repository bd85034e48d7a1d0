"""A plot of the average heartbeat."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from skheart.audio.recordings import recordings_of
from skheart.inspection.axes import BLUE, PHASE_COLOURS, axes_for, shade_phases
from skheart.segmentation.average_beat import AverageBeat, average_beat
from skheart.segmentation.frames import PHASES, SAMPLE_RATE
from skheart.segmentation.segmenter import (
    HeartSoundSegmenter,
    load_segmenter,
    waveform_of,
)

__all__ = ["AverageBeatDisplay"]


class AverageBeatDisplay:
    """The loudness over the average heartbeat of a recording, with its spread.

    Usually created with :meth:`from_recording`.

    Parameters
    ----------
    beat : AverageBeat
        From :func:`~skheart.segmentation.average_beat`.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The mean level; exists after `plot`.
    band_ : matplotlib.collections.FillBetweenPolyCollection
        The range in which eight of ten beats lie.
    phases_ : list of matplotlib.collections.PolyCollection
        The coloured phases.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(self, beat: AverageBeat, *, name: str | None = None) -> None:
        self.beat = beat
        self.name = name

    @classmethod
    def from_recording(
        cls,
        recording: Any,
        *,
        segmenter: HeartSoundSegmenter | None = None,
        name: str | None = None,
    ) -> Self:
        """Find the phases of one recording, and average its beats.

        Parameters
        ----------
        recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
            A sound file, or a waveform.
        segmenter : HeartSoundSegmenter, default=None
            Finds the phases. By default the one of the package.
        name : str, default=None
            Title of the plot. By default, the name of the file.

        Returns
        -------
        display : AverageBeatDisplay
            Call its `plot` method to draw it.

        Examples
        --------
        >>> from skheart.datasets import make_heart_sounds
        >>> from skheart.inspection import AverageBeatDisplay
        >>> sounds = make_heart_sounds(
        ...     1, classes="normal", duration=8.0, random_state=0
        ... )
        >>> display = AverageBeatDisplay.from_recording(sounds.data[0])
        >>> display.beat.n_beats > 5
        True
        """
        segmenter = load_segmenter() if segmenter is None else segmenter
        (segmentation,) = segmenter.predict([recording])
        (entry,) = recordings_of(segmenter, [recording], reset=False, check_finite=True)
        waveform = waveform_of(segmenter.input_sample_rate, entry)
        if name is None and isinstance(recording, str | os.PathLike):
            name = Path(recording).name
        beat = average_beat(waveform, segmentation, sample_rate=SAMPLE_RATE)
        return cls(beat, name=name)

    def plot(self, ax: Any = None, **line_options: Any) -> Self:
        """Draw the average beat.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **line_options
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : AverageBeatDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If no beat is complete.
        """
        beat = self.beat
        if beat.n_beats == 0:
            raise ValueError(
                "AverageBeatDisplay needs a recording with a complete heartbeat, got "
                "one with none; listen to it, or record longer."
            )
        ax = axes_for(ax, user="AverageBeatDisplay.plot", size=(6, 3.4))
        starts, ends = beat.boundaries[:-1], beat.boundaries[1:]
        self.phases_ = list(shade_phases(ax, (starts, ends, PHASES)).values())
        options = {"color": BLUE, **line_options}
        self.band_ = ax.fill_between(
            beat.times, beat.low, beat.high, color=BLUE, alpha=0.25, linewidth=0
        )
        (self.line_,) = ax.plot(beat.times, beat.mean, **options)
        for name, start, end in zip(PHASE_COLOURS, starts, ends, strict=True):
            ax.annotate(
                name.upper() if len(name) == 2 else name,
                ((start + end) / 2, 1),
                xycoords=ax.get_xaxis_transform(),
                xytext=(0, -4),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize="small",
            )
        low, high = beat.low.min(), beat.high.max()
        ax.set(xlabel="Time in the beat (s)", ylabel="Level (dB)")
        ax.set_xlim(0, beat.boundaries[-1])
        ax.set_ylim(low - 2, high + 0.15 * (high - low) + 2)  # space for the words
        title = f"{beat.n_beats} beats"
        ax.set_title(f"{self.name}: {title}" if self.name else title)
        self.ax_, self.figure_ = ax, ax.figure
        return self
