"""Lint rules about bodies."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.findings import in_body

if TYPE_CHECKING:
    from harmony_grammar.checking.findings import Context, Said
    from harmony_grammar.tree import Message


_JSON: Final = "json"
_CODE: Final = "code"

# An opening angle bracket, escaped or full-width, before a bar.
_DISGUISED: Final = re.compile(
    r"(?:&lt;|&#0*60;|&#x0*3c;|\\u003c|\\x3c|\uff1c|<(?=\uff5c))[|\uff5c]", re.IGNORECASE
)


def code_that_is_json(message: Message, _: Context) -> Said | None:
    """A body declared as code is JSON."""
    if message.content_type is None or message.content_type.name != _CODE:
        return None
    if not isinstance(json_of(message.text), (dict, list)):
        return None
    hint = f"declare the content type `{_JSON}`"
    return in_body(message, "the body is JSON but its type is code", hint)


def json_that_is_none(message: Message, _: Context) -> Said | None:
    """A body constrained to JSON is not JSON."""
    kind = message.content_type
    if kind is None or not kind.constrained or kind.name.lower() != _JSON:
        return None
    if json_of(message.text) is not NOT_JSON:
        return None
    hint = "mend the body, or declare another content type"
    return in_body(message, "the body is constrained to JSON but is none", hint)


def spelled_token(message: Message, context: Context) -> Said | None:
    """What a user or a tool says does not spell special tokens."""
    found = _special_pattern(tuple(context.rules.specials)).search(message.text)
    if found is None:
        return None
    return in_body(
        message,
        f"the text spells the special token {found.group()}",
        "as ids it is text; decoded and read again it would be the token: escape or remove it",
    )


def disguised_token(message: Message, _: Context) -> Said | None:
    """What a user or a tool says does not hold special tokens in disguise."""
    found = _DISGUISED.search(message.text)
    if found is None:
        return None
    return in_body(
        message,
        f"`{found.group()}` looks like the beginning of a special token",
        "if a later step undoes the escaping, it becomes one: remove it",
    )


@lru_cache(maxsize=16)
def _special_pattern(spellings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, spellings)))


class _NotJson:
    """What `json_of` returns for text that is no JSON."""


NOT_JSON: Final = _NotJson()


def json_of(text: str) -> object:
    """The JSON data that a text is; `NOT_JSON` if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return NOT_JSON
