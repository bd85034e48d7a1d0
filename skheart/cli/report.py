"""How well a model does on a corpus, for the command line."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from skheart.cli.workflow import predict_recordings
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    pool_by_group,
    sensitivity_score,
    specificity_score,
)
from skheart.metrics.positive import HEALTHY_WORDS


@dataclass(frozen=True)
class Report:
    """How well a model does on a corpus, by recording and by patient.

    `auroc` and `patient_auroc` hold the value and the ends of its interval, which is
    bootstrapped over patients, at 95 %; the value alone where patients are too few.
    """

    corpus: str
    seen: str
    n_left_out: int
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
        """Give the figures under their names, None for what is undefined."""
        figures = asdict(self)
        for name in ("auroc", "patient_auroc"):
            if figures[name] is not None:
                padded = [*figures[name], None, None][:3]
                figures[name] = dict(zip(("value", "low", "high"), padded, strict=True))
        return _without_nan(figures)

    def __str__(self) -> str:
        lines = [
            f"{self.corpus}: {self.n_recordings} recordings of {self.n_patients} "
            f"patients, {_SEEN[self.seen]}"
        ]
        if self.n_left_out:
            lines.append(
                f"{self.n_left_out} recordings of patients that it was trained on were "
                "left out"
            )
        if self.n_unusable:
            lines.append(f"{self.n_unusable} recordings could not be used")
        lines.append(f"AUROC by recording   {_interval(self.auroc)}")
        if self.patient_auroc is not None:
            lines.append(f"AUROC by patient     {_interval(self.patient_auroc)}")
        lines.append(
            f"accuracy             {self.accuracy:.3f} "
            f"({self.majority_accuracy:.3f} by always answering {self.majority_class})"
        )
        for name, sensitivity in self.sensitivity.items():
            lines.append(
                f"{name}: sensitivity {sensitivity:.3f}, specificity "
                f"{self.specificity[name]:.3f}"
            )
        if self.positive is None:
            lines.append("AUROC is the mean of each class against the rest.")
        else:
            lines.append(
                f"{self.positive} is what is looked for (--positive); a patient's "
                "score is\nthe highest of the recordings."
            )
        return "\n".join(lines)


def evaluate_model(
    model: Pipeline,
    corpus: Bunch,
    *,
    seed: int,
    positive: str | None = None,
    verbose: int = 0,
) -> Report:
    """Score a model on those patients of a corpus that it was not trained on.

    Where it was trained on all of them, they are scored all the same and the report
    says so.
    """
    classes = [str(name) for name in model.classes_]
    positive = _positive(classes, positive)
    kept, seen = _unseen(getattr(model, "skheart_training_", None), corpus)
    rows = predict_recordings(model, corpus.data[kept].tolist(), verbose=verbose)
    usable = np.array([not row["error"] for row in rows])
    if not usable.any():
        raise ValueError(f"No recording could be used: {rows[0]['error']}")
    scores = np.array(
        [
            [row[f"probability_{name}"] for name in classes]
            for row in rows
            if not row["error"]
        ]
    )
    target = corpus.target[kept][usable].astype(str)
    groups = corpus.groups[kept][usable]
    predicted = np.asarray(classes)[scores.argmax(axis=1)]
    words, counts = np.unique(target, return_counts=True)
    rated = words.tolist() if positive is None else [positive]
    return Report(
        corpus=corpus.settings["corpus"],
        seen=seen,
        n_left_out=int((~kept).sum()),
        n_recordings=int(usable.sum()),
        n_patients=len(np.unique(groups)),
        n_unusable=int((~usable).sum()),
        classes=classes,
        **_aurocs(target, scores, groups, classes, positive, seed),
        accuracy=float(np.mean(predicted == target)),
        majority_class=str(words[counts.argmax()]),
        majority_accuracy=float(counts.max() / len(target)),
        positive=positive,
        **_rates(target, predicted, rated),
    )


def _aurocs(
    target: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    classes: list[str],
    positive: str | None,
    seed: int,
) -> dict[str, Any]:
    """AUROC by recording and, for two classes, by patient."""
    if positive is None:
        by_recording = _auroc(target, scores, groups, classes, seed)
        return {"auroc": by_recording, "patient_auroc": None}
    order = [name for name in classes if name != positive] + [positive]
    score = scores[:, classes.index(positive)]
    pooled = pool_by_group(score, groups, how="max", y_true=target, pos_label=positive)
    return {
        "auroc": _auroc(target, score, groups, order, seed),
        "patient_auroc": _auroc(
            pooled.y_true, pooled.y_score, pooled.groups, order, seed
        ),
    }


def _rates(
    target: np.ndarray, predicted: np.ndarray, names: list[str]
) -> dict[str, dict[str, float]]:
    """Sensitivity and specificity for some classes, NaN without a word if undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return {
            "sensitivity": {
                name: float(sensitivity_score(target, predicted, pos_label=name))
                if name in target
                else float("nan")
                for name in names
            },
            "specificity": {
                name: float(specificity_score(target, predicted, pos_label=name))
                if (target != name).any()
                else float("nan")
                for name in names
            },
        }


_SEEN = {
    "unseen": "none of which the model was trained on",
    "other": "of a corpus that the model was not trained on",
    "unknown": "whether the model was trained on them is not known",
    "all": (
        "ALL OF WHICH THE MODEL\nWAS TRAINED ON: these figures say little (train with "
        "--hold-out)"
    ),
}


def _unseen(training: dict[str, Any] | None, corpus: Bunch) -> tuple[np.ndarray, str]:
    """Choose the patients that the model has not seen, and say who they are."""
    every = np.ones(len(corpus.data), dtype=bool)
    if training is None:
        return every, "unknown"
    settings = corpus.settings
    if "corpora" in training:  # a pretrained model
        seen = training["corpora"]
    else:
        seen = {training["corpus"]: training["patients"]}
    same = settings["corpus"] in seen
    if settings["corpus"] == "folder":  # names of patients mean something in one only
        same = same and training["data_home"] == settings["data_home"]
    if not same:
        return every, "other"
    names = [str(name) for name in corpus.groups]
    unseen = ~np.isin(names, seen[settings["corpus"]])
    return (unseen, "unseen") if unseen.any() else (every, "all")


def _positive(classes: list[str], positive: str | None) -> str | None:
    """What is looked for: as told, else the one of two that is no word for healthy."""
    if positive is not None and positive not in classes:
        raise ValueError(
            f"--positive must be a class of the model, {', '.join(classes)}, got "
            f"{positive!r}."
        )
    if len(classes) != 2:
        return None
    diseased = [name for name in classes if name.lower() not in HEALTHY_WORDS]
    return positive or (diseased[0] if len(diseased) == 1 else classes[1])


def _without_nan(value: Any) -> Any:
    """Replace NaN, which JSON does not know, by None."""
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


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
    except ValueError as error:
        if "groups must name" not in str(error):
            raise
        return [auroc_score(target, scores, labels=labels)]


def _interval(interval: list[float]) -> str:
    if np.isnan(interval[0]):
        return "undefined, since there is one class only"
    if len(interval) == 1:
        return f"{interval[0]:.3f} (too few patients for an interval)"
    value, low, high = interval
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"
