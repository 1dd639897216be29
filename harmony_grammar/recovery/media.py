"""The two kinds of input as the engine sees them: text in characters, ids in tokens.

A medium cuts what it is fed into special tokens and runs between them, joins runs again, and
turns a body into a content. It keeps nothing itself: what is held back between two feedings is
given back to the engine as a value.
"""

from __future__ import annotations

from codecs import utf_8_decode
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harmony_grammar.parsing.builder import text_content
from harmony_grammar.parsing.sources import IdSource, TextSource, special_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.nodes import TextContent
    from harmony_grammar.parsing.sources import IdTable, Key

__all__ = ["IdMedium", "Medium", "Raw", "TextMedium"]

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

    def settled(self, raw: Raw) -> int:
        """How much of a stretch cannot be the beginning of a special token."""
        first = max(0, len(raw) - self._longest)
        held = (i for i in range(first, len(raw)) if raw[i:] in self._heads)
        hold = next(held, len(raw))
        for special in self._find.finditer(raw, first):
            if special.start() < hold < special.end():
                return special.end()
        return hold

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

    def settled(self, raw: Raw) -> int:
        """How much of a stretch cannot be the beginning of a special token: all."""
        return len(raw)

    def decode(self, raw: Raw, tail: bytes) -> tuple[str, bytes]:
        """The text of a run, and the bytes of an unfinished character at its end."""
        data = tail + self._decode(raw)
        text, read = utf_8_decode(data, "replace", False)  # noqa: FBT003  positional only
        return text, data[read:]

    def spell(self, raw: Raw) -> str:
        """A special token as it stands in a body."""
        return self.source(raw).spell(raw[0]) or _UNKNOWN

    def content(self, raw: Raw, *, marked: bool) -> TextContent:
        """A body; `marked` if special tokens stand in it, which are read as what they spell."""
        if not marked:
            return text_content(self._decode(raw).decode("utf-8", "replace"), raw)
        parts = (
            self._decode(part).decode("utf-8", "replace") if name is None else self.spell(part)
            for name, part in self.cut(raw)
        )
        return text_content("".join(parts), None)
