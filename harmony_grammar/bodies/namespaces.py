"""The tools that a body declares: namespaces, their blocks and declarations, read and written.

Types are written in one of two styles. The compatible style is the reference's, byte for byte.
The faithful style says all that a schema does and lets nothing that is said of a tool be read as
anything else: each line of a description is a comment, and a name that would have to be quoted is
refused, since a call could not name it.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.bodies.signs import SECTION, Lines, commented, plain, said
from harmony_grammar.bodies.type_nodes import Note, Notes
from harmony_grammar.bodies.typescript import typescript
from harmony_grammar.errors import RenderError
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.grammar.whole_text import Leaf
from harmony_grammar.schemas.to_schema import Budget, schema_of
from harmony_grammar.schemas.to_types import types_of
from harmony_grammar.schemas.type_comments import comment_lines
from harmony_grammar.schemas.type_text import type_text
from harmony_grammar.schemas.types import unescaped
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.bodies.declaration_lines import DeclarationLines
    from harmony_grammar.bodies.signs import Signs
    from harmony_grammar.grammar.whole_text import Builder
    from harmony_grammar.schemas.to_types import Loss, Typed
    from harmony_grammar.schemas.types import Style, Type

__all__ = [
    "Namespaces",
    "ToolType",
    "description_lines",
    "reads_tools",
    "tool_type",
    "write_namespaces",
]

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
    if _style(style) is _STYLES["compatible"]:
        return ToolType(typescript(schema), {}, ())
    found = types_of(schema)
    definitions = {name: type_text(kind) for name, kind in found.definitions.items()}
    return ToolType(type_text(found.type), definitions, found.losses)


class _Written(NamedTuple):
    """A declaration as it is written.

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


class _Style(NamedTuple):
    """How a style writes a block.

    Attributes:
        lines: the lines of a description.
        declared: what a namespace declares.
    """

    lines: Callable[[str], list[str]]
    declared: Callable[[ToolNamespaceConfig, Signs], Iterator[_Written]]


# --- As the reference does ---


def description_lines(text: str) -> list[str]:
    r"""The lines of a text: only `\n` and `\r\n` end one, and the last need not be ended."""
    *ended, last = text.split("\n")
    return [line.removesuffix("\r") for line in ended] + ([last] if last else [])


def _compatible(config: ToolNamespaceConfig, signs: Signs) -> Iterator[_Written]:
    for tool in config.tools:
        text = None if tool.parameters is None else typescript(tool.parameters, mark=signs.mark)
        yield _Written(tool.name, text, description_lines(tool.description))


# --- Faithfully ---


def _faithful(config: ToolNamespaceConfig, signs: Signs) -> Iterator[_Written]:
    """The tools, each after the types that it names and no tool before it does."""
    for tool in config.tools:
        for name in (config.name, tool.name):
            if not _NAME.fullmatch(name):
                raise RenderError(
                    f"a tool cannot be called by the name {name!r}: letters, digits, `_`, `-`, "
                    "`.` and `/` make a name"
                )
        if not signs.can_call(config.name, tool.name):
            raise RenderError(
                f"a tool cannot be called by the name {tool.name!r} in {config.name!r}: no header "
                "can address it"
            )
    taken = frozenset(tool.name for tool in config.tools)
    known: dict[str, Type] = {}
    for tool in config.tools:
        typed = None if tool.parameters is None else _typed(tool, taken, known)
        for name, kind in typed.definitions.items() if typed else ():
            if name not in known:
                known[name] = kind
                yield _Written(name, type_text(kind, mark=signs.mark), [], tool=False)
        text = None if typed is None else type_text(typed.type, mark=signs.mark)
        yield _Written(tool.name, text, comment_lines(tool.description))


def _typed(tool: ToolDescription, taken: frozenset[str], known: Mapping[str, Type]) -> Typed:
    """The type of what a tool takes; its definitions have names of their own, or are known."""
    typed = types_of(tool.parameters, taken)
    if any(repr(known.get(name, kind)) != repr(kind) for name, kind in typed.definitions.items()):
        return types_of(tool.parameters, taken | known.keys())
    return typed


_STYLES: Final[Mapping[Style, _Style]] = {
    "compatible": _Style(description_lines, _compatible),
    "faithful": _Style(comment_lines, _faithful),
}


def _style(style: Style) -> _Style:
    """How a style writes a block.

    Raises:
        RenderError: if there is no such style.
    """
    if style not in _STYLES:
        known = ", ".join(_STYLES)
        raise RenderError(f"there is no style {style!r} of schemas: the styles are {known}")
    return _STYLES[style]


# --- Written ---


def write_namespaces(
    namespaces: Mapping[str, ToolNamespaceConfig], signs: Signs, style: Style
) -> Iterator[str]:
    """The texts of namespaces, sorted by key."""
    return (_namespace(namespaces[key], signs, style) for key in sorted(namespaces))


