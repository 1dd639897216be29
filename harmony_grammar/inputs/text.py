"""Text: every spelling of a special token is that token, for that is what decoded text means.

A source cuts an input into stretches, one a message: where the header begins, where the body
does, where the terminator does. Cutting looks at special tokens alone; whether a stretch is a
message is for the grammar to say. Bodies are never looked into and are copied once.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from harmony_grammar.errors import Span
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import TextContent

__all__ = ["Key", "Piece", "Raw", "Stretch", "TextKind", "TextSource"]

Raw = Any
"""Some of an input: a `str`, or a list of ids."""

Key = str | tuple[int, ...]
"""What a header is remembered by: its text, or its ids."""


class Piece(NamedTuple):
    """A special token, or a run of text between two.

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


class Stretch(NamedTuple):
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


class TextKind:
    """What text means to a grammar.

    Args:
        rules: the grammar.
    """

    unit: Final = "text"

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.specials = rules.specials
        self.find = rules.special_pattern
        self.find_opener = rules.opener_pattern
        self._spellings = {name: spelling for spelling, name in self.specials.items()}
        self._heads = frozenset(s[:n] for s in self.specials for n in range(1, len(s)))
        self._longest = max(map(len, self._heads), default=0)

    def __reduce__(self) -> tuple[type[TextKind], tuple[Rules]]:
        return TextKind, (self._rules,)

    def source(self, raw: str) -> TextSource:
        """Text as an input."""
        return TextSource(self, raw)

    def places_of(self, name: str, raw: str, begin: int = 0) -> Iterator[int]:
        """Where a special token stands, by its terminal."""
        spelling = self._spellings[name]
        at = raw.find(spelling, begin)
        while at >= 0:
            yield at
            at = raw.find(spelling, at + 1)

    def cut(self, raw: str) -> Iterator[tuple[str | None, str]]:
        """The special tokens of a text, by terminal, and the runs between them."""
        at = 0
        for special in self.find.finditer(raw):
            if at < special.start():
                yield None, raw[at : special.start()]
            yield self.specials[special.group()], special.group()
            at = special.end()
        if at < len(raw):
            yield None, raw[at:]

    def join(self, parts: Iterable[str]) -> Raw:
        """Several texts as one."""
        return "".join(parts)

    def key(self, raw: str) -> str:
        """What a header is remembered by."""
        return raw

    def settled(self, raw: str) -> int:
        """How much of a text cannot be the beginning of a special token."""
        first = max(0, len(raw) - self._longest)
        held = (i for i in range(first, len(raw)) if raw[i:] in self._heads)
        return next(held, len(raw))

    def decode(self, raw: str, tail: bytes) -> tuple[str, bytes]:
        """The text of a run, and the bytes that are held back; there are none."""
        return raw, tail

    def spelled(self, raw: str) -> str:
        """How a special token is spelled."""
        return raw

    def content(self, raw: str, *, marked: bool) -> TextContent:
        """A body; `marked` if special tokens stand in it."""
        del marked
        return text_content(raw, None)


class TextSource:
    """One text.

    Args:
        kind: what text means.
        text: the text.
    """

    unit: Final = "text"

    def __init__(self, kind: TextKind, text: str) -> None:
        self.kind = kind
        self.text = text
        self.length = len(text)

    def stretches(self, start: int = 0) -> Iterator[Stretch]:
        """The input, a stretch a message; the last one may be unfinished."""
        text, find, find_opener = self.text, self.kind.find.search, self.kind.find_opener.search
        while opener := find_opener(text, start):
            body = opener.end()
            closer = find(text, body)
            if closer is None:
                yield Stretch(start, text[start:body], body, None, self.length, None)
                return
            stop = closer.end()
            yield Stretch(start, text[start:body], body, closer.start(), stop, closer.group())
            start = stop
        yield Stretch(start, "", None, None, self.length, None)

    def part(self, start: int, end: int) -> Raw:
        """Some of the input."""
        return self.text[start:end]

    def content(self, start: int, end: int) -> TextContent:
        """A body."""
        return text_content(self.text[start:end], None)

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The special tokens and the runs of text in a range."""
        for special in self.kind.find.finditer(self.text, start, end):
            if start < special.start():
                yield Piece(None, self.text[start : special.start()], start, special.start())
            spelling = special.group()
            yield Piece(self.kind.specials[spelling], spelling, special.start(), special.end())
            start = special.end()
        if start < end:
            yield Piece(None, self.text[start:end], start, end)

    def span(self, piece: Piece, offset: int, width: int) -> Span:
        """Where some characters of a piece are."""
        start = piece.start + offset
        return Span(start, min(start + width, self.length))

    # --- lines ---

    @cached_property
    def _line_starts(self) -> Sequence[int]:
        lengths = map(len, self.text.split("\n"))
        return list(accumulate(lengths, lambda start, length: start + length + 1, initial=0))[:-1]

    def line_span(self, line: int) -> Span:
        """Where a line is, without its end."""
        starts = self._line_starts
        end = starts[line + 1] - 1 if line + 1 < len(starts) else self.length
        return Span(starts[line], end)

    def line_of(self, offset: int) -> int:
        """The 0-based line of a character."""
        return bisect_right(self._line_starts, offset) - 1
