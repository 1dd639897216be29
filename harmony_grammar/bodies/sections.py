"""From what a body consists of to its content: the sections of system and developer messages.

One small function per rule of the grammar, as for types. Free text keeps its line ends; those
that belong to the layout, one after the last line and one for the blank line below it, are taken
off here.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from harmony_grammar.bodies.types import TYPES, Note, Notes, comment_text
from harmony_grammar.grammar.text import Leaf
from harmony_grammar.schemas.escapes import unescaped
from harmony_grammar.schemas.from_types import schema_of
from harmony_grammar.tree.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.tree.tools import ResponseFormat, ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.grammar.text import Builder
    from harmony_grammar.schemas.notes import Style
    from harmony_grammar.schemas.types import Type

__all__ = ["SECTIONS", "Misfit"]

_T = TypeVar("_T")

_LINE_END: Final = "\n"
_BRACKETS: Final = "{[(<|"  # a schema nests no deeper than its text has these
_FEW: Final = 32  # so few that nothing needs to be checked
_LINE: Final = 1  # line ends of the layout between a text and a line that belongs to it
_SECTION: Final = 2  # and between a text and the next section


class Misfit(ValueError):
    """What the grammar allows and no content can hold.

    Attributes:
        at: where it stands.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class _Text(NamedTuple):
    """Lines of free text.

    Attributes:
        text: the text with all its line ends.
        last: whether nothing stands below it.
    """

    text: str
    last: bool = True

    def before(self, layout: int) -> str:
        """The text without the line ends of the layout below it, of which there may be fewer."""
        text = self.text
        for _ in range(1 if self.last else layout):
            text = text.removesuffix(_LINE_END)
        return text


class _Cutoff(NamedTuple):
    """The line of the cutoff."""

    text: str


class _Date(NamedTuple):
    """The line of the date."""

    text: str


class _Identity(NamedTuple):
    """The first section of a system message."""

    identity: str | None
    cutoff: str | None
    date: str | None


class _Prose(NamedTuple):
    """The lines of a description."""

    lines: Sequence[Leaf]


class _Declared(NamedTuple):
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


class _Tools(NamedTuple):
    """The namespaces of a section."""

    namespaces: dict[str, ToolNamespaceConfig]


class _Formats(NamedTuple):
    """The response formats of a section."""

    formats: tuple[ResponseFormat, ...]


def _one(kind: type[_T], parts: Iterable[Any]) -> _T | None:
    """The part of a kind, if there is one."""
    return next((part for part in parts if part.__class__ is kind), None)


# --- Free text ---


def _text(parts: Sequence[Leaf], whole: str) -> _Text:
    last = parts[-1]
    text = "".join(part.text for part in parts)
    return _Text(text, last.start + len(last.text) == len(whole))


def _line(leaf: Leaf) -> str:
    return leaf.text.removesuffix(_LINE_END)


def _prose(parts: list[Leaf], _: str) -> _Prose:
    return _Prose(parts)


def _plain(prose: _Prose | None, whole: str) -> str | None:
    """A description in plain words, below a blank line."""
    if prose is None:
        return None
    text = _text(prose.lines, whole).before(_SECTION)
    return text.removeprefix(_LINE_END) or None


def _commented(prose: _Prose | None) -> str | None:
    """A description in comments."""
    lines = prose.lines if prose else ()
    said = [_line(leaf) if leaf.name == "LINE" else comment_text(leaf.text) for leaf in lines]
    kept = [text for text, leaf in zip(said, lines, strict=True) if text or leaf.name != "LINE"]
    return _said(kept) if kept else None


def _said(lines: Sequence[str]) -> str:
    """A description of these lines; a text whose last line is empty needs one more line end."""
    text = _LINE_END.join(lines)
    return f"{text}{_LINE_END}" if lines and not lines[-1] else text


# --- System messages ---


def _identity(parts: list[Any], whole: str) -> _Identity:
    """The first section; an empty body has none."""
    cutoff, date = _one(_Cutoff, parts), _one(_Date, parts)
    text = _one(_Text, parts) if whole != _LINE_END else None
    identity = text and text.before(_LINE if cutoff or date else _SECTION)
    return _Identity(identity, cutoff and cutoff.text, date and date.text)


def _effort(parts: list[Leaf], _: str) -> ReasoningEffort:
    return ReasoningEffort[parts[0].name]


def _valid_channels(parts: list[Leaf], _: str) -> ChannelConfig:
    names = tuple(part.text for part in parts if part.name == "CHANNEL_NAME")
    return ChannelConfig(names, channel_required=len(names) < len(parts))


def _system_body(parts: list[Any], _: str) -> SystemContent:
    identity = parts[0]
    tools = _one(_Tools, parts)
    return SystemContent(
        model_identity=identity.identity,
        reasoning_effort=_one(ReasoningEffort, parts),
        conversation_start_date=identity.date,
        knowledge_cutoff=identity.cutoff,
        channel_config=_one(ChannelConfig, parts),
        tools=tools and tools.namespaces,
    )