def _namespace(config: ToolNamespaceConfig, signs: Signs, style: Style) -> str:
    """One namespace; without tools it is a description in plain words."""
    head = signs.title(BodyPart.NAMESPACE) + config.name + "\n"
    if not config.tools:
        return "\n".join((head, *description_lines(config.description or "")))
    namespace, opening, closing = signs.of[BodyPart.BLOCK]
    named = f"{namespace} {config.name}"
    lines, declared = _style(style)
    described = _commented(lines(config.description or ""), signs)
    tools = (line for known in declared(config, signs) for line in _declared(known, signs))
    closed = f"{closing} {signs.mark} {named}"
    return "\n".join((head, *described, f"{named} {opening}\n", *tools, closed))


def _declared(known: _Written, signs: Signs) -> Iterator[str]:
    """A tool's description as comments, then its signature; or a type."""
    yield from _commented(known.described, signs)
    declares, equals, opening, closing, gives, anything, ends = signs.of[BodyPart.FUNCTION]
    taken = "" if known.text is None else f"{signs.argument} {known.text}"
    arguments = f"{opening}{taken}{closing}"
    meaning = f"{arguments} {gives} {anything}" if known.tool else known.text
    yield f"{declares} {known.name} {equals} {meaning}{ends}\n"


def _commented(lines: Iterable[str], signs: Signs) -> Iterator[str]:
    return (f"{signs.mark} {line}" for line in lines)


# --- Read ---

_BRACKETS: Final = "{[(<|"  # a schema nests no deeper than its text has these
_FEW: Final = 32  # so few that nothing needs to be checked


class Namespaces(NamedTuple):
    """The namespaces of a section."""

    namespaces: dict[str, ToolNamespaceConfig]


class _Read(NamedTuple):
    """A tool or a type that a block declares.

    Attributes:
        name: its name, and where it stands.
        type: what a tool takes, None for nothing; or the type.
        tool: whether it is a tool.
        below: the comments after it.
    """

    name: Leaf
    type: Type | None
    tool: bool
    below: tuple[Note, ...]


def reads_tools(signs: Signs, style: Style, lines: DeclarationLines) -> dict[BodyPart, Builder]:
    """What makes the value of each part that declares tools.

    Args:
        signs: the signs of the grammar.
        style: how types were written.
        lines: what tells lines that look like a declaration.
    """

    def namespace(parts: list[Any], text: str) -> ToolNamespaceConfig:
        return _read_namespace(parts, text, signs.mark, lines)

    return {
        BodyPart.FUNCTION: lambda parts, _: _declaration(parts, tool=True),
        BodyPart.DEFINITION: lambda parts, _: _declaration(parts, tool=False),
        BodyPart.BLOCK: lambda parts, text: _block(parts, text, style),
        BodyPart.NAMESPACE: namespace,
        BodyPart.TOOLS: _tools,
    }


def _declaration(parts: list[Any], *, tool: bool) -> _Read:
    name, *rest = parts
    notes = next((part for part in rest if part.__class__ is Notes), ())
    kinds = [part for part in rest if part.__class__ is not Notes and part.__class__ is not Leaf]
    return _Read(name, kinds[0] if kinds else None, tool, tuple(notes))


def _block(parts: list[Any], text: str, style: Style) -> tuple[ToolDescription, ...]:
    """The tools of a namespace, each with the comments above it."""
    declared = [part for part in parts if part.__class__ is _Read]
    plain = unescaped if style == "faithful" else lambda kind: kind
    types = {item.name.text: plain(item.type) for item in declared if not item.tool and item.type}
    budget = Budget(len(text))
    above: Sequence[Note] = next((part for part in parts if part.__class__ is Notes), ())
    tools = []
    for item, following in zip_longest(declared, declared[1:]):
        if item.tool:
            description = said([note.text for note in above])
            parameters = None
            if item.type is not None:
                kind = plain(item.type)
                parameters = schema_of(kind, types, style=style, budget=budget)
            stop = following.name.start if following else len(text)
            brackets = sum(text.count(sign, item.name.start, stop) for sign in _BRACKETS)
            new = ToolDescription.of_data if brackets < _FEW else ToolDescription
            tools.append(new(item.name.text, description, parameters))
        above = [note for note in item.below if not note.behind]
    return tuple(tools)


def _read_namespace(
    parts: list[Any], whole: str, mark: str, lines: DeclarationLines
) -> ToolNamespaceConfig:
    """A namespace; what it is for stands in comments if it has a block."""
    prose = next((part for part in parts if part.__class__ is Lines), None)
    if prose is not None:
        lines.require_no_tool(prose.lines)
    tools = next((part for part in parts if part.__class__ is tuple), None)
    description = plain(prose, whole, SECTION) if tools is None else commented(prose, mark)
    return ToolNamespaceConfig(parts[0].text, description, tools=list(tools or ()))


def _tools(parts: list[ToolNamespaceConfig], _: str) -> Namespaces:
    """Namespaces by name; one that is declared twice has the tools of both."""
    found: dict[str, ToolNamespaceConfig] = {}
    for item in parts:
        known = found.get(item.name)
        if known is not None:
            tools = (*known.tools, *item.tools)
            description = known.description or item.description
            found[item.name] = ToolNamespaceConfig(item.name, description, tools=list(tools))
        else:
            found[item.name] = item
    return Namespaces(found)
