"""Plain text and ids: what any encoding does, special tokens as tiktoken's interface has them."""

from __future__ import annotations

from functools import cached_property, lru_cache
from os.path import commonprefix
from typing import TYPE_CHECKING, Final, Literal

from harmony_grammar.errors import HarmonyError
from harmony_grammar.inputs import list_of_ids, special_pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from harmony_grammar.api import Grammar
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["TextEncoding"]

_NO_NAMES: Final[frozenset[str]] = frozenset()


class TextEncoding:
    """Encodes and decodes plain text.

    Args:
        grammar: the grammar whose vocabulary it is.

    Attributes:
        grammar: the grammar.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What ids mean; loaded when it is first needed."""
        return self.grammar.vocabulary

    @cached_property
    def special_tokens_set(self) -> set[str]:
        """The spellings of all special tokens; an id may have two."""
        return set(self.vocabulary.special_ids)

    @cached_property
    def _mark(self) -> str:
        """What all special tokens begin with."""
        return commonprefix(list(self.vocabulary.special_ids))  # noqa: RUF071  not paths

    def encode(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_NAMES,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[int]:
        """Encode plain text.

        Args:
            text: the text.
            allowed_special: the special tokens that are encoded as such where the text spells
                them, or `"all"`.
            disallowed_special: what the text must not spell; `"all"` stands for all special
                tokens but the allowed ones, and `()` for nothing.

        Returns:
            The ids.

        Raises:
            HarmonyError: if the text spells what is disallowed.
        """
        everything = disallowed_special == "all"
        if self._mark not in text and (everything or not disallowed_special):
            return self.vocabulary.encode(text)
        known = self.special_tokens_set
        allowed = known if allowed_special == "all" else allowed_special
        _refuse(text, frozenset(known - set(allowed) if everything else disallowed_special))
        return list(_encode_marked(self.vocabulary, text, frozenset(known & allowed)))

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """Decode ids; a special token becomes its spelling.

        Args:
            tokens: the ids.
            errors: what becomes of bytes that are no UTF-8, as for `bytes.decode`.

        Returns:
            The text.

        Raises:
            VocabularyError: if an id is not in the vocabulary; it names it.
        """
        return self._bytes(tokens).decode("utf-8", errors)

    def decode_utf8(self, tokens: Sequence[int]) -> str:
        """Decode ids that must be whole UTF-8.

        Args:
            tokens: the ids.

        Returns:
            The text.

        Raises:
            HarmonyError: if they are not; `decode` takes them.
        """
        data = self._bytes(tokens)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise HarmonyError(
                f"the ids are no whole UTF-8: {error.reason} at byte {error.start} of "
                f"{len(data)}; decode() puts U+FFFD there"
            ) from error

    def _bytes(self, tokens: Sequence[int]) -> bytes:
        ids = list_of_ids(tokens)
        try:
            return self.vocabulary.encoding.decode_bytes(ids)
        except (KeyError, OverflowError):  # of a vocabulary with tokens of its own, or of none
            return b"".join(map(self.vocabulary.piece, ids))

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        return frozenset(self.vocabulary.special_ids.values())

    def is_special_token(self, token: int) -> bool:
        """Whether an id is a special token."""
        return token in self._special_ids


@lru_cache(maxsize=16)
def _pattern(spellings: frozenset[str]) -> re.Pattern[str]:
    return special_pattern(spellings)


def _refuse(text: str, spellings: frozenset[str]) -> None:
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


def _encode_marked(vocabulary: Vocabulary, text: str, special: frozenset[str]) -> Iterator[int]:
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
