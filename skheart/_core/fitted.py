"""What a fitted model takes and how it decides, whatever kind of model it is."""

from __future__ import annotations

from typing import Any

from skheart._core.decisions import Decision


def plain_model(model: Any) -> Any:
    """Return the model inside a fitted search or a FrozenEstimator, else itself."""
    from sklearn.frozen import FrozenEstimator  # takes a second

    if hasattr(model, "best_estimator_"):
        return plain_model(model.best_estimator_)
    if isinstance(model, FrozenEstimator):
        return plain_model(model.estimator)
    return model


def decision_of_model(model: Any) -> Decision:
    """Return the decision of a model; of a pipeline, that of its last step."""
    return getattr(_step(model, -1), "decision_", Decision())


def rate_of_model(model: Any) -> float | None:
    """Return the rate of the waveforms that a model takes, in Hz, if it is known."""
    first = _step(model, 0)
    names = ("input_sample_rate", "sample_rate", "sample_rate_")
    return next((x for name in names if (x := getattr(first, name, None))), None)


def takes_recordings(model: Any) -> bool:
    """Return whether this package reads the recordings that a model takes."""
    return type(_step(model, 0)).__module__.startswith("skheart.")


def _step(model: Any, place: int) -> Any:
    model = plain_model(model)
    return model.steps[place][1] if hasattr(model, "steps") else model
