"""Heart rate, intervals between beats, and figures of their rhythm.

All of them are computed from the peaks of the network's probabilities. The decoding
expects durations like those of the other beats, and moves an early beat towards where
it would have come; the peaks stay where the sound is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from skheart.segmentation.frames import CLASSES, FRAME_RATE
from skheart.segmentation.periodicity import period

__all__ = ["HeartRate", "beat_intervals", "beat_times", "heart_rate", "rhythm_features"]
