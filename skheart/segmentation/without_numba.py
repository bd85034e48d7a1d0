"""The function of `kernels` in numpy, for an installation without numba."""

from __future__ import annotations

import numpy as np


def best_path(
    emission: np.ndarray,
    duration: np.ndarray,
    survival: np.ndarray,
    transition: np.ndarray,
    states: np.ndarray,
) -> None:
    """Find the most likely sequence of states with explicit durations.

    See the function of this name in `kernels`.
    """
    n_frames, n_states = emission.shape[0] - 1, emission.shape[1]
    inside, at_edge = np.ascontiguousarray(duration.T), np.ascontiguousarray(survival.T)
    longest = len(inside)
    # What it is worth to begin a state at a boundary, less the emissions before.
    begun = np.empty((n_frames + 1, n_states))
    begun[0] = 0 - emission[0]
    before = np.full((n_frames + 1, n_states), -1)
    length = np.zeros((n_frames + 1, n_states), dtype=int)
    ended = np.empty(n_states)
    for t in range(1, n_frames + 1):
        n = min(longest, t)
        # A row for each duration: 1, 2, ... frames.
        score = begun[t - n : t][::-1] + (at_edge if t == n_frames else inside)[:n]
        if n == t:
            score[-1] = begun[0] + at_edge[n - 1]
        length[t] = score.argmax(axis=0) + 1
        ended = score.max(axis=0) + emission[t]
        change = ended[:, np.newaxis] + transition
        before[t] = change.argmax(axis=0)
        begun[t] = change.max(axis=0) - emission[t]
    state, t = int(ended.argmax()), n_frames
    while t > 0:
        first = t - length[t, state]
        states[first:t] = state
        t, state = first, before[first, state]
