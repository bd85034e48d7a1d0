"""The compiled search for the most likely phases, against every possible sequence."""

import itertools

import numpy as np
import pytest

from skheart.segmentation import without_numba
from skheart.segmentation.kernels import best_path

N_FRAMES, N_STATES, LONGEST = 7, 3, 4


def score(states, logarithm, duration, survival, transition):
    """Return the logarithm of the probability of a sequence, or -inf."""
    runs = [(key, len(list(run))) for key, run in itertools.groupby(states)]
    total = sum(logarithm[t, state] for t, state in enumerate(states))
    for number, (state, length) in enumerate(runs):
        if length > LONGEST:
            return -np.inf
        at_edge = number in (0, len(runs) - 1)
        total += (survival if at_edge else duration)[state, length - 1]
    for (one, _), (other, _) in itertools.pairwise(runs):
        total += transition[one, other]
    return total


@pytest.mark.parametrize("search", [best_path, without_numba.best_path])
@pytest.mark.parametrize("seed", range(8))
def test_no_other_sequence_is_more_likely(seed, search):
    random = np.random.default_rng(seed)
    logarithm = random.normal(size=(N_FRAMES, N_STATES))
    duration = random.normal(size=(N_STATES, LONGEST))
    survival = random.normal(size=(N_STATES, LONGEST))
    transition = random.normal(size=(N_STATES, N_STATES))
    np.fill_diagonal(transition, -1e9)
    settings = (logarithm, duration, survival, transition)
    everything = itertools.product(range(N_STATES), repeat=N_FRAMES)
    best = max(everything, key=lambda states: score(states, *settings))
    emission = np.concatenate([np.zeros((1, N_STATES)), np.cumsum(logarithm, axis=0)])
    found = np.empty(N_FRAMES, dtype=np.int8)
    search(emission, duration, survival, transition, found)
    assert score(found.tolist(), *settings) == pytest.approx(score(best, *settings))


@pytest.mark.parametrize(("n_frames", "longest"), [(500, 60), (90, 120), (1, 5)])
def test_numpy_finds_the_same(n_frames, longest):
    random = np.random.default_rng(n_frames)
    emission = np.zeros((n_frames + 1, 5))
    emission[1:] = np.cumsum(np.log(random.random((n_frames, 5))), axis=0)
    duration, survival = random.normal(size=(2, 5, longest))
    transition = random.normal(size=(5, 5))
    states = []
    for search in (best_path, without_numba.best_path):
        states.append(np.empty(n_frames, dtype=np.int8))
        search(emission, duration, survival, transition, states[-1])
    np.testing.assert_array_equal(*states)
