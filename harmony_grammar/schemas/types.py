"""The types of a tool's arguments, as TypeScript writes them.

A prompt declares tools in TypeScript, a program in JSON Schema. These nodes are what stands
between the two: the reader of bodies makes them of text, `harmony_grammar.schemas` turns them
into JSON Schema and back, and a writer gives them as text. Comments are kept, since that is where
descriptions, defaults and bounds stand; a comment here is its text, without slashes and without
line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "Array",
    "Field",
    "Index",
    "Intersection",
    "Literal",
    "Object",
    "Tuple",
    "Type",
    "Union",
    "Variant",
    "Word",
]


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
