"""Heart-sound recordings to spectrograms to networks, the scikit-learn way.

Importing this package is cheap: TensorFlow, Keras and matplotlib are imported only when
a name that needs them is first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
