"""The types of a tool's arguments, as TypeScript writes them.

A prompt declares tools in TypeScript, a program in JSON Schema. These nodes are what stands
between the two: the reader of bodies makes them of text, `harmony_grammar.schemas` turns them
into JSON Schema and back, and a writer gives them as text. Comments are kept, since that is where
descriptions, defaults and bounds stand; a comment here is its text, without slashes and without
line breaks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from typing import Literal as Exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "Array",
    "Field",
    "Index",
    "Intersection",
    "Literal",
    "Object",
    "Style",
    "Tuple",
    "Type",
    "Union",
    "Variant",
    "Word",
    "disjoint",
    "kinds",
    "unescaped",
]

Style: TypeAlias = Exactly["compatible", "faithful"]
"""How types are written: as the reference does, or so that nothing of a schema is lost."""


@dataclass(frozen=True, slots=True)
class Word:
    """A type with a name: `string`, `any`, `null`, or one that the namespace defines.

    Attributes:
        name: the name.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """One value: `"red"`, `3`, `true`.

    Attributes:
        value: the value; a string, a number or a boolean.
    """

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Array:
    """A list: `string[]`, `Array<any>`.

    Attributes:
        items: the type of each item; None where the text says only `Array<any>`.
    """

    items: Type | None


@dataclass(frozen=True, slots=True)
class Tuple:
    """A list whose items each have their own type: `[string, number]`.

    Attributes:
        items: the types of the first items.
        rest: the type of further items, `...T[]`; None if there may be none.
    """

    items: tuple[Type, ...]
    rest: Type | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One member of a union.

    Attributes:
        type: its type.
        comments: what stands behind it.
        above: the comments above it, a line each.
    """

    type: Type
    comments: tuple[str, ...] = ()
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Union:
    """Any of several types: `string | null`.

    Attributes:
        variants: the members, in order.
        stacked: whether each stands on a line of its own, after a bar.
    """

    variants: tuple[Variant, ...]
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Intersection:
    """All of several types: `A & B`.

    Attributes:
        parts: the members, in order.
    """

    parts: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A property of an object.

    Attributes:
        name: its name, without quotes.
        type: its type.
        required: whether it must be there; `name?:` if not.
        above: the comments above it, a line each.
        after: the comments behind it.
    """

    name: str
    type: Type
    required: bool = True
    above: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """What further properties an object may have: `[key: string]: T`.

    Attributes:
        type: the type of each.
        above: the comments above it.
        after: the comments behind it.
    """

    type: Type
    above: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Object:
    """An object with named properties: `{ name: string, age?: number, }`.

    Attributes:
        fields: the properties, in order.
        index: the type of further properties; None if the text says nothing of them.
        above: the comments that stand before its brace.
    """

    fields: tuple[Field, ...]
    index: Index | None = None
    above: tuple[str, ...] = ()


Type: TypeAlias = "Word | Literal | Array | Tuple | Union | Intersection | Object"


# --- Values of types ---

_ALL: Final = frozenset({"array", "boolean", "null", "number", "object", "string"})
_MOST_COMPARED: Final = 2000
_MOST_TAGS: Final = 8
_OF_WORDS: Final[Mapping[str, frozenset[str]]] = {
    **{name: frozenset({name}) for name in _ALL},
    "integer": frozenset({"number"}),
    "never": frozenset(),
}


def kinds(kind: Type) -> frozenset[str]:
    """The JSON types that values of a type may have."""
    if isinstance(kind, Word):
        return _OF_WORDS.get(kind.name, _ALL)
    if isinstance(kind, Literal):
        return frozenset({_kind_of(kind.value)})
    if isinstance(kind, Union):
        return frozenset().union(*(kinds(variant.type) for variant in kind.variants))
    if isinstance(kind, Intersection):
        return _ALL.intersection(*(kinds(part) for part in kind.parts))
    return frozenset({"array" if isinstance(kind, (Array, Tuple)) else "object"})


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def disjoint(types: Sequence[Type]) -> bool:
    """Whether it is certain that no value is of two of the types.

    The members of many are told apart by their values alone; comparing each with each of the
    others would take too long.
    """
    of_kinds: dict[str, list[_Member]] = {}
    for index, kind in enumerate(types):
        for member in _members(kind):
            for name in kinds(member):
                of_kinds.setdefault(name, []).append((index, member))
    return all(map(_all_apart, of_kinds.values()))


