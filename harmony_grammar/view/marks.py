"""Where findings are: in which message, in which part of it, and which piece of that part's text.

Findings tell places in the units of the input, which are characters or ids. A page shows texts,
and its script counts them in UTF-16 code units; of ids, those that a character needs to be whole.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.errors import Span
    from harmony_grammar.tree import Message, OpenMessage

__all__ = ["Mark", "Marks", "piece_of"]

_WIDE: Final = re.compile("[\U00010000-\U0010ffff]")  # these are two code units each
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}".encode()


class Mark(NamedTuple):
    """Where a finding is.

    Attributes:
        where: the index of its message; that after the last one for what could not be read.
        part: `header`, `text` or `end`; empty if it is about a message as a whole.
        range: where in the text of this part, in code units; empty with the part.
    """

    where: int
    part: str = ""
    range: tuple[int, ...] = ()


class _Stretch(NamedTuple):
    """A part of the input: what it is, and where it begins and ends."""

    part: str
    begin: int
    end: int


class Marks:
    """Finds the places of findings.

    Args:
        grammar: the grammar, which has the vocabulary.
        source: the transcript.
        read: the messages that could be read of it.
    """

    def __init__(
        self, grammar: Grammar, source: str | list[int], read: Sequence[Message | OpenMessage]
    ) -> None:
        self._grammar, self._source, self._read = grammar, source, read
        self._ends = [message.offsets[-1] if message.offsets else 0 for message in read]
        self._units: dict[_Stretch, list[int]] = {}

    def of(self, span: Span) -> Mark:
        """Where a span is."""
        where = bisect_right(self._ends, span.start)
        if where == len(self._read) and self._read and self._ends[-1] == len(self._source):
            where -= 1  # the input ends too early, within the last message
        for stretch in self._stretches(where):
            if stretch.begin <= span.start and span.end <= stretch.end:
                units = [self._unit(stretch, at) for at in (span.start, span.end)]
                return Mark(where, stretch.part, (units[0], max(units)))
        return Mark(where)

    def _stretches(self, where: int) -> Iterator[_Stretch]:
        if where == len(self._read):
            yield _Stretch("text", self._ends[-1] if self._ends else 0, len(self._source))
            return
        offsets = self._read[where].offsets or (0, 0, 0)
        yield from map(_Stretch, ("header", "text", "end"), offsets, offsets[1:])

    def _unit(self, stretch: _Stretch, at: int) -> int:
        """How many code units of the text of a stretch come before a place of the input."""
        if stretch not in self._units:
            count = self._wide if isinstance(self._source, str) else self._of_ids
            self._units[stretch] = count(stretch)
        units = self._units[stretch]
        if isinstance(self._source, str):
            return at - stretch.begin + bisect_left(units, at)
        return units[at - stretch.begin]

    def _wide(self, stretch: _Stretch) -> list[int]:
        """Where the characters of two code units are."""
        text = str(self._source)
        return [found.start() for found in _WIDE.finditer(text, stretch.begin, stretch.end)]

    def _of_ids(self, stretch: _Stretch) -> list[int]:
        """How many code units there are before each id, and in the end."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        units, found = 0, list[int]()
        for token in self._source[stretch.begin : stretch.end]:
            found.append(units)
            text = decoder.decode(piece_of(self._grammar, int(token)))
            units += len(text) + len(_WIDE.findall(text))
        return [*found, units + len(decoder.decode(b"", final=True))]


def piece_of(grammar: Grammar, token: int) -> bytes:
    """What an id stands for; U+FFFD if the vocabulary does not know it."""
    known = 0 <= token < grammar.vocabulary.size
    return grammar.vocabulary.piece(token) if known else _UNKNOWN
