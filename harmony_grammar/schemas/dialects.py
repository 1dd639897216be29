"""JSON Schema, as others read it: where it holds further schemas, and the same schema told anew.

OpenAPI knows `nullable` and JSON Schema does not; a prompt does not say which alternatives exclude
each other, nor whether an object may have further fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "children",
    "closed",
    "has_names",
    "lenient",
    "placed",
    "pointer_step",
    "rebuilt",
    "standard",
    "without_nullable",
]

_ONE: Final = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if"),
        *("items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_SEVERAL: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_DEFINES: Final = frozenset({"$defs", "definitions"})
_NAMED: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)


def pointer_step(segment: str) -> str:
    """A name as it stands in a JSON pointer."""
    return segment.replace("~", "~0").replace("/", "~1")


def children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas directly inside a schema, each with its keyword."""
    for keyword, value in schema.items():
        if keyword in _SEVERAL and isinstance(value, list):
            yield from ((keyword, item) for item in value)
        elif keyword in _NAMED and isinstance(value, dict):
            yield from ((keyword, item) for item in value.values())
        elif keyword in _ONE and isinstance(value, dict):
            yield keyword, value


def has_names(schema: Mapping[str, Any]) -> bool:
    """Whether a schema inside another one has a name, from which its references go on."""
    inner = [child for _, child in children(schema) if isinstance(child, dict)]
    return any("$id" in child or has_names(child) for child in inner)


def rebuilt(
    schema: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """A schema with each object directly inside it that is a schema changed."""

    def item(value: Any) -> Any:
        return change(value) if isinstance(value, dict) else value

    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _SEVERAL and isinstance(value, list):
            made[keyword] = [item(each) for each in value]
        elif keyword in _NAMED and isinstance(value, dict):
            made[keyword] = {name: item(each) for name, each in value.items()}
        else:
            made[keyword] = item(value) if keyword in _ONE else value
    return made


def placed(schema: Mapping[str, Any], change: Callable[[Any, str], Any]) -> dict[str, Any]:
    """A schema with each schema directly inside it changed, definitions excepted.

    Args:
        schema: the schema.
        change: what is made of a schema, given with its place in this one, as a JSON pointer.
    """
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _SEVERAL and isinstance(value, list):
            made[keyword] = [change(each, f"/{keyword}/{i}") for i, each in enumerate(value)]
        elif keyword in _DEFINES:
            made[keyword] = value
        elif keyword in _NAMED and isinstance(value, dict):
            place = f"/{keyword}/"
            made[keyword] = {n: change(e, place + pointer_step(n)) for n, e in value.items()}
        elif keyword in _ONE and isinstance(value, (dict, bool)):
            made[keyword] = change(value, f"/{keyword}")
        else:
            made[keyword] = value
    return made


# --- Without what only some read ---

_NULL: Final = {"type": "null"}

# What stays outside when null becomes one of two alternatives.
_OUTSIDE: Final = frozenset(
    {
        *("$defs", "$id", "$schema", "default", "definitions", "deprecated", "description"),
        *("examples", "readOnly", "title", "writeOnly"),
    }
)

# With these, a schema cannot be told to admit null by its `type` and `enum` alone.
_WHOLE: Final = frozenset({"$ref", "allOf", "anyOf", "const", "else", "if", "not", "oneOf", "then"})


def standard(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema without `nullable`, which OpenAPI knows and JSON Schema passes over.

    Args:
        schema: a schema.

    Returns:
        A schema that admits null by its types; other keywords are as they were.

    Example:
        >>> standard({"type": "string", "enum": ["a"], "nullable": True})
        {'type': ['string', 'null'], 'enum': ['a', None]}
    """
    return rebuilt(without_nullable(schema), standard)


def lenient(schema: dict[str, Any]) -> dict[str, Any]:
    """A standard schema in which values may fit several alternatives of a `oneOf`.

    A prompt in the compatible style does not say what tells them apart: an integer and a number
    are both written as `number`.

    Args:
        schema: a schema.

    Returns:
        A schema that admits whatever the text of a prompt does.
    """
    known = without_nullable(schema)
    if isinstance(known.get("oneOf"), list):
        choice = {"anyOf": known["oneOf"]}
        rest = {key: value for key, value in known.items() if key != "oneOf"}
        known = {**rest, "allOf": [*known.get("allOf", []), choice]} if "anyOf" in rest else {
            **rest, **choice
        }  # fmt: skip
    return rebuilt(known, lenient)


def without_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """One schema without `nullable`; those inside it stay as they are."""
    if "nullable" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "nullable"}
    if schema["nullable"] is not True:
        return rest
    if _WHOLE.isdisjoint(rest):
        return _with_null(rest)
    outside = {key: value for key, value in rest.items() if key in _OUTSIDE}
    inside = {key: value for key, value in rest.items() if key not in _OUTSIDE}
    return {**outside, "anyOf": [inside, _NULL]}


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema whose types and values have null among them."""
    made = dict(schema)
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        made["type"] = [*kinds, "null"] if "null" not in kinds else kinds
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        made["enum"] = [*schema["enum"], None]
    return made


# --- Without the fields that are not named ---


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose objects have no fields but those that it names.

    A prompt in the style that models were trained on does not say whether there may be others, so
    a value without them is right in either case. An object that names none may have any, but for
    the outermost, which is what a tool takes. Where several schemas hold at once, closing one
    would close them all; such a schema stays as it is.

    Args:
        schema: the schema of what a tool takes.

    Returns:
        A schema of some of the same values.

    Example:
        >>> closed({"type": "object", "properties": {"a": {}}})["additionalProperties"]
        False
    """
    if _joins(schema):
        return dict(schema)
    made = _close(dict(schema))
    if made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def _close(schema: dict[str, Any]) -> dict[str, Any]:
    made = rebuilt(schema, _close)
    if made.get("properties"):
        made.setdefault("additionalProperties", False)
    return made


def _joins(schema: Mapping[str, Any]) -> bool:
    """Whether schemas hold at once anywhere in a schema."""
    below = (inner for _, inner in children(schema) if isinstance(inner, dict))
    return "allOf" in schema or any(map(_joins, below))
