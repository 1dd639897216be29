"""From types to JSON Schema: what a prompt says of a tool's arguments.

TypeScript says less than JSON Schema, and several schemas are written alike. Of these the one is
chosen that the compatible writer writes the same text for: a union of words is a list of types, a
union of strings an enum, a union that is stacked a `oneOf`, and `| null` behind anything else is
`nullable`. OpenAPI knows that keyword and JSON Schema does not; `dialects.standard` gives the same
schema without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.schemas.type_comments import (
    ANY_OF,
    INTEGER,
    read_above,
    read_behind,
    read_in_variant,
)
from harmony_grammar.schemas.types import (
    Array,
    Field,
    Index,
    Intersection,
    Literal,
    Object,
    Tuple,
    Union,
    Variant,
    Word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.schemas.type_comments import Bounds
    from harmony_grammar.schemas.types import Style, Type

__all__ = ["Budget", "schema_of"]

_Schema: TypeAlias = dict[str, Any]

# Characters of definitions as Python shows them, about a hundred for each field.
_REPEATED: Final = 2_000_000
_REPEATED_A_CHARACTER: Final = 100

_NULL: Final = Word("null")
_NEVER: Final = Word("never")

# Words that name a type of JSON Schema. A list of one type is written as the word that it is,
# where a type by itself would be written otherwise.
_WORDS: Final[Mapping[str, _Schema]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "null": {"type": ["null"]},
    "object": {"type": ["object"]},
    "array": {"type": ["array"]},
    "never": {"not": {}},
}
_ANYTHING: Final[_Schema] = {}


def schema_of(
    kind: Type,
    definitions: Mapping[str, Type] | None = None,
    *,
    style: Style = "compatible",
    budget: Budget | None = None,
) -> dict[str, Any]:
    """The JSON Schema that says what a type says.

    Args:
        kind: the type.
        definitions: the types that the text defines, by name; those that are needed become
            `$defs`.
        style: how the text was written. They differ in what stands in quotes, which is escaped
            in the faithful style only, and in a union before brackets, which has no parentheses
            in the compatible one.

        budget: what definitions may be repeated for all the tools of a block.

    Returns:
        The schema. A word that nothing defines is taken for `any`.

    Raises:
        ValueError: if there are more definitions than the budget allows.

    Example:
        >>> schema_of(Object((Field("city", Word("string"), above=("Where.",)),)))["properties"]
        {'city': {'type': 'string', 'description': 'Where.'}}
    """
    conversion = _SchemaMaker(definitions or {}, style)
    schema = conversion.schema(kind)
    defined = conversion.defined(budget)
    return {**schema, "$defs": defined} if defined else schema


class Budget:
    """How much may be repeated, since each tool has all the definitions that it needs.

    Args:
        length: the length of the text that declares the tools.
    """

    def __init__(self, length: int) -> None:
        self.left = _REPEATED + _REPEATED_A_CHARACTER * length
        self._sizes: dict[str, int] = {}

    def take(self, name: str, kind: Type) -> None:
        """Repeat a definition.

        Raises:
            ValueError: if there were too many.
        """
        if name not in self._sizes:
            self._sizes[name] = len(repr(kind))
        self.left -= self._sizes[name]
        if self.left < 0:
            raise ValueError("too many tools refer to too many types")


@dataclass(slots=True)
class _SchemaMaker:
    """One conversion: what names mean, and which of them were met."""

    definitions: Mapping[str, Type]
    style: Style
    met: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def schema(self, kind: Type) -> _Schema:
        return _FORMS[type(kind)](self, kind)

    def defined(self, budget: Budget | None) -> _Schema:
        """The definitions that were met, and those that they need."""
        done: _Schema = {}
        for name in self.met:  # grows while it is walked
            if budget is not None:
                budget.take(name, self.definitions[name])
            done[name] = self.schema(self.definitions[name])
        return done


# --- Words and values ---


def _word(conversion: _SchemaMaker, kind: Word) -> _Schema:
    if kind.name in conversion.definitions:
        if kind.name not in conversion.known:
            conversion.known.add(kind.name)
            conversion.met.append(kind.name)
        return {"$ref": f"#/$defs/{kind.name}"}
    return _WORDS.get(kind.name, _ANYTHING).copy()


def _literal(_: _SchemaMaker, kind: Literal) -> _Schema:
    if isinstance(kind.value, str):
        return {"type": "string", "enum": [kind.value]}
    return {"const": kind.value}


# --- Lists ---


def _array(conversion: _SchemaMaker, kind: Array) -> _Schema:
    if kind.items is None:
        return {"type": "array"}
    return {"type": "array", "items": conversion.schema(kind.items)}


def _tuple(conversion: _SchemaMaker, kind: Tuple) -> _Schema:
    """A list of so many items; further ones only if there is a type for them."""
    size = len(kind.items)
    if not size:
        return (
            _array(conversion, Array(kind.rest)) if kind.rest else {"type": "array", "maxItems": 0}
        )
    first = [conversion.schema(item) for item in kind.items]
    further = {"maxItems": size} if kind.rest is None else {"items": conversion.schema(kind.rest)}
    return {"type": "array", "prefixItems": first, "minItems": size, **further}


# --- Unions ---


def _union(conversion: _SchemaMaker, kind: Union) -> _Schema:
    if kind.stacked or any(variant.comments or variant.above for variant in kind.variants):
        return {"oneOf": [_variant(conversion, variant) for variant in kind.variants]}
    types = [variant.type for variant in kind.variants]
    if conversion.style == "compatible":
        types = _mended(types)
    if len(types) == 1:
        return conversion.schema(types[0])
    plain = _of_words(types) or _of_values(types)
    if plain is not None:
        return plain
    if _NULL in types:
        rest = tuple(Variant(item) for item in types if item != _NULL)
        return {**_union(conversion, Union(rest)), "nullable": True}
    return {"anyOf": [conversion.schema(item) for item in _grouped(types)]}


def _mended(types: list[Type]) -> list[Type]:
    """Put back the parentheses that the compatible style leaves out: `"a" | "b"[]`."""
    null = types[-1:] if types[-1] == _NULL else []
    *first, last = types[: len(types) - len(null)] or [_NULL]
    depth = 0
    while isinstance(last, Array) and last.items is not None:
        last, depth = last.items, depth + 1
    items = [*first, last]
    if not (first and depth and (_all_strings(items) or _of_words(items))):
        return types
    mended: Type = Union(tuple(map(Variant, items)))
    for _ in range(depth):
        mended = Array(mended)
    return [mended, *null]


def _all_strings(types: Sequence[Type]) -> bool:
    return all(isinstance(item, Literal) and isinstance(item.value, str) for item in types)


def _of_words(types: Sequence[Type]) -> _Schema | None:
    """A list of types, if each is a word of JSON Schema.

    A number that stands twice was an integer once.
    """
    names: list[str] = []
    for item in types:
        if not isinstance(item, Word) or item.name not in _WORDS or item == _NEVER:
            return None
        name = "integer" if item.name == "number" and item.name in names else item.name
        names += [] if name in names else [name]
    return {"type": names}


def _of_values(types: Sequence[Type]) -> _Schema | None:
    """An enum, if each is a value or null; one of strings alone has a type."""
    values = [_value(item) for item in types]
    if any(isinstance(value, Word) for value in values) or values == [None]:
        return None
    strings = [value for value in values if isinstance(value, str)]
    if len(strings) == len(values):
        return {"type": "string", "enum": values}
    if len(strings) == len(values) - 1 and values[-1] is None:
        return {"type": "string", "enum": strings, "nullable": True}
    return {"enum": values}


def _value(kind: Type) -> object:
    """The value that a type is; the word `never` if it is none."""
    if isinstance(kind, Literal):
        return kind.value
    return None if kind == _NULL else _NEVER


def _grouped(types: Sequence[Type]) -> list[Type]:
    """The members of a union with all its strings as one."""
    words = [item for item in types if _all_strings([item])]
    if len(words) < 2:  # noqa: PLR2004  one string is no group
        return list(types)
    rest = [item for item in types if item not in words]
    return [Union(tuple(map(Variant, words))), *rest]


def _variant(conversion: _SchemaMaker, variant: Variant) -> _Schema:
    """A member of a union, with what is said above and behind it."""
    schema = conversion.schema(variant.type)
    *lines, last = variant.comments or ("",)
    said, found = read_in_variant(last, schema, conversion.style) if last else (None, None)
    texts = (*variant.above, *lines, *(() if said is None else (said,)))
    schema |= read_above(texts, conversion.style, schema)
    return schema if found is None else _bounded(schema, found)


# --- Objects ---


def _object(conversion: _SchemaMaker, kind: Object) -> _Schema:
    required = [item.name for item in kind.fields if item.required]
    schema: _Schema = {"type": "object"}
    if kind.above:
        schema |= read_above(kind.above, conversion.style, schema)
    schema["properties"] = {item.name: _property(conversion, item) for item in kind.fields}
    if required:
        schema["required"] = required
    if kind.index is not None:
        further = False if kind.index.type == _NEVER else _property(conversion, kind.index)
        schema["additionalProperties"] = further
    return schema


def _property(conversion: _SchemaMaker, item: Field | Index) -> _Schema:
    """The schema of a field, with what is said above and behind it."""
    kind = item.type
    schema = _FORMS[kind.__class__](conversion, kind)
    if item.above:
        schema |= read_above(item.above, conversion.style, schema)
    for comment in item.after:
        found = read_behind(comment, schema, conversion.style)
        if isinstance(found, str):
            schema["description"] = "\n".join(filter(None, (schema.get("description"), found)))
        else:
            schema = _bounded(schema, found)
    return schema


def _bounded(schema: _Schema, found: Bounds) -> _Schema:
    """A schema with bounds."""
    bounded = {**schema, **found.keywords}
    if INTEGER in found.flags:
        bounded = _whole(bounded)
    if ANY_OF in found.flags and "oneOf" in bounded:
        bounded["anyOf"] = bounded.pop("oneOf")
    return bounded


def _whole(schema: _Schema) -> _Schema:
    """A schema whose numbers are whole."""
    kinds = schema.get("type")
    if kinds == "number":
        return {**schema, "type": "integer"}
    if isinstance(kinds, list) and "number" in kinds:
        return {**schema, "type": ["integer" if kind == "number" else kind for kind in kinds]}
    if "multipleOf" in schema:
        return {**schema, "allOf": [*schema.get("allOf", []), {"multipleOf": 1}]}
    return {**schema, "multipleOf": 1}


def _intersection(conversion: _SchemaMaker, kind: Intersection) -> _Schema:
    return {"allOf": [conversion.schema(part) for part in kind.parts]}


_FORMS: Final[Mapping[type, Callable[[_SchemaMaker, Any], _Schema]]] = {
    Word: _word,
    Literal: _literal,
    Array: _array,
    Tuple: _tuple,
    Union: _union,
    Intersection: _intersection,
    Object: _object,
}
