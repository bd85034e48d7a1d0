"""Corpora of heart sounds read from their published folders, and a simulator.

Every ``load_`` function reads one public corpus from the folder it was unpacked in,
every ``make_`` function simulates recordings; both give a scikit-learn ``Bunch`` with
one entry a recording and the patients in ``groups``. ``CORPORA`` maps the name of a
corpus to its loader and ``CORPUS_INFO`` to its title, home page, citation and licence.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
