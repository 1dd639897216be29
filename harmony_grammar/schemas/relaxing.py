"""A schema that an engine cannot hold, made one that it can: first in other words, then wider.

What can be said in keywords that engines know is said in them, and means the same. What is left is
widened as little as possible: a keyword of the smallest sub-schema that is refused, and everything
else still binds. What was widened is reported, with a JSON pointer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.schemas.dialects import placed, pointer_step
from harmony_grammar.schemas.keywords import by_name, further

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HeldSchema", "Relaxation", "held"]

_DEFINITIONS: Final = ("$defs", "definitions")
_NEAR: Final = tuple(f"#/{key}/" for key in _DEFINITIONS)
_MOST_TRIALS: Final = 1000  # of what an engine takes, for one schema
_REFERENCE: Final = re.compile(r"#/(\$defs|definitions)/([^/]+)")
_TYPES: Final = ("null", "boolean", "number", "string", "array", "object")
_CONDITION: Final = ("if", "then", "else")
# What is dropped last, since most of a schema hangs on it.
_NEEDED: Final = ("properties", "required", "items", "prefixItems", "enum", "const", "type")
_TURNED: Final = ("/not", "/if")
_PASSED_OVER: Final = frozenset(
    {
        *("$comment", "$id", "$schema", "default", "description", "examples", "title"),
        *_DEFINITIONS,
    }
)


class Relaxation(NamedTuple):
    """A part of a schema that is not held.

    Attributes:
        where: the argument that the schema was given in.
        pointer: the keyword, as a JSON pointer into the schema.
        reason: why it cannot be held.
    """

    where: str
    pointer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}, at {self.pointer or '/'}"


class HeldSchema(NamedTuple):
    """What can be held of a schema.

    Attributes:
        schema: a schema that the engine takes.
        lost: the keywords that it lacks, each with its pointer and why.
    """

    schema: Any
    lost: list[tuple[str, str]]


def held(schema: Any, refusal: Callable[[Any], str]) -> HeldSchema:
    """What an engine can hold of a schema.

    Args:
        schema: the schema.
        refusal: why the engine does not take a schema; empty if it does.

    Example:
        >>> def refusal(schema):
        ...     return "no patterns" if "pattern" in str(schema) else ""
        >>> held({"items": {"type": "string", "pattern": "a"}}, refusal)
        HeldSchema(schema={'items': {'type': 'string'}}, lost=[('/items/pattern', 'no patterns')])
    """
    relaxing = _Relaxing(schema if isinstance(schema, dict) else {}, refusal)
    return HeldSchema(relaxing.root(schema), relaxing.lost)


class _SpentError(Exception):
    """So much was tried that the schema is given up as a whole."""


class _Relaxing:
    """One schema on its way to being held.

    Args:
        root: the schema.
        refusal: why the engine does not take a schema.

    Attributes:
        lost: what was dropped.
    """

    def __init__(self, root: Mapping[str, Any], refusal: Callable[[Any], str]) -> None:
        self.lost: list[tuple[str, str]] = []
        self._refusal = refusal
        self._definitions = {
            key: dict(root[key]) for key in _DEFINITIONS if isinstance(root.get(key), dict)
        }
        self._met: set[tuple[str, str]] = set()
        self._open: set[tuple[str, str]] = set()
        self._trials = _MOST_TRIALS

    def root(self, schema: Any) -> Any:
        """The whole schema."""
        why = _said(self._refusal(schema))
        if not why or not isinstance(schema, dict):
            self.lost += [("", why)] if why else []
            return True if why else schema
        try:
            return self.schema(schema, "")
        except _SpentError:
            self.lost = [("", why)]
            return True

    def why(self, schema: Any, pointer: str) -> str:
        """Why a schema that stands at a place is refused, if it is to blame for it."""
        if not isinstance(schema, dict):
            return "" if isinstance(schema, bool) else "a schema is an object or a truth value"
        self._trials -= 1
        if self._trials < 0:
            raise _SpentError
        known = self._definitions
        if self._open:
            known = {
                key: {n: {} if (key, n) in self._open else s for n, s in named.items()}
                for key, named in known.items()
            }
        if pointer:
            schema, known = _without_far(schema), _without_far(known)
        return _said(self._refusal({**schema, **known}))

    def schema(self, schema: Any, pointer: str) -> Any:
        """What can be held of a schema that stands at a place."""
        if isinstance(schema, dict):
            self.define(schema)
        if not (why := self.why(schema, pointer)):
            return self.whole(schema, pointer)
        if not isinstance(schema, dict):
            self.lost.append((pointer, why))
            return True
        made = _in_other_words(schema)
        if isinstance(made, bool) and pointer:
            return made
        made = schema if isinstance(made, bool) else made
        if self.why(made, pointer):
            made = placed(made, lambda inner, place: self.inner(inner, pointer, place))
            made = self.widened(made, pointer)
        return self.whole(made, pointer)

    def inner(self, schema: Any, pointer: str, place: str) -> Any:
        """What can be held of a schema in another; in a negation, wider would be narrower."""
        return schema if place in _TURNED else self.schema(schema, pointer + place)

    def whole(self, schema: Any, pointer: str) -> Any:
        """A schema, with its definitions if it is the whole one."""
        if pointer or not isinstance(schema, dict):
            return schema
        return {key: self._definitions.get(key, value) for key, value in schema.items()}

    def define(self, schema: Mapping[str, Any]) -> None:
        """Look at the definition that a schema refers to first, so that it is blamed itself."""
        found = _REFERENCE.fullmatch(str(schema.get("$ref", "")))
        if found is None:
            return
        keyword, name = found[1], found[2].replace("~1", "/").replace("~0", "~")
        known = self._definitions.get(keyword, {})
        if name in known and (keyword, name) not in self._met:
            self._met.add((keyword, name))
            self._open.add((keyword, name))
            made = self.schema(known[name], f"/{keyword}/{pointer_step(name)}")
            self._open.remove((keyword, name))
            known[name] = made

    def widened(self, schema: dict[str, Any], pointer: str) -> dict[str, Any]:
        """A schema without those of its keywords that cannot be held."""
        made = schema
        while why := self.why(made, pointer):
            keywords = [key for key in made if key not in _PASSED_OVER]
            if not keywords:
                break
            keywords.sort(key=lambda key: (key in _NEEDED, f'"{key}"' not in why, _order(key)))
            alone = (key for key in keywords if not self.why(_without(made, key), pointer))
            key = next(alone, keywords[0])
            self.lost.append((f"{pointer}/{pointer_step(key)}", why))
            made = _without(made, key)
        return made


def _without_far(schema: Any) -> Any:
    """A schema without references to places other than definitions, which stand for anything."""
    if isinstance(schema, list):
        return [_without_far(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = str(schema.get("$ref", ""))
    if reference.startswith("#") and not reference.startswith(_NEAR):
        schema = _without(schema, "$ref")
    return {key: _without_far(value) for key, value in schema.items()}


def _order(key: str) -> int:
    return _NEEDED.index(key) if key in _NEEDED else 0


def _without(schema: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A schema without a keyword: a condition goes as a whole, alternatives may be several."""
    gone = _CONDITION if key in _CONDITION else (key,)
    rest = {name: value for name, value in schema.items() if name not in gone}
    if key == "oneOf" and "anyOf" not in rest:
        rest["anyOf"] = schema["oneOf"]
    return rest


