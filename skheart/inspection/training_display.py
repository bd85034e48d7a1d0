"""A plot of how a training went."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.pipeline import Pipeline

from skheart.inspection.axes import BLUE, GREY, RED, axes_for

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """The loss of each epoch, and the AUROC of the validation part.

    Usually created with :meth:`from_estimator`.

    Parameters
    ----------
    history : dict of str to list of float
        ``"loss"`` by epoch and, if there was a validation part, ``"val_auroc"``.
    name : str, default=None
        Title of the plot.

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The loss; exists after `plot`.
    auroc_line_ : matplotlib.lines.Line2D or None
        The AUROC of the validation part.
    best_line_ : matplotlib.lines.Line2D or None
        Marks the epoch whose weights were kept.
    ax_ : matplotlib.axes.Axes
        Axes of the loss.
    auroc_ax_ : matplotlib.axes.Axes or None
        Axes of the AUROC, on the right.
    figure_ : matplotlib.figure.Figure
        Figure of the plot.
    """

    def __init__(
        self, history: dict[str, list[float]], *, name: str | None = None
    ) -> None:
        self.history = history
        self.name = name

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None) -> Self:
        """Take the history of a fitted classifier.

        Parameters
        ----------
        estimator : CNNClassifier or Pipeline
            Fitted; of a pipeline, the last step counts.
        name : str, default=None
            Title of the plot.

        Returns
        -------
        display : TrainingDisplay
            Call its `plot` method to draw it.

        Raises
        ------
        ValueError
            If there is no history: the estimator is not fitted, or was loaded.

        Examples
        --------
        >>> from skheart import CNNClassifier, SpectrogramTransformer
        >>> from skheart.datasets import make_heart_sounds
        >>> from skheart.inspection import TrainingDisplay
        >>> sounds = make_heart_sounds(40, random_state=0)
        >>> X = SpectrogramTransformer(duration=5.0).fit_transform(sounds.data)
        >>> classifier = CNNClassifier(epochs=2, random_state=0).fit(X, sounds.target)
        >>> len(TrainingDisplay.from_estimator(classifier).history["loss"])
        2
        """
        last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
        history = getattr(last, "history_", {})
        if not history.get("loss"):
            raise ValueError(
                "estimator must be a CNNClassifier that was fitted in this process, or "
                f"a Pipeline that ends with one, got a {type(last).__name__} without "
                "history_; a model that was loaded from a file has none."
            )
        return cls(history, name=name)

    def plot(self, ax: Any = None, **line_options: Any) -> Self:
        """Draw the loss, and the AUROC on a second axis.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw in. By default, those of a new figure.
        **line_options
            Passed to :meth:`matplotlib.axes.Axes.plot` for the loss.

        Returns
        -------
        self : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, user="TrainingDisplay.plot", size=(6, 3.4))
        loss = self.history["loss"]
        epochs = np.arange(1, len(loss) + 1)
        options = {"color": BLUE, "marker": ".", "label": "loss", **line_options}
        (self.line_,) = ax.plot(epochs, loss, **options)
        ax.set(xlabel="Epoch", ylabel="Loss of the training part")
        ax.xaxis.get_major_locator().set_params(integer=True)
        self.auroc_line_ = self.best_line_ = self.auroc_ax_ = None
        scores = self.history.get("val_auroc")
        if scores:
            self.auroc_ax_ = ax.twinx()
            (self.auroc_line_,) = self.auroc_ax_.plot(
                np.arange(1, len(scores) + 1), scores, color=RED, marker="."
            )
            self.auroc_line_.set_label("AUROC")
            self.auroc_ax_.set_ylabel("AUROC of the validation part")
            best = int(np.argmax(scores)) + 1
            self.best_line_ = ax.axvline(best, color=GREY, linestyle=":")
            self.best_line_.set_label(f"best epoch: {best}")
            lines = [self.line_, self.auroc_line_, self.best_line_]
            ax.legend(
                handles=lines,
                loc="lower center",
                bbox_to_anchor=(0.5, 1),
                ncols=3,
                frameon=False,
            )
        if self.name:
            ax.set_title(self.name, pad=28 if scores else None)
        self.ax_, self.figure_ = ax, ax.figure
        return self
