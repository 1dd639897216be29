"""Ids: a special token is an id, and what ordinary ids spell is text, whatever it spells."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from codecs import utf_8_decode
from contextlib import suppress
from functools import partial
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.errors import Span, VocabularyError
from harmony_grammar.inputs.text import Piece, Stretch
from harmony_grammar.tokens import PADDING
from harmony_grammar.tree.build import text_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs.text import Raw
    from harmony_grammar.tree import TextContent
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["UNKNOWN", "IdKind", "IdSource", "list_of_ids"]

_MANY: Final = 4096  # ids from which on numpy is faster than a loop
UNKNOWN: Final = "\ufffd"
"""What an id stands for that is in no vocabulary."""


def list_of_ids(source: Iterable[int]) -> list[int]:
    """Any sequence of ids as a list; a list is taken as it is.

    Raises:
        TypeError: if it is bytes.
    """
    if isinstance(source, (bytes, bytearray)):
        raise TypeError("source must be text or ids, not bytes: decode it first")
    if isinstance(source, list):
        return source
    tolist = getattr(source, "tolist", None)
    return list(source if tolist is None else tolist())


class IdKind:
    """What the ids of a vocabulary mean to a grammar.

    Args:
        rules: the grammar.
        vocabulary: the vocabulary.
        unknown_is_text: whether ids that are in no vocabulary are text in bodies, as the
            reference has it.
        once: a terminal that begins a field; further ones in a header, and the words behind them,
            are passed over, as oss-harmony does with channels.

    Attributes:
        vocabulary: the vocabulary.
        specials: the terminals that are special tokens, by id.
        openers: the ids that open a body.
        first_special: the lowest id that is not an ordinary one.
        padding: the id that pads and stops, if the vocabulary has one.
        texts: the texts of ordinary ids that are whole characters, as far as they were met.

    Raises:
        VocabularyError: if the vocabulary lacks a special token of the grammar.
    """

    unit: Final = "ids"

    def __init__(
        self,
        rules: Rules,
        vocabulary: Vocabulary,
        *,
        unknown_is_text: bool = False,
        once: str | None = None,
    ) -> None:
        ids = vocabulary.require(rules.specials)
        self._rules = rules
        self.vocabulary = vocabulary
        self.unknown_is_text = unknown_is_text
        self.once = once
        self.specials = {ids[spelling]: name for spelling, name in rules.specials.items()}
        self.openers = frozenset(i for i, name in self.specials.items() if name in rules.openers)
        self.first_special = min(vocabulary.special_ids.values())
        self.padding = vocabulary.special_ids.get(PADDING)
        self.texts: dict[int, str] = {}
        self._ids = {name: token for token, name in self.specials.items()}
        self._decode = vocabulary.decode_bytes

    def __reduce__(self) -> tuple[Callable[..., IdKind], tuple[Any, ...]]:
        make = partial(IdKind, unknown_is_text=self.unknown_is_text, once=self.once)
        return make, (self._rules, self.vocabulary)  # and none of the texts that it has met

    def source(self, raw: list[int]) -> IdSource:
        """Ids as an input."""
        return IdSource(self, raw)

    def places_of(self, name: str, raw: list[int], begin: int = 0) -> Iterator[int]:
        """Where a special token stands, by its terminal."""
        token = self._ids[name]
        with suppress(ValueError):
            while True:
                begin = raw.index(token, begin)
                yield begin
                begin += 1

    def cut(self, raw: list[int]) -> Iterator[tuple[str | None, list[int]]]:
        """The special tokens of some ids, by terminal, and the runs between them."""
        at = 0
        for position in self.special_positions(raw):
            if at < position:
                yield None, raw[at:position]
            yield self.specials.get(raw[position], ""), raw[position : position + 1]
            at = position + 1
        if at < len(raw):
            yield None, raw[at:]

    def special_positions(self, ids: list[int]) -> list[int]:
        """Where ids stand that are no ordinary ones: special tokens, and what is no token."""
        first = self.first_special
        if len(ids) < _MANY:
            return [at for at, token in enumerate(ids) if not 0 <= token < first]
        import numpy as np  # noqa: PLC0415  only worth loading where there is much to look through

        try:
            words = np.frombuffer(array("i", ids), np.uint32)  # a negative id becomes a large one
        except OverflowError:  # nor is an id of more than 32 bits one of any vocabulary
            words = np.array([token if 0 <= token < first else first for token in ids], np.uint32)
        found: list[int] = np.flatnonzero(words >= first).tolist()
        return found

    def is_unknown(self, token: int) -> bool:
        """Whether an id is in no vocabulary."""
        return not 0 <= token < self.vocabulary.size

    def is_padding(self, raw: list[int]) -> bool:
        """Whether a special token is the one that pads and stops."""
        return raw[0] == self.padding

    def join(self, parts: Iterable[list[int]]) -> Raw:
        """Several stretches of ids as one."""
        return list(chain.from_iterable(parts))

    def key(self, raw: list[int]) -> tuple[int, ...]:
        """What a header is remembered by."""
        return tuple(raw)

    def learn(self, token: int) -> None:
        """Look up the text of an id, if it is an ordinary one and whole characters."""
        if token not in self.texts and 0 <= token < self.first_special:
            with suppress(UnicodeDecodeError):
                self.texts[token] = self._decode([token]).decode("utf-8")

    def decode(self, raw: list[int], tail: bytes) -> tuple[str, bytes]:
        """The text of a run, and the bytes of an unfinished character at its end."""
        data = tail + self._decode(raw)
        text, read = utf_8_decode(data, "replace", False)  # noqa: FBT003  positional only
        return text, data[read:]

    def text(self, raw: list[int]) -> str:
        """What ordinary ids spell."""
        return self._decode(raw).decode("utf-8", "replace")

    def spelled(self, raw: list[int]) -> str:
        """How a special token is spelled, also one that is unknown."""
        if self.is_unknown(raw[0]):
            return UNKNOWN
        return self.vocabulary.piece(raw[0]).decode("utf-8", "replace")

    def content(self, raw: list[int], *, marked: bool = False) -> TextContent:
        """A body; `marked` if special tokens stand in it, which are read as what they spell."""
        if not marked:
            try:
                return text_content(self._decode(raw).decode("utf-8", "replace"), raw)
            except VocabularyError:  # there are unknown ids in it
                pass
        parts = (
            self.text(part) if name is None else self.spelled(part) for name, part in self.cut(raw)
        )
        return text_content("".join(parts), None if marked else raw)


class IdSource:
    """Some ids.

    Args:
        kind: what the ids mean.
        ids: the ids.
    """

    unit: Final = "ids"

    def __init__(self, kind: IdKind, ids: list[int]) -> None:
        self.kind = kind
        self.ids = ids
        self.length = len(ids)
        self._lengths: tuple[Piece, list[int]] | None = None

    def stretches(self, start: int = 0) -> Iterator[Stretch]:
        """The input, a stretch a message; the last one may be unfinished."""
        ids, kind, openers = self.ids, self.kind, self.kind.openers
        specials = iter([at for at in kind.special_positions(ids) if at >= start])
        for position in specials:
            if ids[position] not in openers:
                continue
            body = position + 1
            end = next(specials, None)
            while end is not None and kind.unknown_is_text and kind.is_unknown(ids[end]):
                end = next(specials, None)
            if end is None:
                yield Stretch(start, tuple(ids[start:body]), body, None, self.length, None)
                return
            stop = end + 1
            yield Stretch(start, tuple(ids[start:body]), body, end, stop, ids[end])
            start = stop
        yield Stretch(start, (), None, None, self.length, None)

    def part(self, start: int, end: int) -> Raw:
        """Some of the input."""
        return self.ids[start:end]

    def content(self, start: int, end: int) -> TextContent:
        """A body."""
        return self.kind.content(self.ids[start:end])

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The special tokens and the runs of text in a range."""
        pieces = self._all_pieces(start, end)
        return pieces if self.kind.once is None else iter(_once(pieces, self.kind.once))

    def _all_pieces(self, start: int, end: int) -> Iterator[Piece]:
        kind = self.kind
        for name, raw in kind.cut(self.ids[start:end]):
            text = kind.text(raw) if name is None else kind.spelled(raw)
            yield Piece(name, text, start, start + len(raw))
            start += len(raw)

    def span(self, piece: Piece, offset: int, width: int) -> Span:  # noqa: ARG002  an id is one wide
        """Where some characters of a piece are: the id that the first is in."""
        if piece.special is not None:
            return Span(piece.start, piece.end)
        if self._lengths is None or self._lengths[0] is not piece:
            ids = self.ids[piece.start : piece.end]
            lengths = accumulate(len(self.kind.vocabulary.piece(token)) for token in ids)
            self._lengths = piece, list(lengths)
        before = len(piece.text[:offset].encode("utf-8", "surrogatepass"))
        ends = self._lengths[1]
        index = piece.start + min(bisect_right(ends, before), len(ends) - 1)
        return Span(index, index + 1)


def _once(pieces: Iterable[Piece], name: str) -> list[Piece]:
    """Pieces without a special token that stood before, and without the word behind it."""
    kept: list[Piece] = []
    met = dropped = False
    for piece in pieces:
        if piece.special == name and met:
            dropped = True
            continue
        met = met or piece.special == name
        text = piece.text
        if dropped and piece.special is None:
            text = text[len(text.split(maxsplit=1)[0]) :] if text[:1].strip() else text
        dropped = False
        if kept and piece.special is None and kept[-1].special is None:  # now one run of text
            kept[-1] = kept[-1]._replace(text=kept[-1].text + text, end=piece.end)
        elif text:
            kept.append(piece._replace(text=text))
    return kept
