from .abstaining import AbstainingClassifier as AbstainingClassifier
from .assessment import Quality as Quality
from .assessment import assess_quality as assess_quality
from .assessment import signal_quality as signal_quality
from .indices import QUALITY_INDICES as QUALITY_INDICES
from .transformer import QualityTransformer as QualityTransformer
