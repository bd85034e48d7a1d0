"""How good the answers of a model are, in plain words.

A card can hold ``"calibration"`` of recordings and ``"patient_calibration"``, measured
on patients that the networks were not trained on::

    {"positive": "murmur", "prevalence": 0.18, "split": "...",
     "bins": [{"n": 234, "patients": 121, "probability": 0.03, "share": 0.01,
               "low": 0.0, "high": 0.04}, ...]}

``bins`` are those of :func:`skheart.metrics.calibration_bins`, in which ``low`` and
``high`` count each patient once. ``benchmarks/accuracy.py`` measures them.
"""

from __future__ import annotations

from typing import Any

from skheart.metrics import at_prevalence
from skheart.report.description import Performance

_UNKNOWN = (
    "Unknown: nobody has measured how many recordings with such a score had {what}. A "
    "probability of the model is not a measured share."
)


def measured_performance(
    card: dict[str, Any] | None,
    *,
    positive: str | None,
    probability: float,
    prevalence: float | None,
    unit: str = "recording",
) -> Performance:
    """Return what was measured about answers with such a probability of a class.

    It holds for a prevalence, by default that in which the card was measured. `unit`
    is what is counted: recording or patient.
    """
    card = card or {}
    figures = tuple(map(_figure, card.get("figures", ())))
    names = {"recording": "calibration", "patient": "patient_calibration"}
    calibration = card.get(names[unit])
    if calibration is None or calibration["positive"] != positive:
        what = positive or "the class of the answer"
        sentence = _UNKNOWN.format(what=what).replace("recordings", f"{unit}s")
        return Performance(sentence, None, None, None, prevalence, figures)
    nearest = min(
        calibration["bins"], key=lambda one: abs(one["probability"] - probability)
    )
    measured = calibration["prevalence"]
    wanted = measured if prevalence is None else prevalence
    share, low, high = (
        float(at_prevalence(nearest[name], wanted, measured=measured))
        for name in ("share", "low", "high")
    )
    sentence = (
        f"Of 100 {unit}s with such a score, {round(100 * share)} had {positive} "
        f"({round(100 * low)} to {round(100 * high)}), where {100 * wanted:.3g} of 100 "
        f"{unit}s have it."
    )
    return Performance(sentence, share, low, high, wanted, figures)


def _figure(figure: dict[str, Any]) -> str:
    """Return a figure of a card in words."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    interval = "" if low is None else f", 95 % interval {low:.3f} to {high:.3f}"
    number = f"{figure['score']} {value:.3f}{interval}"
    if figure["score"] != "AUROC":
        return f"{figure['task']}: {number}"
    return (
        f"{figure['task']}: {100 * value:.0f} of 100 pairs of a positive and a "
        f"negative one are ranked rightly ({number})"
    )


def limits_of(card: dict[str, Any] | None) -> tuple[str, ...]:
    """Return what an answer must not be used for."""
    if card is not None:
        return tuple(card["limits"])
    return (
        "for research; not a medical device, and no basis for a decision about a "
        "patient",
        "what the model was trained on and how good it is are not on a card: evaluate "
        "it on patients of your own first",
    )
