"""What the commands do: read a corpus, train, evaluate, predict."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skheart import __version__
from skheart._progress import progress_bar
from skheart.classifier import CNNClassifier
from skheart.datasets import CORPORA, load_class_folders
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)
from skheart.spectrogram import SpectrogramTransformer

_CHUNK = 64  # recordings whose spectrograms are held at a time in prediction
_HEALTHY = ("absent", "healthy", "negative", "normal")


def read_corpus(
    name: str,
    data_home: Path,
    *,
    target: str | None,
    classes: list[str] | None,
    patient_pattern: str | None,
) -> Bunch:
    """Read a corpus by name, with the recordings of some classes only.

    The result has the settings beside what the loader gives, in `settings`.
    """
    options: dict[str, Any] = {}
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
    else:
        if name == "circor2022":
            options["target"] = target = target or "murmur"
        corpus = CORPORA[name](data_home, as_frame=False, **options)
    if classes is not None:
        unknown = sorted(set(classes) - set(corpus.target))
        if unknown:
            raise ValueError(
                f"--classes must be among the labels of {name}, "
                f"{', '.join(map(str, corpus.target_names))}, got {unknown[0]!r}."
            )
        kept = np.isin(corpus.target, classes)
        for key in ("data", "target", "groups"):
            corpus[key] = corpus[key][kept]
    corpus.settings = {
        "corpus": name,
        "target": target,
        "patient_pattern": patient_pattern,
    }
    return corpus


def train_pipeline(
    corpus: Bunch, *, hold_out: float, seed: int, verbose: int, **parameters: Any
) -> Pipeline:
    """Train on a corpus, with a share of the patients held out.

    What it was trained on is kept in the pipeline's `skheart_training_`.
    """
    if not 0 <= hold_out < 1:
        raise ValueError(f"--hold-out must be at least 0, below 1, got {hold_out:g}.")
    trained = np.ones(len(corpus.data), dtype=bool)
    if hold_out:
        trained[_held_out(corpus, hold_out, seed)] = False
    pipeline = Pipeline(
        [
            ("spectrogram", SpectrogramTransformer(n_jobs=-1, verbose=verbose)),
            ("cnn", CNNClassifier(random_state=seed, verbose=verbose, **parameters)),
        ]
    )
    target = corpus.target[trained]
    pipeline.fit(corpus.data[trained], target)
    words, counts = np.unique(target, return_counts=True)
    pipeline.skheart_training_ = {
        **corpus.settings,
        "patients": sorted({str(name) for name in corpus.groups[trained]}),
        "held_out": sorted({str(name) for name in corpus.groups[~trained]}),
        "n_recordings": int(trained.sum()),
        "class_counts": dict(zip(words.tolist(), counts.tolist(), strict=True)),
        "version": __version__,
    }
    return pipeline.set_params(spectrogram__verbose=0, cnn__verbose=0)


def _held_out(corpus: Bunch, share: float, seed: int) -> np.ndarray:
    """Choose whole patients, of every class where that can be."""
    n_splits = round(1 / share)
    groups = corpus.groups
    splits: Any
    if n_splits >= 2 and abs(1 / n_splits - share) < 0.02:
        splits = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    else:
        splits = GroupShuffleSplit(1, test_size=share, random_state=seed)
    try:
        _, test = next(splits.split(corpus.data, corpus.target, groups))
    except ValueError as error:
        raise ValueError(
            f"--hold-out {share:g} cannot be done with {len(np.unique(groups))} "
            f"patients ({error}); pass --hold-out 0 to train on all."
        ) from None
    return test


def read_model(path: Path) -> Any:
    """Load a pipeline that starts with a SpectrogramTransformer."""
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, expected a model file.")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no model {str(path)!r}; make one with skheart train."
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
    return model


def predict_recordings(
    model: Pipeline, recordings: Iterable[str], *, verbose: int = 0
) -> list[dict[str, Any]]:
    """Classify recordings; one row each, with an error in place of an answer.

    Returns
    -------
    rows : list of dict
        With the keys ``recording``, ``prediction``, ``probability_<class>`` for each
        class (None where there is an error) and ``error`` ("" where there is none).
    """
    recordings = list(recordings)
    transformer = clone(model.steps[0][1]).set_params(on_error="nan", verbose=0)
    classifier = model[1:]
    classes = model.classes_
    rows = []
    with progress_bar(
        "Predicting", total=len(recordings), shown=verbose > 0, unit="recordings"
    ) as advance:
        for start in range(0, len(recordings), _CHUNK):
            chunk = recordings[start : start + _CHUNK]
            spectrograms, errors = transformer._transform(chunk)
            good = np.array([not error for error in errors])
            answers = np.full((len(chunk), len(classes)), np.nan)
            if good.any():
                answers[good] = classifier.predict_proba(spectrograms[good])
            for recording, error, answer in zip(chunk, errors, answers, strict=True):
                rows.append(_row(recording, error, answer, classes))
            advance(len(chunk))
    return rows


def _row(
    recording: str, error: str, answer: np.ndarray, classes: np.ndarray
) -> dict[str, Any]:
    broken = bool(error)
    prediction = "" if broken else str(classes[answer.argmax()])
    return {
        "recording": recording,
        "prediction": prediction,
        **{
            f"probability_{name}": None if broken else float(value)
            for name, value in zip(classes, answer, strict=True)
        },
        "error": error,
    }


def write_rows(rows: list[dict[str, Any]], file: TextIO, *, format: str) -> None:
    """Write rows as CSV with a header, or as a JSON list; six decimals."""
    rows = [
        {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}
        for row in rows
    ]
    if format == "json":
        json.dump(rows, file, indent=2)
        file.write("\n")
        return
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


@dataclass(frozen=True)
class Report:
    """How well a model does on a corpus, by recording and by patient.

    `auroc` and `patient_auroc` hold the value and the ends of its interval, which is
    bootstrapped over patients, at 95 %; the value alone where patients are too few.
    """

    corpus: str
    seen: str
    n_recordings: int
    n_patients: int
    n_unusable: int
    classes: list[str]
    auroc: list[float]
    patient_auroc: list[float] | None
    accuracy: float
    majority_class: str
    majority_accuracy: float
    positive: str | None
    sensitivity: dict[str, float]
    specificity: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Give the figures under their names."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.corpus}: {self.n_recordings} recordings of {self.n_patients} "
            f"patients, {self.seen}"
        ]
        if self.n_unusable:
            lines.append(f"{self.n_unusable} recordings could not be used")
        macro = " (mean of each class against the rest)" * (len(self.classes) > 2)
        lines.append(f"AUROC by recording   {_interval(self.auroc)}{macro}")
        if self.patient_auroc is not None:
            lines.append(
                f"AUROC by patient     {_interval(self.patient_auroc)} (highest "
                f"probability of {self.positive} of each patient)"
            )
        lines.append(
            f"accuracy             {self.accuracy:.3f} "
            f"({self.majority_accuracy:.3f} by always answering {self.majority_class})"
        )
        for name, sensitivity in self.sensitivity.items():
            lines.append(
                f"{name}: sensitivity {sensitivity:.3f}, specificity "
                f"{self.specificity[name]:.3f}"
            )
        return "\n".join(lines)


def evaluate_model(
    model: Pipeline, corpus: Bunch, *, seed: int, verbose: int = 0
) -> Report:
    """Score a model on those patients of a corpus that it was not trained on.

    Where it was trained on all of them, they are scored all the same and the report
    says so.
    """
    training = getattr(model, "skheart_training_", None)
    chosen, seen = _unseen(training, corpus)
    rows = predict_recordings(model, corpus.data[chosen].tolist(), verbose=verbose)
    usable = np.array([not row["error"] for row in rows])
    if not usable.any():
        raise ValueError(f"No recording could be used: {rows[0]['error']}")
    classes = [str(name) for name in model.classes_]
    scores = np.array(
        [
            [row[f"probability_{name}"] for name in classes]
            for row in rows
            if not row["error"]
        ]
    )
    target = corpus.target[chosen][usable].astype(str)
    groups = corpus.groups[chosen][usable]
    predicted = np.asarray(classes)[scores.argmax(axis=1)]
    words, counts = np.unique(target, return_counts=True)
    majority = counts.argmax()
    positive = _positive(classes)
    by_patient = None
    if positive is not None:
        order = [name for name in classes if name != positive] + [positive]
        score = scores[:, classes.index(positive)]
        auroc = _auroc(target, score, groups, order, seed)
        pooled = pool_by_group(
            score, groups, how="max", y_true=target, pos_label=positive
        )
        by_patient = _auroc(pooled.y_true, pooled.y_score, pooled.groups, order, seed)
    else:
        auroc = _auroc(target, scores, groups, classes, seed)
    rated = [positive] if positive is not None else words.tolist()
    return Report(
        corpus=corpus.settings["corpus"],
        seen=seen,
        n_recordings=int(usable.sum()),
        n_patients=len(np.unique(groups)),
        n_unusable=int((~usable).sum()),
        classes=classes,
        auroc=auroc,
        patient_auroc=by_patient,
        accuracy=float(np.mean(predicted == target)),
        majority_class=str(words[majority]),
        majority_accuracy=float(counts[majority] / len(target)),
        positive=positive,
        sensitivity={
            name: float(sensitivity_score(target, predicted, pos_label=name))
            for name in rated
        },
        specificity={
            name: float(specificity_score(target, predicted, pos_label=name))
            for name in rated
        },
    )


def _unseen(training: dict[str, Any] | None, corpus: Bunch) -> tuple[np.ndarray, str]:
    """Choose the patients that the model has not seen, and say who they are."""
    every = np.ones(len(corpus.data), dtype=bool)
    if training is None:
        return every, "whether the model was trained on them is not known"
    if training["corpus"] != corpus.settings["corpus"]:
        return every, "of a corpus that the model was not trained on"
    names = [str(name) for name in corpus.groups]
    unseen = ~np.isin(names, training["patients"])
    if unseen.any():
        return unseen, "none of which the model was trained on"
    return every, (
        "ALL OF WHICH THE MODEL WAS TRAINED ON: these figures say little (train with "
        "--hold-out)"
    )


def _positive(classes: list[str]) -> str | None:
    """The diseased one of two classes, if the words tell."""
    if len(classes) != 2:
        return None
    diseased = [name for name in classes if name.lower() not in _HEALTHY]
    return diseased[0] if len(diseased) == 1 else classes[1]


def _auroc(
    target: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    labels: list[str],
    seed: int,
) -> list[float]:
    """AUROC and its interval; without the interval where patients are too few."""
    if len(np.unique(target)) < 2:
        return [float("nan")]
    try:
        return list(
            auroc_confidence_interval(
                target, scores, groups=groups, labels=labels, random_state=seed
            )
        )
    except ValueError:
        return [auroc_score(target, scores, labels=labels)]


def _interval(interval: list[float]) -> str:
    if np.isnan(interval[0]):
        return "undefined, since there is one class only"
    if len(interval) == 1:
        return f"{interval[0]:.3f} (too few patients for an interval)"
    value, low, high = interval
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"
