"""Write results as JSON, with the versions and settings that they belong to."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import keras
import numpy as np
import sklearn
import tensorflow as tf

import skheart
from skheart._core.files import atomic_path

RESULTS = Path(__file__).parent / "results"


def write_results(
    path: Path, results: dict[str, Any], more: dict[str, Any] | None = None
) -> None:
    """Write results with versions, the machine, and the settings in `more`."""
    results["made_with"] = {
        "skheart": skheart.__version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **(more or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
