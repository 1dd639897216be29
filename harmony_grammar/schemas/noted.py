"""Types with what their comments are to say, and how these are put together."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.schemas.disjoint import disjoint, kinds
from harmony_grammar.schemas.notes import ANY_OF, BOUNDS, DEFAULT, INTEGER, OF_KINDS
from harmony_grammar.schemas.text import json_line
from harmony_grammar.schemas.types import Array, Intersection, Object, Tuple, Union, Variant, Word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harmony_grammar.schemas.types import Type

__all__ = ["ANY", "NEVER", "Noted", "all_of", "any_of", "behind", "one_of", "sized", "wrapped"]

ANY: Final = Word("any")
NEVER: Final = Word("never")
_SIZES: Final = frozenset({"minItems", "maxItems"})
_ASIDES: Final = frozenset({DEFAULT, "deprecated", "readOnly", "writeOnly"})
_NO_BOUNDS: Final[Mapping[str, Any]] = {}


class Noted(NamedTuple):
    """A type, and what its comments are to say.

    Attributes:
        type: the type.
        bounds: what TypeScript has no words for, as keywords.
        flags: what has no keyword either.
        above: what stands above it, a line each.
    """

    type: Type
    bounds: Mapping[str, Any] = _NO_BOUNDS
    flags: frozenset[str] = frozenset()
    above: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.bounds or self.flags or self.above)


_NUMBER: Final = Noted(Word("number"))
_INTEGER: Final = Noted(Word("number"), flags=frozenset({INTEGER}))


def behind(noted: Noted) -> tuple[str, ...]:
    """The comment behind a type; none if there is nothing to say."""
    known = {INTEGER: 0, ANY_OF: 1}
    order = {name: place for place, name in enumerate((*BOUNDS, DEFAULT))}
    entries = sorted(noted.flags, key=known.__getitem__)
    entries += (
        f"{name}: {json_line(noted.bounds[name])}"
        for name in sorted(noted.bounds, key=order.get)  # type: ignore[arg-type]  # every bound has its place
    )
    return (", ".join(entries),) if entries else ()


def wrapped(noted: Noted) -> Type:
    """A type as it stands where nothing can be said beside it: as a union of one member."""
    if noted.bare:
        return noted.type
    if noted == _INTEGER:
        return Word(INTEGER)
    if isinstance(noted.type, Object) and not (noted.bounds or noted.flags):
        return replace(noted.type, above=noted.above)
    return Union((_variant(noted),), stacked=True)


def _variant(noted: Noted) -> Variant:
    return Variant(noted.type, behind(noted), noted.above)


def any_of(members: Sequence[Noted]) -> Noted:
    """Any of several types."""
    if _NUMBER in members:  # whole numbers are among them
        members = [member for member in members if member != _INTEGER]
    if len(members) == 1:
        return members[0]
    if any(member.type == ANY and member.bare for member in members):
        return Noted(ANY)
    apart = disjoint([member.type for member in members])
    if all(member.bare or (apart and _movable(member)) for member in members):
        return _on_one_line(members)
    return Noted(_stacked(members), flags=frozenset(() if apart else {ANY_OF}))


def _movable(member: Noted) -> bool:
    """Whether the bounds of a member say nothing of values that are not of its type."""
    known = kinds(member.type)
    said = frozenset().union(*(OF_KINDS.get(kind, ()) for kind in known))
    mine = len(known) == 1 and member.flags <= {INTEGER} and member.bounds.keys() <= said
    return mine and not member.above and not sized(member.type)


def _on_one_line(members: Sequence[Noted]) -> Noted:
    bounds = dict(chain.from_iterable(member.bounds.items() for member in members))
    flags = frozenset(chain.from_iterable(member.flags for member in members))
    return Noted(_inline(member.type for member in members), bounds, flags)


def one_of(members: Sequence[Noted]) -> Noted:
    """Exactly one of several types."""
    if len(members) == 1 or disjoint([member.type for member in members]):
        return any_of(members)
    return Noted(_stacked(members))


def _stacked(members: Sequence[Noted]) -> Union:
    return Union(tuple(map(_variant, members)), stacked=True)


def _inline(types: Iterable[Type]) -> Type:
    """A union on one line, each member once.

    Arrays come first: before brackets the compatible style leaves parentheses out, and a reader
    may put them back.
    """
    found = {repr(item): item for item in chain.from_iterable(map(_members, types))}
    arrays = [item for item in found.values() if isinstance(item, Array)]
    rest = [item for item in found.values() if not isinstance(item, Array)]
    members = arrays + rest or [NEVER]
    return members[0] if len(members) == 1 else Union(tuple(map(Variant, members)))


def _members(kind: Type) -> Iterable[Type]:
    if isinstance(kind, Union) and not kind.stacked:
        return [variant.type for variant in kind.variants]
    return () if kind == NEVER else (kind,)


def all_of(
    parts: Sequence[Noted],
    bounds: Mapping[str, Any] = _NO_BOUNDS,
    flags: frozenset[str] = frozenset(),
) -> Noted:
    """All of several types, with bounds and flags of the whole.

    What is said of a part is said of the whole if it is the only one and the two do not meet.
    """
    told = [part for part in parts if part.type != ANY or part.bounds or part.flags]
    if not told:
        return Noted(ANY, bounds, flags)
    if len(told) == 1:
        return _with(told[0], bounds, flags)
    return Noted(_intersection([wrapped(part._replace(above=())) for part in told]), bounds, flags)


def _with(part: Noted, bounds: Mapping[str, Any], flags: frozenset[str]) -> Noted:
    meet = part.bounds.keys() & bounds.keys() - _ASIDES
    if meet or (_SIZES & bounds.keys() and sized(part.type)):
        return Noted(wrapped(part._replace(above=())), bounds, flags, part.above)
    return part._replace(bounds={**part.bounds, **bounds}, flags=part.flags | flags)


def sized(kind: Type) -> bool:
    """Whether a type itself says how many items there may be."""
    if isinstance(kind, Union):
        return any(sized(variant.type) for variant in kind.variants)
    return isinstance(kind, Tuple)


def _intersection(types: Sequence[Type]) -> Type:
    """All of several types, objects that say nothing of further properties as one."""
    merged: list[Type] = []
    for kind in chain.from_iterable(_parts(each) for each in types):
        place = next((i for i, other in enumerate(merged) if _mergeable(other, kind)), None)
        if place is None:
            merged.append(kind)
        else:
            merged[place] = Object(_fields(merged[place]) + _fields(kind))
    return merged[0] if len(merged) == 1 else Intersection(tuple(merged))


def _parts(kind: Type) -> Sequence[Type]:
    return kind.parts if isinstance(kind, Intersection) else (kind,)


def _fields(kind: Type) -> tuple[Any, ...]:
    return kind.fields if isinstance(kind, Object) else ()


def _mergeable(one: Type, other: Type) -> bool:
    if not (isinstance(one, Object) and isinstance(other, Object)):
        return False
    if one.index is not None or other.index is not None:
        return False
    return {f.name for f in one.fields}.isdisjoint(f.name for f in other.fields)
