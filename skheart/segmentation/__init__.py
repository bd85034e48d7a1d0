"""Find the phases of each heartbeat, the heart rate and the rhythm.

The network is trained and evaluated with numpy alone: no TensorFlow is imported.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
