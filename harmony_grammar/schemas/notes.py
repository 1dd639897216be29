"""What the comments of a type say: descriptions, examples, defaults and bounds.

A comment above a field is for people: a title with an empty line below it, a description, a list
of examples. A comment behind it holds what TypeScript has no words for, as JSON Schema spells it:
`integer, minimum: 1, default: 3`. Only a comment that says nothing else is read so; any other is
a description. Since a description never stands behind a field, none is taken for a bound.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ANY_OF",
    "BOUNDS",
    "DEFAULT",
    "EXAMPLES",
    "INTEGER",
    "OF_KINDS",
    "Bounds",
    "Style",
    "above",
    "behind",
    "bounds",
    "default_value",
    "in_variant",
]

Style: TypeAlias = Literal["compatible", "faithful"]

INTEGER: Final = "integer"
ANY_OF: Final = "any of"
DEFAULT: Final = "default"
EXAMPLES: Final = "Examples:"

_FLAGS: Final = (INTEGER, ANY_OF)
_DEFAULT: Final = f"{DEFAULT}: "
_ENTRY: Final = re.compile(r"([A-Za-z]+): ")
_COMMA: Final = ", "
_MARK: Final = "- "


class Bounds(NamedTuple):
    """What a comment behind a type adds to it.

    Attributes:
        keywords: keywords of JSON Schema, a default among them.
        flags: what has no keyword: whether numbers are whole, whether a union is an `anyOf`.
    """

    keywords: dict[str, Any]
    flags: frozenset[str]


def _constant(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_constant)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _step(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _text(value: object) -> bool:
    return isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


# The keywords that are written as comments, in the order in which they are written, and what
# their values look like.
BOUNDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "format": _text,
    "pattern": _text,
    "minLength": _count,
    "maxLength": _count,
    "minimum": _number,
    "exclusiveMinimum": _number,
    "maximum": _number,
    "exclusiveMaximum": _number,
    "multipleOf": _step,
    "minItems": _count,
    "maxItems": _count,
    "uniqueItems": _flag,
    "minProperties": _count,
    "maxProperties": _count,
    "deprecated": _flag,
    "readOnly": _flag,
    "writeOnly": _flag,
}

# Which of them say something of values of a JSON type.
_OF_NUMBERS: Final = frozenset(
    {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "format"}
)
OF_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"format", "pattern", "minLength", "maxLength"}),
    "number": _OF_NUMBERS,
    "integer": _OF_NUMBERS,
    "array": frozenset({"minItems", "maxItems", "uniqueItems"}),
    "object": frozenset({"minProperties", "maxProperties"}),
}


# --- Behind a type ---


def bounds(comment: str) -> Bounds | None:
    """What a comment of bounds says; None if it is anything else.

    Example:
        >>> bounds("integer, minimum: 1, default: 3")
        Bounds(keywords={'minimum': 1, 'default': 3}, flags=frozenset({'integer'}))
        >>> bounds("the minimum: 1")
    """
    keywords: dict[str, Any] = {}
    flags = set()
    try:
        for name, value in _entries(comment):
            if name in _FLAGS:
                flags.add(name)
            elif name == DEFAULT or BOUNDS[name](value):
                keywords[name] = value
            else:
                return None
    except (KeyError, ValueError, RecursionError):
        return None
    return Bounds(keywords, frozenset(flags))


def _entries(comment: str) -> Iterator[tuple[str, object]]:
    """The entries of a comment, each a name with its value; raises where one is none."""
    place = 0
    while True:
        flag = next((flag for flag in _FLAGS if comment.startswith(flag, place)), None)
        entry = _ENTRY.match(comment, place)
        if flag is not None:
            place += len(flag)
            yield flag, None
        elif entry is not None:
            value, place = _JSON.raw_decode(comment, entry.end())
            yield entry[1], value
        else:
            raise ValueError(comment)
        if place == len(comment):
            return
        if not comment.startswith(_COMMA, place):
            raise ValueError(comment)
        place += len(_COMMA)


def behind(comment: str, schema: Mapping[str, Any], style: Style) -> Bounds | str:
    """What a comment behind a field says: bounds, or else a description.

    A comment that begins with a default holds nothing else in the compatible style.
    """
    begins = comment.startswith(_DEFAULT)
    found = None if begins and style == "compatible" else bounds(comment)
    if begins and found is None:
        value = default_value(comment.removeprefix(_DEFAULT), schema, style)
        return Bounds({DEFAULT: value}, frozenset())
    return comment if found is None else found


def in_variant(
    comment: str, schema: Mapping[str, Any], style: Style
) -> tuple[str | None, Bounds | None]:
    """What the comment behind a member of a union says: a description, a default, or bounds."""
    said = behind(comment, schema, style)
    if isinstance(said, Bounds):
        return None, said
    for mark in re.finditer(f" {_DEFAULT}", comment):
        text = comment[mark.end() :]
        if _is_value(text):
            value = default_value(text, schema, style)
            return comment[: mark.start()], Bounds({DEFAULT: value}, frozenset())
    return comment, None


def _is_value(text: str) -> bool:
    return _quoted(text) or _json(text) is not _NOTHING


class _Nothing:
    """What `_json` returns for text that is no JSON."""


_NOTHING: Final = _Nothing()


def _json(text: str) -> object:
    try:
        return _JSON.decode(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == '"'


def default_value(text: str, schema: Mapping[str, Any], style: Style) -> object:
    """The value that a default's text means.

    The compatible style quotes strings without escaping what is in them, and does not even quote
    those of an enum.
    """
    words = schema.get("enum") or ()
    if text in words:
        return text
    value = _json(text)
    if _quoted(text):
        plain = text[1:-1]
        return plain if value is _NOTHING or style == "compatible" else value
    return text if value is _NOTHING or (words and style == "compatible") else value


# --- Above a field ---


def above(lines: Sequence[str], style: Style, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The title, description, examples and, for a stacked union, the default above a field."""
    if len(lines) == 1 and lines[0] != EXAMPLES and not lines[0].startswith(_DEFAULT):
        return {"description": lines[0]}  # most are so
    found: dict[str, Any] = {}
    rest = list(lines)
    if len(rest) > 1 and rest[1] == "":
        found["title"], rest = rest[0], rest[2:]
    stacked = style == "compatible" and "oneOf" in schema
    if stacked and rest and rest[-1].startswith(_DEFAULT):
        found[DEFAULT] = default_value(rest.pop().removeprefix(_DEFAULT), schema, style)
    before, examples, after = _around_examples(rest, style)
    if examples is not None:
        found["examples"] = [_unquoted(text, style) for text in examples] or [None]
    if before or after:
        found["description"] = "\n".join([*before, *after])
    return found


def _around_examples(
    lines: list[str], style: Style
) -> tuple[list[str], list[str] | None, list[str]]:
    """Lines before the examples, the examples, lines after them."""
    if EXAMPLES not in lines:
        return lines, None, []
    place = len(lines) - 1 - lines[::-1].index(EXAMPLES)
    end = place + 1
    while end < len(lines) and _is_example(lines[end], style):
        end += 1
    return lines[:place], [line.removeprefix(_MARK) for line in lines[place + 1 : end]], lines[end:]


def _is_example(line: str, style: Style) -> bool:
    text = line.removeprefix(_MARK)
    shown = _quoted(text) if style == "compatible" else _is_value(text)
    return shown and line.startswith(_MARK)


def _unquoted(text: str, style: Style) -> object:
    value = _json(text)
    return text[1:-1] if style == "compatible" or value is _NOTHING else value
