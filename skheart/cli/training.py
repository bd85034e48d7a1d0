"""From a corpus and options to a trained pipeline, with patients held out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skheart._core.checks import check_number
from skheart._core.provenance import known_training
from skheart.cli.corpora import check_labels, part_of, read_corpus, take
from skheart.cli.models_by_name import read_pipeline
from skheart.cli.options import settings_of
from skheart.cli.sources import report_unusable
from skheart.deployment.model_file import save_model
from skheart.neural.classifier import CNNClassifier
from skheart.neural.parameters import check_parameters
from skheart.neural.split import split_patients
from skheart.neural.threads import limit_threads
from skheart.pretrained import model_names
from skheart.spectrogram.transformer import SpectrogramTransformer

_FINE_TUNING_RATE = 2e-4  # a tenth of the rate of a new network


def train_model(
    options: argparse.Namespace, checkpoint: Path
) -> tuple[Pipeline, dict[str, Any]]:
    """Return the trained pipeline and what it keeps of the corpus."""
    transformer, classifier, history = untrained(options)
    classifier.set_params(checkpoint=checkpoint)
    limit_threads(options.threads)
    corpus = training_corpus(options)
    held_out = _held_out(corpus, options.hold_out, options.seed)
    train = take(corpus, ~held_out)
    X, usable = usable_spectrograms(transformer, train, options)
    classifier.fit(X[usable], train.target[usable], groups=train.groups[usable])
    transformer.set_params(verbose=0)
    classifier.set_params(verbose=0, checkpoint=None)
    held = take(corpus, held_out)
    n_held_out = len(np.unique(held.groups))
    part = part_of(take(train, usable), held.data, n_held_out=n_held_out)
    part["n_unusable"] = int((~usable).sum())
    history["parts"].append(part)
    classifier.training_ = history
    return Pipeline([("spectrogram", transformer), ("cnn", classifier)]), part


def write_model(pipeline: Pipeline, path: Path) -> None:
    """Write a pipeline as the ending of the path says."""
    if path.suffix == ".skheart":
        save_model(pipeline, path)
    else:
        joblib.dump(pipeline, path, compress=3)


def untrained(
    options: argparse.Namespace,
) -> tuple[SpectrogramTransformer, CNNClassifier, dict[str, Any]]:
    """Return both steps, and what the network that they start from was trained on."""
    verbose = int(not options.quiet)
    transformer = SpectrogramTransformer()
    classifier = CNNClassifier(random_state=options.seed, verbose=verbose)
    classifier.set_params(**settings_of(classifier, options))
    history: dict[str, Any] = {"parts": [], "complete": True}
    if options.weights is not None:
        if options.network is not None:
            raise ValueError(
                "--network cannot be changed with --weights; leave it out."
            )
        start = read_pipeline(options.weights, allow_pickle=options.allow_pickle)
        transformer = clone(start[0])
        for name in ("n_bands", "f_min", "f_max"):
            given, known = getattr(options, name), getattr(transformer, name)
            if given not in (None, known):
                raise ValueError(
                    f"--weights {options.weights} needs --{name.replace('_', '-')} "
                    f"{known:g}, got {given:g}."
                )
        if options.learning_rate is None:
            classifier.set_params(learning_rate=_FINE_TUNING_RATE)
        if options.weights not in model_names():
            # Frozen, so that a clone of the classifier keeps it.
            classifier.set_params(weights=FrozenEstimator(start))
        history = known_training(getattr(start[-1], "training_", None))
    transformer.set_params(
        n_jobs=-1, verbose=verbose, **settings_of(transformer, options)
    )
    check_parameters(classifier.get_params(deep=False))  # before minutes of reading
    return transformer, classifier, history


def training_corpus(options: argparse.Namespace) -> Bunch:
    """Read the recordings to train on and to hold out."""
    corpus = read_corpus(options)
    if options.classes:
        check_labels("--classes", options.classes, corpus.target)
        corpus = take(corpus, np.isin(corpus.target, options.classes))
    words = np.unique(corpus.target).tolist()
    if len(words) < 2:
        way_out = "name more in --classes" if options.classes else "add recordings"
        raise ValueError(
            f"Training needs recordings of two classes at least, got only {words[0]!r} "
            f"in {str(options.table or options.data_home)!r}; {way_out}."
        )
    return corpus


def usable_spectrograms(
    transformer: SpectrogramTransformer, corpus: Bunch, options: argparse.Namespace
) -> tuple[Any, np.ndarray]:
    """Return the spectrograms of all recordings, and which recordings can be used."""
    X, errors = clone(transformer).set_params(on_error="nan")._transform(corpus.data)
    usable = np.array([not error for error in errors])
    if not usable.all() and not options.skip_unusable:
        raise ValueError(_unusable(errors))
    report_unusable(corpus.data, corpus.target, errors, allowed=options.allow_losses)
    return X, usable


def _held_out(corpus: Bunch, share: float, seed: int) -> np.ndarray:
    """Choose the recordings of a share of the patients."""
    held_out = np.zeros(len(corpus.data), dtype=bool)
    if share:
        check_number("--hold-out", share, high=0.5)
        _, codes = np.unique(corpus.target, return_inverse=True)
        names = {"name": "--hold-out", "way_out": "--hold-out 0"}
        _, chosen = split_patients(
            codes, corpus.groups, fraction=share, seed=seed, **names
        )
        held_out[chosen] = True
    return held_out


def _unusable(errors: list[str]) -> str:
    """List the recordings that cannot be used, at most ten."""
    broken = [error for error in errors if error]
    more = f"\n... and {len(broken) - 10} more" if len(broken) > 10 else ""
    return (
        f"{len(broken)} of {len(errors)} recordings cannot be used; fix them, or pass "
        "--skip-unusable to leave them out:\n" + "\n".join(broken[:10]) + more
    )
