"""Labels, scores and features that several tests of the metrics use."""

import numpy as np
import pytest


@pytest.fixture
def scores():
    """Return 60 labels of three classes, scores with ties, and weights."""
    rng = np.random.default_rng(0)
    y = rng.choice(["Absent", "Present", "Unknown"], size=60, p=[0.5, 0.3, 0.2])
    raw = rng.normal(size=(60, 3)) + 1.2 * (y[:, None] == np.unique(y))
    y_score = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return y, y_score, rng.uniform(0.1, 3, size=60)


@pytest.fixture
def recordings():
    """Return noisy features, two text labels and patients with three recordings."""
    rng = np.random.default_rng(1)
    patients = np.arange(40).repeat(3)
    y = np.where(patients % 2 == 0, "murmur", "normal")
    X = rng.normal(size=(120, 4)) + (y == "murmur")[:, None]
    return X, y, patients
