"""Models that are ready to use, with what is to be known of each.

The weights are in the package: nothing is downloaded.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
