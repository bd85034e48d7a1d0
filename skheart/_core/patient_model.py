"""One answer for a patient: a small regression on what the recordings say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_SURE = 8.0  # log odds beyond which a recording cannot be more certain


@dataclass(frozen=True)
class PatientModel:
    """A multinomial regression from a patient's recordings to the patient's class.

    The probabilities are calibrated: of patients with a probability of 0.3, about three
    in ten have the class. The answer is the class with the largest product of
    probability and weight.

    Parameters
    ----------
    features : list of str
        Names of :meth:`compute_features`.
    means, scales : list of float
        By which the features are standardized.
    coefficients : list of list of float
        One row for each class, one column for each feature.
    intercepts : list of float
        One for each class.
    weights : list of float
        How much a right answer counts, for each class.

    Raises
    ------
    ValueError
        If the lengths do not fit, or a number is not finite.

    See Also
    --------
    skheart.report.predict_patients : Uses the patient model of a pretrained model.

    Examples
    --------
    >>> from skheart.metrics import PatientModel
    >>> model = PatientModel(
    ...     features=["highest_murmur"],
    ...     means=[0.0],
    ...     scales=[1.0],
    ...     coefficients=[[2.0], [0.0]],
    ...     intercepts=[0.0, 0.0],
    ...     weights=[1.0, 1.0],
    ... )
    >>> p = [[0.9, 0.1], [0.2, 0.8]]  # of two recordings of one patient
    >>> features = model.compute_features(p, ["murmur", "normal"])
    >>> model.predict_proba([features]).round(3).tolist()
    [[0.988, 0.012]]
    """

    features: list[str]
    means: list[float]
    scales: list[float]
    coefficients: list[list[float]]
    intercepts: list[float]
    weights: list[float]

    def __post_init__(self) -> None:
        n = len(self.features)
        arrays = {
            name: _numbers(name, getattr(self, name), shape)
            for name, shape in (
                ("means", (n,)),
                ("scales", (n,)),
                ("intercepts", (len(self.intercepts),)),
                ("weights", (len(self.intercepts),)),
                ("coefficients", (len(self.intercepts), n)),
            )
        }
        for name in ("scales", "weights"):
            if (arrays[name] <= 0).any():
                raise ValueError(f"{name} of a PatientModel must be above 0.")

    def compute_features(
        self, probabilities: Any, classes: Sequence[Any]
    ) -> list[float]:
        """Compute the features of one patient.

        Parameters
        ----------
        probabilities : array-like of shape (n_recordings, n_classes)
            Of the patient's recordings.
        classes : sequence of length n_classes
            The labels, in the order of the columns.

        Returns
        -------
        features : list of float
            In the order of `features`.
        """
        known = patient_features(probabilities, classes)
        unknown = [name for name in self.features if name not in known]
        if unknown:
            raise ValueError(
                f"The patient model has the unknown feature {unknown[0]!r}; known are "
                f"{', '.join(known)}."
            )
        return [known[name] for name in self.features]

    def predict_proba(self, features: Any) -> np.ndarray:
        """Compute the probability of each class.

        Parameters
        ----------
        features : array-like of shape (n_patients, n_features)
            Of :meth:`compute_features`.

        Returns
        -------
        probabilities : ndarray of shape (n_patients, n_classes)
        """
        scaled = (np.asarray(features, dtype=float) - self.means) / self.scales
        logits = scaled @ np.transpose(self.coefficients) + self.intercepts
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


def patient_features(probabilities: Any, classes: Sequence[Any]) -> dict[str, float]:
    """Return everything that a patient model may use of a patient, by name.

    Of the log odds of each class, the highest and the mean over the recordings; and the
    logarithm of the number of recordings.
    """
    p = np.asarray(probabilities, dtype=float)
    lowest = 1 / (1 + np.exp(_SURE))
    p = np.clip(p, lowest, 1 - lowest)
    log_odds = np.log(p) - np.log1p(-p)
    found = {}
    for column, name in enumerate(classes):
        found[f"highest_{name}"] = float(log_odds[:, column].max())
        found[f"mean_{name}"] = float(log_odds[:, column].mean())
    return found | {"n_recordings": float(np.log(len(p)))}


def read_patient_model(entry: Any, classes: Sequence[Any]) -> PatientModel | None:
    """Return the patient model that JSON holds, None for None.

    Raise ValueError if it is not a patient model for these classes.
    """
    if entry is None:
        return None
    try:
        model = PatientModel(**entry)
        if len(model.intercepts) != len(classes):
            raise ValueError(f"it has {len(model.intercepts)} classes")
        model.compute_features(np.full((1, len(classes)), 0.5), classes)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The patient model has unknown or wrong entries ({error})."
        ) from error
    return model


def _numbers(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers as an array, or raise if they are not finite or too few."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(
            f"{name} of a PatientModel must hold finite numbers of shape {shape}, got "
            f"shape {array.shape}."
        )
    return array
