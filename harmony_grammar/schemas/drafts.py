"""Schemas of older drafts, told as the current draft tells the same.

Servers of tools still write drafts 3 to 7, mostly without saying so. Whoever reads a schema by the
current draft would pass over what they mean, or refuse it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.schemas.dialects import rebuilt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["current", "is_old"]

_DECLARES: Final = "$schema"
_EXCLUSIVE: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_EMPTY: Final[Mapping[str, Any]] = {"properties": {}, "patternProperties": {}, "required": []}
_OLD: Final = frozenset({"additionalItems", "dependencies", "disallow", "divisibleBy", "extends"})


# What the current draft says otherwise, in the text of a schema; what only looks so does no harm.
_OLD_TEXT: Final = re.compile(
    rf'"(?:{"|".join(sorted(_OLD))})": '
    r'|"items": \[|"(?:properties|patternProperties|required)": (?:null|\[\])'
    r'|"(?:exclusiveMinimum|exclusiveMaximum|required)": (?:true|false)|"type": \[[^\]]*\{'
)


def is_old(text: str) -> bool:
    """Whether a schema may have something that the current draft says otherwise.

    Args:
        text: the schema as `json.dumps` writes it.
    """
    return _OLD_TEXT.search(text) is not None


def current(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as the current draft tells it; one that declares its draft is told so, too.

    Args:
        schema: a schema of any draft.

    Returns:
        A schema of the same values. What says nothing, such as `"required": null`, is left out.

    Example:
        >>> current({"items": [{"type": "null"}], "additionalItems": False})
        {'prefixItems': [{'type': 'null'}], 'items': False}
    """
    made = {key: value for key, value in schema.items() if key not in _OLD and key != _DECLARES}
    for key, empty in _EMPTY.items():
        if key in made and (made[key] is None or made[key] == []):
            made[key] = empty
    _say_required(made)
    _say_bounds(made, schema)
    _say_items(made, schema)
    _say_dependencies(made, schema.get("dependencies"))
    _say_types(made, schema)
    return rebuilt(made, current)


def _say_required(made: dict[str, Any]) -> None:
    """Up to draft 3 a property said of itself whether it must be there."""
    if isinstance(made.get("required"), bool):
        del made["required"]
    named = made.get("properties")
    needed = [
        name
        for name, each in (named.items() if isinstance(named, dict) else ())
        if isinstance(each, dict) and each.get("required") is True
    ]
    if needed:
        made["required"] = [*(made.get("required") or ()), *needed]


def _say_bounds(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Up to draft 4 an exclusive bound was a truth value beside an inclusive one."""
    for key, beside in _EXCLUSIVE.items():
        if isinstance(made.get(key), bool) and made.pop(key) and beside in made:
            made[key] = made.pop(beside)
    if "divisibleBy" in schema:
        made["multipleOf"] = schema["divisibleBy"]


def _say_items(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Up to draft 2019-09 a list of `items` was what `prefixItems` has been since."""
    if not isinstance(made.get("items"), list):
        return
    first = made.pop("items")
    if first:
        made["prefixItems"] = first
    if "additionalItems" in schema:
        made["items"] = schema["additionalItems"]


def _say_dependencies(made: dict[str, Any], dependencies: Any) -> None:
    """Up to draft 7 names and schemas stood under one keyword."""
    for name, each in dependencies.items() if isinstance(dependencies, dict) else ():
        keyword = "dependentSchemas" if isinstance(each, (dict, bool)) else "dependentRequired"
        told = [each] if isinstance(each, str) else each
        made[keyword] = {**made.get(keyword, {}), name: told}


def _say_types(made: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Up to draft 3 schemas stood among types, and had words for `allOf` and `not`."""
    if "extends" in schema:
        base = schema["extends"]
        made["allOf"] = [*made.get("allOf", ()), *(base if isinstance(base, list) else [base])]
    kinds = made.get("type")
    if isinstance(kinds, list) and any(isinstance(kind, dict) for kind in kinds):
        del made["type"]
        choice = {"anyOf": [k if isinstance(k, dict) else {"type": k} for k in kinds]}
        made["allOf"] = [*made.get("allOf", ()), choice]
    if "disallow" in schema:
        told = schema["disallow"]
        not_these = {"type": told} if isinstance(told, str) else {
            "anyOf": [k if isinstance(k, dict) else {"type": k} for k in told]
        }  # fmt: skip
        made["allOf"] = [*made.get("allOf", ()), {"not": not_these}]
