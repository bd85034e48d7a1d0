"""Indices of the segmenter's output: is there a heartbeat, and how clear is it?"""

from __future__ import annotations

import numpy as np

from skheart.segmentation.decoding import decode_phases
from skheart.segmentation.frames import CLASSES, FRAME_RATE, NONE, PHASES


def order_violations(probability: np.ndarray) -> float:
    """Return the share of steps that break the order of the phases.

    The likeliest phase of each frame is taken; of the steps from one phase to another,
    those count that do not lead from s1 to systole, to s2, to diastole, to s1. No label
    is needed. 1 if there is no step.
    """
    states = np.argmax(probability[:, : len(PHASES)], axis=1)
    steps = np.diff(states)
    steps = steps[steps != 0] % len(PHASES)
    return float(np.mean(steps != 1)) if len(steps) else 1.0


def heartbeat_share(probability: np.ndarray) -> float:
    """Return the share of the time in which a heartbeat was found."""
    found = decode_phases(probability)
    seconds = float((found.end - found.start).sum())
    return min(1.0, seconds * FRAME_RATE / len(probability))


def no_heartbeat(probability: np.ndarray) -> float:
    """Return the mean probability of no heartbeat."""
    return float(probability[:, NONE].mean())


def doubt(probability: np.ndarray) -> float:
    """Return the mean entropy of the probabilities, 0 to 1."""
    logarithm = np.log(np.maximum(probability, 1e-9))
    entropy = -(probability * logarithm).sum(axis=1).mean()
    return float(entropy / np.log(len(CLASSES)))
