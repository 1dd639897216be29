"""The tools that a system or developer message declares.

Only their names are read: the headings and the first words of the lines that
`harmony_grammar.rendering.templates` writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["declared_tools"]

_HEADING: Final = re.compile(r"## ([\w-]+)")
_FUNCTION: Final = re.compile(r"type ([\w-]+) =")
_TITLE: Final = "# Tools"


def declared_tools(body: str) -> set[str] | None:
    """The recipients that the tools section of a body declares; None if it has none."""
    _, title, section = body.partition(_TITLE)
    return set(_tools(section)) if title else None


def _tools(section: str) -> Iterator[str]:
    namespace, functions = "", 0
    for line in section.split("\n"):
        if heading := _HEADING.fullmatch(line):
            if namespace and not functions:
                yield namespace
            namespace, functions = heading[1], 0
        elif function := _FUNCTION.match(line):
            functions += 1
            yield f"{namespace}.{function[1]}"
    if namespace and not functions:
        yield namespace  # a namespace without functions is a tool itself
