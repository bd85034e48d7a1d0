"""The number of threads of TensorFlow, which holds for the whole process."""

from __future__ import annotations

import warnings

import tensorflow as tf

from skheart._core.environment import thread_limit


def limit_threads(n_threads: int | None) -> None:
    """Limit TensorFlow to `n_threads` threads, if it has not started yet.

    By default the limit is taken from OMP_NUM_THREADS, which joblib sets in the workers
    that it starts and TensorFlow does not read. TensorFlow fixes its threads when it
    first computes something.
    """
    threading = tf.config.threading
    before = threading.get_intra_op_parallelism_threads()  # 0 if it was not set
    limit = n_threads or before or thread_limit()
    if limit is None or limit == before:
        return
    try:
        threading.set_intra_op_parallelism_threads(limit)
        threading.set_inter_op_parallelism_threads(limit)
    except RuntimeError:
        if n_threads is not None:
            warnings.warn(
                f"The limit of {limit} threads has no effect: TensorFlow has started "
                "in this process with other threads. Set it before anything is "
                "computed, or in a new process.",
                RuntimeWarning,
                stacklevel=2,
            )
