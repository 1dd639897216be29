"""A place in the pieces of a header, and the repairs that were made on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar.checking.codes import DiagnosticCode as Code
    from harmony_grammar.inputs import Piece

__all__ = ["Cursor", "Mend"]


class Mend(NamedTuple):
    """A repair of a header, in the terms of its pieces.

    Attributes:
        code: which mistake was mended.
        piece: the piece where it stands.
        offset: where in the piece, in characters.
        width: how many characters it has.
        assumed: what was read instead.
    """

    code: Code
    piece: Piece
    offset: int
    width: int
    assumed: str


class Cursor:
    """A place in the pieces of a header.

    Args:
        pieces: the pieces.

    Attributes:
        index: the piece.
        at: the character in it, if it is a run of text.
        mends: the repairs so far.
        rest: the piece where the content of an unclosed header begins, if that was found.
        rest_offset: where in that piece.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.index = 0
        self.at = 0
        self.mends: list[Mend] = []
        self.rest: int | None = None
        self.rest_offset = 0

    @property
    def piece(self) -> Piece:
        """The piece here."""
        return self.pieces[self.index]

    @property
    def text(self) -> str:
        """The run of text here; empty before a special token and at the end."""
        inside = self.index < len(self.pieces) and self.pieces[self.index].special is None
        return self.pieces[self.index].text if inside else ""

    def next_piece(self) -> None:
        """Go on to the next piece."""
        self.index += 1
        self.at = 0

    def skip_space(self) -> bool:
        """Skip white space of any kind; whether there was some."""
        text, begin = self.text, self.at
        while self.at < len(text) and text[self.at].isspace():
            self.at += 1
        return self.at > begin

    def word_end(self, begin: int) -> int:
        """Where the word at `begin` ends: at white space, or with the run."""
        text = self.text
        return next((i for i in range(begin, len(text)) if text[i].isspace()), len(text))

    def mend(self, code: Code, begin: int, end: int, assumed: str) -> None:
        """Note a repair of some characters of the piece here."""
        self.mends.append(Mend(code, self.piece, begin, end - begin, assumed))

    def content_from(self, offset: int) -> None:
        """What stands here is the content of a header that never opened its body."""
        self.rest, self.rest_offset = self.index, offset

    def about_all(self, code: Code, assumed: str) -> None:
        """A repair that the whole header asks for."""
        if self.pieces:
            self.mends.append(Mend(code, self.pieces[0], 0, len(self.pieces[0].text), assumed))
