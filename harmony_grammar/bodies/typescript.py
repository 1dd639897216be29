"""JSON Schema as TypeScript, in the reference-compatible form: what the models were trained on.

The tools that a conversation declares are written as TypeScript signatures. This module writes
them byte for byte as `openai-harmony` 0.0.8 does, oddities included; the facts are in the
project's format notes and were found by asking that implementation:

- Only `type`, `oneOf`, `properties`, `required`, `items`, `enum` (of strings), `nullable`,
  `title`, `description`, `examples` and `default` are read; any other schema is `any`.
- Whatever is malformed is passed over in silence: a schema that is no object is `any`, a
  `required` that is no list requires nothing.
- Nothing is quoted or escaped, not a key, not a string of an enum, not a newline in a comment.
- `nullable` counts only for properties and for the variants of `oneOf`.
- A `oneOf` has two forms: one as the value of a property, with its comments above the name, and
  another everywhere else. They also differ in how a default is written (`_shown_default`,
  `_trailing_default`).
- Numbers in defaults read as `serde_json` reads and writes them, see `_number`.

Nothing here validates a schema, and none of it raises for one that is odd; only a number beyond
the range of a 64-bit float cannot be written.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["json_text", "typescript"]

_Schema: TypeAlias = "Mapping[str, Any]"

_ANY: Final = "any"
_PROPERTY_STEP: Final = "    "
_VARIANT_STEP: Final = "   "
_NO_FIELDS: Final[dict[str, Any]] = {}

_INTEGERS: Final = range(-(2**63), 2**64)  # those that the reference keeps as integers
_MAX_SIGNIFICAND: Final = 2**64 - 1
_MAX_POWER: Final = 308  # of ten, in a 64-bit float
_PLAIN_DIGITS: Final = 16  # more before the point, and a number is written with an exponent
_PLAIN_ZEROS: Final = 5  # as many behind the point, and it is too


def typescript(schema: object, indent: str = "", *, mark: str = "//") -> str:
    """Write the type that a schema describes.

    Args:
        schema: JSON data, normally an object; anything is accepted.
        indent: what stands before each line but the first.
        mark: what comments begin with.

    Returns:
        The type, over several lines if it has fields or variants.

    Raises:
        RenderError: if a number that must be written is beyond the range of a 64-bit float.

    Example:
        >>> typescript({"type": ["integer", "null"]})
        'number | null'
    """
    return _TypescriptWriter(mark).type(schema, indent)


def _fields(schema: object) -> _Schema:
    """The keywords of a schema; none if it is no object."""
    return schema if isinstance(schema, dict) else _NO_FIELDS


def _string(schema: _Schema, keyword: str) -> str | None:
    """The value of a keyword if it is a string."""
    value = schema.get(keyword)
    return value if isinstance(value, str) else None


def _list(schema: _Schema, keyword: str) -> list[Any]:
    """The value of a keyword if it is a list, else an empty one."""
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


class _TypescriptWriter:
    """Writes types whose comments begin with a mark."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def type(self, schema: object, indent: str) -> str:
        """A type; each line of it but the first is indented."""
        known = _fields(schema)
        variants, kind = known.get("oneOf"), known.get("type")
        if isinstance(variants, list):
            return self._union(variants, indent)
        if isinstance(kind, list):
            return _joined(kind)
        form = _FORMS.get(kind) if isinstance(kind, str) else None
        return _ANY if form is None else form(self, known, indent)

    def number_type(self, _schema: _Schema, _indent: str) -> str:
        return "number"

    def boolean_type(self, _schema: _Schema, _indent: str) -> str:
        return "boolean"

    def string_type(self, schema: _Schema, _indent: str) -> str:
        """`string`, or the strings of an enum; what is no string in an enum is left out."""
        words = [f'"{word}"' for word in _list(schema, "enum") if isinstance(word, str)]
        return " | ".join(words) or "string"

    def array_type(self, schema: _Schema, indent: str) -> str:
        """The type of the items and brackets; a union of items has no parentheses."""
        return f"{self.type(schema['items'], indent)}[]" if "items" in schema else "Array<any>"

    def object_type(self, schema: _Schema, indent: str) -> str:
        """A field per property; the object's own description stands above it as a comment."""
        required = frozenset(name for name in _list(schema, "required") if isinstance(name, str))
        properties = _fields(schema.get("properties")).items()
        head = self._comment(indent, _string(schema, "description")) + "{\n"
        body = "".join(
            self._property(name + ("" if name in required else "?"), value, indent)
            for name, value in properties
        )
        return f"{head}{body}{indent}}}"

    def _union(self, variants: Sequence[object], indent: str) -> str:
        """A `oneOf` that is not the value of a property: a line per variant; nothing for none."""
        return "".join(
            f"\n{self._variant(item, indent)}{self._trailing(_variant_comments(item))}"
            for item in variants
        )

    def _variant(self, schema: object, indent: str) -> str:
        return f"{indent} | {_nullable(schema, self.type(schema, indent + _VARIANT_STEP))}"

    def _property(self, label: str, schema: object, indent: str) -> str:
        """One field of an object, after its comments.

        A `oneOf` that is no list keeps the field from having a description or a default.
        """
        known = _fields(schema)
        above = self._title(known, indent) + self._comments_above(known, indent)
        if isinstance(known.get("oneOf"), list):
            return above + self._choice(label, known, indent)
        kind = _nullable(known, self.type(known, indent + _PROPERTY_STEP))
        after = self._trailing([] if "oneOf" in known else _shown_default(known))
        return f"{above}{indent}{label}: {kind},{after}\n"

    def _title(self, schema: _Schema, indent: str) -> str:
        title = _string(schema, "title")
        return "" if title is None else f"{self._comment(indent, title)}{indent}{self.mark}\n"

    def _comments_above(self, schema: _Schema, indent: str) -> str:
        """The description, which a `oneOf` writes itself, and the examples that are strings."""
        description = None if "oneOf" in schema else _string(schema, "description")
        return self._comment(indent, description) + self._examples(schema, indent)

    def _examples(self, schema: _Schema, indent: str) -> str:
        examples = _list(schema, "examples")
        lines = [self._comment(indent, f'- "{text}"') for text in examples if isinstance(text, str)]
        return self._comment(indent, "Examples:") + "".join(lines) if examples else ""

    def _comment(self, indent: str, text: str | None) -> str:
        """A comment on lines of its own, of which only the first is marked; nothing for None."""
        return "" if text is None else f"{indent}{self.mark} {text}\n"

    def _choice(self, label: str, schema: _Schema, indent: str) -> str:
        """A property with `oneOf`: description and default above its name, a line per variant."""
        variants = schema["oneOf"]
        description = _string(schema, "description")
        first = _string(_fields(variants[0]), "description") if variants else None
        shown = None if description == first else description
        above = "".join(self._comment(indent, text) for text in (shown, *_shown_default(schema)))
        comments = _choice_comments(variants, description, shown)
        lines = "".join(
            f"{self._variant(item, indent)}{self._trailing(texts)}\n"
            for item, texts in zip(variants, comments, strict=True)
        )
        return f"{above}{indent}{label}:\n{lines}{indent},\n"

    def _trailing(self, texts: Sequence[str]) -> str:
        return f" {self.mark} {' '.join(texts)}" if texts else ""


