"""Spectrograms and a fitted classifier that several tests of the networks use."""

import numpy as np
import pytest

from skheart import CNNClassifier


@pytest.fixture(scope="session")
def data():
    """Return spectrograms and codes; the lower bands are louder where the code is 1."""
    rng = np.random.default_rng(0)
    codes = np.arange(48) % 2
    X = rng.standard_normal((48, 12, 40)).astype(np.float32)
    X[codes == 1, :6] += 0.7
    return X, codes


@pytest.fixture(scope="session")
def fitted(data):
    """Return a fitted classifier with the default network. Tests must not change it."""
    X, codes = data
    classifier = CNNClassifier(epochs=4, crop_frames=20, random_state=0)
    return classifier.fit(X, np.array(["normal", "murmur"])[codes])
