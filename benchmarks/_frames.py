"""Frames and labels of the corpora for the segmentation benchmarks, kept on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from skheart.audio.reading import read_recording
from skheart.datasets import read_segmentation
from skheart.segmentation.batches import Frames
from skheart.segmentation.frames import (
    IGNORED,
    NONE,
    SAMPLE_RATE,
    decibels,
    frame_labels,
)


def read_frames(
    paths: list[str], segmentations: list[str], folder: Path, *, silent: bool = False
) -> Frames:
    """Compute the frames of recordings, or read those computed before.

    A segmentation is "" where there is none. If the recordings are `silent`, they hold
    no heartbeat: all frames get the label "none".
    """
    key = hashlib.sha256(repr((paths, segmentations, silent)).encode()).hexdigest()[:16]
    path = folder / f"frames-{key}.npz"
    if not path.exists():
        parts, labels = [], []
        for recording, segmentation in zip(paths, segmentations, strict=True):
            waveform, _ = read_recording(recording, sample_rate=SAMPLE_RATE)
            parts.append(decibels(waveform).astype(np.float16))
            n = len(parts[-1])
            if segmentation:
                labels.append(frame_labels(*read_segmentation(segmentation), n))
            else:
                code = NONE if silent else IGNORED
                labels.append(np.full(n, code, dtype=np.int8))
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part.npz")
        np.savez(
            temporary,
            decibels=np.concatenate(parts),
            labels=np.concatenate(labels),
            first=np.cumsum([0, *map(len, labels)]),
        )
        temporary.rename(path)
    with np.load(path) as arrays:
        return Frames(arrays["decibels"], arrays["labels"], arrays["first"])
