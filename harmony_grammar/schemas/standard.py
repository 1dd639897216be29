"""JSON Schema without what only some of its readers understand."""

from __future__ import annotations

from typing import Any, Final

from harmony_grammar.schemas.walk import rebuilt

__all__ = ["lenient", "standard", "without_nullable"]

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
