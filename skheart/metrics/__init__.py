"""Scores, a scorer for model selection, intervals and pooling by patient.

None of these names needs TensorFlow, Keras or librosa.
"""

from skheart.metrics.auroc import auroc_score
from skheart.metrics.challenges import (
    cinc2016_score,
    cinc2016_sensitivity_specificity,
    circor2022_score,
)
from skheart.metrics.interval import AUROCInterval, auroc_confidence_interval
from skheart.metrics.pooling import PooledScores, pool_by_group
from skheart.metrics.rates import sensitivity_score, specificity_score
from skheart.metrics.scorer import auroc_scorer

__all__ = [
    "AUROCInterval",
    "PooledScores",
    "auroc_confidence_interval",
    "auroc_score",
    "auroc_scorer",
    "cinc2016_score",
    "cinc2016_sensitivity_specificity",
    "circor2022_score",
    "pool_by_group",
    "sensitivity_score",
    "specificity_score",
]
