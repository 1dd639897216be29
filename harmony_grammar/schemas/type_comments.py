"""What the comments of a type say, and how they say it.

A comment above a field is for people: a title with an empty line below it, a description, a list
of examples. A comment behind it holds what TypeScript has no words for, as JSON Schema spells it:
`integer, minimum: 1, default: 3`. Only a comment that says nothing else is read so; any other is
a description. Since a description never stands behind a field, none is taken for a bound.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.schemas.types import Style

__all__ = [
    "ANY_OF",
    "ASIDES",
    "BOUNDS",
    "DEFAULT",
    "INTEGER",
    "OF_KINDS",
    "Bounds",
    "comment_lines",
    "is_json",
    "json_line",
    "read_above",
    "read_behind",
    "read_in_variant",
    "write_above",
    "write_behind",
]

INTEGER: Final = "integer"
ANY_OF: Final = "any of"
DEFAULT: Final = "default"
_EXAMPLES: Final = "Examples:"

# What says nothing of the values.
ASIDES: Final = ("deprecated", "readOnly", "writeOnly")

_FLAGS: Final = (INTEGER, ANY_OF)
_SEPARATOR: Final = ","  # behind a field
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


def _step(value: Any) -> bool:
    return _number(value) and value > 0


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
    **dict.fromkeys(ASIDES, _flag),
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


# --- Read behind a type ---


def _bounds(comment: str) -> Bounds | None:
    """What a comment of bounds says; None if it is anything else."""
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


def read_behind(comment: str, schema: Mapping[str, Any], style: Style) -> Bounds | str:
    """What a comment behind a field says: bounds, or else a description.

    A comment that begins with a default holds nothing else in the compatible style.

    Example:
        >>> read_behind("integer, minimum: 1", {}, "faithful")
        Bounds(keywords={'minimum': 1}, flags=frozenset({'integer'}))
        >>> read_behind("the minimum: 1", {}, "faithful")
        'the minimum: 1'
    """
    begins = comment.startswith(_DEFAULT)
    found = None if begins and style == "compatible" else _bounds(comment)
    if begins and found is None:
        value = _default(comment.removeprefix(_DEFAULT), schema, style)
        return Bounds({DEFAULT: value}, frozenset())
    return comment if found is None else found


def read_in_variant(
    comment: str, schema: Mapping[str, Any], style: Style
) -> tuple[str | None, Bounds | None]:
    """What the comment behind a member of a union says: a description, a default, or bounds."""
    said = read_behind(comment, schema, style)
    if isinstance(said, Bounds):
        return None, said
    for mark in re.finditer(f" {_DEFAULT}", comment):
        text = comment[mark.end() :]
        if _is_value(text):
            value = _default(text, schema, style)
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


def _default(text: str, schema: Mapping[str, Any], style: Style) -> object:
    """The value that a default's text means.

    The compatible style quotes strings without escaping what is in them, and does not even quote
    those of an enum. Hugging Face's chat template writes the comma of the field behind it.
    """
    words = schema.get("enum") or ()
    if text in words:
        return text
    bare = text.removesuffix(_SEPARATOR)
    if bare in words:
        return bare
    value = _json(text)
    if value is _NOTHING and bare != text and _is_value(bare):
        return _default(bare, schema, style)
    if _quoted(text):
        plain = text[1:-1]
        return plain if value is _NOTHING or style == "compatible" else value
    return text if value is _NOTHING or (words and style == "compatible") else value


# --- Read above a field ---


def read_above(lines: Sequence[str], style: Style, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The title, description, examples and, for a stacked union, the default above a field."""
    if len(lines) == 1 and lines[0] != _EXAMPLES and not lines[0].startswith(_DEFAULT):
        return {"description": lines[0]}  # most are so
    found: dict[str, Any] = {}
    rest = list(lines)
    if len(rest) > 1 and rest[1] == "":
        found["title"], rest = rest[0], rest[2:]
    stacked = style == "compatible" and "oneOf" in schema
    if stacked and rest and rest[-1].startswith(_DEFAULT):
        found[DEFAULT] = _default(rest.pop().removeprefix(_DEFAULT), schema, style)
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
    if _EXAMPLES not in lines:
        return lines, None, []
    place = len(lines) - 1 - lines[::-1].index(_EXAMPLES)
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


# --- Written ---

# What JSON leaves as it is and some reader takes for the end of a line, or cannot encode.
_UNSAFE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def json_line(value: object) -> str:
    r"""JSON data on one line, whoever counts the lines.

    Args:
        value: JSON data.

    Returns:
        The JSON text. Line breaks of every kind and halves of characters are escaped.

    Example:
        >>> json_line({"a": "é\u2028"})
        '{"a": "é\\u2028"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def comment_lines(text: str) -> list[str]:
    r"""The lines of a text, each fit for a comment of its own.

    Whatever anybody takes for a line break ends a line here, so that nothing in a comment ends
    the comment.

    Args:
        text: any text.

    Returns:
        Its lines, without what ended them; empty lines at either end are left out.

    Example:
        >>> comment_lines("one\u2028two\n\x85three\n")
        ['one', 'two', '', 'three']
    """
    lines = [line.rstrip() for line in _SURROGATE.sub("\ufffd", text).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        del lines[0]
    return lines


def is_json(value: object) -> bool:
    """Whether JSON can say a value."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def write_behind(keywords: Mapping[str, Any], flags: Iterable[str]) -> tuple[str, ...]:
    """The comment behind a type that has some bounds; none if there is nothing to say."""
    entries = [flag for flag in _FLAGS if flag in flags]
    entries += (f"{k}: {json_line(keywords[k])}" for k in (*BOUNDS, DEFAULT) if k in keywords)
    return (", ".join(entries),) if entries else ()


def write_above(schema: Mapping[str, Any], name: str | None) -> tuple[str, ...]:
    """What stands above a type: title, description and examples.

    Only a property has a title, unless that merely repeats its name, as titles that programs
    make do.
    """
    title = _title(schema, name)
    described = _described(schema)
    if not title and described[1:2] == [""]:
        del described[1]  # what stands above an empty line is a title
    return (*title, *described, *_examples(schema))


def _title(schema: Mapping[str, Any], name: str | None) -> list[str]:
    title = schema.get("title")
    if name is None or not isinstance(title, str) or _letters(title) == _letters(name):
        return []
    text = " ".join(filter(None, comment_lines(title)))
    return [text, ""] if text else []


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _described(schema: Mapping[str, Any]) -> list[str]:
    description = schema.get("description")
    return comment_lines(description) if isinstance(description, str) else []


def _examples(schema: Mapping[str, Any]) -> list[str]:
    examples = schema.get("examples")
    if not isinstance(examples, list) or not examples:
        return []
    return [_EXAMPLES, *(f"- {json_line(each)}" for each in examples if is_json(each))]
