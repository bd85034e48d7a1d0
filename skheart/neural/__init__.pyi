from .classifier import CNNClassifier as CNNClassifier
from .layers import AttentionPooling as AttentionPooling
from .layers import Calibration as Calibration
from .losses import AUROCLoss as AUROCLoss
from .networks import NETWORKS as NETWORKS
from .networks import compact as compact
from .networks import deep_stethoscope as deep_stethoscope
