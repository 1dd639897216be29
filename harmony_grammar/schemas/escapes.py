"""What stands in quotes: as it is in the compatible style, escaped in the faithful one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

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
    from collections.abc import Callable, Mapping

    from harmony_grammar.schemas.types import Type

__all__ = ["unescaped"]

_ESCAPE: Final = "\\"


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
    return _FORMS[type(kind)](kind)


def _text(text: str) -> str:
    if _ESCAPE not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _literal(kind: Literal) -> Type:
    return Literal(_text(kind.value)) if isinstance(kind.value, str) else kind


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
    fields = tuple(replace(_inner(field), name=_text(field.name)) for field in kind.fields)
    return replace(kind, fields=fields, index=None if kind.index is None else _inner(kind.index))


_FORMS: Final[Mapping[type, Callable[[Any], Type]]] = {
    Word: lambda kind: kind,
    Literal: _literal,
    Array: _array,
    Tuple: _tuple,
    Union: _union,
    Intersection: lambda kind: Intersection(tuple(map(unescaped, kind.parts))),
    Object: _object,
}
