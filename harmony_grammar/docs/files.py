"""What each format of the documents consists of: files by their names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs import Format
from harmony_grammar.docs.drawings import diagram, picture
from harmony_grammar.docs.expressions import whole
from harmony_grammar.docs.html import page
from harmony_grammar.docs.markdown import PICTURE, diagram_name, pages
from harmony_grammar.docs.reference import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harmony_grammar.api import Grammar
    from harmony_grammar.docs.reference import Reference

__all__ = ["files"]


def files(grammar: Grammar, form: Format) -> dict[str, str]:
    """The documents of a grammar.

    Args:
        grammar: the grammar.
        form: how to write them.

    Returns:
        The files by their names.
    """
    return _FORMATS[form](reference(grammar))


def _svg(made: Reference) -> dict[str, str]:
    drawn = {diagram_name(name): diagram(name, e) for name, e in made.resolved.items()}
    return {**drawn, PICTURE: picture(made.completion, "What may follow what in a completion")}


def _ebnf(made: Reference) -> dict[str, str]:
    sentences = {rule.name: rule.sentence for rule in made.rules}
    sentences |= {terminal.name: terminal.words for terminal in made.terminals}
    return {"grammar.ebnf": whole(made.expressions, sentences)}


def _markdown(made: Reference) -> dict[str, str]:
    return {**pages(made), **_ebnf(made), **_svg(made)}


def _html(made: Reference) -> dict[str, str]:
    return {"reference.html": page(made.title, pages(made), _svg(made))}


def _json(made: Reference) -> dict[str, str]:
    text = json.dumps(made.to_dict(), ensure_ascii=False, indent=1)
    return {"reference.json": text + "\n"}


_FORMATS: Final[Mapping[Format, Callable[[Reference], dict[str, str]]]] = {
    Format.MARKDOWN: _markdown,
    Format.HTML: _html,
    Format.EBNF: _ebnf,
    Format.SVG: _svg,
    Format.JSON: _json,
}
