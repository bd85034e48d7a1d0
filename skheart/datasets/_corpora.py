"""The corpora by name, for the command line, the docs and the tests."""

from __future__ import annotations

from skheart.datasets import _cinc2016, _circor2022, _pascal

#: Loader of each corpus.
CORPORA = {
    "pascal": _pascal.load_pascal,
    "cinc2016": _cinc2016.load_cinc2016,
    "circor2022": _circor2022.load_circor2022,
}

#: Title, home page, citation and licence of each corpus.
CORPUS_INFO = {
    module.INFO.name: module.INFO for module in (_pascal, _cinc2016, _circor2022)
}
