"""Model cards of the pretrained models."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from skheart.neural.packaged_networks import read_description, saved_names

__all__ = ["ModelCard", "model_card", "model_names"]


@dataclass(frozen=True)
class ModelCard:
    """Card of a pretrained model: training data, figures and limits.

    Attributes
    ----------
    name : str
        Name for :func:`load_pretrained`.
    summary : str
        What the model distinguishes.
    classes : tuple of str
        Labels, in the order of the columns of `predict_proba`.
    data : tuple of dict
        One for each corpus of the training data: ``corpus``, ``recordings``,
        ``patients``; ``labels``, the number of recordings by label; ``ages`` and
        ``sexes``, the number of patients; ``locations``, the number of recordings.
    use : str
        How to classify a recording, and a patient by several recordings.
    split : str
        How the figures were measured.
    figures : tuple of dict
        One for each figure, those for other hospitals first: ``task``, ``score``,
        ``mean`` and ``sd`` over the folds, ``value`` of all folds together with ``low``
        and ``high``, the ends of its 95 % interval over patients, and ``parts``, the
        value of each database. None where it was not measured.
    limits : tuple of str
        What the model must not be used for, and where it is weak.
    n_parameters : int
        Number of weights of the network.
    training : str
        The script that trained it, and its settings.
    licence : str
        Licences of the recordings, and of the weights.
    calibration : dict or None
        How often answers are right, measured on patients that the networks were not
        trained on: ``positive``, ``prevalence``, and ``bins`` by rising probability,
        each with ``n`` recordings, ``patients``, the mean ``probability``, and the
        ``share`` that is positive with its 95 % interval, ``low`` and ``high``;
        ``error``, the expected calibration error at `prevalence`; ``slope`` and
        ``intercept``, by which the log odds of the training were changed. None if it
        was not measured.
    patient_calibration : dict or None
        The same by patient: of the probability that the rule in `use` gives a patient.
    operating_point : dict or None
        The class to detect, ``positive``; the ``threshold`` of its probability for the
        ``wanted_sensitivity``, by recording; the ``sensitivity`` and ``specificity``
        that such thresholds reach for other patients, and the predictive values at some
        prevalences (``"ppv at 0.02"``), each with its 95 % interval. None if it was not
        measured.
    """

    name: str
    summary: str
    classes: tuple[str, ...]
    data: tuple[dict[str, Any], ...]
    use: str
    split: str
    figures: tuple[dict[str, Any], ...]
    limits: tuple[str, ...]
    n_parameters: int
    training: str
    licence: str
    calibration: dict[str, Any] | None = None
    patient_calibration: dict[str, Any] | None = None
    operating_point: dict[str, Any] | None = None

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.summary}", f"classes: {', '.join(self.classes)}"]
        for corpus in self.data:
            labels = ", ".join(f"{n} {word}" for word, n in corpus["labels"].items())
            lines.append(
                f"trained on: {corpus['corpus']}, {corpus['recordings']} recordings of "
                f"{corpus['patients']} patients ({labels})"
            )
            lines += [
                f"  {title}: {_counts(corpus[key])}"
                for key, title in COUNTED.items()
                if key in corpus
            ]
        lines.append(f"use: {self.use}")
        lines.append(f"figures: {self.split}")
        lines += [f"  {_figure(figure)}" for figure in self.figures]
        if self.calibration is not None:
            lines += _calibration(self.calibration, "recordings")
        if self.patient_calibration is not None:
            lines += _calibration(self.patient_calibration, "patients")
        if self.operating_point is not None:
            lines += _operating_point(self.operating_point)
        lines += ["limits:", *(f"  - {limit}" for limit in self.limits)]
        lines.append(f"network: {self.n_parameters} weights")
        lines.append(f"training: {self.training}")
        lines.append(f"licence: {self.licence}")
        return "\n".join(
            textwrap.fill(
                line,
                88,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in lines
        )


PREDICTIVE = {
    "ppv at": "positive predictive value at a prevalence of",
    "npv at": "negative predictive value at a prevalence of",
}
COUNTED = {
    "ages": "patients by age",
    "sexes": "patients by sex",
    "locations": "recordings by location",
}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in counts.items())


def _figure(figure: dict[str, Any]) -> str:
    text = f"{figure['task']}: {figure['score']} "
    if figure.get("mean") is not None:
        text += f"{figure['mean']:.3f} ± {figure['sd']:.3f} over folds"
        if figure.get("value") is not None:
            text += f"; all together {figure['value']:.3f}"
    else:
        text += f"{figure['value']:.3f}"
    if figure.get("low") is not None:
        text += f" (95 % interval {figure['low']:.3f} to {figure['high']:.3f})"
    if figure.get("parts"):
        parts = (f"{part} {value:.3f}" for part, value in figure["parts"].items())
        text += f"; {', '.join(parts)}"
    return text


def _calibration(calibration: dict[str, Any], unit: str) -> list[str]:
    positive = calibration["positive"]
    lines = [f"share of {unit} with {positive} by probability, for other patients:"]
    for one in calibration["bins"]:
        lines.append(
            f"  about {one['probability']:.3f}: {one['share']:.2f} "
            f"({one['low']:.2f} to {one['high']:.2f}) of {one['n']} {unit}"
        )
    if "error" in calibration:
        lines.append(
            f"  expected calibration error, converted to a prevalence of "
            f"{calibration['prevalence']:.2f}: {calibration['error']['mean']:.3f} over "
            f"folds, {calibration['error']['together']:.3f} all together"
        )
    return lines


def _operating_point(point: dict[str, Any]) -> list[str]:
    """Return the lines of an operating point."""
    lines = [
        f"operating point: {point['positive']} from a probability of "
        f"{point['threshold']:.3f} on, chosen for a sensitivity of "
        f"{point['wanted_sensitivity']:.2f}; for other patients:"
    ]
    for name, row in point.items():
        if isinstance(row, dict):
            for short, words in PREDICTIVE.items():
                name = name.replace(short, words)
            lines.append(
                f"  {name}: {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
            )
    return lines


def model_names() -> list[str]:
    """Return the names of the pretrained models.

    Returns
    -------
    names : list of str
        In alphabetical order.

    Examples
    --------
    >>> from skheart.pretrained import model_names
    >>> "murmur" in model_names()
    True
    """
    return saved_names()


def model_card(name: str) -> ModelCard:
    """Return the card of a pretrained model.

    Parameters
    ----------
    name : str
        One of :func:`model_names`.

    Returns
    -------
    card : ModelCard
        ``print(card)`` shows it as text.

    Raises
    ------
    ValueError
        If there is no pretrained model of that name.

    Examples
    --------
    >>> from skheart.pretrained import model_card
    >>> model_card("murmur").classes
    ('murmur', 'normal')
    """
    description = read_description(name)
    card: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in description["card"].items()
    }
    return ModelCard(name=name, classes=tuple(description["classes"]), **card)
