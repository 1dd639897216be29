"""Reading and writing wire data, which the reference's objects are read from and written as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

from harmony_grammar.tree import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = ["Wired", "assign", "json_object", "part", "present", "strings"]

_MAX_DEPTH: Final = 128  # of objects and lists in a tool's parameters

_Part = TypeVar("_Part", bound="Wired")


def assign(target: object, name: str, value: object) -> None:
    """Set a field of a frozen object while it is being made."""
    object.__setattr__(target, name, value)


class Wired:
    """What can be read from wire data, its keys being the names of its fields."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The object that wire JSON data describes; other keys are passed over.

        Raises:
            ValueError: if a field that has no default is missing.
        """
        expect(Mapping, f"what {cls.__name__} is read from", raw)
        known = [item for item in fields(cls) if item.init]  # type: ignore[arg-type]  # a dataclass
        for item in known:
            needed = item.default is MISSING and item.default_factory is MISSING
            if needed and item.name not in raw:
                raise ValueError(f"{cls.__name__}.{item.name} is missing in {dict(raw)!r}")
        return cls(**{item.name: raw[item.name] for item in known if item.name in raw})


def present(**items: object) -> dict[str, Any]:
    """The items that are set, in order, as the reference drops what is None."""
    return {key: value for key, value in items.items() if value is not None}


def part(cls: type[_Part], name: str, value: object) -> _Part:
    """A nested object, given as such or as its wire data."""
    if isinstance(value, Mapping):
        return cls.from_dict(value)
    expect(cls, name, value)
    return value  # type: ignore[return-value]


def strings(name: str, value: Sequence[str]) -> tuple[str, ...]:
    """A list of strings as a tuple."""
    expect((list, tuple), name, value)
    for item in value:
        expect(str, f"an item of {name}", item)
    return tuple(value)


def _depth(value: object) -> int:
    """How many objects and lists stand inside one another in `value`, itself included."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, (dict, list))]:
        nested = (item.values() if isinstance(item, dict) else item for item in level)
        level = list(chain.from_iterable(nested))
        depth += 1
    return depth


def json_object(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `value` as JSON would bring it to a reader: lists for tuples, strings for keys."""
    expect(Mapping, name, value)
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{name} must be JSON: {error}") from error
    if _depth(copied) > _MAX_DEPTH:
        raise ValueError(f"{name} is nested deeper than {_MAX_DEPTH} levels")
    return copied
