"""The two kinds of input: text, which spells special tokens, and ids, which name them.

A source cuts its input into frames, one a message: where the header begins, where the body
does, where the terminator does. Cutting looks at special tokens alone; whether a frame is a
message is for the grammar to say. Bodies are never looked into and are copied once.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from harmony_grammar.errors import Span
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import TextContent
    from harmony_grammar.vocabulary import Vocabulary

Source: TypeAlias = "TextSource | IdSource"

__all__ = ["Frame", "IdSource", "IdTable", "Key", "Piece", "Source", "TextSource"]

_MANY: Final = 4096  # ids from which on numpy is faster than a loop

# What a header is remembered by: its text, or its ids.
Key = str | tuple[int, ...]


class Piece(NamedTuple):
    """A piece of input.

    Attributes:
        special: the terminal, if it is a special token; empty for one that the grammar does not
            know; None for a run of text.
        text: its text.
        start: where it begins, in the input's units.
        end: where it ends.
    """

    special: str | None
    text: str
    start: int
    end: int


class Frame(NamedTuple):
    """Where a message is, as far as the special tokens say.

    Attributes:
        start: where the header begins.
        key: the header.
        body: where the body begins; None if nothing opens one.
        end: where the terminator begins; None if there is none.
        stop: where the terminator ends.
        terminator: the terminator's spelling or id; None if there is none.
    """

    start: int
    key: Key
    body: int | None
    end: int | None
    stop: int
    terminator: str | int | None


class TextSource:
    """Decoded text: every spelling of a special token of the grammar is that token.

    Args:
        rules: the grammar.
        text: the text.
    """

    unit: Final = "text"

    def __init__(self, rules: Rules, text: str) -> None:
        self.text = text
        self.length = len(text)
        self._specials = rules.specials
        self._find = special_pattern(rules.specials)
        opening = [spelling for spelling, name in rules.specials.items() if name in rules.openers]
        self._find_opener = special_pattern(opening)

    def frames(self) -> Iterator[Frame]:
        """The input, a frame a message; the last one may be unfinished."""
        text, find, find_opener = self.text, self._find.search, self._find_opener.search
        start = 0
        while opener := find_opener(text, start):
            body = opener.end()
            closer = find(text, body)
            if closer is None:
                yield Frame(start, text[start:body], body, None, self.length, None)
                return
            stop = closer.end()
            yield Frame(start, text[start:body], body, closer.start(), stop, closer.group())
            start = stop
        yield Frame(start, "", None, None, self.length, None)

    def key(self, start: int, end: int) -> str:
        """What a header is remembered by."""
        return self.text[start:end]

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins."""
        lengths = map(len, self.text.split("\n"))
        return list(accumulate(lengths, lambda start, length: start + length + 1, initial=0))[:-1]

    def line_span(self, line: int) -> Span:
        """Where a line is, without its end."""
        starts = self.line_starts
        end = starts[line + 1] - 1 if line + 1 < len(starts) else self.length
        return Span(starts[line], end)

    def line_of(self, offset: int) -> int:
        """The 0-based line of a character."""
        return bisect_right(self.line_starts, offset) - 1

    def content(self, start: int, end: int) -> TextContent:
        """A body."""
        return text_content(self.text[start:end], None)

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The special tokens and the runs of text in a range."""
        for special in self._find.finditer(self.text, start, end):
            if start < special.start():
                yield Piece(None, self.text[start : special.start()], start, special.start())
            spelling = special.group()
            yield Piece(self._specials[spelling], spelling, special.start(), special.end())
            start = special.end()
        if start < end:
            yield Piece(None, self.text[start:end], start, end)

    def span(self, piece: Piece, offset: int, width: int) -> Span:
        """Where some characters of a piece are."""
        start = piece.start + offset
        return Span(start, min(start + max(1, width), self.length))


class IdTable:
    """What the ids of a vocabulary mean to a grammar.

    Args:
        rules: the grammar.
        vocabulary: the vocabulary.

    Attributes:
        vocabulary: the vocabulary.
        specials: the terminals that are special tokens, by id.
        openers: the ids that open a body.
        first_special: the lowest id that is not an ordinary one.

    Raises:
        VocabularyError: if the vocabulary lacks a special token of the grammar.
    """

    def __init__(self, rules: Rules, vocabulary: Vocabulary) -> None:
        ids = vocabulary.require(rules.specials)
        self.vocabulary = vocabulary
        self.specials = {ids[spelling]: name for spelling, name in rules.specials.items()}
        self.openers = frozenset(i for i, name in self.specials.items() if name in rules.openers)
        self.first_special = min(vocabulary.special_ids.values())


class IdSource:
    """Ids: a special token is an id, and what ordinary ids spell is text, whatever it spells.

    Args:
        table: what the ids mean.
        ids: the ids.
    """

    unit: Final = "ids"

    def __init__(self, table: IdTable, ids: list[int]) -> None:
        self.ids = ids
        self.length = len(ids)
        self.vocabulary = table.vocabulary
        self._specials = table.specials
        self._openers = table.openers
        self._first_special = table.first_special
        self._decode = table.vocabulary.decode_bytes

    def frames(self) -> Iterator[Frame]:
        """The input, a frame a message; the last one may be unfinished."""
        ids, openers, start = self.ids, self._openers, 0
        specials = iter(self.special_positions(ids))
        for position in specials:
            if ids[position] not in openers:
                continue
            body = position + 1
            end = next(specials, None)
            if end is None:
                yield Frame(start, tuple(ids[start:body]), body, None, self.length, None)
                return
            stop = end + 1
            yield Frame(start, tuple(ids[start:body]), body, end, stop, ids[end])
            start = stop
        yield Frame(start, (), None, None, self.length, None)

    def content(self, start: int, end: int) -> TextContent:
        """A body."""
        ids = self.ids[start:end]
        return text_content(self._decode(ids).decode("utf-8", "replace"), ids)

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The special tokens and the runs of text in a range."""
        specials = self.special_positions(self.ids[start:end])
        for at in [start + position for position in specials]:
            if start < at:
                yield self._run(start, at)
            token = self.ids[at]
            yield Piece(self._specials.get(token, ""), self.spell(token), at, at + 1)
            start = at + 1
        if start < end:
            yield self._run(start, end)

    def key(self, start: int, end: int) -> tuple[int, ...]:
        """What a header is remembered by."""
        return tuple(self.ids[start:end])

    def special_positions(self, ids: list[int]) -> list[int]:
        """Where ids stand that are no ordinary ones: special tokens, and what is no token."""
        first = self._first_special
        if len(ids) < _MANY:
            return [at for at, token in enumerate(ids) if not 0 <= token < first]
        import numpy as np  # noqa: PLC0415  only worth loading where there is much to look through

        try:
            words = np.frombuffer(array("i", ids), np.uint32)  # a negative id becomes a large one
        except OverflowError:  # nor is an id of more than 32 bits one of any vocabulary
            words = np.array([token if 0 <= token < first else first for token in ids], np.uint32)
        found: list[int] = np.flatnonzero(words >= first).tolist()
        return found

    def _run(self, start: int, end: int) -> Piece:
        text = self._decode(self.ids[start:end]).decode("utf-8", "replace")
        return Piece(None, text, start, end)

    def spell(self, token: int) -> str:
        """What an id stands for, also when it is unknown."""
        if 0 <= token < self.vocabulary.size:
            return self.vocabulary.piece(token).decode("utf-8", "replace")
        return ""

    def span(self, piece: Piece, offset: int, width: int) -> Span:  # noqa: ARG002  an id is one wide
        """Where some characters of a piece are."""
        if piece.special is not None:
            return Span(piece.start, piece.end)
        wanted = len(piece.text[:offset].encode("utf-8", "surrogatepass"))
        for index in range(piece.start, piece.end):
            wanted -= len(self.vocabulary.piece(self.ids[index]))
            if wanted < 0:
                return Span(index, index + 1)
        return Span(piece.end - 1, piece.end)


def special_pattern(spellings: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds special tokens in text; of two that overlap, the longer."""
    return _special_pattern(tuple(spellings))


@lru_cache(maxsize=64)
def _special_pattern(spellings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(spellings, key=len, reverse=True))))
