"""How documents may be written."""

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
