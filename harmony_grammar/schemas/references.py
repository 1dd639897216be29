"""The references of a schema: what they mean, and which of them keep a name.

TypeScript has names for types too, but a model reads a type most easily where it is used. So a
definition is written there, unless it contains itself, or is large and used more than once.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from harmony_grammar.schemas.dialects import children, pointer_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["References", "canonical", "target"]

_ROOT: Final = "#"
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_LARGE: Final = 40  # schemas within one another
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")

# Words that have a meaning already.
_TAKEN: Final = frozenset(
    {
        *("any", "array", "boolean", "false", "integer", "namespace", "never", "null", "number"),
        *("object", "string", "true", "type", "undefined", "unknown", "void", "Array", "Record"),
    }
)


class _Shape(NamedTuple):
    """What a definition consists of.

    Attributes:
        size: how many schemas, itself included, without what it refers to.
        uses: the references in it, as often as they stand there.
    """

    size: int
    uses: tuple[str, ...]


class References:
    """The references of one schema.

    Args:
        root: the schema.
        reserved: names that are taken already.
    """

    def __init__(self, root: dict[str, Any], reserved: frozenset[str] = frozenset()) -> None:
        self.root = root
        self._reserved = reserved | _TAKEN
        self._names: dict[str, str] = {}
        self._shapes: dict[str, _Shape] = {}

    def target(self, reference: object) -> Any:
        """What a reference refers to; None if it is not within the schema."""
        return target(self.root, reference)

    def name(self, reference: str) -> str | None:
        """The name that a definition keeps; None if it is written where it is used."""
        if reference not in self._named:
            return None
        if reference not in self._names:
            self._names[reference] = self._free(self._wish(reference))
        return self._names[reference]

    def _wish(self, reference: str) -> str:
        segments = _segments(reference)
        wish = segments[-1] if segments else self.root.get("title")
        word = _NO_NAME.sub("_", wish if isinstance(wish, str) else "") or "Type"
        return f"_{word}" if word[0].isdigit() else word

    def _free(self, wish: str) -> str:
        taken, name, number = {*self._names.values(), *self._reserved}, wish, 1
        while name in taken:
            number += 1
            name = f"{wish}_{number}"
        return name

    # --- which keep their names ---

    @cached_property
    def _named(self) -> frozenset[str]:
        used = dict.fromkeys(self._shape(_ROOT).uses)
        todo = [*used]
        for reference in todo:  # grows while it is walked
            new = [use for use in dict.fromkeys(self._shape(reference).uses) if use not in used]
            used.update(dict.fromkeys(new))
            todo += new
        counts = Counter(self._shape(_ROOT).uses)
        for reference in used:
            counts.update(self._shape(reference).uses)
        named = _circular(todo, self._shape)
        for reference in _innermost_first(todo, named, self._shape):
            if counts[reference] > 1 and self._expanded(reference, named) > _LARGE:
                named.add(reference)
        return frozenset(named)

    def _shape(self, reference: str) -> _Shape:
        if reference not in self._shapes:
            found = list(_inside(self.target(reference)))
            uses = [canonical(r) for each in found if isinstance(r := each.get("$ref"), str)]
            self._shapes[reference] = _Shape(len(found), tuple(uses))
        return self._shapes[reference]

    def _expanded(self, reference: str, named: set[str]) -> int:
        """How many schemas a definition has with those in it that have no name."""
        size, left = 0, [reference]
        while left and size <= _LARGE:
            shape = self._shape(left.pop())
            size += shape.size
            left += [use for use in shape.uses if use not in named]
        return size


def target(root: Mapping[str, Any], reference: object) -> Any:
    """What a reference refers to; None if it is not within a schema.

    Only JSON pointers are followed. A target is an object or a truth value.

    Args:
        root: the schema.
        reference: the reference.

    Example:
        >>> target({"$defs": {"A": {"type": "null"}}}, "#/$defs/A")
        {'type': 'null'}
    """
    if not isinstance(reference, str) or not reference.startswith(_ROOT):
        return None
    place: Any = root
    for segment in _segments(reference):
        if isinstance(place, dict) and segment in place:
            place = place[segment]
        elif isinstance(place, list) and _INDEX.fullmatch(segment) and int(segment) < len(place):
            place = place[int(segment)]
        else:
            return None
    return place if isinstance(place, (dict, bool)) else None


def canonical(reference: str) -> str:
    """The one spelling of a pointer that may be spelled in several ways."""
    if not reference.startswith(_ROOT):
        return reference
    return "".join((_ROOT, *(f"/{pointer_step(step)}" for step in _segments(reference))))


def _segments(reference: str) -> list[str]:
    parts = unquote(reference.removeprefix(_ROOT)).split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _inside(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all within it, but for its definitions."""
    left = [schema] if isinstance(schema, dict) else []
    while left:
        place = left.pop()
        yield place
        found = children(place)
        left += [c for key, c in found if key not in _DEFINITIONS and isinstance(c, dict)]


def _circular(used: Iterable[str], shape: Callable[[str], _Shape]) -> set[str]:
    """The definitions that contain themselves, by Tarjan's walk over what needs what."""
    found: set[str] = set()
    lowest: dict[str, int] = {}
    numbers: dict[str, int] = {}
    open_ones: dict[str, None] = {}
    left: dict[str, Iterator[str]] = {}
    for start in used:
        path = [start]
        while path:
            reference = path[-1]
            if reference not in numbers:
                numbers[reference] = lowest[reference] = len(numbers)
                open_ones[reference] = None
                left[reference] = iter(shape(reference).uses)
            new = next((use for use in left[reference] if use not in numbers), None)
            if new is not None:
                path.append(new)
                continue
            path.pop()
            uses = shape(reference).uses
            around = [lowest[use] for use in uses if use in open_ones]
            lowest[reference] = min((lowest[reference], *around))
            if reference in open_ones and lowest[reference] == numbers[reference]:
                together = _until(open_ones, reference)
                found.update(together if len(together) > 1 or reference in uses else ())
    return found


def _until(open_ones: dict[str, None], reference: str) -> list[str]:
    """Take the latest ones, down to one of them."""
    together = [open_ones.popitem()[0]]
    while together[-1] != reference:
        together.append(open_ones.popitem()[0])
    return together


def _innermost_first(used: list[str], named: set[str], shape: Any) -> Iterator[str]:
    """Definitions that do not contain themselves, each after those that it needs."""
    done: set[str] = set()
    for start in used:
        left = [start]
        while left:
            reference = left[-1]
            needed = [u for u in shape(reference).uses if u not in done and u not in named]
            if reference in done or reference in named:
                left.pop()
            elif needed:
                left += needed
            else:
                done.add(left.pop())
                yield reference
