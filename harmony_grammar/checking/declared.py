"""The tools that a system or developer message declares.

Only their names are read: the headings and the first words of the lines that declare tools, in
the grammar's own words. A body that is far from its template still says them; what else it says,
`harmony_grammar.bodies` reads.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.grammar import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["declared_tools"]


class _Marks(NamedTuple):
    """How tools are declared.

    Attributes:
        title: the title of the section.
        heading: the heading of a namespace.
        function: the beginning of a tool.
    """

    title: str
    heading: re.Pattern[str]
    function: re.Pattern[str]


@lru_cache(maxsize=64)
def _marks(rules: Rules) -> _Marks:
    name = f"({rules.terminals['NAME'].pattern})"
    heading, declares, equals = (
        re.escape(rules.literal(word)) for word in ("_HEADING", "_TYPE", "_EQUALS")
    )
    return _Marks(
        rules.literal("_TOOLS"),
        re.compile(heading + name),
        re.compile(f"{declares} {name} {equals}"),
    )


def declared_tools(body: str, rules: Rules | None = None) -> set[str] | None:
    """The recipients that the tools section of a body declares; None if it has none.

    Args:
        body: the body of a message.
        rules: the grammar; the format's own if None.
    """
    marks = _marks(rules or Rules.default())
    _, title, section = body.partition(marks.title)
    return set(_tools(section, marks)) if title else None


def _tools(section: str, marks: _Marks) -> Iterator[str]:
    namespace, functions = "", 0
    for line in section.split("\n"):
        if heading := marks.heading.fullmatch(line):
            if namespace and not functions:
                yield namespace
            namespace, functions = heading[1], 0
        elif function := marks.function.match(line):
            functions += 1
            yield f"{namespace}.{function[1]}"
    if namespace and not functions:
        yield namespace  # a namespace without functions is a tool itself
