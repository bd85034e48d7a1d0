"""Five quality indices as pyPCG-toolbox computes them, to compare with.

    python benchmarks/_quality_elsewhere.py PATHS.json ANSWER.json

runs in an environment where that package is installed.
"""

from __future__ import annotations

import json
import math
import sys
import types
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 1000  # Hz
ENVELOPE_RATE = 100  # Hz, for the two indices of how periodic it is
INDICES = (
    "periodicity",
    "sample entropy",
    "autocorrelation",
    "envelope sd",
    "kurtosis",
)


def five_indices(path: str) -> list[float]:
    """Compute the five indices of one recording; NaN if it fails."""
    # Only its segmentation needs this package, which no registry has.
    for name in ("hsmmlearn", "hsmmlearn.emissions", "hsmmlearn.hsmm"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["hsmmlearn.emissions"].AbstractEmissions = object  # type: ignore
    sys.modules["hsmmlearn.hsmm"].HSMMModel = object  # type: ignore
    import pyPCG
    import pyPCG.preprocessing as preprocessing
    import pyPCG.sqi as sqi

    waveform, rate = soundfile.read(path)
    waveform = resample_poly(waveform, RATE, rate)
    try:
        signal = pyPCG.normalize(pyPCG.pcg_signal(waveform, RATE))
        envelope = preprocessing.envelope(signal)
        slow = preprocessing.resample(envelope, ENVELOPE_RATE)
        values = [
            sqi.periodicity_score(slow),
            sqi.sentropy(envelope, precalc=True),
            sqi.autocorr_max(slow, 30, 200),
            sqi.env_std(envelope, precalc=True),
            sqi.raw_kurt(signal),
        ]
    except (ValueError, IndexError, ZeroDivisionError):
        return [math.nan] * len(INDICES)
    return [float(np.real(value)) for value in values]


if __name__ == "__main__":
    paths = json.loads(Path(sys.argv[1]).read_text())
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(five_indices, paths, chunksize=8))
    Path(sys.argv[2]).write_text(json.dumps(found))
