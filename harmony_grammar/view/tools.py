"""The tools that a message declares, as a reader wants them: name, purpose, arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.bodies import read_body
from harmony_grammar.checking.declared import declared_tools
from harmony_grammar.tree import Role
from harmony_grammar.writing.typescript import typescript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harmony_grammar.tree import CustomRole

__all__ = ["Tool", "tools"]


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


def tools(text: str, role: Role | CustomRole = Role.DEVELOPER) -> list[Tool]:
    """The tools that the body of a message declares; by name only where it leaves the template.

    Args:
        text: the body.
        role: whose message it is of.
    """
    names = declared_tools(text)
    if not names:
        return []
    found = {tool.name: tool for tool in _read(text, role)}
    return [found.get(name, Tool(name, "", "")) for name in sorted(names)]


def _read(text: str, role: Role | CustomRole) -> Iterator[Tool]:
    content = read_body(text, role).content if isinstance(role, Role) else None
    for config in (getattr(content, "tools", None) or {}).values():
        if not config.tools:
            yield Tool(config.name, config.description or "", "")
        for tool in config.tools:
            takes = "" if tool.parameters is None else typescript(tool.parameters)
            yield Tool(f"{config.name}.{tool.name}", tool.description, takes)