# --- Tools ---


def _declaration(parts: list[Any], _: str) -> _Declared:
    name, *rest = parts
    notes = _one(Notes, rest) or ()
    kinds = [part for part in rest if part.__class__ is not Notes and part.__class__ is not Leaf]
    takes = any(part.__class__ is Leaf and part.name == "ARGUMENT" for part in rest)
    tool = takes or not kinds
    return _Declared(name, kinds[0] if kinds else None, tool, tuple(notes))


def _block(parts: list[Any], text: str, style: Style = "compatible") -> tuple[ToolDescription, ...]:
    """The tools of a namespace, each with the comments above it."""
    declared = [part for part in parts if part.__class__ is _Declared]
    types = {item.name.text: item.type for item in declared if not item.tool and item.type}
    above: Sequence[Note] = _one(Notes, parts) or ()
    tools = []
    for item, following in zip_longest(declared, declared[1:]):
        if item.tool:
            description = _said([note.text for note in above])
            parameters = None if item.type is None else _schema(item.type, types, style)
            stop = following.name.start if following else len(text)
            brackets = sum(text.count(sign, item.name.start, stop) for sign in _BRACKETS)
            new = ToolDescription.of_data if brackets < _FEW else ToolDescription
            tools.append(new(item.name.text, description, parameters))
        above = [note for note in item.below if not note.behind]
    return tuple(tools)


def _schema(kind: Type, types: dict[str, Type], style: Style) -> dict[str, Any]:
    if style == "faithful":
        kind, types = unescaped(kind), {name: unescaped(each) for name, each in types.items()}
    return schema_of(kind, types, style=style)


def _namespace(parts: list[Any], whole: str) -> ToolNamespaceConfig:
    """A namespace; what it is for stands in comments if it has a block."""
    prose, tools = _one(_Prose, parts), _one(tuple, parts)
    description = _plain(prose, whole) if tools is None else _commented(prose)
    return ToolNamespaceConfig(parts[0].text, description, tools=tools or ())


def _tools(parts: list[ToolNamespaceConfig], _: str) -> _Tools:
    """Namespaces by name; one that is declared twice has the tools of both."""
    found: dict[str, ToolNamespaceConfig] = {}
    for item in parts:
        known = found.get(item.name)
        if known is not None:
            tools = (*known.tools, *item.tools)
            description = known.description or item.description
            found[item.name] = ToolNamespaceConfig(item.name, description, tools=tools)
        else:
            found[item.name] = item
    return _Tools(found)


# --- Developer messages ---


def _instructions(parts: list[_Text], _: str) -> _Text:
    return _Text(parts[0].before(_SECTION).removeprefix(_LINE_END) if parts else "")


def _response_format(parts: list[Any], _: str) -> ResponseFormat:
    name, first = parts[0], next(part for part in parts if _is_schema(part))
    more = _one(_Text, parts)
    try:
        schema = json.loads(first.text + (more.text if more else ""))
        return ResponseFormat(name.text, schema, _commented(_one(_Prose, parts)))
    except (ValueError, TypeError, RecursionError) as error:
        raise Misfit(
            f"the schema of the response format {name.text} is no JSON", first.start
        ) from error


def _is_schema(part: Any) -> bool:
    return part.__class__ is Leaf and part.name == "SCHEMA"


def _developer_body(parts: list[Any], _: str) -> DeveloperContent:
    text, tools, formats = _one(_Text, parts), _one(_Tools, parts), _one(_Formats, parts)
    return DeveloperContent(
        text and text.text, tools and tools.namespaces, formats.formats if formats else ()
    )


_COMPATIBLE: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        **TYPES,
        "text": _text,
        "cutoff": lambda parts, _: _Cutoff(_line(parts[0])),
        "date": lambda parts, _: _Date(_line(parts[0])),
        "identity": _identity,
        "effort": _effort,
        "valid_channels": _valid_channels,
        "channels": lambda parts, _: parts[0],
        "calls": lambda *_: None,
        "prose": _prose,
        "declaration": _declaration,
        "block": _block,
        "namespace": _namespace,
        "tools": _tools,
        "instructions": _instructions,
        "response_format": _response_format,
        "response_formats": lambda parts, _: _Formats(tuple(parts)),
        "system_body": _system_body,
        "developer_body": _developer_body,
    }
)

SECTIONS: Final[Mapping[Style, Mapping[str, Builder]]] = MappingProxyType(
    {
        "compatible": _COMPATIBLE,
        "faithful": {**_COMPATIBLE, "block": partial(_block, style="faithful")},
    }
)
"""What makes the value of each rule of bodies, by the style of types."""
