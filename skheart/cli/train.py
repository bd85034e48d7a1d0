"""``skheart train``: train a model on a corpus and write it to a file."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skheart._core.checks import check_number
from skheart._core.files import atomic_path
from skheart._core.provenance import known_training, training_part
from skheart.cli.corpora import (
    check_labels,
    content_digests,
    is_safe_pattern,
    read_corpus,
    take,
)
from skheart.cli.models_by_name import read_pipeline
from skheart.cli.output import check_output
from skheart.deployment.model_file import save_model
from skheart.neural.classifier import CNNClassifier
from skheart.neural.split import split_patients
from skheart.neural.threads import limit_threads
from skheart.pretrained import model_names
from skheart.spectrogram.transformer import SpectrogramTransformer

_FINE_TUNING_RATE = 2e-4  # a tenth of the rate of a new network
_SPECTROGRAM = ("duration", "n_bands", "f_min", "f_max")
_CNN = (
    *("network", "loss", "learning_rate", "epochs", "batch_size", "augment"),
    *("class_weight", "patience"),
)


def run(options: argparse.Namespace) -> int:
    """Train a model and print what it was trained on."""
    check_output(
        options.output, "-o", force=options.force, endings=(".skheart", ".joblib")
    )
    checkpoint = options.output.with_name(f"{options.output.name}.checkpoint")
    before = _checkpoints_before(checkpoint, options)
    with atomic_path(options.output) as temporary, _resume_hint(checkpoint):
        pipeline, part = _train(options, checkpoint)
        if options.output.suffix == ".skheart":
            save_model(pipeline, temporary)
        else:
            joblib.dump(pipeline, temporary, compress=3)
    if before and set(_checkpoints(checkpoint)) - before:
        print(
            "The unfinished training had other recordings or settings; this one "
            "started at the beginning."
        )
    elif options.resume and not before:
        print("There was no training to resume; this one started at the beginning.")
    _remove(checkpoint)
    _print_summary(options, part)
    return 0


def _train(
    options: argparse.Namespace, checkpoint: Path
) -> tuple[Pipeline, dict[str, Any]]:
    """Return the trained pipeline and what it keeps of the corpus."""
    transformer, classifier, history = _untrained(options)
    classifier.set_params(checkpoint=checkpoint)
    classifier._check_parameters()  # before minutes of reading
    limit_threads(options.threads)
    corpus = _corpus(options)
    held_out = _held_out(corpus, options)
    train = take(corpus, ~held_out)
    X, errors = clone(transformer).set_params(on_error="nan")._transform(train.data)
    usable = np.array([not error for error in errors])
    if not usable.all() and not options.skip_unusable:
        raise ValueError(_unusable(errors))
    classifier.fit(X[usable], train.target[usable], groups=train.groups[usable])
    transformer.set_params(verbose=0)
    classifier.set_params(verbose=0, checkpoint=None)
    part = _part(take(train, usable), take(corpus, held_out), int((~usable).sum()))
    history["parts"].append(part)
    classifier.training_ = history
    return Pipeline([("spectrogram", transformer), ("cnn", classifier)]), part


def _untrained(
    options: argparse.Namespace,
) -> tuple[SpectrogramTransformer, CNNClassifier, dict[str, Any]]:
    """Return both steps, and what the network that they start from was trained on."""
    verbose = 0 if options.quiet else 1
    spectrogram, cnn = _given(options, _SPECTROGRAM), _given(options, _CNN)
    cnn |= {"random_state": options.seed, "verbose": verbose}
    machine: dict[str, Any] = {"n_jobs": -1, "verbose": verbose}
    if options.weights is None:
        transformer = SpectrogramTransformer(**spectrogram, **machine)
        return transformer, CNNClassifier(**cnn), {"parts": [], "complete": True}
    if options.network is not None:
        raise ValueError("--network cannot be changed with --weights; leave it out.")
    start = read_pipeline(options.weights, allow_pickle=options.allow_pickle)
    for name in ("n_bands", "f_min", "f_max"):
        known = getattr(start[0], name)
        if spectrogram.get(name, known) != known:
            raise ValueError(
                f"--weights {options.weights} needs --{name.replace('_', '-')} "
                f"{known:g}, got {spectrogram[name]:g}."
            )
    pretrained = options.weights in model_names()
    cnn = {"learning_rate": _FINE_TUNING_RATE} | cnn
    return (
        clone(start[0]).set_params(**spectrogram, **machine),
        CNNClassifier(weights=options.weights if pretrained else start, **cnn),
        known_training(getattr(start[-1], "training_", None)),
    )


def _given(options: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the options that were given; the others have the estimators' defaults."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _corpus(options: argparse.Namespace) -> Bunch:
    corpus = read_corpus(
        options.corpus,
        options.data_home,
        target=options.target,
        patient_pattern=options.patient_pattern,
        rename=dict(options.rename),
    )
    if options.classes:
        check_labels("--classes", options.classes, corpus.target)
        corpus = take(corpus, np.isin(corpus.target, options.classes))
    words = np.unique(corpus.target).tolist()
    if len(words) < 2:
        way_out = "name more in --classes" if options.classes else "add recordings"
        raise ValueError(
            f"Training needs recordings of two classes at least, got only {words[0]!r} "
            f"in {str(options.data_home)!r}; {way_out}."
        )
    return corpus


def _held_out(corpus: Bunch, options: argparse.Namespace) -> np.ndarray:
    """Choose the recordings of a share of the patients."""
    held_out = np.zeros(len(corpus.data), dtype=bool)
    if options.hold_out:
        check_number("--hold-out", options.hold_out, high=0.5, closed="right")
        _, codes = np.unique(corpus.target, return_inverse=True)
        _, chosen = split_patients(
            codes,
            corpus.groups,
            fraction=options.hold_out,
            seed=options.seed,
            name="--hold-out",
            way_out="--hold-out 0",
        )
        held_out[chosen] = True
    return held_out


def _part(train: Bunch, held_out: Bunch, n_unusable: int) -> dict[str, Any]:
    """Return what the model keeps of the corpus."""
    words, counts = np.unique(train.target, return_counts=True)
    settings = dict(train.settings)
    return training_part(
        settings.pop("corpus"),
        map(str, train.groups),
        lambda key: (
            content_digests(train.data, key),
            content_digests(held_out.data, key),
        ),
        grouped=train.has_patients,
        **settings,
        n_recordings=len(train.data),
        n_patients=len(np.unique(train.groups)),
        n_held_out=len(np.unique(held_out.groups)),
        n_unusable=n_unusable,
        class_counts=dict(zip(words.tolist(), counts.tolist(), strict=True)),
    )


def _unusable(errors: list[str]) -> str:
    """List the recordings that cannot be used, at most ten."""
    broken = [error for error in errors if error]
    more = f"\n... and {len(broken) - 10} more" if len(broken) > 10 else ""
    return (
        f"{len(broken)} of {len(errors)} recordings cannot be used; fix them, or pass "
        "--skip-unusable to leave them out:\n" + "\n".join(broken[:10]) + more
    )


def _print_summary(options: argparse.Namespace, part: dict[str, Any]) -> None:
    counts = ", ".join(f"{n} {word}" for word, n in part["class_counts"].items())
    of, kind = "", "recordings"
    if part["grouped"]:
        of, kind = f" of {part['n_patients']} patients", "patients"
    print(
        f"Trained on {part['n_recordings']} recordings{of} ({counts}); "
        f"{part['n_held_out']} {kind} were held out."
    )
    if not part["grouped"]:
        print(
            "Each recording was counted as a patient. If patients have several "
            "recordings, pass\n--patient-pattern, or evaluate is too optimistic."
        )
    if part["n_unusable"]:
        print(f"{part['n_unusable']} recordings could not be used and were left out.")
    print(f"Wrote {options.output}")
    if part["n_held_out"]:
        command = ["skheart", "evaluate", "--model", str(options.output)]
        command += [options.corpus, str(options.data_home)]
        if options.output.suffix == ".joblib":
            command.append("--allow-pickle")
        if not is_safe_pattern(options.patient_pattern):
            command += ["--patient-pattern", options.patient_pattern]
        print(f"Score it on them: {shlex.join(command)}")


# An unfinished training ---------------------------------------------------------------


def _checkpoints(folder: Path) -> list[Path]:
    return list(folder.glob("[!.]*.npz"))


def _checkpoints_before(folder: Path, options: argparse.Namespace) -> set[Path]:
    """Return the states of an unfinished training; with --force remove them."""
    if not folder.exists():
        return set()
    ours = folder.is_dir() and all(p.suffix == ".npz" for p in folder.iterdir())
    if not ours or folder.is_symlink():
        raise FileExistsError(
            f"{str(folder)!r} must be the folder of an unfinished training, but other "
            "files are in it; move it away, or name another MODEL."
        )
    if options.resume:
        return set(_checkpoints(folder))
    if not options.force:
        raise FileExistsError(
            f"{str(folder)!r} holds an unfinished training; pass --resume to resume "
            "it, or --force to start again."
        )
    _remove(folder)
    return set()


def _remove(folder: Path) -> None:
    """Remove the states of a training, and their folder if nothing else is in it."""
    for path in folder.glob("*.npz"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _resume_hint(checkpoint: Path) -> Iterator[None]:
    """Print how an interrupted training is resumed."""
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint.exists():
            print(
                "\nskheart: the same command with --resume resumes after the last "
                "complete epoch",
                file=sys.stderr,
            )
        raise
