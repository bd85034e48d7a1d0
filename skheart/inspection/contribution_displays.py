"""Plots of what a network's answer depends on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from skheart.inspection.axes import BLUE, GREY, RED, axes_for, shade_phases
from skheart.inspection.contributions import Contributions, frame_contributions
from skheart.inspection.occlusion import OcclusionMap, occlusion_map

__all__ = ["ContributionDisplay", "OcclusionDisplay"]


class ContributionDisplay:
    """What each frame of a recording adds to its logit.

    Usually created with :meth:`from_estimator`.

    Parameters
    ----------
    contributions : Contributions
        From :func:`frame_contributions`.
    segmentation : Segmentation or tuple of (start, end, phase), default=None
        Phases of the heartbeat, which colour the background.
    label : label, default=None
        The class to show if there are more than two. By default the one with the
        largest logit.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    label : label
        The class that the plot is about.
    values : ndarray of shape (n_frames,)
        What is drawn.
    line_ : matplotlib.lines.Line2D
        The values; exists after `plot`.
    for_, against_ : matplotlib.collections.FillBetweenPolyCollection
        The areas of frames with positive and with negative values.
    phases_ : list of matplotlib.collections.PolyCollection
        The coloured phases; empty without a segmentation.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(
        self,
        contributions: Contributions,
        *,
        segmentation: Any = None,
        label: Any = None,
        name: str | None = None,
    ) -> None:
        self.contributions = contributions
        self.segmentation = segmentation
        self.name = name
        self.label, self.values = _values_of(contributions, label)

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        recording: Any,
        *,
        segmentation: Any = None,
        label: Any = None,
        name: str | None = None,
    ) -> Self:
        """Compute the contributions of one recording.

        Parameters
        ----------
        model : sklearn.pipeline.Pipeline
            Fitted, with the compact network, as for :func:`frame_contributions`.
        recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
            A sound file, or a waveform.
        segmentation : Segmentation or tuple of (start, end, phase), default=None
            Phases of the heartbeat, which colour the background.
        label : label, default=None
            The class to show if there are more than two. By default the one with the
            largest logit.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : ContributionDisplay
            Call its `plot` method to draw it.

        Examples
        --------
        >>> from skheart import load_pretrained
        >>> from skheart.datasets import make_heart_sounds
        >>> from skheart.inspection import ContributionDisplay
        >>> sounds = make_heart_sounds(1, duration=5.0, random_state=0)
        >>> model = load_pretrained("murmur")
        >>> display = ContributionDisplay.from_estimator(model, sounds.data[0])
        >>> display.label, display.values.shape
        ('murmur', (251,))
        """
        (contributions,) = frame_contributions(model, [recording])
        return cls(contributions, segmentation=segmentation, label=label, name=name)

    def plot(self, ax: Any = None, **line_options: Any) -> Self:
        """Draw the contributions over time.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **line_options
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        self : ContributionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, user="ContributionDisplay.plot", size=(9, 2.8))
        times, values = self.contributions.times, self.values
        self.phases_ = []
        if self.segmentation is not None:
            self.phases_ = list(shade_phases(ax, self.segmentation).values())
        options = {"color": "0.15", "linewidth": 0.8, **line_options}
        (self.line_,) = ax.plot(times, values, **options)
        self.for_, self.against_ = (
            ax.fill_between(
                times, side, color=colour, alpha=0.7, linewidth=0, label=word
            )
            for side, colour, word in (
                (np.maximum(values, 0), RED, f"for {self.label}"),
                (np.minimum(values, 0), BLUE, f"against {self.label}"),
            )
        )
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.set(xlabel="Time (s)", ylabel="Contribution to the logit")
        ax.set_xlim(times[0], times[-1] if len(times) > 1 else times[0] + 1)
        _legend(ax, self.name, [self.for_, self.against_, *self.phases_])
        self.ax_, self.figure_ = ax, ax.figure
        return self


class OcclusionDisplay:
    """How much the logit falls if a part of the spectrogram is hidden.

    Usually created with :meth:`from_estimator`.

    Parameters
    ----------
    occlusion : OcclusionMap
        From :func:`occlusion_map`.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    image_ : matplotlib.collections.QuadMesh
        The drawn map; exists after `plot`.
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(self, occlusion: OcclusionMap, *, name: str | None = None) -> None:
        self.occlusion = occlusion
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        recording: Any,
        *,
        time_step: float = 0.1,
        n_bands: int = 8,
        label: Any = None,
        name: str | None = None,
    ) -> Self:
        """Compute the map of one recording.

        Parameters
        ----------
        model : sklearn.pipeline.Pipeline
            Fitted, with any network, as for :func:`occlusion_map`.
        recording : str, os.PathLike, bytes, binary file, ndarray, tuple or dict
            A sound file, or a waveform.
        time_step : float, default=0.1
            Length of a part, in seconds.
        n_bands : int, default=8
            Number of parts over the frequencies.
        label : label, default=None
            The class whose logit is meant. By default the positive one of two classes,
            or the most probable one of more.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : OcclusionDisplay
            Call its `plot` method to draw it.

        Examples
        --------
        >>> from skheart import load_pretrained
        >>> from skheart.datasets import make_heart_sounds
        >>> from skheart.inspection import OcclusionDisplay
        >>> sounds = make_heart_sounds(1, duration=5.0, random_state=0)
        >>> display = OcclusionDisplay.from_estimator(
        ...     load_pretrained("murmur"), sounds.data[0], time_step=0.5, n_bands=4
        ... )
        >>> display.occlusion.values.shape
        (4, 11)
        """
        occlusion = occlusion_map(
            model, recording, time_step=time_step, n_bands=n_bands, label=label
        )
        return cls(occlusion, name=name)

    def plot(
        self, ax: Any = None, *, cmap: str = "RdBu_r", **mesh_options: Any
    ) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        cmap : str, default="RdBu_r"
            Name of a colour map of matplotlib; its middle stands for 0.
        **mesh_options
            Passed to :meth:`matplotlib.axes.Axes.pcolormesh`.

        Returns
        -------
        self : OcclusionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, user="OcclusionDisplay.plot", size=(9, 3.0))
        found = self.occlusion
        largest = float(np.abs(found.values).max()) or 1.0
        options = {"vmin": -largest, "vmax": largest, **mesh_options}
        self.image_ = ax.pcolormesh(
            found.times,
            found.frequencies,
            found.values,
            cmap=cmap,
            shading="nearest",
            **options,
        )
        ax.figure.colorbar(
            self.image_, ax=ax, label=f"Fall of the logit\nof {found.positive}"
        )
        ax.set(xlabel="Time (s)", ylabel="Frequency (Hz)")
        if self.name:
            ax.set_title(self.name)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _values_of(contributions: Contributions, label: Any) -> tuple[Any, np.ndarray]:
    """Return the class to show, and the contributions to its logit."""
    classes, values = contributions.classes.tolist(), contributions.values
    if label is not None and label not in classes:
        raise ValueError(
            f"label must be one of {', '.join(map(repr, classes))}, got {label!r}."
        )
    if values.ndim == 1:
        if label is None or label == contributions.positive:
            return contributions.positive, values
        return label, -values
    if label is None:
        label = classes[int(np.argmax(contributions.logit))]
    return label, values[:, classes.index(label)]


def _legend(ax: Any, name: str | None, artists: list[Any]) -> None:
    """Put a legend of one line above the axes, and the title to its left."""
    if name:
        ax.set_title(name, loc="left")
    ax.legend(
        handles=artists,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(artists),
        frameon=False,
        borderaxespad=0.2,
        fontsize="small",
        handlelength=1.2,
        columnspacing=1.2,
    )
