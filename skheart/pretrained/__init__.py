"""Pretrained models that are ready to use, and their model cards.

The weights are inside the package: nothing is downloaded.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
