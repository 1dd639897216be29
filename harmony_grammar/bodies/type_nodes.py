"""From what a type consists of to its node: the TypeScript of a tool's argument.

One small function per rule of the grammar. Comments come as notes between other parts; where they
belong is decided here: one behind something on its line to what it stands behind, others to what
stands below them.
"""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.bodies.declaration_lines import MisfitError
from harmony_grammar.bodies.signs import comment_text
from harmony_grammar.grammar.meaning import BodyPart
from harmony_grammar.grammar.whole_text import Leaf
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
    from collections.abc import Iterable, Sequence

    from harmony_grammar.bodies.declaration_lines import DeclarationLines
    from harmony_grammar.grammar.whole_text import Builder
    from harmony_grammar.schemas.types import Type

__all__ = ["ALONE", "Note", "Notes", "reads_types", "texts"]

_ANYTHING: Final = Word("any")
_new: Final = tuple.__new__  # makes a tuple of a class, past its constructor


class Note(NamedTuple):
    """A comment.

    Attributes:
        behind: whether it stands behind something on its line.
        text: its text, with all lines that belong to it.
        odd: where one of these lines looks like a field; None if none does.
    """

    behind: bool
    text: str
    odd: int | None = None


class Notes(list[Note]):
    """Comments, one below the other."""

    __slots__ = ()


class _Noted(NamedTuple):
    """A type and the comments after it.

    Attributes:
        type: the type.
        notes: the comments.
    """

    type: Type
    notes: list[Note]


class _Key(NamedTuple):
    """How a field begins.

    Attributes:
        name: its name; None for all further fields.
        required: whether it must be there.
    """

    name: str | None
    required: bool


class _Entry(NamedTuple):
    """A field without the comments above it.

    Attributes:
        key: how it begins.
        type: its type.
        after: the comments behind it.
        below: the comments that belong to what stands below it.
    """

    key: _Key
    type: Type
    after: tuple[str, ...]
    below: tuple[str, ...]


def texts(notes: Iterable[Note]) -> tuple[str, ...]:
    """What comments say where fields may stand.

    Raises:
        MisfitError: if one has taken a field that cannot be read.
    """
    return tuple([_said(note) for note in notes])


def _said(note: Note) -> str:
    if note.odd is not None:
        raise MisfitError("a field that cannot be read is declared here", note.odd)
    return note.text


def _note(mark: str, lines: DeclarationLines, parts: list[Any], text: str, *, behind: bool) -> Note:
    """Further lines of a comment are part of it just as they stand."""
    first = parts[0]
    whole = first.text
    if len(parts) > 1:
        lines.require_no_tool(parts[1:])
        whole = text[first.start : parts[-1].start + len(parts[-1].text)]
    odd = lines.field_in(parts[1:], text) if len(parts) > 1 else None
    return _new(Note, (behind, comment_text(whole, mark), odd))


def _notes(parts: list[Note], _: str) -> Notes:
    return Notes(parts)


# --- Simple types ---


@lru_cache(maxsize=256)
def _named(name: str) -> Word:
    return Word(name)


def _word(parts: list[Any], _: str) -> Word:
    return _named(parts[0].text)


def _string(parts: list[Any], _: str) -> Literal:
    return Literal(parts[0].text[1:-1])


def _number(parts: list[Any], _: str) -> Literal:
    return Literal(json.loads(parts[0].text))


def _array(parts: list[Any], _: str) -> Array:
    """A list; one of anything that is not written with brackets says nothing of its items."""
    kind = _bare(parts[-1])
    return Array(None if len(parts) > 1 and kind == _ANYTHING else kind)


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


def _tool_type(parts: list[Any], _: str) -> Type:
    return _bare(parts[0])


def _intersection(parts: list[Any], _: str) -> Type:
    return Intersection(tuple(parts))


# --- Unions ---


class _Member:
    """A member of a union while it is being read; several types with bars on its line are one."""

    __slots__ = ("above", "behind", "types")

    def __init__(self, kind: Type, above: list[Note]) -> None:
        self.types = [kind]
        self.above = above
        self.behind: list[Note] = []

    def variant(self) -> Variant:
        kind = self.types[0]
        if len(self.types) > 1:
            kind = Union(tuple([Variant(each) for each in self.types]))
        return Variant(kind, texts(self.behind), texts(self.above))


