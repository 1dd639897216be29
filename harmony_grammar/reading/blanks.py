"""White space in a header beyond what the grammar has there.

Models and prompts put blanks where the format has none: before `<|message|>`, two where one
belongs, a line end before a recipient. The reference reads them, so strict reading does: behind a
word of a header, blanks are read as the one space that the grammar may have there, or as none.
Which characters are blanks is said by `%ignore`. The header remembers how it was written.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harmony_grammar.reading.headers import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Piece
    from harmony_grammar.reading.headers import Configuration, Walk

__all__ = ["walk_over_blanks"]

_SPACE: Final = " "


def walk_over_blanks(
    walked: Walk,
    configuration: Configuration,
    pieces: Sequence[Piece],
    *,
    at_end: bool,
    spelled: bool,
) -> Walk:
    """Read pieces once more, with their blanks as the grammar writes them.

    Args:
        walked: how far they could be read as they are.
        configuration: the parser before them.
        pieces: the pieces.
        at_end: whether the input ends after them.
        spelled: whether special tokens come as text.

    Returns:
        What was read then, if that is further; its places are those of the pieces as they are.
    """
    rules = configuration.machine.rules
    between = pieces[0].special is None and rules.meaning.message_start in configuration.expected
    if not rules.source.ignored or between:
        return walked  # what stands between messages is no part of a header
    found = []
    for last in (_SPACE, ""):
        usual = _Usual(rules, pieces, last)
        again = usual.placed(walk(configuration, usual.pieces, at_end=at_end, spelled=spelled))
        if again.fault is None:
            return replace(again, cut=again.cut or (at_end and usual.ends_blank))
        found.append((again.fault.piece.start, again.fault.offset, again))
    return max(found, key=lambda one: one[:2])[-1]


class _Usual:
    """Pieces with their blanks as the grammar writes them."""

    def __init__(self, rules: Rules, pieces: Sequence[Piece], last: str) -> None:
        """Make them.

        Args:
            rules: the grammar.
            pieces: the pieces as they were given.
            last: what stands for blanks at the end, and before what may be a special token.
        """
        self._signs = tuple({spelling[0] for spelling in rules.specials})
        self._last = last
        self._blanks = _blanks(rules)
        self._given = pieces
        self._offsets: list[list[int]] = []  # for each piece, where its characters were
        self.pieces: list[Piece] = []
        self.ends_blank = False
        spaced = {rules.meaning.constrain_marker: _SPACE}
        for index, piece in enumerate(pieces):
            following = pieces[index + 1].special if index + 1 < len(pieces) else None
            behind = last if following is None else spaced.get(following, "")
            text = piece.text if piece.special else self._text(piece.text, behind, first=not index)
            if piece.special:
                self._offsets.append([])
            self.pieces.append(piece._replace(text=text))

    def _text(self, text: str, behind: str, *, first: bool) -> str:
        """The usual text of a run, with `behind` for blanks at its end."""
        out, offsets, at = "", list[int](), 0
        for blanks in self._blanks.finditer(text):
            begin, end = blanks.span()
            if not begin and not first:
                continue  # no word stands before them
            kept = _SPACE if end < len(text) else behind
            if text.startswith(self._signs, end):
                kept = self._last
            out += text[at:begin] + kept
            offsets += [*range(at, begin), *(begin for _ in kept)]
            at = end
        self.ends_blank = 0 < at == len(text)
        self._offsets.append([*offsets, *range(at, len(text) + 1)])
        return out + text[at:]

    def placed(self, walked: Walk) -> Walk:
        """What was read of them, with the places of the pieces as they were given."""
        tokens = tuple(
            token._replace(piece=piece, start=offset)
            for token in walked.tokens
            for piece, offset in [self._place(token.piece, token.start)]
        )
        fault = walked.fault
        if fault is not None:
            piece, offset = self._place(fault.piece, fault.offset)
            blank = self._blanks.match(piece.text, offset) if offset and not piece.special else None
            offset = blank.end() if blank else offset  # blanks could still have been read
            fault = replace(fault, tokens=tokens[: len(fault.tokens)], piece=piece, offset=offset)
        text = "".join(piece.text for piece in self._given)
        return replace(walked, tokens=tokens, fault=fault, text=text)

    def _place(self, piece: Piece, offset: int) -> tuple[Piece, int]:
        for index, usual in enumerate(self.pieces):
            if usual is piece:
                offsets = self._offsets[index]
                return self._given[index], offsets[offset] if offsets else offset
        return piece, offset  # what follows


@lru_cache(maxsize=64)
def _blanks(rules: Rules) -> re.Pattern[str]:
    terminals = [rules.terminals[name] for name in rules.source.ignored]
    return re.compile("|".join(f"(?:{t.pattern})" for t in terminals))
