"""The special tokens of `o200k_harmony` and their ids.

A special token is an id, never its spelling; the spellings that carry structure stand in the
grammar. This table only says which name has which id. Every id of the special range that has
no name of its own is reserved.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ENCODING_NAME",
    "FIRST_SPECIAL_ID",
    "PADDING",
    "SPECIAL_TOKENS",
    "SPECIAL_TOKEN_ALIASES",
    "VOCABULARY_SIZE",
    "after_marker",
    "is_marked",
    "marker",
    "special_pattern",
]

ENCODING_NAME: Final = "o200k_harmony"
FIRST_SPECIAL_ID: Final = 199_998
VOCABULARY_SIZE: Final = 201_088

_FIRST_RESERVED_ID: Final = 200_000
_OPEN: Final = "<|"
_CLOSE: Final = "|>"

_NEVER: Final = "(?!)"  # a pattern that is found nowhere

_NAMED: Final = {
    "startoftext": 199_998,
    "endoftext": 199_999,
    "return": 200_002,
    "constrain": 200_003,
    "channel": 200_005,
    "start": 200_006,
    "end": 200_007,
    "message": 200_008,
    "call": 200_012,
    "endofprompt": 200_018,
}


def marker(name: str) -> str:
    """Spell the special token called `name`."""
    return _OPEN + name + _CLOSE


def is_marked(text: str) -> bool:
    """Whether `text` begins with the spelling of a special token, whichever it is."""
    return text.startswith(_OPEN) and _CLOSE in text


def after_marker(text: str) -> str:
    """`text` without the spelling of a special token at its head."""
    return text.partition(_CLOSE)[2].lstrip() if is_marked(text) else text


PADDING: Final = marker("endoftext")
"""What pads rows of ids and stops generations; it stands in no message."""


def special_pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds special tokens in text; of two that overlap, the longer."""
    return _special_pattern(frozenset(spellings))


@lru_cache(maxsize=64)
def _special_pattern(spellings: frozenset[str]) -> re.Pattern[str]:
    longest_first = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    return re.compile("|".join(map(re.escape, longest_first)) or _NEVER)


def _reserved(token: int) -> str:
    return marker(f"reserved_{token}")


def _special_tokens() -> dict[str, int]:
    named = {marker(name): token for name, token in _NAMED.items()}
    taken = set(named.values())
    free = (t for t in range(_FIRST_RESERVED_ID, VOCABULARY_SIZE) if t not in taken)
    return dict(sorted({**named, **{_reserved(t): t for t in free}}.items(), key=lambda kv: kv[1]))


# Spelling to id, in the order of ids; each id has one spelling.
SPECIAL_TOKENS: Final[Mapping[str, int]] = MappingProxyType(_special_tokens())

# Further spellings that are read as the same id: tiktoken names this one twice.
SPECIAL_TOKEN_ALIASES: Final[Mapping[str, int]] = MappingProxyType(
    {_reserved(_NAMED["endofprompt"]): _NAMED["endofprompt"]}
)