_FORMS: Final[Mapping[str, Callable[[_TypescriptWriter, _Schema, str], str]]] = {
    "object": _TypescriptWriter.object_type,
    "string": _TypescriptWriter.string_type,
    "number": _TypescriptWriter.number_type,
    "integer": _TypescriptWriter.number_type,
    "boolean": _TypescriptWriter.boolean_type,
    "array": _TypescriptWriter.array_type,
}


def _joined(kinds: Sequence[object]) -> str:
    """A list of types, unknown ones as they are; `any` if it names none."""
    words = ["number" if kind == "integer" else kind for kind in kinds if isinstance(kind, str)]
    return " | ".join(words) if words else _ANY


def _nullable(schema: object, text: str) -> str:
    """The type with null added, unless the word is in it already, wherever that is."""
    added = _fields(schema).get("nullable") is True and "null" not in text
    return f"{text} | null" if added else text


def _choice_comments(
    variants: Sequence[object], description: str | None, shown: str | None
) -> Iterator[list[str]]:
    """The comments after each variant: what the property's description does not say already.

    The first variant has no description if the property's own was shown.
    """
    for place, schema in enumerate(variants):
        known = _fields(schema)
        own = _string(known, "description")
        left_out = own == description or (place == 0 and shown is not None)
        yield [text for text in (own,) if text is not None and not left_out] + _shown_default(known)


