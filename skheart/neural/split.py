"""Split off a validation part: whole patients, every class on both sides.

`codes` holds the number of the class of each recording, and `groups` its patient, or is
None where each recording is one. The results are the indices of both parts.
"""

from __future__ import annotations

import warnings
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv


def validation_split(
    codes: np.ndarray, groups: Any, *, validation: Any, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a share of the patients, or the first part that a splitter chooses."""
    if isinstance(validation, Real):
        return split_patients(codes, groups, fraction=float(validation), seed=seed)
    splitter = check_cv(validation, codes, classifier=True)
    with warnings.catch_warnings():  # checked below
        warnings.filterwarnings("ignore", "The groups parameter is ignored")
        train, held_out = next(iter(splitter.split(codes, codes, groups)))
    patients = np.arange(len(codes)) if groups is None else np.asarray(groups)
    if np.isin(patients[train], patients[held_out]).any():
        raise ValueError(
            f"validation={validation!r} puts a patient of groups into the training and "
            "the validation part; use a splitter for groups, such as "
            "StratifiedGroupKFold."
        )
    if not set(codes[train]) == set(codes[held_out]) == set(codes):
        raise ValueError(
            f"validation={validation!r} must leave recordings of every class in the "
            "training and the validation part; use a stratified splitter."
        )
    return train, held_out


def split_patients(
    codes: np.ndarray,
    groups: Any,
    *,
    fraction: float,
    seed: int,
    name: str = "validation",
    way_out: str = "patience=None",
) -> tuple[np.ndarray, np.ndarray]:
    """Split off a share of the patients, with every class on both sides.

    The share, at most a half, is the nearest that some of at most ten folds make.
    Messages call it `name`, and `way_out` says how to do without it.
    """
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    share = Fraction(fraction).limit_denominator(10)
    if share == 0:
        share = Fraction(1, round(1 / fraction))
    splitter = kind(share.denominator, shuffle=True, random_state=seed)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated", UserWarning)
            folds = [held for _, held in splitter.split(codes, codes, groups)]
    except ValueError as error:
        raise ValueError(
            f"{name}={fraction:g} cannot be split off ({error}); raise it or use "
            f"{way_out}."
        ) from None
    for first in range(len(folds)):
        chosen = [(first + step) % len(folds) for step in range(share.numerator)]
        held_out = np.sort(np.concatenate([folds[fold] for fold in chosen]))
        train = np.setdiff1d(np.arange(len(codes)), held_out)
        if set(codes[train]) == set(codes[held_out]) == set(codes):
            return train, held_out
    raise ValueError(
        f"{name}={fraction:g} cannot be split off with patients of every class on both "
        f"sides: some class has too few patients; use {way_out}."
    )
