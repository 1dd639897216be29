"""Random JSON Schemas of every kind, and values that fit them or nearly do.

Values are made from a schema and then damaged, so that about half of them fit. They are only
candidates: whether one fits is for a validator to say.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from hypothesis import strategies as st

Schemas = st.SearchStrategy[Any]
Values = st.SearchStrategy[Any]

HOSTILE = (
    "} // namespace functions",
    "x\n} // namespace functions",
    "*/",
    '"',
    "\\",
    "a\u2028b",
    "minimum: 3",
    "default: 1",
    "Examples:",
    "integer",
    "| null",
    "",
)
NAMES = ("a", "b", "c", "two words", 'q"', "line\nbreak", "$ref", "é")
PATTERNS = ("^a", "b$", "^[0-9]+$", '"', "\\\\")
STRINGS = ("", "a", "90210", "b", "ab", "12", '"', "\\", "a\nb", "red", "2020-01-01", *HOSTILE[:3])
NUMBERS = (-1, 0, 1, 2, 3, 5, 10, 0.5, 2.5, 1.0, 1e30, -7)
JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    2.5,
    "",
    "a",
    [],
    [1],
    ["a", None],
    {},
    {"a": 1},
    {"b": "x"},
)
DEFINED = ("A", "B", "C D")


def _some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the keywords."""
    return st.fixed_dictionaries({}, optional=keywords)


def _merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda found: {k: v for part in found for k, v in part.items()})


_numbers = st.sampled_from(NUMBERS)
_counts = st.integers(0, 3)
_strings = st.sampled_from(STRINGS)
_scalars = st.none() | st.booleans() | _numbers | _strings
_values = st.recursive(
    _scalars,
    lambda v: st.lists(v, max_size=2) | st.dictionaries(st.sampled_from(NAMES), v, max_size=2),
    max_leaves=3,
)
_asides: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.just({})
    | _some(
        title=st.sampled_from(HOSTILE),
        description=st.sampled_from(HOSTILE) | st.text(max_size=8),
        default=_values,
        examples=st.lists(_values, max_size=2),
        deprecated=st.booleans(),
    )
)

_texts = _some(
    minLength=_counts,
    maxLength=_counts,
    pattern=st.sampled_from(PATTERNS),
    format=st.sampled_from(("date", "email", "uuid")),
).map(lambda found: {"type": "string", **found})
_bounded = _some(
    minimum=_numbers,
    maximum=_numbers,
    exclusiveMinimum=_numbers,
    exclusiveMaximum=_numbers,
    multipleOf=st.sampled_from((1, 2, 0.5)),
)
_amounts = _merged(st.sampled_from(("number", "integer")).map(lambda t: {"type": t}), _bounded)
_kinds = st.sampled_from(("string", "number", "integer", "boolean", "null", "array", "object"))
_enums = st.one_of(
    st.lists(_strings, min_size=1, max_size=3, unique=True).map(
        lambda v: {"type": "string", "enum": v}
    ),
    st.lists(_values, min_size=1, max_size=3).map(lambda v: {"enum": v}),
    st.lists(_numbers, min_size=1, max_size=3).map(lambda v: {"type": "integer", "enum": v}),
    _values.map(lambda v: {"const": v}),
    st.tuples(_kinds, st.lists(_values, min_size=1, max_size=3)).map(
        lambda f: {"type": f[0], "enum": f[1]}
    ),
)  # fmt: skip
_leaves = st.one_of(
    _texts,
    _amounts,
    _enums,
    _kinds.map(lambda t: {"type": t}),
    _bounded,
    st.booleans(),
    st.just({}),
    st.sampled_from(DEFINED).map(lambda n: {"$ref": f"#/$defs/{n}".replace(" ", "%20")}),
)


def _objects(inner: Schemas) -> Schemas:
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    keywords = _some(
        required=st.lists(st.sampled_from(NAMES[:4]), max_size=2, unique=True),
        additionalProperties=st.booleans() | inner,
        minProperties=_counts,
        maxProperties=_counts,
    )
    return _merged(named.map(lambda p: {"type": "object", "properties": p}), keywords)


def _arrays(inner: Schemas) -> Schemas:
    keywords = _some(
        items=inner,
        prefixItems=st.lists(inner, min_size=1, max_size=2),
        minItems=_counts,
        maxItems=_counts,
        uniqueItems=st.booleans(),
    )
    return keywords.map(lambda found: {"type": "array", **found})


def _choices(inner: Schemas) -> Schemas:
    several = st.lists(inner, min_size=1, max_size=3)
    keyword = st.sampled_from(("anyOf", "oneOf", "allOf"))
    alone = st.tuples(keyword, several).map(lambda found: {found[0]: found[1]})
    kinds = st.lists(_kinds, min_size=1, max_size=3, unique=True).map(lambda t: {"type": t})
    return st.one_of(
        alone,
        _merged(alone, _leaves.map(lambda schema: schema if isinstance(schema, dict) else {})),
        _merged(kinds, _bounded, _objects(inner), kinds),
        _merged(_arrays(inner), kinds, _bounded),
        _merged(inner.map(lambda s: s if isinstance(s, dict) else {}), st.just({"nullable": True})),
    )


def _lossy(inner: Schemas) -> Schemas:
    """Schemas with keywords that no type says."""
    return _merged(
        _objects(inner),
        _some(
            patternProperties=st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=1),
            propertyNames=st.one_of(_texts, st.just({"enum": list(NAMES[:4])})),
            dependentRequired=st.just({"a": ["b"]}),
            unevaluatedProperties=st.booleans(),
        ),
        st.fixed_dictionaries({}, optional={"not": inner, "if": inner, "then": inner}),
    )


