"""From JSON Schema to types, faithfully: a value fits the one if it fits the other.

A schema is taken apart into what all must hold: its own types and values, its reference, its
alternatives. Each becomes a type, and together they are an intersection, which is rarely more
than one type. What TypeScript cannot say stands in comments; what these cannot say either is
left out, which never makes the type narrower, and is reported.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.errors import RenderError
from harmony_grammar.schemas import keywords
from harmony_grammar.schemas.dialects import pointer_step, without_nullable
from harmony_grammar.schemas.references import References, canonical
from harmony_grammar.schemas.type_comments import (
    ANY_OF,
    ASIDES,
    DEFAULT,
    INTEGER,
    OF_KINDS,
    is_json,
    write_above,
    write_behind,
)
from harmony_grammar.schemas.types import (
    Array,
    Field,
    Index,
    Intersection,
    Literal,
    Object,
    Tuple,
    Type,
    Union,
    Variant,
    Word,
    disjoint,
    kinds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Loss", "Typed", "types_of"]

_Schema: TypeAlias = dict[str, Any]

_NOT_KEPT: Final = "cannot be said in a type and is left out"
_WHOLE: Final = frozenset({INTEGER})
_SIZES: Final = frozenset({"minItems", "maxItems"})
_VALUES: Final = frozenset({"const", "enum"})
_ANY: Final = Word("any")
_NEVER: Final = Word("never")
_NO_BOUNDS: Final[Mapping[str, Any]] = {}


class Loss(NamedTuple):
    """Something of a schema that its type does not say.

    Attributes:
        pointer: where it stands, as a JSON pointer.
        message: what became of it.
        narrows: whether the type admits less than the schema because of it; otherwise it admits
            more.
    """

    pointer: str
    message: str
    narrows: bool = False

    def __str__(self) -> str:
        return f"{self.pointer or 'the schema'} {self.message}"


class Typed(NamedTuple):
    """The type that a schema describes.

    Attributes:
        type: the type.
        definitions: the types that it names.
        losses: what could not be kept.
    """

    type: Type
    definitions: dict[str, Type]
    losses: tuple[Loss, ...]


def types_of(schema: object, reserved: frozenset[str] = frozenset()) -> Typed:
    """The type that a schema describes, with what TypeScript cannot say in its comments.

    Args:
        schema: a JSON Schema of any draft since the fourth, or of OpenAPI: an object or a truth
            value.
        reserved: names that no definition may have.

    Returns:
        The type. Definitions are written where they are used, but for those that contain
        themselves or are large and used more than once; these keep a name.

    Raises:
        RenderError: if it is nested too deeply.

    Example:
        >>> types_of({"const": 3}).type
        Literal(value=3)
    """
    conversion = _TypeMaker(References(schema if isinstance(schema, dict) else {}, reserved))
    try:
        kind = wrapped(conversion.root(schema))
        conversion.define()
    except RecursionError:
        raise RenderError("the schema of a tool is nested too deeply: flatten it") from None
    return Typed(kind, conversion.definitions, tuple(dict.fromkeys(conversion.losses)))


class _Position(NamedTuple):
    """Where a schema stands.

    Attributes:
        pointer: the JSON pointer to it.
        name: the property that it describes; None if it describes none.
        known: the JSON types that a value there can have; None if that is not known.
    """

    pointer: str = ""
    name: str | None = None
    known: frozenset[str] | None = None

    def below(self, *segments: object, name: str | None = None) -> _Position:
        """A place for a part of the value."""
        path = "".join(f"/{pointer_step(str(segment))}" for segment in segments)
        return _Position(self.pointer + path, name)

    def beside(self, *segments: object) -> _Position:
        """A place for a further schema of the same value."""
        return self._replace(pointer=self.below(*segments).pointer, name=None)


class _TypeMaker:
    """One conversion: the names it gave, and what it could not keep."""

    def __init__(self, references: References) -> None:
        self.references = references
        self.definitions: dict[str, Type] = {}
        self.losses: list[Loss] = []
        self._undefined: dict[str, str] = {}

    def root(self, schema: object) -> Described:
        """The whole schema, which may contain itself."""
        if self.references.name("#") is None:
            return self.described(schema, _Position())
        return self.reference({"$ref": "#"}, _Position())[0]

    def define(self) -> None:
        """Make the definitions that have names."""
        while self._undefined:
            name = next(iter(self._undefined))
            reference = self._undefined.pop(name)
            self.definitions[name] = _ANY  # while it is made
            place = _Position(reference.removeprefix("#"))
            self.definitions[name] = self.inner(self.references.target(reference), place)

    def lose(self, place: _Position, keyword: str, why: str = _NOT_KEPT) -> None:
        """Report something that could not be kept."""
        self.losses.append(Loss(place.below(keyword).pointer, why))

    # --- one schema ---

    def inner(self, schema: object, place: _Position) -> Type:
        """The type of a schema where nothing can be said beside it."""
        return wrapped(self.described(schema, place))

    def described(self, schema: object, place: _Position) -> Described:
        """The type of a schema, with what is to be said of it."""
        if not isinstance(schema, dict):
            return self._boolean(schema, place)
        known = self._by_name(without_nullable(schema))
        for keyword in keywords.lost(known):
            self.lose(place, keyword)
        own = self._own(known, place)
        parts = self._parts(known, place)
        asides = self._asides(known)
        if parts and not sized(own.type):
            whole = all_of((Described(own.type), *parts), {**own.bounds, **asides}, own.flags)
        else:
            whole = all_of((own, *parts), asides)
        return whole._replace(above=write_above(known, place.name) or whole.above)

    def _by_name(self, schema: _Schema) -> _Schema:
        """A schema that names each property, if it lists the names that there may be."""
        names = schema.get("propertyNames")
        if isinstance(names, dict) and set(names) == {"$ref"}:
            names = self.references.target(names["$ref"])
        return keywords.by_name(schema, names)

    def _boolean(self, schema: object, place: _Position) -> Described:
        if not isinstance(schema, bool):
            self.losses.append(Loss(place.pointer, "is no schema and is taken for any"))
        return Described(_NEVER if schema is False else _ANY)

    def _asides(self, schema: _Schema) -> dict[str, Any]:
        """What says nothing of the values: how a property is used, and its default."""
        asides: dict[str, Any] = {key: True for key in ASIDES if schema.get(key) is True}
        return (
            {**asides, DEFAULT: schema[DEFAULT]}
            if DEFAULT in schema and is_json(schema[DEFAULT])
            else asides
        )

    # --- types and values ---

    def _kinds(self, schema: _Schema, place: _Position) -> list[str] | None:
        """The JSON types that a schema names; None if it names none."""
        if "type" not in schema:
            return None
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        known = [kind for kind in kinds if isinstance(kind, str) and kind in _KINDS]
        if len(known) < len(kinds) or not kinds:
            self.lose(place, "type", "is no type of JSON Schema and is taken for any")
            return None
        return [kind for kind in known if kind != "integer" or "number" not in known]

    def _own(self, schema: _Schema, place: _Position) -> Described:
        """What a schema itself says of values: their types, the values, and bounds."""
        kinds = self._kinds(schema, place)
        bounds = self._bounds(schema, place, kinds)
        values = keywords.values(schema, kinds)
        if values is not None:
            return self._of_values(schema, place, values, bounds)
        kinds = self._implied(schema, place) if kinds is None else kinds
        if kinds is None:
            return Described(_ANY, bounds)
        found = self._of_kinds(schema, place, kinds)
        kept = {k: v for k, v in bounds.items() if k not in _SIZES or not sized(found.type)}
        return found._replace(bounds={**kept, **found.bounds})

    def _of_values(
        self, schema: _Schema, place: _Position, values: list[Any], bounds: dict[str, Any]
    ) -> Described:
        """The values, and what else a schema says of the lists and objects among them."""
        if not keywords.structured(schema, values):
            return Described(_any_value(values), bounds)
        nested = [value for value in values if isinstance(value, (dict, list))]
        plain = [value for value in values if not isinstance(value, (dict, list))]
        rest = {key: value for key, value in schema.items() if key not in _VALUES}
        known = frozenset("object" if isinstance(value, dict) else "array" for value in nested)
        structure = self._own(rest, place._replace(known=known))
        both = all_of((Described(_any_value(nested)), Described(wrapped(structure))))
        if not plain:
            return both
        return Described(any_of((Described(_any_value(plain)), both)).type, bounds)

    def _implied(self, schema: _Schema, place: _Position) -> list[str] | None:
        """The types that a schema has keywords for, if it names none."""
        kinds = list(keywords.implied(schema))
        if kinds and not (place.known and place.known <= set(kinds)):
            why = f"has no type and is taken for {' or '.join(kinds)}"
            self.losses.append(Loss(place.pointer, why, narrows=True))
        return kinds or None

    def _bounds(self, schema: _Schema, place: _Position, kinds: list[str] | None) -> dict[str, Any]:
        found = dict(keywords.bounds(schema, kinds))
        for keyword in [keyword for keyword, value in found.items() if value is None]:
            self.lose(place, keyword, "is no bound of JSON Schema and is left out")
            del found[keyword]
        return found

    def _of_kinds(self, schema: _Schema, place: _Position, kinds: list[str]) -> Described:
        found = [_KINDS[kind](self, schema, place) for kind in kinds]
        if len(found) == 1:
            return found[0]
        bare = [Described(wrapped(each._replace(flags=each.flags - _WHOLE))) for each in found]
        return any_of(bare)._replace(flags=_WHOLE if "integer" in kinds else frozenset())

    def array_type(self, schema: _Schema, place: _Position) -> Described:
        """A list, or a tuple."""
        first, further, keyword = keywords.items(schema)
        rest = None if further is None else self.inner(further, place.below(keyword))
        if not first and rest != _NEVER:
            return Described(Array(rest))
        below = "items" if keyword == "additionalItems" else "prefixItems"
        types = [self.inner(item, place.below(below, i)) for i, item in enumerate(first)]
        return _tuple(tuple(types), rest, *keywords.sizes(schema))

    def object_type(self, schema: _Schema, place: _Position) -> Described:
        """An object with a field for each property that is named."""
        named, required = keywords.properties(schema), keywords.required(schema)
        further = keywords.further(schema)
        other = True if further is None else further  # what one must be that has no schema
        fields = [
            self._field(name, named.get(name, other), place, required=name in required)
            for name in dict.fromkeys((*named, *required))
        ]
        return Described(Object(tuple(fields), self._index(schema, place)))

    def _field(self, name: str, schema: object, place: _Position, *, required: bool) -> Field:
        said = self.described(schema, place.below("properties", name, name=name))
        return Field(name, said.type, required, said.above, said.behind)

    def _index(self, schema: _Schema, place: _Position) -> Index | None:
        further = keywords.further(schema)
        if further is None:
            return None
        said = self.described(further, place.below("additionalProperties"))
        return Index(said.type, said.above, said.behind)

    # --- what else must hold ---

    def _parts(self, schema: _Schema, place: _Position) -> list[Described]:
        kinds = self._kinds(schema, place) or list(keywords.implied(schema))
        inner = place._replace(known=frozenset(kinds) or place.known)
        made = [make(self, schema, inner) for key, make in _PARTS.items() if key in schema]
        return [part for parts in made for part in parts]

    def reference(self, schema: _Schema, place: _Position) -> list[Described]:
        """What a reference refers to, or the name that it keeps."""
        reference = schema["$ref"]
        target = self.references.target(reference)
        reference = canonical(reference) if isinstance(reference, str) else ""
        if target is None:
            self.lose(place, "$ref", "refers to nothing within the schema and is taken for any")
            return []
        name = self.references.name(reference)
        if name is None:
            return [self.described(target, place._replace(pointer=reference.removeprefix("#")))]
        if name not in self.definitions:
            self._undefined[name] = reference
        return [Described(Word(name))]

    def any_of(self, schema: _Schema, place: _Position) -> list[Described]:
        """Alternatives of which any may fit."""
        members = self._members(schema, place, "anyOf")
        return [any_of(members)] if members else []

    def one_of(self, schema: _Schema, place: _Position) -> list[Described]:
        """Alternatives of which one must fit; any, if one of them became wider than it was."""
        before = len(self.losses)
        members = self._members(schema, place, "oneOf")
        if not members:
            return []
        exact = one_of(members)
        if len(self.losses) == before or exact == any_of(members):
            return [exact]
        self.lose(place, "oneOf", "has alternatives that are not kept whole: several may fit")
        return [any_of(members)]

    def all_of(self, schema: _Schema, place: _Position) -> list[Described]:
        """Schemas that must all fit."""
        return self._members(schema, place, "allOf")

    def never(self, schema: _Schema, _: _Position) -> list[Described]:
        """What excludes everything; other exclusions are not kept."""
        return [Described(_NEVER)] if schema["not"] in ({}, True) else []

    def _members(self, schema: _Schema, place: _Position, keyword: str) -> list[Described]:
        members = schema[keyword]
        if not isinstance(members, list) or not members:
            self.lose(place, keyword, "is no list of schemas and is left out")
            return []
        return [self.described(each, place.beside(keyword, i)) for i, each in enumerate(members)]


def _tuple(items: tuple[Type, ...], rest: Type | None, least: int, most: int | None) -> Described:
    """A tuple, and how many items it has if that is not what a tuple says."""
    size = len(items)
    closed = rest == _NEVER or (most is not None and most <= size)
    bounds = {} if least == size else {"minItems": least}
    if most is not None and (most < size or not closed):
        bounds["maxItems"] = most
    return Described(Tuple(items, None if closed else rest or _ANY), bounds)


def _any_value(values: list[Any]) -> Type:
    return any_of([Described(_value(value)) for value in values] or [Described(_NEVER)]).type


def _value(value: Any) -> Type:
    """The type of one value alone."""
    if isinstance(value, list):
        return Tuple(tuple(map(_value, value)))
    if isinstance(value, dict):
        fields = tuple(Field(name, _value(each)) for name, each in value.items())
        return Object(fields, Index(_NEVER))
    return Word("null") if value is None else Literal(value)


_KINDS: Final[Mapping[str, Callable[[_TypeMaker, _Schema, _Position], Described]]] = {
    "string": lambda *_: Described(Word("string")),
    "number": lambda *_: Described(Word("number")),
    "integer": lambda *_: Described(Word("number"), flags=_WHOLE),
    "boolean": lambda *_: Described(Word("boolean")),
    "null": lambda *_: Described(Word("null")),
    "array": _TypeMaker.array_type,
    "object": _TypeMaker.object_type,
}

_PARTS: Final[Mapping[str, Callable[[_TypeMaker, _Schema, _Position], list[Described]]]] = {
    "$ref": _TypeMaker.reference,
    "allOf": _TypeMaker.all_of,
    "anyOf": _TypeMaker.any_of,
    "oneOf": _TypeMaker.one_of,
    "not": _TypeMaker.never,
}


# --- Types with what is said of them ---


class Described(NamedTuple):
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

    @property
    def behind(self) -> tuple[str, ...]:
        """What stands behind it."""
        return write_behind(self.bounds, self.flags)


_NUMBER: Final = Described(Word("number"))
_INTEGER: Final = Described(Word("number"), flags=frozenset({INTEGER}))


def wrapped(said: Described) -> Type:
    """A type as it stands where nothing can be said beside it: as a union of one member."""
    if said.bare:
        return said.type
    if said == _INTEGER:
        return Word(INTEGER)
    if isinstance(said.type, Object) and not (said.bounds or said.flags):
        return replace(said.type, above=said.above)
    return Union((_variant(said),), stacked=True)


def _variant(said: Described) -> Variant:
    return Variant(said.type, said.behind, said.above)


def any_of(members: Sequence[Described]) -> Described:
    """Any of several types."""
    if _NUMBER in members:  # whole numbers are among them
        members = [member for member in members if member != _INTEGER]
    if len(members) == 1:
        return members[0]
    if any(member.type == _ANY and member.bare for member in members):
        return Described(_ANY)
    apart = disjoint([member.type for member in members])
    if all(member.bare for member in members):
        return _on_one_line(members)
    if apart and _of_different_kinds(members) and all(m.bare or _movable(m) for m in members):
        return _on_one_line(members)
    return Described(_stacked(members), flags=frozenset(() if apart else {ANY_OF}))


def _of_different_kinds(members: Sequence[Described]) -> bool:
    """Whether no value of one member is of the kind of another, so that bounds find their own."""
    found = [kind for member in members for kind in kinds(member.type)]
    return len(found) == len(set(found))


def _movable(member: Described) -> bool:
    """Whether the bounds of a member say nothing of values that are not of its type."""
    known = kinds(member.type)
    said = frozenset().union(*(OF_KINDS.get(kind, ()) for kind in known))
    mine = len(known) == 1 and member.flags <= {INTEGER} and member.bounds.keys() <= said
    return mine and not member.above and not sized(member.type)


def _on_one_line(members: Sequence[Described]) -> Described:
    bounds = dict(chain.from_iterable(member.bounds.items() for member in members))
    flags = frozenset(chain.from_iterable(member.flags for member in members))
    return Described(_inline(member.type for member in members), bounds, flags)


def one_of(members: Sequence[Described]) -> Described:
    """Exactly one of several types."""
    if len(members) == 1 or disjoint([member.type for member in members]):
        return any_of(members)
    return Described(_stacked(members))


def _stacked(members: Sequence[Described]) -> Union:
    return Union(tuple(map(_variant, members)), stacked=True)


def _inline(types: Iterable[Type]) -> Type:
    """A union on one line, each member once.

    Arrays come first: before brackets the compatible style leaves parentheses out, and a reader
    may put them back.
    """
    found = {repr(item): item for item in chain.from_iterable(map(_members, types))}
    arrays = [item for item in found.values() if isinstance(item, Array)]
    rest = [item for item in found.values() if not isinstance(item, Array)]
    members = arrays + rest or [_NEVER]
    return members[0] if len(members) == 1 else Union(tuple(map(Variant, members)))


def _members(kind: Type) -> Iterable[Type]:
    if isinstance(kind, Union) and not kind.stacked:
        return [variant.type for variant in kind.variants]
    return () if kind == _NEVER else (kind,)


def all_of(
    parts: Sequence[Described],
    bounds: Mapping[str, Any] = _NO_BOUNDS,
    flags: frozenset[str] = frozenset(),
) -> Described:
    """All of several types, with bounds and flags of the whole.

    What is said of a part is said of the whole if it is the only one and the two do not meet.
    """
    told = [part for part in parts if part.type != _ANY or part.bounds or part.flags]
    if not told:
        return Described(_ANY, bounds, flags)
    if len(told) == 1:
        return _with(told[0], bounds, flags)
    return Described(
        _intersection([wrapped(part._replace(above=())) for part in told]), bounds, flags
    )


def _with(part: Described, bounds: Mapping[str, Any], flags: frozenset[str]) -> Described:
    meet = part.bounds.keys() & bounds.keys() - {DEFAULT, *ASIDES}
    if meet or (_SIZES & bounds.keys() and sized(part.type)):
        return Described(wrapped(part._replace(above=())), bounds, flags, part.above)
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
