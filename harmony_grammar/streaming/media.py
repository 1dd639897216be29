"""The two kinds of input as the engine sees them: text in characters, ids in tokens.

A medium cuts what it is fed into special tokens and runs between them, joins runs again, and
turns a body into a content. It keeps nothing itself: what is held back between two feedings is
given back to the engine as a value.
"""

from __future__ import annotations

from bisect import bisect_right
from codecs import utf_8_decode
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.errors import Span
from harmony_grammar.inputs.sources import IdSource, Piece, TextSource, special_pattern
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs.sources import IdTable, Key
    from harmony_grammar.tree import TextContent

__all__ = ["IdMedium", "Medium", "Places", "Raw", "TextMedium"]

Raw: TypeAlias = Any
"""A stretch of input: a `str`, or a list of ids."""

Medium: TypeAlias = "TextMedium | IdMedium"

_UNKNOWN: Final = "\ufffd"  # what an id stands for that is in no vocabulary


class TextMedium:
    """Decoded text.

    Args:
        rules: the grammar.
    """

    unit: Final = "text"
    nothing: Final[Raw] = ""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._find = special_pattern(rules.specials)
        self._names = rules.specials
        heads = {s[:n] for s in rules.specials for n in range(1, len(s))}
        self._heads = frozenset(heads)
        self._longest = max(map(len, heads), default=0)

    def join(self, parts: Sequence[Raw]) -> str:
        """Several stretches as one."""
        return "".join(parts)

    def key(self, raw: Raw) -> Key:
        """What a header is remembered by."""
        return str(raw)

    def source(self, raw: Raw) -> TextSource:
        """A stretch as an input of its own."""
        return TextSource(self.rules, raw)

    def cut(self, raw: Raw) -> Iterator[tuple[str | None, Raw]]:
        """The special tokens of a stretch, by terminal, and the runs between them."""
        at = 0
        for special in self._find.finditer(raw):
            if at < special.start():
                yield None, raw[at : special.start()]
            yield self._names[special.group()], special.group()
            at = special.end()
        if at < len(raw):
            yield None, raw[at:]

    def pieces(self, raw: Raw) -> list[Piece]:
        """The same as pieces."""
        out, at = [], 0
        for name, part in self.cut(raw):
            out.append(Piece(name, part, at, at + len(part)))
            at += len(part)
        return out

    def settled(self, raw: Raw) -> int:
        """How much of a stretch cannot be the beginning of a special token."""
        first = max(0, len(raw) - self._longest)
        held = (i for i in range(first, len(raw)) if raw[i:] in self._heads)
        return next(held, len(raw))

    def decode(self, raw: Raw, tail: bytes) -> tuple[str, bytes]:
        """The text of a run, and the bytes that are held back; there are none."""
        return raw, tail

    def spell(self, raw: Raw) -> str:
        """A special token as it stands in a body."""
        return str(raw)

    def content(self, raw: Raw, *, marked: bool) -> TextContent:
        """A body; `marked` if special tokens stand in it."""
        del marked
        return text_content(raw, None)


class IdMedium:
    """Ids.

    Args:
        table: what the ids mean.
    """

    unit: Final = "ids"
    nothing: Final[Raw] = ()

    def __init__(self, table: IdTable) -> None:
        self.table = table
        self._decode = table.vocabulary.decode_bytes
        self._first_special = table.first_special
        self._names = table.specials

    def join(self, parts: Sequence[Raw]) -> list[int]:
        """Several stretches as one."""
        return list(chain.from_iterable(parts))

    def key(self, raw: Raw) -> Key:
        """What a header is remembered by."""
        return tuple(raw)

    def source(self, raw: Raw) -> IdSource:
        """A stretch as an input of its own."""
        return IdSource(self.table, raw)

    def cut(self, raw: Raw) -> Iterator[tuple[str | None, Raw]]:
        """The special tokens of a stretch, by terminal, and the runs between them."""
        first, at = self._first_special, 0
        for index, token in enumerate(raw):
            if 0 <= token < first:
                continue
            if at < index:
                yield None, raw[at:index]
            yield self._names.get(token, ""), raw[index : index + 1]
            at = index + 1
        if at < len(raw):
            yield None, raw[at:]

    def pieces(self, raw: Raw) -> list[Piece]:
        """The same as pieces, decoded."""
        out, at = [], 0
        for name, part in self.cut(raw):
            text = self.spell(part) if name is not None else self.text(part)
            out.append(Piece(name, text, at, at + len(part)))
            at += len(part)
        return out

    def decode(self, raw: Raw, tail: bytes) -> tuple[str, bytes]:
        """The text of a run, and the bytes of an unfinished character at its end."""
        data = tail + self._decode(raw)
        text, read = utf_8_decode(data, "replace", False)  # noqa: FBT003  positional only
        return text, data[read:]

    def spell(self, raw: Raw) -> str:
        """A special token as it stands in a body."""
        token, vocabulary = raw[0], self.table.vocabulary
        if not 0 <= token < vocabulary.size:
            return _UNKNOWN
        return vocabulary.piece(token).decode("utf-8", "replace")

    def content(self, raw: Raw, *, marked: bool) -> TextContent:
        """A body; `marked` if special tokens stand in it, which are read as what they spell."""
        if not marked:
            return text_content(self.text(raw), raw)
        return text_content("".join(piece.text for piece in self.pieces(raw)), None)

    def text(self, raw: Raw) -> str:
        """What ordinary ids spell."""
        return self._decode(raw).decode("utf-8", "replace")


class Places:
    """Where characters of pieces are, for many of them in one piece.

    Args:
        medium: the kind of input.
        raw: the stretch that the pieces are of.
    """

    def __init__(self, medium: Medium, raw: Raw) -> None:
        self.medium = medium
        self.raw = raw
        self._piece: Piece | None = None
        self._ends: list[int] = []

    def span(self, piece: Piece, offset: int, width: int) -> Span:
        """Where some characters of a piece are; of ids, the one that the first is in."""
        if isinstance(self.medium, TextMedium):
            return Span(piece.start + offset, piece.start + offset + width)
        if piece.special is not None:
            return Span(piece.start, piece.end)
        if self._piece is not piece:
            lengths = map(len, map(self.medium.table.vocabulary.piece, self._ids(piece)))
            self._piece, self._ends = piece, list(accumulate(lengths))
        before = len(piece.text[:offset].encode("utf-8", "surrogatepass"))
        index = min(bisect_right(self._ends, before), len(self._ends) - 1)
        return Span(piece.start + index, piece.start + index + 1)

    def _ids(self, piece: Piece) -> Sequence[int]:
        ids: Sequence[int] = self.raw[piece.start : piece.end]
        return ids
