"""Scores, a scorer for model selection, intervals and pooling by patient.

None of these names needs TensorFlow or Keras.
"""

from skheart._core.decisions import Decision
from skheart._core.patient_model import PatientModel
from skheart.metrics.auroc import auroc_score
from skheart.metrics.calibration import (
    at_prevalence,
    calibration_bins,
    expected_calibration_error,
)
from skheart.metrics.challenges import (
    cinc2016_score,
    cinc2016_sensitivity_specificity,
    circor2022_score,
)
from skheart.metrics.confidence_interval import AUROCInterval, auroc_confidence_interval
from skheart.metrics.pooling import PooledScores, pool_by_group
from skheart.metrics.rates import sensitivity_score, specificity_score
from skheart.metrics.roc import RocBand, roc_band
from skheart.metrics.scorer import auroc_scorer
from skheart.metrics.thresholds import (
    ProportionInterval,
    choose_threshold,
    predictive_values,
    proportion_interval,
)

__all__ = [
    "AUROCInterval",
    "Decision",
    "PatientModel",
    "PooledScores",
    "ProportionInterval",
    "RocBand",
    "at_prevalence",
    "auroc_confidence_interval",
    "auroc_score",
    "auroc_scorer",
    "calibration_bins",
    "choose_threshold",
    "cinc2016_score",
    "cinc2016_sensitivity_specificity",
    "circor2022_score",
    "expected_calibration_error",
    "pool_by_group",
    "predictive_values",
    "proportion_interval",
    "roc_band",
    "sensitivity_score",
    "specificity_score",
]
