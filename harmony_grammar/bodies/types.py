"""From what a type consists of to its node: the TypeScript of a tool's argument.

One small function per rule of the grammar. Comments come as notes between other parts; where they
belong is decided here: one behind something on its line to what it stands behind, others to what
stands below them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.grammar.lalr import Leaf
from harmony_grammar.schemas.types import (
    Array,
    Field,
    Index,
    Intersection,
    Literal,
    Object,
    Tuple,
    Union,
    Variant,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harmony_grammar.grammar.lalr import Builder
    from harmony_grammar.schemas.types import Type

__all__ = ["TYPES", "Note", "comment_text", "texts"]

_MARK: Final = "//"
_ANYTHING: Final = Word("any")
_VALUES: Final = MappingProxyType({"TRUE": True, "FALSE": False})


class Note(NamedTuple):
    """A comment.

    Attributes:
        behind: whether it stands behind something on its line.
        text: its text, with all lines that belong to it.
    """

    behind: bool
    text: str


class _Noted(NamedTuple):
    """A type and the comments after it.

    Attributes:
        type: the type.
        after: the comments behind it.
        below: the comments on lines of their own.
    """

    type: Type
    after: tuple[str, ...]
    below: tuple[str, ...]


class _Entry(NamedTuple):
    """A field and the comments after it that belong to what stands below.

    Attributes:
        field: the field, without the comments above it.
        below: the comments.
    """

    field: Field | Index
    below: tuple[str, ...]


def comment_text(comment: str) -> str:
    """What a comment says, without its slashes and the blank behind them."""
    return comment.partition(_MARK)[2].removeprefix(" ")


def texts(notes: Iterable[Note]) -> tuple[str, ...]:
    """What comments say."""
    return tuple(note.text for note in notes)


def _note(parts: list[Any], text: str) -> Note:
    """Further lines of a comment are part of it just as they stand."""
    first, last = parts[0], parts[-1]
    whole = first.text if first is last else text[first.start : last.start + len(last.text)]
    return Note(first.name == "BEHIND", comment_text(whole))


# --- Simple types ---


@lru_cache(maxsize=256)
def _named(name: str) -> Word:
    return Word(name)


def _word(parts: list[Any], _: str) -> Word:
    return _named(parts[0].text)


def _literal(parts: list[Any], _: str) -> Literal:
    name, text, _ = parts[0]
    if name == "STRING":
        return Literal(text[1:-1])
    return Literal(json.loads(text) if name == "NUMBER" else _VALUES[name])


def _array(parts: list[Any], _: str) -> Array:
    """A list; one of anything that is not written with brackets says nothing of its items."""
    kind = _bare(parts[-1])
    return Array(None if len(parts) > 1 and kind == _ANYTHING else kind)


def _group(parts: list[Any], _: str) -> Type:
    return _bare(parts[0])


def _tuple(parts: list[Any], _: str) -> Tuple:
    kinds = [_bare(part) for part in parts if part.__class__ is not Leaf]
    if len(kinds) == len(parts):
        return Tuple(tuple(kinds))
    last = kinds.pop()
    return Tuple(tuple(kinds), last.items if isinstance(last, Array) else last)


def _bare(part: Any) -> Type:
    """A type without the comments after it."""
    kind: Type = part.type if part.__class__ is _Noted else part
    return kind


def _intersection(parts: list[Any], _: str) -> Type:
    kind: Type = parts[0] if len(parts) == 1 else Intersection(tuple(parts))
    return kind


# --- Unions ---


class _Member:
    """A member of a union while it is being read."""

    __slots__ = ("above", "behind", "type")

    def __init__(self, kind: Type, above: list[Note]) -> None:
        self.type = kind
        self.above = above
        self.behind: list[Note] = []

    def variant(self) -> Variant:
        return Variant(self.type, texts(self.behind), texts(self.above))


def _union(parts: list[Any], _: str) -> Type | _Noted:
    """A type, a union, or either with the comments after it."""
    if len(parts) == 1:
        kind: Type = parts[0]
        return kind
    members: list[_Member] = []
    waiting: list[Note] = []
    for part in parts:
        if part.__class__ is Note:
            (members[-1].behind if members and part.behind and not waiting else waiting).append(
                part
            )
        elif part.__class__ is not Leaf:
            members.append(_Member(part, waiting))
            waiting = []
    stacked = _begins_with_bar(parts)
    after = [] if stacked else members[-1].behind
    if not stacked:
        members[-1].behind = []
    whole: Type = members[0].type
    if stacked or len(members) > 1:
        whole = Union(tuple(member.variant() for member in members), stacked)
    return _Noted(whole, texts(after), texts(waiting)) if after or waiting else whole


def _begins_with_bar(parts: list[Any]) -> bool:
    first = next(part for part in parts if part.__class__ is not Note)
    return first.__class__ is Leaf


# --- Objects ---


def _entry(parts: list[Any], _: str) -> _Entry:
    """A field: its key, whether it may be absent, its type, and the comments after it."""
    key, optional = parts[0], parts[1].__class__ is Leaf
    noted, *notes = parts[1 + optional :]
    kind, after, below = _bare(noted), list[str](), list[str]()
    if isinstance(noted, _Noted):
        after, below = [*noted.after], [*noted.below]
    for note in notes:
        (after if note.behind and not below else below).append(note.text)
    if key.name == "INDEX":
        return _Entry(Index(kind, (), tuple(after)), tuple(below))
    name = key.text[1:-1] if key.name == "STRING" else key.text
    return _Entry(Field(name, kind, not optional, (), tuple(after)), tuple(below))


def _object(parts: list[Any], _: str) -> Object:
    """Fields with the comments above them, which may have been read with the field before."""
    fields: list[Field] = []
    index: Index | None = None
    head: tuple[str, ...] = ()
    waiting: list[str] = []
    for part in parts:
        if part.__class__ is Note:
            waiting.append(part.text)
        elif part.__class__ is Leaf:
            head, waiting = tuple(waiting), []
        else:
            field, above = part.field, tuple(waiting)
            if field.__class__ is Index:
                index = Index(field.type, above, field.after)
            else:
                fields.append(Field(field.name, field.type, field.required, above, field.after))
            waiting = [*part.below]
    return Object(tuple(fields), index, head)


TYPES: Final[Mapping[str, Builder]] = MappingProxyType(
    {
        "note": _note,
        "word": _word,
        "literal": _literal,
        "array": _array,
        "group": _group,
        "tuple": _tuple,
        "intersection": _intersection,
        "_bare": _union,
        "_noted": _union,
        "tool_type": lambda parts, _: _bare(parts[0]),
        "_closed": _entry,
        "field": _entry,
        "object": _object,
    }
)
"""What makes the node of each rule of types."""
