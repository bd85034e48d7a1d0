"""Make data/small.onnx and data/small.json for tests without TensorFlow.

Run it only for a new format of the metadata, and keep the files of older formats.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
from sklearn.pipeline import make_pipeline

from skheart import CNNClassifier, SpectrogramTransformer, export_onnx
from skheart.datasets import make_heart_sounds

DATA = Path(__file__).parent / "data"


def small_network(*, n_bands, n_frames, n_channels, n_outputs):
    """Return a network with about 300 weights."""
    inputs = keras.Input((n_bands, n_frames, n_channels))
    x = keras.layers.Conv2D(4, 7, strides=3, activation="relu")(inputs)
    x = keras.layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(n_outputs)(x))


def make() -> None:
    """Train on simulated recordings; write the model and its probabilities."""
    sounds = make_heart_sounds(60, random_state=0)
    classifier = CNNClassifier(
        network=small_network, epochs=60, learning_rate=0.02, random_state=0
    )
    pipeline = make_pipeline(SpectrogramTransformer(duration=5.0), classifier)
    pipeline.fit(sounds.data, sounds.target)
    export_onnx(pipeline, DATA / "small.onnx")
    tested = make_heart_sounds(3, duration=6.0, random_state=1)
    expected = {
        "classes": pipeline.classes_.tolist(),
        "probabilities": pipeline.predict_proba(tested.data).tolist(),
    }
    (DATA / "small.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    make()
