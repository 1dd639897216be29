"""Documents made from a grammar: the reference, its diagrams, the catalogue, the cheat sheet.

Nothing imports this at run time. `reference` gathers what there is to say as plain data, from
the loaded grammar and the tables of tokens, faults, repairs and lint rules; `markdown`, `html`
and `drawings` write it down; `files` says what each format consists of.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["Format"]


class Format(str, Enum):
    """How the documents are written."""

    MARKDOWN = "markdown"
    HTML = "html"
    EBNF = "ebnf"
    SVG = "svg"
    JSON = "json"
