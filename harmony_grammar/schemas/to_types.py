"""From JSON Schema to types, faithfully: a value fits the one if it fits the other.

A schema is taken apart into what all must hold: its own types and values, its reference, its
alternatives. Each becomes a type, and together they are an intersection, which is rarely more
than one type. What TypeScript cannot say stands in comments; what these cannot say either is
left out, which never makes the type narrower, and is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.errors import RenderError
from harmony_grammar.schemas import keywords
from harmony_grammar.schemas.keywords import Loss
from harmony_grammar.schemas.noted import (
    ANY,
    NEVER,
    Noted,
    all_of,
    any_of,
    behind,
    one_of,
    sized,
    wrapped,
)
from harmony_grammar.schemas.notes import DEFAULT, INTEGER
from harmony_grammar.schemas.references import References
from harmony_grammar.schemas.standard import without_nullable
from harmony_grammar.schemas.types import (
    Array,
    Field,
    Index,
    Literal,
    Object,
    Tuple,
    Type,
    Word,
)
from harmony_grammar.schemas.walk import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Typed", "types_of"]

_Schema: TypeAlias = dict[str, Any]

_NOT_KEPT: Final = "cannot be said in a type and is left out"
_WHOLE: Final = frozenset({INTEGER})
_SIZES: Final = frozenset({"minItems", "maxItems"})
_VALUES: Final = frozenset({"const", "enum"})


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
    conversion = _Conversion(References(schema if isinstance(schema, dict) else {}, reserved))
    try:
        kind = wrapped(conversion.root(schema))
        conversion.define()
    except RecursionError:
        raise RenderError("the schema of a tool is nested too deeply: flatten it") from None
    return Typed(kind, conversion.definitions, tuple(dict.fromkeys(conversion.losses)))


class _Place(NamedTuple):
    """Where a schema stands.

    Attributes:
        pointer: the JSON pointer to it.
        name: the property that it describes; None if it describes none.
        known: the JSON types that a value there can have; None if that is not known.
    """

    pointer: str = ""
    name: str | None = None
    known: frozenset[str] | None = None

    def below(self, *segments: object, name: str | None = None) -> _Place:
        """A place for a part of the value."""
        path = "".join(f"/{escaped(str(segment))}" for segment in segments)
        return _Place(self.pointer + path, name)

    def beside(self, *segments: object) -> _Place:
        """A place for a further schema of the same value."""
        return self._replace(pointer=self.below(*segments).pointer, name=None)


class _Conversion:
    """One conversion: the names it gave, and what it could not keep."""

    def __init__(self, references: References) -> None:
        self.references = references
        self.definitions: dict[str, Type] = {}
        self.losses: list[Loss] = []
        self._undefined: dict[str, str] = {}

    def root(self, schema: object) -> Noted:
        """The whole schema, which may contain itself."""
        if self.references.name("#") is None:
            return self.noted(schema, _Place())
        return self.reference({"$ref": "#"}, _Place())[0]

    def define(self) -> None:
        """Make the definitions that have names."""
        while self._undefined:
            name = next(iter(self._undefined))
            reference = self._undefined.pop(name)
            self.definitions[name] = ANY  # while it is made
            place = _Place(reference.removeprefix("#"))
            self.definitions[name] = self.inner(self.references.target(reference), place)

    def lose(self, place: _Place, keyword: str, why: str = _NOT_KEPT) -> None:
        """Report something that could not be kept."""
        self.losses.append(Loss(place.below(keyword).pointer, why))

    # --- one schema ---

    def inner(self, schema: object, place: _Place) -> Type:
        """The type of a schema where nothing can be said beside it."""
        return wrapped(self.noted(schema, place))

    def noted(self, schema: object, place: _Place) -> Noted:
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
            whole = all_of((Noted(own.type), *parts), {**own.bounds, **asides}, own.flags)
        else:
            whole = all_of((own, *parts), asides)
        return whole._replace(above=keywords.above(known, place.name) or whole.above)

    def _by_name(self, schema: _Schema) -> _Schema:
        """A schema that names each property, if it lists the names that there may be."""
        names = schema.get("propertyNames")
        if isinstance(names, dict) and set(names) == {"$ref"}:
            names = self.references.target(names["$ref"])
        return keywords.by_name(schema, names)

    def _boolean(self, schema: object, place: _Place) -> Noted:
        if not isinstance(schema, bool):
            self.losses.append(Loss(place.pointer, "is no schema and is taken for any"))
        return Noted(NEVER if schema is False else ANY)

    def _asides(self, schema: _Schema) -> dict[str, Any]:
        """What says nothing of the values: how a property is used, and its default."""
        asides: dict[str, Any] = {key: True for key in keywords.ASIDES if schema.get(key) is True}
        return {**asides, DEFAULT: schema[DEFAULT]} if keywords.is_json(schema, DEFAULT) else asides

    # --- types and values ---

    def _kinds(self, schema: _Schema, place: _Place) -> list[str] | None:
        """The JSON types that a schema names; None if it names none."""
        if "type" not in schema:
            return None
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        known = [kind for kind in kinds if isinstance(kind, str) and kind in _KINDS]
        if len(known) < len(kinds) or not kinds:
            self.lose(place, "type", "is no type of JSON Schema and is taken for any")
            return None
        return [kind for kind in known if kind != "integer" or "number" not in known]

    def _own(self, schema: _Schema, place: _Place) -> Noted:
        """What a schema itself says of values: their types, the values, and bounds."""
        kinds = self._kinds(schema, place)
        bounds = self._bounds(schema, place, kinds)
        values = keywords.values(schema, kinds)
        if values is not None:
            return self._of_values(schema, place, values, bounds)
        kinds = self._implied(schema, place) if kinds is None else kinds
        if kinds is None:
            return Noted(ANY, bounds)
        found = self._of_kinds(schema, place, kinds)
        kept = {k: v for k, v in bounds.items() if k not in _SIZES or not sized(found.type)}
        return found._replace(bounds={**kept, **found.bounds})

    def _of_values(
        self, schema: _Schema, place: _Place, values: list[Any], bounds: dict[str, Any]
    ) -> Noted:
        """The values, and what else a schema says of the lists and objects among them."""
        if not keywords.structured(schema, values):
            return Noted(_any_value(values), bounds)
        nested = [value for value in values if isinstance(value, (dict, list))]
        plain = [value for value in values if not isinstance(value, (dict, list))]
        rest = {key: value for key, value in schema.items() if key not in _VALUES}
        known = frozenset("object" if isinstance(value, dict) else "array" for value in nested)
        structure = self._own(rest, place._replace(known=known))
        both = all_of((Noted(_any_value(nested)), Noted(wrapped(structure))))
        if not plain:
            return both
        return Noted(any_of((Noted(_any_value(plain)), both)).type, bounds)

    def _implied(self, schema: _Schema, place: _Place) -> list[str] | None:
        """The types that a schema has keywords for, if it names none."""
        kinds = list(keywords.implied(schema))
        if kinds and not (place.known and place.known <= set(kinds)):
            why = f"has no type and is taken for {' or '.join(kinds)}"
            self.losses.append(Loss(place.pointer, why, narrows=True))
        return kinds or None

    def _bounds(self, schema: _Schema, place: _Place, kinds: list[str] | None) -> dict[str, Any]:
        found = dict(keywords.bounds(schema, kinds))
        for keyword in [keyword for keyword, value in found.items() if value is None]:
            self.lose(place, keyword, "is no bound of JSON Schema and is left out")
            del found[keyword]
        return found

    def _of_kinds(self, schema: _Schema, place: _Place, kinds: list[str]) -> Noted:
        found = [_KINDS[kind](self, schema, place) for kind in kinds]
        if len(found) == 1:
            return found[0]
        bare = [Noted(wrapped(each._replace(flags=each.flags - _WHOLE))) for each in found]
        return any_of(bare)._replace(flags=_WHOLE if "integer" in kinds else frozenset())

    def array_type(self, schema: _Schema, place: _Place) -> Noted:
        """A list, or a tuple."""
        first, further, keyword = keywords.items(schema)
        rest = None if further is None else self.inner(further, place.below(keyword))
        if not first and rest != NEVER:
            return Noted(Array(rest))
        below = "items" if keyword == "additionalItems" else "prefixItems"
        types = [self.inner(item, place.below(below, i)) for i, item in enumerate(first)]
        return _tuple(tuple(types), rest, *keywords.sizes(schema))

    def object_type(self, schema: _Schema, place: _Place) -> Noted:
        """An object with a field for each property that is named."""
        named, required = keywords.properties(schema), keywords.required(schema)
        further = keywords.further(schema)
        other = True if further is None else further  # what one must be that has no schema
        fields = [
            self._field(name, named.get(name, other), place, required=name in required)
            for name in dict.fromkeys((*named, *required))
        ]
        return Noted(Object(tuple(fields), self._index(schema, place)))

    def _field(self, name: str, schema: object, place: _Place, *, required: bool) -> Field:
        said = self.noted(schema, place.below("properties", name, name=name))
        return Field(name, said.type, required, said.above, behind(said))

    def _index(self, schema: _Schema, place: _Place) -> Index | None:
        further = keywords.further(schema)
        if further is None:
            return None
        said = self.noted(further, place.below("additionalProperties"))
        return Index(said.type, said.above, behind(said))

    # --- what else must hold ---

    def _parts(self, schema: _Schema, place: _Place) -> list[Noted]:
        kinds = self._kinds(schema, place) or list(keywords.implied(schema))
        inner = place._replace(known=frozenset(kinds) or place.known)
        made = [make(self, schema, inner) for key, make in _PARTS.items() if key in schema]
        return [part for parts in made for part in parts]

    def reference(self, schema: _Schema, place: _Place) -> list[Noted]:
        """What a reference refers to, or the name that it keeps."""
        reference = schema["$ref"]
        target = self.references.target(reference)
        if target is None:
            self.lose(place, "$ref", "refers to nothing within the schema and is taken for any")
            return []
        name = self.references.name(reference)
        if name is None:
            return [self.noted(target, place._replace(pointer=reference.removeprefix("#")))]
        if name not in self.definitions:
            self._undefined[name] = reference
        return [Noted(Word(name))]

    def any_of(self, schema: _Schema, place: _Place) -> list[Noted]:
        """Alternatives of which any may fit."""
        members = self._members(schema, place, "anyOf")
        return [any_of(members)] if members else []

    def one_of(self, schema: _Schema, place: _Place) -> list[Noted]:
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

    def all_of(self, schema: _Schema, place: _Place) -> list[Noted]:
        """Schemas that must all fit."""
        return self._members(schema, place, "allOf")

    def never(self, schema: _Schema, _: _Place) -> list[Noted]:
        """What excludes everything; other exclusions are not kept."""
        return [Noted(NEVER)] if schema["not"] in ({}, True) else []

    def _members(self, schema: _Schema, place: _Place, keyword: str) -> list[Noted]:
        members = schema[keyword]
        if not isinstance(members, list) or not members:
            self.lose(place, keyword, "is no list of schemas and is left out")
            return []
        return [self.noted(each, place.beside(keyword, i)) for i, each in enumerate(members)]


def _tuple(items: tuple[Type, ...], rest: Type | None, least: int, most: int | None) -> Noted:
    """A tuple, and how many items it has if that is not what a tuple says."""
    size = len(items)
    closed = rest == NEVER or (most is not None and most <= size)
    bounds = {} if least == size else {"minItems": least}
    if most is not None and (most < size or not closed):
        bounds["maxItems"] = most
    return Noted(Tuple(items, None if closed else rest or ANY), bounds)


def _any_value(values: list[Any]) -> Type:
    return any_of([Noted(_value(value)) for value in values] or [Noted(NEVER)]).type


def _value(value: Any) -> Type:
    """The type of one value alone."""
    if isinstance(value, list):
        return Tuple(tuple(map(_value, value)))
    if isinstance(value, dict):
        fields = tuple(Field(name, _value(each)) for name, each in value.items())
        return Object(fields, Index(NEVER))
    return Word("null") if value is None else Literal(value)


_KINDS: Final[Mapping[str, Callable[[_Conversion, _Schema, _Place], Noted]]] = {
    "string": lambda *_: Noted(Word("string")),
    "number": lambda *_: Noted(Word("number")),
    "integer": lambda *_: Noted(Word("number"), flags=_WHOLE),
    "boolean": lambda *_: Noted(Word("boolean")),
    "null": lambda *_: Noted(Word("null")),
    "array": _Conversion.array_type,
    "object": _Conversion.object_type,
}

_PARTS: Final[Mapping[str, Callable[[_Conversion, _Schema, _Place], list[Noted]]]] = {
    "$ref": _Conversion.reference,
    "allOf": _Conversion.all_of,
    "anyOf": _Conversion.any_of,
    "oneOf": _Conversion.one_of,
    "not": _Conversion.never,
}