def _variant_comments(schema: object) -> list[str]:
    known = _fields(schema)
    own = _string(known, "description")
    return ([] if own is None else [own]) + _trailing_default(known)


# --- Defaults ---


def _shown_default(schema: _Schema) -> list[str]:
    """The default of a property, if it has one; one that belongs to an enum is not quoted."""
    if "default" not in schema:
        return []
    value = schema["default"]
    if isinstance(value, str):
        value = value if _list(schema, "enum") else f'"{value}"'
        return [f"default: {value}"]
    return [f"default: {json_text(value)}"]


def _trailing_default(schema: _Schema) -> list[str]:
    """The default of a variant outside properties; one that belongs to an enum is escaped."""
    if isinstance(schema.get("default"), str) and _list(schema, "enum"):
        return [f"default: {json_text(schema['default'])}"]
    return _shown_default(schema)


def json_text(value: object) -> str:
    """Write JSON data on one line without spaces, numbers as `serde_json` does.

    Args:
        value: JSON data: None, truth values, numbers, strings, and lists and dicts of these.

    Returns:
        The JSON text; only what must be escaped is.

    Raises:
        RenderError: if a number is beyond the range of a 64-bit float.

    Example:
        >>> json_text({"é": [1e30, None]})
        '{"é":[1e30,null]}'
    """
    return _WRITERS[type(value)](value)


def _plain_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _list_text(value: Any) -> str:
    return f"[{','.join(json_text(item) for item in value)}]"


def _dict_text(value: Any) -> str:
    items = (f"{_plain_text(key)}:{json_text(item)}" for key, item in value.items())
    return f"{{{','.join(items)}}}"


def _integer(value: Any) -> str:
    """An integer of 64 bits as it is; a longer one as a float of its first digits."""
    if value in _INTEGERS:
        return str(value)
    digits = str(abs(value))
    kept = next(size for size in (20, 19) if int(digits[:size]) <= _MAX_SIGNIFICAND)
    number = _scaled(int(digits[:kept]), len(digits[kept:]))
    return _number_text(number, negative=value < 0)


def _number(value: Any) -> str:
    """A float as the reference would read it and write it again.

    Its JSON reader is fast and not quite exact: it scales the digits by a power of ten in
    floating point, so that a number of 17 digits may come back as its neighbour.
    """
    text = repr(value)
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    number = _scaled(int(whole + fraction), int(exponent or "0") - len(fraction))
    return _number_text(number, negative=text.startswith("-"))


def _scaled(significand: int, power: int) -> float:
    """`significand` times ten to the `power`, rounded at each step as the reference does."""
    number = float(significand)
    while power < -_MAX_POWER:
        number, power = number / _ten_to(_MAX_POWER), power + _MAX_POWER
    return number / _ten_to(-power) if power < 0 else number * _ten_to(power)


def _ten_to(power: int) -> float:
    """The float nearest to a power of ten; infinity beyond the range."""
    return float(f"1e{power}")


def _number_text(number: float, *, negative: bool) -> str:
    """A non-negative float with the fewest digits, plain if it is neither huge nor tiny."""
    if number == float("inf"):
        raise RenderError("a default beyond the range of a 64-bit float cannot be written")
    sign = "-" if negative else ""
    if number == 0:
        return f"{sign}0.0"
    numerals = Decimal(repr(number)).normalize().as_tuple()
    digits = "".join(map(str, numerals.digits))
    return sign + _placed(digits, len(digits) + int(numerals.exponent))


def _placed(digits: str, point: int) -> str:
    """Digits with a decimal point before the one at index `point`, or with an exponent."""
    if len(digits) <= point <= _PLAIN_DIGITS:
        return f"{digits:0<{point}}.0"
    if 0 < point <= _PLAIN_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if -_PLAIN_ZEROS < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{fraction}e{point - 1}"


_WRITERS: Final[Mapping[type, Callable[[object], str]]] = {
    type(None): _plain_text,
    bool: _plain_text,
    str: _plain_text,
    int: _integer,
    float: _number,
    list: _list_text,
    dict: _dict_text,
}
