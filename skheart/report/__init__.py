"""What is said about answers: descriptions, reports, and figures of evaluations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
