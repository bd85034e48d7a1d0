"""Early beats that are spliced into recordings."""

import numpy as np
import pytest

from skheart.datasets import splice_ectopic_beats

RATE = 2000
PHASES = ("s1", "systole", "s2", "diastole")


@pytest.fixture
def beating():
    """Return a waveform with a click at each S1 and its segmentation, 1 s a beat."""
    lengths = np.tile([0.1, 0.2, 0.1, 0.6], 10)
    edges = np.r_[0, np.cumsum(lengths)]
    phase = np.tile(PHASES, 10)
    waveform = np.zeros(10 * RATE, dtype=np.float32)
    waveform[(edges[:-1][phase == "s1"] * RATE).astype(int) + 20] = 1
    return waveform, (edges[:-1], edges[1:], phase)


def clicks(waveform):
    return (np.flatnonzero(waveform > 0.5) - 20) / RATE


def test_one_beat_is_early_and_the_next_in_time(beating):
    waveform, segmentation = beating
    spliced, onsets = splice_ectopic_beats(
        waveform, segmentation, sample_rate=RATE, share=0.1, random_state=0
    )
    assert len(spliced) == len(waveform)
    assert len(onsets) == 1
    found = clicks(spliced)
    assert len(found) == 10
    moved = np.flatnonzero(np.abs(found - np.arange(10)) > 0.01)
    assert len(moved) == 1
    assert found[moved[0]] == pytest.approx(onsets[0], abs=0.002)
    assert 0.2 <= moved[0] - onsets[0] <= 0.45


def test_never_two_in_a_row(beating):
    waveform, segmentation = beating
    for seed in range(10):
        spliced, onsets = splice_ectopic_beats(
            waveform, segmentation, sample_rate=RATE, share=1.0, random_state=seed
        )
        assert len(onsets) >= 3
        assert (np.diff(onsets) > 1.2).all()
        assert len(clicks(spliced)) == 10


def test_seeds(beating):
    def spliced(seed):
        return splice_ectopic_beats(*beating, sample_rate=RATE, random_state=seed)[1]

    np.testing.assert_array_equal(spliced(1), spliced(1))
    assert len({tuple(spliced(seed)) for seed in range(5)}) == 5


def test_too_short_diastoles_stay(beating):
    waveform, (start, end, phase) = beating
    unchanged, onsets = splice_ectopic_beats(
        waveform, (start, end, phase), sample_rate=RATE, early=(0.6, 0.9)
    )
    assert len(onsets) == 0
    np.testing.assert_array_equal(unchanged, waveform)
    gap = start + 0.05 * np.arange(len(start))  # no phase follows another
    assert not len(
        splice_ectopic_beats(
            waveform, (gap, gap + end - start, phase), sample_rate=RATE
        )[1]
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be a positive number of Hz"),
        ({"share": 1.5}, "share must be a positive number, at most 1"),
        ({"early": (0.5, 0.2)}, "early must rise"),
        ({"early": (0.0, 0.2)}, r"early\[0\] must be a positive number"),
    ],
)
def test_wrong_parameters(beating, settings, message):
    with pytest.raises(ValueError, match=message):
        splice_ectopic_beats(*beating, **{"sample_rate": RATE, **settings})
