"""Other ways to find heart sounds, to compare with: peak picking, and Springer's HSMM.

    python benchmarks/_beats_elsewhere.py TASK.json ANSWER.json

runs the HSMM of Springer et al. as pyPCG-toolbox implements it, in an environment where
that package is installed: TASK.json names recordings to train on and to segment. It
decodes with the package hsmmlearn, which no registry has; the class `Decoder`
below takes its place, with the same model.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import butter, find_peaks, hilbert, sosfiltfilt

RATE = 1000  # Hz, that of Springer's HSMM


def peak_picking(waveform: np.ndarray, sample_rate: float) -> Any:
    """Find the two sounds as peaks of the envelope; the longer gap is the diastole.

    Only first and second sounds are returned, 100 ms each.
    """
    band = butter(3, (25, 150), "bandpass", output="sos", fs=sample_rate)
    envelope = np.abs(hilbert(sosfiltfilt(band, waveform)))
    smooth = butter(2, 12, output="sos", fs=sample_rate)
    envelope = sosfiltfilt(smooth, envelope)
    high = np.percentile(envelope, 90)
    peaks, _ = find_peaks(
        envelope,
        height=0.25 * high,
        prominence=0.2 * high,
        distance=int(0.12 * sample_rate),
    )
    times = peaks / sample_rate
    if len(times) < 3:
        return np.zeros(0), np.zeros(0), np.zeros(0, dtype="<U8")
    gaps = np.diff(times)
    # Of the two ways to alternate, that in which diastoles are longer.
    even = np.median(gaps[::2]) <= np.median(gaps[1::2])
    phase = np.where((np.arange(len(times)) % 2 == 0) == even, "s1", "s2")
    return times - 0.05, times + 0.05, phase


class Decoder:
    """Most likely states with explicit durations, in place of hsmmlearn's."""

    def __init__(self, emissions: Any, durations: Any, tmat: Any) -> None:
        self.emissions, self.durations, self.tmat = emissions, durations, tmat

    def decode(self, observations: np.ndarray) -> np.ndarray:
        emission = np.log(np.maximum(self.emissions.likelihood(observations), 1e-300))
        duration = np.asarray(self.durations, dtype=float)
        duration = duration / duration.sum(axis=1, keepdims=True)
        at_least = np.cumsum(duration[:, ::-1], axis=1)[:, ::-1]
        with np.errstate(divide="ignore"):
            length, longer = np.log(duration), np.log(at_least)
        n_states, n_frames = emission.shape
        sums = np.concatenate([np.zeros((n_states, 1)), np.cumsum(emission, 1)], axis=1)
        ready = np.zeros((n_frames + 1, n_states))
        best_length = np.zeros((n_frames + 1, n_states), dtype=int)
        ended = np.zeros(n_states)
        for t in range(1, n_frames + 1):
            n = min(duration.shape[1], t)
            d = np.arange(1, n + 1)
            prior = (longer if t == n_frames else length)[:, :n].copy()
            if n == t:
                prior[:, -1] = longer[:, n - 1]
            values = ready[t - d].T - sums[:, t - d] + prior
            best_length[t] = d[values.argmax(axis=1)]
            ended = values.max(axis=1) + sums[:, t]
            ready[t] = np.roll(ended, 1)  # each state follows the one before
        states = np.empty(n_frames, dtype=int)
        state, t = int(ended.argmax()), n_frames
        while t > 0:
            states[t - best_length[t, state] : t] = state
            t, state = t - best_length[t, state], (state - 1) % n_states
        return states


def springer(task: dict[str, Any]) -> list[Any]:
    """Train pyPCG's HSMM on annotated stretches; segment recordings."""
    for name in ("hsmmlearn", "hsmmlearn.emissions", "hsmmlearn.hsmm"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["hsmmlearn.emissions"].AbstractEmissions = object  # type: ignore
    sys.modules["hsmmlearn.hsmm"].HSMMModel = Decoder  # type: ignore
    from pyPCG.lr_hsmm import LR_HSMM

    model = LR_HSMM()
    model.signal_fs = RATE
    model.expected_hr_range = tuple(task["heart_rates"])
    parts, first, second = [], [], []
    for part in task["training"]:
        waveform = _read(part["path"])
        i, j = (int(x * RATE) for x in part["span"])
        parts.append(waveform[i:j])
        first.append(np.array(part["s1"]) - part["span"][0])
        second.append(np.array(part["s2"]) - part["span"][0])
    model.train_model(parts, first, second)
    answers = []
    for path in task["test"]:
        states, _ = model.segment_single(_read(path), recalc_timing=True)
        change = np.flatnonzero(np.diff(states)) + 1
        begin, end = np.r_[0, change], np.r_[change, len(states)]
        words = np.array(["", "s1", "systole", "s2", "diastole"])[
            states[begin].astype(int)
        ]
        answers.append([(begin / RATE).tolist(), (end / RATE).tolist(), words.tolist()])
    return answers


def _read(path: str) -> np.ndarray:
    from scipy.signal import resample_poly

    waveform, rate = soundfile.read(path)
    return resample_poly(waveform, RATE, rate)


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps(springer(given)))
