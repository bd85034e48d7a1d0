"""Settings that come from the environment of the process."""

from __future__ import annotations

import os


def thread_limit() -> int | None:
    """Return the number of threads that OMP_NUM_THREADS allows, or None.

    joblib sets this variable in the workers that it starts. Neither TensorFlow nor ONNX
    Runtime reads it.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return int(limit) or None if limit.isdecimal() else None
