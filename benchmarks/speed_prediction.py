"""Time the prediction, from the path of a recording to its probability.

The pipeline of skheart is compared with code written by hand: librosa reads and
resamples the file and computes the spectrogram, NumPy cuts the same windows, and
Keras's ``model.predict`` predicts. Network and settings are the same.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from _turns import compared, in_turns, latency, process
from scipy.special import expit
from sklearn.pipeline import Pipeline
from speed_spectrograms import SECONDS, from_file_by_librosa

from skheart import export_onnx, load_pretrained
from skheart.neural.windows import window_starts, windowed_logits


def by_hand(model: keras.Model, n_crop: int) -> Callable[[str], np.ndarray]:
    """Return a function from a path to the probabilities of both classes."""

    def predict(path: str) -> np.ndarray:
        spectrogram = from_file_by_librosa(path)
        starts = window_starts(spectrogram.shape[1], n_crop)
        windows = np.stack([spectrogram[:, s : s + n_crop] for s in starts])
        logit = model.predict(windows[..., np.newaxis], verbose=0).mean()
        return np.array([expit(-logit), expit(logit)])

    return predict


def beside_onnx(paths: list[str], *, rounds: int) -> dict[str, Any]:
    """Time only the network, on the same windows, in TensorFlow and ONNX Runtime."""
    import onnxruntime

    pipeline = load_pretrained("murmur")
    network = pipeline["cnn"]
    X = pipeline[:-1].transform(paths)[..., np.newaxis]
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        export_onnx(pipeline, path, part="network")
        session = onnxruntime.InferenceSession(path)

    def in_onnx(windows: np.ndarray) -> np.ndarray:
        return session.run(None, {"spectrogram": windows})[0]

    turns = in_turns(
        {
            "skheart": lambda: network.predict_proba(X),
            "ONNX Runtime": lambda: windowed_logits(in_onnx, X, network.n_crop_),
        },
        rounds=rounds,
    )
    return compared(turns, per=len(paths))


def measure(paths: list[str], *, rounds: int, n_batch: int) -> dict[str, Any]:
    """Time predictions of single recordings, and of a batch, in which they repeat."""
    pipeline: Pipeline = load_pretrained("murmur")
    pipeline.set_params(spectrogram__duration=SECONDS)
    network = pipeline["cnn"]
    hand = by_hand(network.model_, network.n_crop_)
    difference = max(
        float(np.abs(hand(path) - pipeline.predict_proba([path])[0]).max())
        for path in paths[:5]
    )
    one = {
        "skheart": latency(
            lambda path: pipeline.predict_proba([path]), paths, warm_up=3
        ),
        "librosa and model.predict": latency(hand, paths, warm_up=3),
    }
    turns = in_turns(
        {
            "skheart": lambda: [pipeline.predict_proba([path]) for path in paths[:10]],
            "librosa and model.predict": lambda: [hand(path) for path in paths[:10]],
        },
        rounds=rounds,
    )
    many = [paths[i % len(paths)] for i in range(n_batch)]
    batch = in_turns(
        {
            "skheart": lambda: pipeline.predict_proba(many),
            "librosa and model.predict": lambda: [hand(path) for path in many],
        },
        rounds=max(1, rounds // 4),
        warm_up=0,
    )
    code = (
        "import sys; from skheart import load_pretrained; "
        "print(load_pretrained('murmur').predict_proba(sys.argv[1:]))"
    )
    started = in_turns(
        {
            "skheart": process([sys.executable, "-m", "skheart", "predict", paths[0]]),
            "in Python": process([sys.executable, "-c", code, paths[0]]),
            "import tensorflow": process([sys.executable, "-c", "import tensorflow"]),
        },
        rounds=max(1, rounds // 3),
        warm_up=1,
    )
    return {
        "difference of the probabilities": difference,
        "one recording, warm, milliseconds": one,
        "one recording, warm": compared(turns, per=10),
        f"{n_batch} recordings": compared(batch, per=n_batch),
        "the network alone": beside_onnx(many[:300], rounds=rounds),
        "a new process": compared(started),
    }
