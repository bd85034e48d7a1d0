"""Extract a network with one head from joint networks with all heads."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
from _corpora import HEADS, Corpora
from _joint import COLUMNS, Recipe, trained
from _recipes import SPECTROGRAM, WITHOUT_PASCAL
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart._core.provenance import training_part
from skheart.audio.reading import content_digest
from skheart.neural.network_record import StoredNetwork, not_recorded
from skheart.neural.packaged_networks import SavedNetwork

# The salt of the hashes in the pretrained models. It is constant, so that the same
# corpora result in the same file; the recordings are public.
SALT = "736b68656172740073686970706564"


def cut(
    models: list[keras.Model], head: str, scaling: tuple[float, float] = (1.0, 0.0)
) -> keras.Model:
    """Average the logits of one head over networks with the same input.

    `scaling` is the slope and the intercept of the log odds of the first of two
    classes. The model is one graph without nested models.
    """
    columns = COLUMNS[head]
    slope, intercept = scaling
    inputs = keras.Input(models[0].input_shape[1:], name="spectrogram")
    outputs = []
    for number, source in enumerate(models):
        # A model that is not compiled: cloning would also copy optimizer and loss.
        model = keras.Model(source.inputs[0], source.outputs[0], name=source.name)
        last = model.layers[-1].name
        suffix = f"_{number}" if len(models) > 1 else ""

        def copy(
            layer: keras.layers.Layer, last: str = last, suffix: str = suffix
        ) -> keras.layers.Layer:
            config = layer.get_config()
            config["name"] = ("logits" if layer.name == last else layer.name) + suffix
            if layer.name == last:
                config["units"] = columns.stop - columns.start
            return type(layer).from_config(config)

        part = keras.models.clone_model(
            model, input_tensors=inputs, clone_function=copy
        )
        for mine, theirs in zip(part.layers, model.layers, strict=True):
            weights = theirs.get_weights()
            if theirs.name == last:
                # The single logit of two classes belongs to the second one.
                kernel, bias = weights[0][:, columns], weights[1][columns]
                weights = [slope * kernel, slope * bias - intercept]
            mine.set_weights(weights)
        outputs.append(part.outputs[0])
    if len(outputs) == 1:
        return keras.Model(inputs, outputs[0], name=models[0].name)
    mean = keras.layers.Average(name="members")(outputs)
    return keras.Model(inputs, mean, name="members")


def saved(
    models: list[keras.Model],
    head: str,
    *,
    name: str,
    recipe: Recipe,
    settings: dict[str, object],
    scaling: tuple[float, float] = (1.0, 0.0),
    corpora: Corpora | None = None,
    card: dict[str, object] | None = None,
) -> SavedNetwork:
    """Return the network of one head as plain data."""
    model = cut(models, head, scaling)
    training = not_recorded()
    if corpora is not None:
        training = {"parts": training_parts(corpora, head), "complete": True}
    network = StoredNetwork(
        description=json.loads(model.to_json()),
        weights=model.get_weights(),
        classes=list(HEADS[head]),
        n_bands=model.input_shape[1],
        n_crop=recipe.crop_frames,
        training=training,
    )
    return SavedNetwork(name, network, dict(settings), card or {})


def training_parts(corpora: Corpora, head: str) -> list[dict[str, object]]:
    """Return the record of the training corpora that a pretrained model contains."""
    renamed = {"Absent": "normal", "Present": "murmur"} if head == "murmur" else {}
    parts = []
    for name in np.unique(corpora.corpus).tolist():
        part = corpora.take(np.flatnonzero(corpora.corpus == name))
        # The name of the corpus precedes the group of the loader.
        patients = [group.partition("-")[2] for group in part.group.tolist()]
        circor = name == "circor2022"
        labels, counts = np.unique(part.word, return_counts=True)
        parts.append(
            training_part(
                name,
                patients,
                lambda key, part=part: (
                    [content_digest(path, key=key) for path in part.path.tolist()],
                    [],
                ),
                grouped=True,
                salt=SALT,
                target="murmur_at_location" if circor else None,
                patient_pattern=None,
                rename=renamed if circor else {},
                n_recordings=len(part),
                n_patients=len(set(patients)),
                n_held_out=0,
                n_unusable=0,
                class_counts=dict(zip(labels.tolist(), counts.tolist(), strict=True)),
            )
        )
    return parts


def pipeline(saved: SavedNetwork) -> Pipeline:
    """Return a fitted pipeline with a network that is not in the package."""
    classifier = CNNClassifier(crop_frames=saved.network.n_crop)
    classifier._restore(saved.network)
    transformer = SpectrogramTransformer(**saved.spectrogram)
    return Pipeline([("spectrogram", transformer), ("cnn", classifier)])


def start_without_pascal(
    X: np.ndarray, corpora: Corpora, folder: Path, recipe: Recipe = WITHOUT_PASCAL
) -> CNNClassifier:
    """Return a classifier of murmurs trained without PASCAL, to be fine-tuned on it.

    The pretrained models of the package were trained on PASCAL, too.
    """
    rows = np.flatnonzero(np.isin(corpora.corpus, recipe.corpora))
    network, _ = trained(X, corpora, rows, recipe, seed=0, folder=folder)
    part = saved(
        [network],
        "murmur",
        name="without PASCAL",
        recipe=recipe,
        settings=SPECTROGRAM,
    )
    return pipeline(part)["cnn"]
