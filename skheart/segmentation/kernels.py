"""The part of the decoding that is compiled."""

from __future__ import annotations

from functools import partial

import numpy as np

from skheart.segmentation import without_numba
from skheart.spectrogram.kernels import Compiled


@partial(Compiled, plain=without_numba.best_path)
def best_path(
    emission: np.ndarray,
    duration: np.ndarray,
    survival: np.ndarray,
    transition: np.ndarray,
    states: np.ndarray,
) -> None:
    """Find the most likely sequence of states with explicit durations.

    All but `states` are logarithms, float64. The first and the last state may have
    begun before the recording and go on after it.

    Parameters
    ----------
    emission : ndarray of shape (n_frames + 1, n_states)
        Sums of the logarithm over the frames before each.
    duration : ndarray of shape (n_states, longest)
        Of 1, 2, ... frames.
    survival : ndarray of shape (n_states, longest)
        Of at least so many.
    transition : ndarray of shape (n_states, n_states)
        From a row's state to a column's.
    states : ndarray of shape (n_frames,), int8
        The result.
    """
    n_frames, n_states = emission.shape[0] - 1, emission.shape[1]
    longest = duration.shape[1]
    # Best ways to come to a boundary and begin a state there, and where from.
    ready = np.zeros((n_frames + 1, n_states))
    before = np.full((n_frames + 1, n_states), -1, dtype=np.int8)
    length = np.zeros((n_frames + 1, n_states), dtype=np.int32)
    ended = np.empty(n_states)
    for t in range(1, n_frames + 1):
        for state in range(n_states):
            best, best_length = -np.inf, 1
            for d in range(1, min(longest, t) + 1):
                score = ready[t - d, state] - emission[t - d, state]
                if d == t or t == n_frames:
                    score += survival[state, d - 1]
                else:
                    score += duration[state, d - 1]
                if score > best:
                    best, best_length = score, d
            ended[state] = best + emission[t, state]
            length[t, state] = best_length
        for state in range(n_states):
            best, best_before = -np.inf, 0
            for other in range(n_states):
                score = ended[other] + transition[other, state]
                if score > best:
                    best, best_before = score, other
            ready[t, state] = best
            before[t, state] = best_before
    state, t = 0, n_frames
    for other in range(n_states):
        if ended[other] > ended[state]:
            state = other
    while t > 0:
        d = length[t, state]
        for place in range(t - d, t):
            states[place] = state
        t -= d
        state = before[t, state]
