"""The pipeline inside what scikit-learn wraps around one.

A threshold becomes the decision of the classifier, and a calibration a layer of its
network, so that a model file, an export and a stream keep them.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skheart._core.fitted import plain_model
from skheart.neural.calibration import shifted
from skheart.neural.classifier import CNNClassifier
from skheart.quality.abstaining import AbstainingClassifier


def unwrapped(model: Any) -> Any:
    """Return the pipeline inside a search, a threshold or a calibration.

    It gives the same answers. Searches, thresholds, calibrations, limits and
    FrozenEstimators may also be one inside another; what is none of these is returned
    unchanged. Raise ValueError if a calibration cannot be a layer of the network.
    """
    model = plain_model(model)
    if isinstance(model, AbstainingClassifier):
        pipeline = _with_copied_classifier(unwrapped(model.estimator))
        pipeline[-1].decision_ = model.decision_
        return pipeline
    if isinstance(model, FixedThresholdClassifier | TunedThresholdClassifierCV):
        return _with_threshold(model)
    if isinstance(model, CalibratedClassifierCV):
        return _with_calibration(model)
    return model


def _with_threshold(model: Any) -> Pipeline:
    if not hasattr(model, "estimator_"):
        check_is_fitted(model.estimator)  # one that is frozen needs no fit
    inner = unwrapped(getattr(model, "estimator_", model.estimator))
    pipeline = _with_copied_classifier(inner)
    threshold: Any = getattr(model, "best_threshold_", getattr(model, "threshold", 0))
    if model.response_method == "decision_function":
        threshold = float(expit(0.0 if threshold == "auto" else threshold))
    elif threshold == "auto":
        threshold = 0.5
    classes = pipeline.classes_.tolist()
    if isinstance(model, TunedThresholdClassifierCV):
        positive = model._curve_scorer._get_pos_label()  # as its own predict does
    else:
        positive = model.pos_label
    positive = classes[1] if positive is None else positive
    pipeline[-1].decision_ = replace(
        pipeline[-1].decision_,
        positive=positive,
        threshold=float(np.clip(threshold, 0, 1)),
        patient_threshold=None,
        chosen={"by": type(model).__name__},
    )
    return pipeline


def _with_calibration(model: CalibratedClassifierCV) -> Pipeline:
    check_is_fitted(model)
    if len(model.calibrated_classifiers_) != 1:
        raise ValueError(
            f"This CalibratedClassifierCV holds {len(model.calibrated_classifiers_)} "
            "pipelines, one for each fold, which cannot be one model; calibrate a "
            "fitted pipeline: CalibratedClassifierCV(FrozenEstimator(pipeline))."
        )
    (fitted,) = model.calibrated_classifiers_
    if len(model.classes_) != 2 or fitted.method != "sigmoid":
        raise ValueError(
            "A calibration can be kept if it is of two classes and has "
            f"method='sigmoid', got {len(model.classes_)} classes and "
            f"method={fitted.method!r}."
        )
    pipeline = _with_copied_classifier(unwrapped(fitted.estimator))
    network = pipeline[-1].model_
    (sigmoid,) = fitted.calibrators
    # The probability of the second class is 1 / (1 + exp(a * logit + b)).
    offsets = [0.0, -sigmoid.b_][-network.output_shape[-1] :]
    pipeline[-1]._hold(shifted(network, scale=-sigmoid.a_, offsets=offsets))
    return pipeline


def _with_copied_classifier(pipeline: Any) -> Pipeline:
    *steps, (name, classifier) = getattr(pipeline, "steps", [("", None)])
    if not isinstance(classifier, CNNClassifier):
        raise ValueError(
            "model must contain a Pipeline that ends with a CNNClassifier, got "
            f"{type(pipeline).__name__}."
        )
    return Pipeline([*steps, (name, copy.copy(classifier))])
