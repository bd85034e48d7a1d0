"""What the pages take from the package while they are built.

``cli-help`` shows the help of a command, ``corpus-info`` the facts about a corpus, and
formulas become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import argparse
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from skheart.cli import _parser
from skheart.datasets import CORPORA, CORPUS_INFO


class CommandHelp(SphinxDirective):
    """What ``skheart [COMMAND] --help`` prints."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        parser = _parser()
        if self.arguments:
            parser = _commands(parser)[self.arguments[0]]
        text = parser.format_help()
        return [nodes.literal_block(text, text, language="text")]


def _commands(parser: argparse.ArgumentParser) -> dict[str, Any]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise LookupError("The parser has no commands.")


class CorpusInfo(SphinxDirective):
    """Summary, citation, licence, home page and loader of a corpus."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        info = CORPUS_INFO[self.arguments[0]]
        loader = CORPORA[info.name]
        # The backslash keeps initials such as "P." from starting a list.
        text = f"""\
{info.summary}

:Licence: {info.licence}
:Cite: \\{info.citation}
:Home page: {info.homepage}
:Loader: :func:`skheart.datasets.{loader.__name__}`
:Folder: `{info.name}`
"""
        return self.parse_text_to_nodes(text)


def _visit_inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _visit_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the renderer."""
    app.add_directive("cli-help", CommandHelp)
    app.add_directive("corpus-info", CorpusInfo)
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
