"""Test that the pretrained models keep the probabilities of version 0.1.0."""

import json
from pathlib import Path

import numpy as np
import pytest

from skheart import load_pretrained

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


@pytest.mark.parametrize("name", GOLDEN["probabilities"])
def test_forty_recordings(shared_data, name):
    """Version 0.1.0 wrote `golden.json` for the recordings listed in it."""
    paths = [str(shared_data / recording) for recording in GOLDEN["recordings"]]
    found = load_pretrained(name).predict_proba(paths)
    np.testing.assert_allclose(found, GOLDEN["probabilities"][name], atol=1e-5)
