"""The keywords of JSON Schema: which are kept and how, and what is malformed in them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.schemas.type_comments import ASIDES, BOUNDS, OF_KINDS, is_json, json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "bounds",
    "by_name",
    "further",
    "implied",
    "items",
    "lost",
    "properties",
    "required",
    "sizes",
    "structured",
    "values",
]

_Schema: TypeAlias = dict[str, Any]


# --- What is not kept ---

# Keywords that no type says.
_LOST: Final = (
    *("$dynamicRef", "$recursiveRef", "contains", "dependencies", "dependentRequired"),
    *("dependentSchemas", "if", "not", "patternProperties", "propertyNames", "unevaluatedItems"),
    "unevaluatedProperties",
)

_ALTERNATIVES: Final = frozenset({"then", "else"})
_NAMES_ONLY: Final = frozenset({"$comment", "const", "description", "enum", "title", "type"})
_BESIDE: Final = frozenset({"$ref", "allOf", "anyOf", "if", "oneOf"})


def lost(schema: _Schema) -> Iterator[str]:
    """The keywords of a schema that cannot be kept and say something."""
    for keyword in _LOST:
        if keyword in schema and not _says_nothing(schema, keyword):
            yield keyword


def _says_nothing(schema: _Schema, keyword: str) -> bool:
    value = schema[keyword]
    if keyword == "not":
        return value in ({}, True, False)
    if keyword == "if":
        return _ALTERNATIVES.isdisjoint(schema)
    if keyword == "unevaluatedProperties" and further(schema) is value:
        return True
    return keyword != "contains" and value in ({}, True)


# --- Properties ---


def properties(schema: _Schema) -> _Schema:
    """The properties that a schema names."""
    named = schema.get("properties")
    return named if isinstance(named, dict) else {}


def required(schema: _Schema) -> list[str]:
    """The properties that must be there."""
    named = schema.get("required")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def further(schema: _Schema) -> Any:
    """What further properties must be; None if nothing is said, or patterns say more of them."""
    if schema.get("patternProperties"):
        return None
    if "additionalProperties" in schema:
        return schema["additionalProperties"]
    alone = _BESIDE.isdisjoint(schema)
    return schema.get("unevaluatedProperties") if alone else None


def by_name(schema: _Schema, names: object) -> _Schema:
    """A schema of objects with a property for each name that there may be.

    Args:
        schema: the schema.
        names: what it says of the names of properties.

    Returns:
        The schema as it was, unless it lists the names and says nothing else of them.
    """
    listed = values(names, ["string"]) if isinstance(names, dict) else None
    told = {*properties(schema), *required(schema)}
    if listed is None or "type" not in schema or not told <= set(listed):
        return schema
    if schema.get("patternProperties") or not _NAMES_ONLY.issuperset(names):  # type: ignore[arg-type]  # a dictionary
        return schema
    other = further(schema)
    if other is None:
        if "unevaluatedProperties" in schema:
            return schema  # what others evaluate is more than the names
        other = True
    named = {name: properties(schema).get(name, other) for name in listed}
    rest = {key: value for key, value in schema.items() if key != "propertyNames"}
    return {**rest, "properties": named, "additionalProperties": False}


# --- Items ---


def items(schema: _Schema) -> tuple[list[Any], Any, str]:
    """The schemas of the first items, that of the others or None, and its keyword.

    Up to draft 2019-09 a list of `items` is what `prefixItems` has been since.
    """
    every = schema.get("items")
    if isinstance(every, list):
        return every, schema.get("additionalItems"), "additionalItems"
    first = schema.get("prefixItems")
    return first if isinstance(first, list) else [], every, "items"


def sizes(schema: _Schema) -> tuple[int, int | None]:
    """How many items a list has at least and at most."""
    found = dict(bounds(schema, ["array"]))
    return found.get("minItems") or 0, found.get("maxItems")


# --- Types and values ---

_STRUCTURE: Final[Mapping[str, tuple[str, ...]]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems"),
}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": _number,
    "integer": lambda value: _number(value) and (isinstance(value, int) or value.is_integer()),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def implied(schema: _Schema) -> Iterator[str]:
    """The types that a schema without types has keywords for."""
    for kind, keywords in _STRUCTURE.items():
        if any(schema.get(keyword, True) is not True for keyword in keywords):
            yield kind


def values(schema: _Schema, kinds: list[str] | None) -> list[Any] | None:
    """The values that a schema admits, as far as its types do; None if it lists none."""
    found = schema.get("enum")
    if not isinstance(found, list):
        found = [schema["const"]] if "const" in schema else None
    elif "const" in schema:
        found = [value for value in found if json_line(value) == json_line(schema["const"])]
    if found is None:
        return None
    fit = [v for v in found if kinds is None or any(_IS[kind](v) for kind in kinds)]
    return [value for value in fit if is_json(value)]


def structured(schema: _Schema, chosen: list[Any]) -> bool:
    """Whether there are lists or objects among values, and keywords that say more of them."""
    kinds = {kind for kind, keywords in _STRUCTURE.items() if not set(keywords).isdisjoint(schema)}
    return any(_IS[kind](value) for kind in kinds for value in chosen)


# --- Bounds ---

_EXCLUSIVE: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_NOTHING_SAID: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("minLength", "minItems", "minProperties"), 0),
    "uniqueItems": False,
}


def bounds(schema: _Schema, kinds: list[str] | None) -> Iterator[tuple[str, Any]]:
    """The bounds that say something of values of some types; None for a malformed one."""
    told = None if kinds is None else frozenset().union(*(OF_KINDS.get(k, ()) for k in kinds))
    for keyword in BOUNDS:
        if keyword not in schema or keyword in ASIDES or (told is not None and keyword not in told):
            continue
        value = _bound(schema, keyword)
        if value is not _NOTHING_SAID.get(keyword, _NOTHING_SAID):
            yield keyword, value


def _bound(schema: _Schema, keyword: str) -> Any:
    """The value of a bound, as current drafts write it; None if it is malformed.

    Up to draft 4 an exclusive bound was a truth value beside an inclusive one.
    """
    value = schema[keyword]
    if keyword in _EXCLUSIVE and isinstance(value, bool):
        value = schema.get(_EXCLUSIVE[keyword]) if value else None
    if isinstance(value, float) and keyword.startswith(("min", "max")) and value.is_integer():
        value = int(value)
    fits = BOUNDS[keyword](value) and (not isinstance(value, float) or isfinite(value))
    return value if fits else None