_Member: TypeAlias = "tuple[int, Type]"
"""A member of a type, and which type that is."""


def _members(kind: Type) -> Iterator[Type]:
    """The members of a union, and of those in it; what is none is its own member."""
    if isinstance(kind, Union):
        for variant in kind.variants:
            yield from _members(variant.type)
    else:
        yield kind


def _all_apart(members: Sequence[_Member]) -> bool:
    """Whether members of different types share no value, where all may be of one JSON type."""
    values: dict[object, int] = {}
    rest: list[_Member] = []
    for index, member in members:
        if not isinstance(member, Literal):
            rest.append((index, member))
        elif values.setdefault(member.value, index) != index:
            return False
    if not rest or (not values and _tagged(rest)):
        return True
    if len(rest) * len(members) > _MOST_COMPARED:
        return False
    return all(_apart(one, other) for i, one in rest for j, other in members if i != j)


def _tagged(members: Sequence[_Member]) -> bool:
    """Whether all are objects with a property that must be there and has other values in each."""
    first = members[0][1]
    tags = [f.name for f in first.fields if f.required] if isinstance(first, Object) else []
    return any(_tells_apart(tag, members) for tag in tags[:_MOST_TAGS])


def _tells_apart(tag: str, members: Sequence[_Member]) -> bool:
    values: dict[object, int] = {}
    for index, member in members:
        fields = member.fields if isinstance(member, Object) else ()
        kind = next((f.type for f in fields if f.required and f.name == tag), None)
        for value in () if kind is None else _members(kind):
            if not isinstance(value, Literal):
                return False
            key = (_kind_of(value.value), value.value)
            if values.setdefault(key, index) != index:
                return False
        if kind is None:
            return False
    return True


def _apart(one: Type, other: Type) -> bool:
    if kinds(one).isdisjoint(kinds(other)):
        return True
    for first, second in ((one, other), (other, one)):
        if isinstance(first, Union):
            return all(_apart(variant.type, second) for variant in first.variants)
        if isinstance(first, Intersection):
            return any(_apart(part, second) for part in first.parts)
    if isinstance(one, Literal) and isinstance(other, Literal):
        return type(one.value) is type(other.value) and one.value != other.value
    if isinstance(one, Object) and isinstance(other, Object):
        return _told_apart(one, other)
    return False


def _told_apart(one: Object, other: Object) -> bool:
    """Whether a property that both must have is of types that share no value."""
    theirs = {field.name: field for field in other.fields if field.required}
    return any(
        _apart(field.type, theirs[field.name].type)
        for field in one.fields
        if field.required and field.name in theirs
    )


# --- What stands in quotes: as it is in the compatible style, escaped in the faithful one ---


def unescaped(kind: Type) -> Type:
    r"""A type that was read, with the escapes in its names and values undone.

    Args:
        kind: a type whose strings stand as they do between quotes.

    Returns:
        The type; a string that JSON would not escape in that way stays as it is.

    Example:
        >>> unescaped(Literal("a\\nb"))
        Literal(value='a\nb')
    """
    return _UNESCAPED[type(kind)](kind)


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _literal(kind: Literal) -> Type:
    return Literal(_unquoted(kind.value)) if isinstance(kind.value, str) else kind


def _array(kind: Array) -> Type:
    return kind if kind.items is None else Array(unescaped(kind.items))


def _tuple(kind: Tuple) -> Type:
    rest = None if kind.rest is None else unescaped(kind.rest)
    return Tuple(tuple(map(unescaped, kind.items)), rest)


def _union(kind: Union) -> Type:
    return replace(kind, variants=tuple(map(_inner, kind.variants)))


def _inner(part: Any) -> Any:
    return replace(part, type=unescaped(part.type))


def _object(kind: Object) -> Type:
    fields = tuple(replace(_inner(field), name=_unquoted(field.name)) for field in kind.fields)
    return replace(kind, fields=fields, index=None if kind.index is None else _inner(kind.index))


_UNESCAPED: Final[Mapping[type, Callable[[Any], Type]]] = {
    Word: lambda kind: kind,
    Literal: _literal,
    Array: _array,
    Tuple: _tuple,
    Union: _union,
    Intersection: lambda kind: Intersection(tuple(map(unescaped, kind.parts))),
    Object: _object,
}