def _implying(inner: Schemas) -> Schemas:
    """Schemas whose type is to be guessed."""
    return st.one_of(_objects(inner), _arrays(inner)).map(
        lambda schema: {key: value for key, value in schema.items() if key != "type"}
    )


@cache
def _nested(depth: int) -> Schemas:
    if not depth:
        return _merged_with_asides(_leaves)
    inner = st.deferred(lambda: _nested(depth - 1))
    plain = st.one_of(
        _leaves, _objects(inner), _objects(inner), _arrays(inner), _choices(inner), _choices(inner)
    )
    odd = st.one_of(_lossy(inner), _implying(inner))
    return _merged_with_asides(st.one_of(plain, plain, plain, plain, plain, odd))


def _merged_with_asides(inner: Schemas) -> Schemas:
    return st.tuples(inner, _asides).map(
        lambda found: {**found[1], **found[0]} if isinstance(found[0], dict) else found[0]
    )


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A whole schema; its definitions may contain themselves."""
    found = draw(_nested(depth))
    schema: dict[str, Any] = {"allOf": [found]} if isinstance(found, bool) else found
    used = str(schema)
    if "$ref" in used:
        inner = _nested(1)
        defined = st.one_of(_objects(inner), _objects(inner), _arrays(inner))
        schema = {**schema, "$defs": {name: draw(defined) for name in DEFINED}}
    return schema


# --- Values ---


class Maker:
    """Makes values for one schema.

    Args:
        root: the schema.
        seed: what chance depends on.
    """

    def __init__(self, root: Any, seed: int) -> None:
        self.root = root
        self.chance = random.Random(seed)  # noqa: S311  a test needs no secrets

    def values(self, count: int) -> list[Any]:
        """Values that fit or nearly fit."""
        made = [self.value(self.root, 5) for _ in range(count)]
        return [self.damaged(value) if self.chance.random() < 0.4 else value for value in made]

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict) or depth < 0:
            return self.chance.choice(JUNK)
        if "$ref" in schema:
            return self.value(self._target(schema["$ref"]), depth - 1)
        return self._chosen(schema, depth)

    def _target(self, reference: str) -> Any:
        name = unquote(reference).rsplit("/", 1)[-1]
        return {**self.root.get("definitions", {}), **self.root.get("$defs", {})}.get(name, {})

    def _chosen(self, schema: dict[str, Any], depth: int) -> Any:
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword) and self.chance.random() < 0.8:
                return self.value(self.chance.choice(schema[keyword]), depth)
        if schema.get("allOf") and self.chance.random() < 0.8:
            return self._together([self.value(part, depth) for part in [*schema["allOf"], schema]])
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        return self.chance.choice(values) if values else self._of_type(schema, depth)

    def _together(self, values: list[Any]) -> Any:
        found = [value for value in values if isinstance(value, dict)]
        if len(found) > 1:
            return {key: item for value in found for key, item in value.items()}
        return self.chance.choice(values)

    def _of_type(self, schema: dict[str, Any], depth: int) -> Any:
        kinds = schema.get("type") or self._implied(schema)
        kind = self.chance.choice(kinds) if isinstance(kinds, list) else kinds
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in {"number", "integer"}:
            return self.chance.choice(
                (*NUMBERS, *(schema.get(b, 0) for b in ("minimum", "maximum")))
            )
        simple = {"string": self._strings(schema), "boolean": (True, False), "null": (None,)}
        return self.chance.choice(simple.get(kind, JUNK))

    @staticmethod
    def _strings(schema: dict[str, Any]) -> tuple[str, ...]:
        """Strings that match the pattern, if some do."""
        pattern = schema.get("pattern", "")
        return tuple(text for text in STRINGS if re.search(pattern, text)) or STRINGS

    @staticmethod
    def _implied(schema: dict[str, Any]) -> str:
        if not schema.keys().isdisjoint({"properties", "required", "additionalProperties"}):
            return "object"
        return "array" if not schema.keys().isdisjoint({"items", "prefixItems"}) else "any"

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        named, required = schema.get("properties", {}), schema.get("required", [])
        further = schema.get("additionalProperties", schema.get("patternProperties", True))
        names = [n for n in named if n in required or (depth > 2 and self.chance.random() < 0.6)]
        names += [n for n in required if n not in named]
        if further is not False and self.chance.random() < 0.4:
            names.append(self.chance.choice(NAMES))
        return {name: self.value(named.get(name, further), depth - 1) for name in names}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems", [])
        least = min(schema.get("minItems", len(first)), 3)
        size = self.chance.randint(least, 3) if depth > 2 else least
        kinds = [first[i] if i < len(first) else schema.get("items", True) for i in range(size)]
        return [self.value(kind, depth - 1) for kind in kinds]

    def damaged(self, value: Any) -> Any:
        """A value with one thing changed."""
        if isinstance(value, dict) and value and self.chance.random() < 0.8:
            key = self.chance.choice(list(value))
            rest = {name: item for name, item in value.items() if name != key}
            return rest if self.chance.random() < 0.3 else {**rest, key: self.damaged(value[key])}
        if isinstance(value, list) and value and self.chance.random() < 0.8:
            place = self.chance.randrange(len(value))
            return [*value[:place], self.damaged(value[place]), *value[place + 1 :]]
        return self.chance.choice(JUNK)
