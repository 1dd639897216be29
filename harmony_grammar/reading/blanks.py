"""White space in a header beyond what the grammar has there.

Models and prompts put blanks where the format has none: before `<|message|>`, two where one
belongs, a line end before a recipient. The reference reads them, so strict reading does: behind a
word of a header, blanks are read as the one space that the grammar may have there, or as none.
Which characters are blanks is said by `%ignore`. The header remembers how it was written.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final

from harmony_grammar.reading.headers import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Piece
    from harmony_grammar.reading.headers import Configuration, Walk

__all__ = ["walk_over_blanks"]

_SPACE: Final = " "


def walk_over_blanks(
    walked: Walk,
    configuration: Configuration,
    pieces: Iterable[Piece],
    *,
    at_end: bool,
    spelled: bool,
) -> Walk:
    """Read pieces once more, with their blanks as the grammar writes them.

    Args:
        walked: how far they could be read as they are.
        configuration: the parser before them.
        pieces: the pieces, of which no more is looked at than is read.
        at_end: whether the input ends after them.
        spelled: whether special tokens come as text.

    Returns:
        What was read then, if that is further; its places are those of the pieces as they are.
    """
    rules, fault = configuration.machine.rules, walked.fault
    if not rules.source.ignored or fault is None:
        return walked
    near = list(_until(pieces, fault.piece))
    between = near[0].special is None and rules.meaning.message_start in configuration.expected
    if between or not any(p.special is None and _blanks(rules).search(p.text) for p in near):
        return walked  # what stands between messages is no part of a header
    given = chain(near, pieces)
    known: list[Piece] = []
    found = []
    for last in (_SPACE, ""):
        usual = _Usual(rules, chain(known, given), last)
        again = walk(configuration, usual.pieces(), at_end=at_end, spelled=spelled)
        again = usual.placed(again)
        if again.fault is None:
            return replace(again, cut=again.cut or (at_end and usual.ends_blank))
        found.append((again.fault.piece.start, again.fault.offset, again))
        known = usual.given
    return max(found, key=lambda one: one[:2])[-1]


def _until(pieces: Iterable[Piece], last: Piece) -> Iterator[Piece]:
    """The pieces up to the one where something is wrong."""
    for piece in pieces:
        yield piece
        if piece.start >= last.start:
            return


class _Usual:
    """Pieces with their blanks as the grammar writes them, made as they are read.

    Args:
        rules: the grammar.
        given: the pieces.
        last: what stands for blanks at the end, and before what may be a special token.

    Attributes:
        given: the pieces that were looked at.
        ends_blank: whether the last of them ends in blanks.
    """

    def __init__(self, rules: Rules, given: Iterable[Piece], last: str) -> None:
        self._blanks = _blanks(rules)
        self._signs = tuple({spelling[0] for spelling in rules.specials})
        self._spaced = {rules.meaning.constrain_marker: _SPACE}
        self._last = last
        self._source = given
        self._made: list[tuple[Piece, list[tuple[int, int]]]] = []  # and where blanks were changed
        self.given: list[Piece] = []
        self.ends_blank = False

    def pieces(self) -> Iterator[Piece]:
        """The pieces, one after another."""
        before: Piece | None = None
        for piece in self._source:
            self.given.append(piece)
            if before is not None:
                yield self._usual(before, self._spaced.get(piece.special or "", ""), piece)
            before = piece
        if before is not None:
            yield self._usual(before, self._last, None)

    def _usual(self, piece: Piece, behind: str, following: Piece | None) -> Piece:
        if following is not None and following.special is None:
            behind = self._last
        changes: list[tuple[int, int]] = []
        made = piece
        if piece.special is None:
            made = piece._replace(text=self._text(piece.text, behind, changes))
        self._made.append((made, changes))
        return made

    def _text(self, text: str, behind: str, changes: list[tuple[int, int]]) -> str:
        """The usual text of a run, with `behind` for blanks at its end."""
        out, length, at = list[str](), 0, 0
        first = not self._made
        for blanks in self._blanks.finditer(text):
            begin, end = blanks.span()
            if not begin and not first:
                continue  # no word stands before them
            kept = _SPACE if end < len(text) else behind
            if text.startswith(self._signs, end):
                kept = self._last
            out += (text[at:begin], kept)
            length += begin - at + len(kept)
            at = end
            changes.append((length, at))
        self.ends_blank = 0 < at == len(text)
        return "".join((*out, text[at:]))

    def placed(self, walked: Walk) -> Walk:
        """What was read of them, with the places of the pieces as they were given."""
        places = {id(made): index for index, (made, _) in enumerate(self._made)}
        tokens = tuple(
            token._replace(piece=piece, start=offset)
            for token in walked.tokens
            for piece, offset in [self._place(places, token.piece, token.start)]
        )
        fault = walked.fault
        if fault is not None:
            piece, offset = self._place(places, fault.piece, fault.offset)
            blank = self._blanks.match(piece.text, offset) if offset and not piece.special else None
            offset = blank.end() if blank else offset  # blanks could still have been read
            fault = replace(fault, tokens=tokens[: len(fault.tokens)], piece=piece, offset=offset)
            return replace(walked, tokens=tokens, fault=fault)
        text = "".join(piece.text for piece in self.given)
        return replace(walked, tokens=tokens, text=text)

    def _place(self, places: Mapping[int, int], piece: Piece, offset: int) -> tuple[Piece, int]:
        index = places.get(id(piece))
        if index is None:
            return piece, offset  # what follows
        changes = self._made[index][1]
        at = bisect_right(changes, (offset, sys.maxsize)) - 1
        if at >= 0:
            usual, given = changes[at]
            offset += given - usual
        return self.given[index], offset


@lru_cache(maxsize=64)
def _blanks(rules: Rules) -> re.Pattern[str]:
    terminals = [rules.terminals[name] for name in rules.source.ignored]
    return re.compile("|".join(f"(?:{t.pattern})" for t in terminals))