def _split(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """The comments behind what was read before, and those above what comes."""
    behind = 1 if notes and notes[0].behind else 0
    return [*notes[:behind]], [*notes[behind:]]


def _stacked(parts: Sequence[Any], text: str) -> Union:
    """A union that begins with a bar; if that begins a line, so does that of each member."""
    members: list[_Member] = []
    above: list[Note] = []
    lines = fresh = False
    for part in parts:
        if part.__class__ is Notes:
            behind, above = _split(part) if members else ([], part)
            if behind:
                members[-1].behind = behind
        elif part.__class__ is Leaf:
            first = _first_on_line(part, text)
            lines = lines or (first and not members)
            fresh = first or not lines or bool(above)
        elif fresh:
            members.append(_Member(part, above))
            above = []
        else:
            members[-1].types.append(part)
    return Union(tuple([member.variant() for member in members]), stacked=True)


def _first_on_line(leaf: Leaf, text: str) -> bool:
    return not text[text.rfind("\n", 0, leaf.start) + 1 : leaf.start].strip()


def _union(parts: Sequence[Any], text: str) -> Union:
    """A union, whose members may have comments behind and above them."""
    classes = [part.__class__ for part in parts]
    if Notes not in classes and classes[0] is not Leaf:  # most are so
        kinds = [part for part in parts if part.__class__ is not Leaf]
        return Union(tuple([Variant(kind) for kind in kinds]))
    if _begins_with_bar(parts):
        return _stacked(parts, text)
    members: list[_Member] = []
    above: list[Note] = []
    for part in parts:
        if part.__class__ is Notes:
            members[-1].behind, above = _split(part)
        elif part.__class__ is not Leaf:
            members.append(_Member(part, above))
            above = []
    return Union(tuple([member.variant() for member in members]))


def _begins_with_bar(parts: Sequence[Any]) -> bool:
    return any(part.__class__ is Leaf for part in parts[:2] if part.__class__ is not Notes) and (
        parts[0].__class__ in {Leaf, Notes}
    )


def _noted(parts: list[Any], text: str) -> Type | _Noted:
    """A type and the comments after it; one behind it is part of a stacked union."""
    *kinds, notes = parts
    kind: Type = kinds[0] if len(kinds) == 1 else _union(kinds, text)
    if not isinstance(kind, Union) or not kind.stacked or not notes[0].behind:
        return _Noted(kind, notes)
    *others, last = kind.variants
    said = Variant(last.type, (_said(notes[0]),), last.above)
    kind = Union((*others, said), stacked=True)
    return _Noted(kind, notes[1:]) if notes[1:] else kind


# --- Objects ---


def _key(parts: list[Leaf], _: str) -> _Key:
    """A name, and whether a question mark follows."""
    return _new(_Key, (parts[0].text, len(parts) == 1))


def _quoted_key(parts: list[Leaf], _: str) -> _Key:
    return _new(_Key, (parts[0].text[1:-1], len(parts) == 1))


def _further_keys(parts: list[Leaf], _: str) -> _Key:
    return _new(_Key, (None, len(parts) == 1))


def _entry(parts: list[Any], _: str) -> _Entry:
    """A field: its key, its type, and the comments after it."""
    key, kind, *lists = parts
    if isinstance(kind, _Noted):
        lists.insert(0, kind.notes)
        kind = kind.type
    if not lists:
        return _new(_Entry, (key, kind, (), ()))
    after: list[str] = []
    below: list[str] = []
    for notes in lists:
        for note in notes:
            (after if note.behind else below).append(_said(note))
    return _new(_Entry, (key, kind, tuple(after), tuple(below)))


def _object(parts: list[Any], _: str) -> Object:
    """Fields with the comments above them, which may have been read with the field before."""
    fields: list[Field] = []
    index: Index | None = None
    head: tuple[str, ...] = ()
    above: tuple[str, ...] = ()
    for part in parts:
        if part.__class__ is Notes:
            above = texts(part)
        elif part.__class__ is Leaf:
            head, above = above, ()
        else:
            key = part.key
            if key.name is None:
                index = Index(part.type, above, part.after)
            else:
                fields.append(Field(key.name, part.type, key.required, above, part.after))
            above = part.below
    return Object(tuple(fields), index, head)


def reads_types(mark: str, lines: DeclarationLines) -> dict[BodyPart, Builder]:
    """What makes the node of each part of a type.

    Args:
        mark: what comments begin with.
        lines: what tells lines that look like a declaration.
    """
    return {
        BodyPart.NOTE_ABOVE: partial(_note, mark, lines, behind=False),
        BodyPart.NOTE_BEHIND: partial(_note, mark, lines, behind=True),
        BodyPart.NOTES: _notes,
        BodyPart.WORD: _word,
        BodyPart.STRING: _string,
        BodyPart.NUMBER: _number,
        BodyPart.TRUE: lambda *_: Literal(value=True),
        BodyPart.FALSE: lambda *_: Literal(value=False),
        BodyPart.ARRAY: _array,
        BodyPart.GROUP: _tool_type,
        BodyPart.TUPLE: _tuple,
        BodyPart.INTERSECTION: _intersection,
        BodyPart.UNION: _union,
        BodyPart.NOTED: _noted,
        BodyPart.TOOL_TYPE: _tool_type,
        BodyPart.KEY: _key,
        BodyPart.QUOTED_KEY: _quoted_key,
        BodyPart.FURTHER_KEYS: _further_keys,
        BodyPart.FIELD: _entry,
        BodyPart.OBJECT: _object,
    }


ALONE: Final = frozenset({BodyPart.INTERSECTION, BodyPart.UNION})
"""The parts of which one part is what that part is."""
