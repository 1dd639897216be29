"""The tools that a message declares, as a reader wants them: name, purpose, arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.checking.declared import declared_tools

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Tool", "tools"]

_HEADING: Final = re.compile(r"## (?P<name>\S+)\s*\Z")
_TYPE: Final = re.compile(r"type (?P<name>\w+) = (?P<takes>.*)\Z")
_END: Final = re.compile(r"\) => any;\s*\Z")


class Tool(NamedTuple):
    """A tool.

    Attributes:
        name: its name, after that of its namespace.
        about: what is said of it.
        takes: the type of its arguments.
    """

    name: str
    about: str
    takes: str


def tools(text: str) -> list[Tool]:
    """The tools that the body of a message declares; those without a type by name only."""
    names = declared_tools(text)
    if not names:
        return []
    found = {tool.name: tool for tool in _typed(text) if tool.name in names}
    return [found.get(name, Tool(name, "", "")) for name in sorted(names)]


def _typed(text: str) -> Iterator[Tool]:
    space, about, lines = "", list[str](), iter(text.split("\n"))
    for line in lines:
        if match := _HEADING.match(line):
            space = match["name"]
        if match := _TYPE.match(line):
            taken = [match["takes"]]
            while not _END.search(taken[-1]):
                taken.append(next(lines, ") => any;"))
            yield Tool(f"{space}.{match['name']}", " ".join(about), _arguments(taken))
        about = [*about, line[3:]] if line.startswith("// ") else []


def _arguments(lines: list[str]) -> str:
    return "\n".join(lines).removeprefix("(_: ").removesuffix(") => any;").removeprefix("(")
