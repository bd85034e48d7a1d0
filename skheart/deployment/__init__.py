"""Save, load, export and run fitted models outside the notebook."""

import lazy_loader

from skheart._core.tensorflow_start import quiet_tensorflow

quiet_tensorflow()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
