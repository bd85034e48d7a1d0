"""Assess whether a recording is a heart sound that can be judged.

Indices of the signal and of the segmenter's probabilities are combined by a small table
that was calibrated on what experts said of recordings. It runs in numpy.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
