"""The functions of a request: tools as any API declares them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from harmony_grammar.tree.tools import ToolDescription

__all__ = ["function_of", "nearest"]

_DOT: Final = "."
# What the APIs call the JSON Schema of a function's arguments, and what else they say of one.
_SCHEMAS: Final = ("parameters", "inputSchema", "input_schema")
_ASIDES: Final = frozenset(
    {
        *("name", "description", "type", "strict", "title", "annotations", "outputSchema"),
        *("cache_control", "defer_loading", "eager_input_streaming", "_meta", "icons", "execution"),
    }
)


# What some servers write as null where the standard has no such word.
_NULLABLE: Final = ("properties", "required", "description", "additionalProperties", "title")


def function_of(item: Any, where: str = "tool") -> ToolDescription:
    """A function as any API declares it.

    Args:
        item: a `ToolDescription`; a mapping as Chat Completions, Responses, Anthropic or MCP have
            it; a pydantic model, a class, for its JSON Schema; or an object with the same
            attributes.
        where: what the item is called in an error.

    Raises:
        ValueError: if it has no name, several schemas, or keys that nobody knows and no schema.

    Example:
        >>> function_of({"name": "f", "inputSchema": {"type": "object"}}).parameters
        {'type': 'object'}
    """
    if isinstance(item, ToolDescription):
        return item
    if isinstance(item, type) and callable(maker := getattr(item, "model_json_schema", None)):
        schema = maker()
        return ToolDescription(item.__name__, schema.get("description", ""), schema)
    if isinstance(item, Mapping) and isinstance(item.get("function"), Mapping):
        item, where = item["function"], f"{where}.function"
    given = item if isinstance(item, Mapping) else _attributes(item)
    name = given.get("name")
    if not isinstance(name, str):
        raise ValueError(f"{where}.name: a tool needs a name")  # noqa: TRY004  it may be missing
    schemas = [key for key in _SCHEMAS if given.get(key) is not None]
    if len(schemas) > 1:
        raise ValueError(f"{where} ({name}): {' and '.join(schemas)} are two schemas; give one")
    unknown = sorted(str(key) for key in set(given) - _ASIDES - set(_SCHEMAS))
    if not schemas and unknown:
        raise ValueError(
            f"{where} ({name}): there are no parameters, and {', '.join(unknown)} is no known key"
        )
    description = given.get("description")
    if not (description is None or isinstance(description, str)):
        raise ValueError(f"{where} ({name}).description: text is needed")
    schema = _mended(given[schemas[0]]) if schemas else None
    if schema is not None and not isinstance(schema, dict):
        raise ValueError(f"{where} ({name}).{schemas[0]}: a JSON Schema is needed")
    try:
        return ToolDescription(name, description or "", schema)
    except (TypeError, ValueError) as error:
        said = "a JSON Schema must be JSON"
        raise ValueError(f"{where}.{schemas[0]}: {said}, for {name}: {error}") from error


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that was meant: the one that ends in the same segment, or one that looks like it.

    Args:
        name: a name that is none of the known ones.
        known: the known names.

    Example:
        >>> nearest("exec", ["functions.exec", "functions.exit"])
        'functions.exec'
    """
    names = [*known]
    last = name.rpartition(_DOT)[2]
    same = [one for one in names if one.rpartition(_DOT)[2] == last]
    near = same if len(same) == 1 else get_close_matches(name, same or names, n=1)
    return next(iter(near or same), None)


def _attributes(item: object) -> dict[str, Any]:
    names = ("name", "description", *_SCHEMAS)
    return {name: getattr(item, name) for name in names if hasattr(item, name)}


def _mended(schema: Any) -> Any:
    """A schema without what some servers write for nothing: no properties as a list, and nulls."""
    if not isinstance(schema, Mapping):
        return schema
    known = {
        key: value for key, value in schema.items() if key not in _NULLABLE or value is not None
    }
    if known.get("properties") == []:
        known["properties"] = {}
    return known
