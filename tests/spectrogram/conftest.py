"""Recordings that several tests of the spectrograms use."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def waveforms():
    """Return five waveforms of unequal length at 2 kHz."""
    lengths = (1500, 2001, 5000, 2000, 777)
    return [
        np.random.default_rng(seed).normal(scale=0.1, size=n_times).astype(np.float32)
        for seed, n_times in enumerate(lengths)
    ]


@pytest.fixture
def paths(tmp_path, waveforms):
    """Return the paths of WAV files with these waveforms."""
    paths = [str(tmp_path / f"sound{index}.wav") for index in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, 2000, subtype="FLOAT")
    return paths
