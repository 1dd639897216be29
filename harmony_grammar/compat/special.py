"""Encoding text in which special tokens may be spelled, as tiktoken's interface has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from harmony_grammar.errors import HarmonyError
from harmony_grammar.parsing.sources import special_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["encode_marked", "refuse"]


@lru_cache(maxsize=16)
def _pattern(spellings: frozenset[str]) -> re.Pattern[str]:
    return special_pattern(spellings)


def refuse(text: str, spellings: frozenset[str]) -> None:
    """Refuse a text that spells one of these.

    Raises:
        HarmonyError: if it does; it says what to do.
    """
    found = _pattern(spellings).search(text) if spellings else None
    if found is None:
        return
    token = found.group()
    raise HarmonyError(
        f"the text spells {token!r} at character {found.start()}, which is disallowed: "
        f"to encode it as the special token, pass `allowed_special={{{token!r}}}`; "
        f"to encode it as ordinary text, leave it out of `disallowed_special`, "
        f"or pass `disallowed_special=()` to allow all such text"
    )


def encode_marked(vocabulary: Vocabulary, text: str, special: frozenset[str]) -> Iterator[int]:
    """Encode a text.

    Args:
        vocabulary: the vocabulary.
        text: the text.
        special: the spellings that are special tokens; all others are ordinary text.
    """
    at = 0
    for found in _pattern(special).finditer(text) if special else ():
        yield from vocabulary.encode(text[at : found.start()])
        yield vocabulary.special_ids[found.group()]
        at = found.end()
    yield from vocabulary.encode(text[at:])
