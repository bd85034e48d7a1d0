"""What the commands do: read a corpus, train, evaluate, predict."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skheart import __version__
from skheart._core.checks import check_number
from skheart.cli.tables import answer_rows
from skheart.datasets import CORPORA, load_class_folders
from skheart.deployment.model_file import load_model
from skheart.neural.batches import split_patients
from skheart.neural.classifier import CNNClassifier
from skheart.neural.packaged import read_description
from skheart.pretrained import load_pretrained, model_names
from skheart.spectrogram.transformer import SpectrogramTransformer


def read_corpus(
    name: str,
    data_home: Path,
    *,
    target: str | None = None,
    patient_pattern: str | None = None,
    rename: dict[str, str] | None = None,
) -> Bunch:
    """Read a corpus by name, with some of its labels renamed.

    The result has the settings beside what the loader gives, in `settings`.
    """
    if target is not None and name != "circor2022":
        raise ValueError(f"--target goes with circor2022 only, got it with {name}.")
    if patient_pattern is not None and name != "folder":
        raise ValueError(
            f"--patient-pattern goes with folder only, got it with {name}."
        )
    if name == "folder":
        corpus = load_class_folders(
            data_home, patient_pattern=patient_pattern, as_frame=False
        )
    elif name == "circor2022":
        target = target or "murmur"
        corpus = CORPORA[name](data_home, as_frame=False, target=target)
    else:
        corpus = CORPORA[name](data_home, as_frame=False)
    corpus.settings = {
        "corpus": name,
        "data_home": str(Path(data_home).expanduser().resolve()),
        "target": target,
        "patient_pattern": patient_pattern,
    }
    if rename:
        _check_classes("--rename", rename, corpus)
        corpus.target = np.array([rename.get(word, word) for word in corpus.target])
    return corpus


def keep_classes(corpus: Bunch, classes: list[str]) -> None:
    """Leave recordings with other labels out of a corpus."""
    _check_classes("--classes", classes, corpus)
    kept = np.isin(corpus.target, classes)
    for key in ("data", "target", "groups"):
        corpus[key] = corpus[key][kept]


def _check_classes(option: str, words: Iterable[str], corpus: Bunch) -> None:
    known = np.unique(corpus.target).tolist()
    unknown = [word for word in words if word not in known]
    if unknown:
        raise ValueError(
            f"{option} must name labels of {corpus.settings['corpus']}, "
            f"{', '.join(known)}, got {unknown[0]!r}."
        )


def check_start(weights: str | None, spectrogram: dict[str, Any]) -> None:
    """Check that spectrograms are those that a pretrained model knows."""
    if weights is None:
        return
    known = read_description(weights, parameter="--weights")["spectrogram"]
    settings = SpectrogramTransformer(**known).get_params()
    for name in ("n_bands", "f_min", "f_max"):
        if spectrogram[name] != settings[name]:
            raise ValueError(
                f"--weights {weights} goes with --{name.replace('_', '-')} "
                f"{settings[name]:g}, got {spectrogram[name]:g}."
            )


def train_pipeline(
    corpus: Bunch,
    *,
    hold_out: float,
    seed: int,
    verbose: int,
    skip_unusable: bool,
    spectrogram: dict[str, Any],
    cnn: dict[str, Any],
) -> Pipeline:
    """Train on a corpus, with a share of the patients held out.

    What it was trained on is kept in the pipeline's `skheart_training_`.
    """
    if len(np.unique(corpus.target)) < 2:
        raise ValueError(
            f"--classes must leave two classes at least, got {corpus.target[0]!r} only."
        )
    held_out = np.zeros(len(corpus.data), dtype=bool)
    if hold_out:
        check_number("--hold-out", hold_out, high=0.5, closed="right")
        _, codes = np.unique(corpus.target, return_inverse=True)
        _, chosen = split_patients(
            codes,
            corpus.groups,
            fraction=hold_out,
            seed=seed,
            name="--hold-out",
            way_out="--hold-out 0",
        )
        held_out[chosen] = True
    target, groups = corpus.target[~held_out], corpus.groups[~held_out]
    transformer = SpectrogramTransformer(n_jobs=-1, verbose=verbose, **spectrogram)
    classifier = CNNClassifier(random_state=seed, verbose=verbose, **cnn)
    classifier._check_parameters()  # before minutes of reading
    X, errors = (
        clone(transformer).set_params(on_error="nan")._transform(corpus.data[~held_out])
    )
    usable = np.array([not error for error in errors])
    if not usable.all() and not skip_unusable:
        raise ValueError(_unusable(errors))
    classifier.fit(X[usable], target[usable], groups=groups[usable])
    pipeline = Pipeline(
        [("spectrogram", transformer.set_params(verbose=0)), ("cnn", classifier)]
    )
    classifier.set_params(verbose=0, checkpoint=None)
    words, counts = np.unique(target[usable], return_counts=True)
    pipeline.skheart_training_ = {
        **corpus.settings,
        "patients": sorted({str(name) for name in groups[usable]}),
        "held_out": sorted({str(name) for name in corpus.groups[held_out]}),
        "n_recordings": int(usable.sum()),
        "n_unusable": int((~usable).sum()),
        "class_counts": dict(zip(words.tolist(), counts.tolist(), strict=True)),
        "version": __version__,
    }
    return pipeline


def _unusable(errors: list[str]) -> str:
    """Say which recordings cannot be used, ten at most."""
    broken = [error for error in errors if error]
    more = f"\n... and {len(broken) - 10} more" if len(broken) > 10 else ""
    return (
        f"{len(broken)} of {len(errors)} recordings cannot be used; mend them, or pass "
        "--skip-unusable to leave them out:\n" + "\n".join(broken[:10]) + more
    )


def read_model(model: str | Path, *, allow_pickle: bool = False) -> Any:
    """Load a pretrained pipeline by name, or one from a file by its path.

    What a file is, its name decides: of a name that ends in ``.skheart`` nothing is
    ever unpickled, and a pickle (``.joblib``) is loaded with `allow_pickle` only.
    """
    if str(model) in model_names():
        return load_pretrained(str(model))
    path = Path(model)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, expected a model file.")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model {str(path)!r}; make one with skheart train, or name a "
            f"pretrained one: {', '.join(model_names())}."
        )
    if path.suffix.lower() in (".onnx", ".tflite"):
        raise ValueError(
            f"{str(path)!r} is an exported model; give the model that it was exported "
            "from. Only skheart predict runs ONNX files."
        )
    if path.suffix.lower() == ".skheart":
        return load_model(path)
    if path.suffix.lower() != ".joblib":
        raise ValueError(
            f"{str(path)!r} must end in .skheart (a model file) or .joblib (a pickle), "
            "which says how to read it."
        )
    if not allow_pickle:
        raise ValueError(
            f"{str(path)!r} is a pickle, which runs any code that it holds; pass "
            "--allow-pickle if you trust where it comes from, or save the model as a "
            ".skheart file, which is safe."
        )
    try:
        model = joblib.load(path)
    except (
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        ImportError,
        IndexError,
        KeyError,
        OSError,
        ValueError,
    ) as error:
        raise ValueError(
            f"{str(path)!r} is not a model that can be loaded here "
            f"({type(error).__name__}: {error}); expected a file that skheart train "
            "wrote."
        ) from error
    model = getattr(model, "best_estimator_", model)
    steps = getattr(model, "steps", [])
    if not steps or not isinstance(steps[0][1], SpectrogramTransformer):
        raise ValueError(
            f"{str(path)!r} must hold a Pipeline that starts with a "
            f"SpectrogramTransformer, got {type(model).__name__}."
        )
    if not hasattr(model, "predict_proba") or not hasattr(model, "classes_"):
        raise ValueError(
            f"{str(path)!r} must hold a fitted Pipeline that ends with a classifier "
            f"giving probabilities, got one ending with "
            f"{type(steps[-1][1]).__name__}."
        )
    return model


def predict_recordings(
    model: Pipeline, recordings: Iterable[str], *, verbose: int = 0
) -> list[dict[str, Any]]:
    """Classify recordings with a pipeline; rows as of :func:`answer_rows`."""
    transformer = clone(model.steps[0][1]).set_params(on_error="nan", verbose=0)
    classifier, classes = model[1:], model.classes_

    def answer(chunk: list[str]) -> tuple[np.ndarray, list[str]]:
        spectrograms, errors = transformer._transform(chunk)
        good = np.array([not error for error in errors])
        answers = np.full((len(chunk), len(classes)), np.nan)
        if good.any():
            answers[good] = classifier.predict_proba(spectrograms[good])
        return answers, errors

    return answer_rows(answer, classes, recordings, verbose=verbose)
