"""Schemas without the fields that they do not name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.schemas.walk import children, rebuilt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["closed"]

_FURTHER: Final = "additionalProperties"


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
        made.setdefault(_FURTHER, False)
    return made


def _close(schema: dict[str, Any]) -> dict[str, Any]:
    made = rebuilt(schema, _close)
    if made.get("properties"):
        made.setdefault(_FURTHER, False)
    return made


def _joins(schema: Mapping[str, Any]) -> bool:
    """Whether schemas hold at once anywhere in a schema."""
    below = (inner for _, inner in children(schema) if isinstance(inner, dict))
    return "allOf" in schema or any(map(_joins, below))
