"""What TensorFlow keeps for the whole process: threads and seeds."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from skheart._core.environment import thread_limit

_SEEDING = threading.Lock()  # fits in other threads must not draw in between


def limit_threads(n_threads: int | None) -> None:
    """Let TensorFlow use `n_threads` threads, if it has not started yet.

    By default the limit is taken from OMP_NUM_THREADS, which joblib sets in the workers
    that it starts and TensorFlow does not read. TensorFlow fixes its threads when it
    first computes something.
    """
    asked = n_threads
    n_threads = n_threads or thread_limit()
    if n_threads is None:
        return
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() == n_threads:
        return
    try:
        threading.set_intra_op_parallelism_threads(n_threads)
        threading.set_inter_op_parallelism_threads(n_threads)
    except RuntimeError:
        if asked is not None:
            warnings.warn(
                f"n_threads={n_threads} has no effect: TensorFlow has started in this "
                "process with other threads. Fit with n_threads first, or in a new "
                "process.",
                RuntimeWarning,
                stacklevel=4,
            )


@contextmanager
def local_seed(seed: int) -> Iterator[None]:
    """Seed what Keras draws its seeds from, and put it back as it was afterwards."""
    with _SEEDING:
        python_state, numpy_state = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
