"""Whether no value is of two types.

A union of types that share no value means the same whether one of them or any of them must fit.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from harmony_grammar.schemas.types import (
    Array,
    Intersection,
    Literal,
    Object,
    Tuple,
    Union,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harmony_grammar.schemas.types import Type

__all__ = ["disjoint", "kinds"]

_ALL: Final = frozenset({"array", "boolean", "null", "number", "object", "string"})
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
    """Whether it is certain that no value is of two of the types."""
    return all(_apart(one, other) for one, other in combinations(types, 2))


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
