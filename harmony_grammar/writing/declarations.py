"""What the block of a namespace declares, in either style of types.

The compatible style is the reference's, byte for byte. The faithful style says all that a schema
does and lets nothing that is said of a tool be read as anything else: each line of a description
is a comment, and a name that would have to be quoted is refused, since a call could not name it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.errors import RenderError
from harmony_grammar.schemas.text import comment_lines
from harmony_grammar.schemas.to_types import types_of
from harmony_grammar.schemas.writing import type_text
from harmony_grammar.writing.typescript import typescript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harmony_grammar.schemas.keywords import Loss
    from harmony_grammar.schemas.notes import Style
    from harmony_grammar.schemas.to_types import Typed
    from harmony_grammar.schemas.types import Type
    from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

__all__ = ["LAYOUTS", "Declared", "Layout", "ToolType", "layout", "tool_type"]

_NAME: Final = re.compile(r"[\w./-]+")


class ToolType(NamedTuple):
    """The TypeScript of what a tool takes.

    Attributes:
        text: the type.
        definitions: the types that it names, by name; they stand in the namespace of the tool.
        diagnostics: what of the schema the type does not say; never anything in the compatible
            style, which leaves out more and does not know of it.
    """

    text: str
    definitions: dict[str, str]
    diagnostics: tuple[Loss, ...]


def tool_type(schema: dict[str, Any], style: Style = "compatible") -> ToolType:
    """Write what a tool takes, as a prompt says it.

    Args:
        schema: a JSON Schema.
        style: `"compatible"` writes what the reference does, byte for byte: references,
            alternatives and most bounds are lost, and nothing is escaped. `"faithful"` says all
            that TypeScript and comments can: the same values fit the type as fit the schema,
            but for what the diagnostics name.

    Returns:
        The text and what it leaves out.

    Raises:
        RenderError: if a number cannot be written, if the schema is nested too deeply, or if
            there is no such style.

    Example:
        >>> tool_type({"type": "array", "items": {"enum": ["a", "b"]}}, "faithful").text
        '("a" | "b")[]'
        >>> tool_type({"type": "array", "items": {"enum": ["a", "b"]}}).text
        'any[]'
    """
    if layout(style) is LAYOUTS["compatible"]:
        return ToolType(typescript(schema), {}, ())
    found = types_of(schema)
    definitions = {name: type_text(kind) for name, kind in found.definitions.items()}
    return ToolType(type_text(found.type), definitions, found.losses)


class Declared(NamedTuple):
    """One declaration of a block.

    Attributes:
        name: the name of a tool or a type.
        text: what the tool takes, None for nothing; or the type.
        described: what the tool is for, a line each.
        tool: whether it is a tool.
    """

    name: str
    text: str | None
    described: list[str]
    tool: bool = True


class Layout(NamedTuple):
    """How a style lays a block out.

    Attributes:
        lines: the lines of a description.
        declared: what a namespace declares.
    """

    lines: Callable[[str], list[str]]
    declared: Callable[[ToolNamespaceConfig], Iterator[Declared]]


# --- As the reference does ---


def _lines(text: str) -> list[str]:
    r"""The lines of a text: only `\n` and `\r\n` end one, and the last need not be ended."""
    *ended, last = text.split("\n")
    return [line.removesuffix("\r") for line in ended] + ([last] if last else [])


def _compatible(config: ToolNamespaceConfig) -> Iterator[Declared]:
    for tool in config.tools:
        text = None if tool.parameters is None else typescript(tool.parameters)
        yield Declared(tool.name, text, _lines(tool.description))


# --- Faithfully ---


def _faithful(config: ToolNamespaceConfig) -> Iterator[Declared]:
    """The tools, each after the types that it names and no tool before it does."""
    for name in (config.name, *(tool.name for tool in config.tools)):
        if not _NAME.fullmatch(name):
            raise RenderError(
                f"a tool cannot be called by the name {name!r}: letters, digits, `_`, `-`, `.` "
                "and `/` make a name"
            )
    taken = frozenset(tool.name for tool in config.tools)
    known: dict[str, Type] = {}
    for tool in config.tools:
        typed = None if tool.parameters is None else _typed(tool, taken, known)
        for name, kind in typed.definitions.items() if typed else ():
            if name not in known:
                known[name] = kind
                yield Declared(name, type_text(kind), [], tool=False)
        text = None if typed is None else type_text(typed.type)
        yield Declared(tool.name, text, comment_lines(tool.description))


def _typed(tool: ToolDescription, taken: frozenset[str], known: Mapping[str, Type]) -> Typed:
    """The type of what a tool takes; its definitions have names of their own, or are known."""
    typed = types_of(tool.parameters, taken)
    if any(repr(known.get(name, kind)) != repr(kind) for name, kind in typed.definitions.items()):
        return types_of(tool.parameters, taken | known.keys())
    return typed


LAYOUTS: Final[Mapping[Style, Layout]] = {
    "compatible": Layout(_lines, _compatible),
    "faithful": Layout(comment_lines, _faithful),
}


def layout(style: Style) -> Layout:
    """How a style lays a block out.

    Raises:
        RenderError: if there is no such style.
    """
    if style not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise RenderError(f"there is no style {style!r} of schemas: the styles are {known}")
    return LAYOUTS[style]