def _said(why: str) -> str:
    """What an engine says, on one line."""
    lines = [line.strip() for line in why.strip().split("\n")]
    told = next((line for line in lines if line.startswith("error: ")), lines[0])
    return told.removeprefix("error: ")


# --- the same in other words ---


def _in_other_words(schema: dict[str, Any]) -> dict[str, Any] | bool:
    """A schema of the same values in keywords that are widely known; a truth value for all or none.

    Example:
        >>> _in_other_words({"type": ["string", "null"], "not": {"type": "null"}})
        {'type': ['string']}
        >>> _in_other_words({"not": {}})
        False
    """
    made = dict(schema)
    for key, change in _CHANGES.items():
        if key in made:
            told = change(made)
            if isinstance(told, bool):
                return told
            made = told
    return made


def _said_not(schema: dict[str, Any]) -> dict[str, Any] | bool:
    """`not` of everything, of nothing, of types, and of values where these are listed."""
    no, rest = schema["not"], _without(schema, "not")
    if no in ({}, True):
        return False
    if no is False or (isinstance(no, dict) and no.get("not") in ({}, True)):
        return rest
    if not isinstance(no, dict):
        return schema
    if set(no) == {"type"}:
        return _without_types(rest, no["type"]) or schema
    values = no.get("enum") if "enum" in no else [no["const"]] if "const" in no else None
    if set(no) <= {"enum", "const"} and isinstance(values, list) and "enum" in rest:
        left = [value for value in rest["enum"] if not any(_same(value, one) for one in values)]
        return {**rest, "enum": left} if left else False
    return schema


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _without_types(schema: dict[str, Any], types: Any) -> dict[str, Any] | None:
    """A schema that admits values of other types only; None where types do not say so."""
    gone = {types} if isinstance(types, str) else {*types}
    told = schema.get("type", list(_TYPES))
    kinds = [told] if isinstance(told, str) else told
    if "integer" in gone and "number" in kinds and "number" not in gone:
        return None  # numbers that are not whole have no word
    gone |= {"integer"} if "number" in gone else set()
    left = [kind for kind in kinds if kind not in gone]
    return {**schema, "type": left} if left else None


def _said_names(schema: dict[str, Any]) -> dict[str, Any]:
    """Names that are listed are properties, and there are no others."""
    names = schema["propertyNames"]
    if names in ({}, True):
        return _without(schema, "propertyNames")
    return by_name(schema, names)


def _said_further(schema: dict[str, Any]) -> dict[str, Any]:
    """Where nothing else says of properties, those not evaluated are the additional ones."""
    rest, value = _without(schema, "unevaluatedProperties"), schema["unevaluatedProperties"]
    if "additionalProperties" in rest:
        return rest
    return {**rest, "additionalProperties": value} if further(schema) is value else schema


def _unless_said(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Leaves out a keyword that says nothing."""
    return lambda schema: schema if schema[key] else _without(schema, key)


def _said_if(schema: dict[str, Any]) -> dict[str, Any]:
    """A condition of which nothing follows says nothing."""
    said = [key for key in ("then", "else") if schema.get(key, True) not in (True, {})]
    return schema if said else _without(schema, "if")


_CHANGES: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any] | bool]]] = {
    "not": _said_not,
    "propertyNames": _said_names,
    "unevaluatedProperties": _said_further,
    "if": _said_if,
    **{key: _unless_said(key) for key in ("uniqueItems", "dependentRequired", "dependentSchemas")},
    "contains": lambda s: _without(s, "contains") if s.get("minContains") == 0 else s,
}
