"""The corpora by name, for the command line, the docs and the tests."""

from __future__ import annotations

from skheart.datasets import cinc2016, circor2022, pascal

#: Loader of each corpus.
CORPORA = {
    "pascal": pascal.load_pascal,
    "cinc2016": cinc2016.load_cinc2016,
    "circor2022": circor2022.load_circor2022,
}

#: Title, home page, citation and licence of each corpus.
CORPUS_INFO = {
    module.INFO.name: module.INFO for module in (pascal, cinc2016, circor2022)
}
