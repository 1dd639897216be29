"""Where a JSON Schema holds further schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["children", "escaped", "rebuilt"]

_ONE: Final = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if"),
        *("items", "not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_SEVERAL: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_NAMED: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)


def escaped(segment: str) -> str:
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
