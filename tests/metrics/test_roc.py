"""The ROC curve with its band."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from skheart.metrics import roc_band

RNG = np.random.default_rng(0)
POSITIVE = RNG.uniform(size=120) < 0.4
SCORES = RNG.normal(loc=POSITIVE * 1.0)


def test_area_below_the_curve_is_the_auroc():
    band = roc_band(POSITIVE, SCORES, random_state=0)
    area = np.trapezoid(band.sensitivity, band.false_positive_rate)
    assert abs(area - roc_auc_score(POSITIVE, SCORES)) < 0.005
    assert (band.low <= band.high).all()
    assert (
        np.mean((band.low <= band.sensitivity) & (band.sensitivity <= band.high)) > 0.9
    )


def test_band_is_wider_if_patients_have_several_equal_recordings():
    repeated = np.repeat(POSITIVE, 4), np.repeat(SCORES, 4)
    groups = np.repeat(np.arange(120), 4)
    alone = roc_band(*repeated, random_state=0)
    grouped = roc_band(*repeated, groups=groups, random_state=0)
    assert (grouped.high - grouped.low).mean() > 1.5 * (alone.high - alone.low).mean()


def test_seed():
    first = roc_band(POSITIVE, SCORES, random_state=1)
    same = roc_band(POSITIVE, SCORES, random_state=1)
    other = roc_band(POSITIVE, SCORES, random_state=2)
    np.testing.assert_array_equal(first.low, same.low)
    assert not np.array_equal(first.low, other.low)
