"""Which part of a message each id belongs to, read off the grammar.

A header knows the terminals that it was read as. Each terminal stands under rules that spell a
field; one that stands under several, such as a name, goes on with the field before it. Nothing
here says what a header looks like.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar import Conversation, Grammar, Message, OpenMessage

__all__ = ["UNREAD", "IdField", "fields_of_ids"]

UNREAD: Final = "unread"
START: Final = "start"
BODY: Final = "body"
BODY_START: Final = "body-start"
TERMINATOR: Final = "end"

# Fields that are parts of one thing, and fields with a longer name.
_PART_OF_FIELD: Final = {
    "role": "author",
    "tool": "author",
    "name": "author",
    "content_type": "content-type",
    "content": BODY,
}


class IdField(NamedTuple):
    """Where an id stands.

    Attributes:
        message: the index of its message; None beyond the last one that could be read.
        part: the part of the message.
    """

    message: int | None
    part: str


def fields_of_ids(
    grammar: Grammar, ids: Sequence[int], conversation: Conversation
) -> Iterator[IdField]:
    """Where each of the ids stands.

    Args:
        grammar: the grammar that the conversation was read with.
        ids: the ids.
        conversation: what was read of them.
    """
    headers = _HeaderFields(grammar)
    messages: list[Message | OpenMessage] = [*conversation]
    if conversation.open_message is not None:
        messages.append(conversation.open_message)
    done = 0
    for index, message in enumerate(messages):
        begin, body, *rest = message.offsets or (done, done)
        header = ids[begin:body]
        yield from (IdField(index, part) for part in headers.of_ids(message, header))
        yield from [IdField(index, BODY)] * (rest[0] - body)
        done = rest[-1]
        yield from [IdField(index, TERMINATOR)] * (done - rest[0])
    yield from [IdField(None, UNREAD)] * (len(ids) - done)


class _HeaderFields:
    """The parts of headers."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._fields = list(_fields(grammar))

    def of_ids(self, message: Message | OpenMessage, ids: Sequence[int]) -> list[str]:
        """The part that each id of a header belongs to, by its first byte."""
        names = [name for name, _ in self.texts(message)]
        sizes = [len(text.encode()) for _, text in self.texts(message)]
        ends, parts = list(accumulate(sizes)), self.parts(names)
        piece = self._grammar.vocabulary.piece
        begins = accumulate((len(piece(token)) for token in ids[:-1]), initial=0)
        return [parts[bisect_right(ends, begin)] for begin in begins] if ids else []

    def texts(self, message: Message | OpenMessage) -> Iterator[tuple[str, str]]:
        """The terminals of a header and their texts."""
        header, at = message.header, 0
        for name in header.symbols if header else ():
            text = self.text(name, message, header.text if header else "", at)
            yield name, text
            at += len(text)

    def text(self, name: str, message: Message | OpenMessage, header: str, at: int) -> str:
        """The text of a terminal that begins at a place of a header."""
        terminal = self._grammar.rules.terminals[name]
        if terminal.pattern is None:  # a channel of the system message's own
            return message.channel or ""
        pattern = re.escape(terminal.pattern) if terminal.fixed else terminal.pattern
        match = re.compile(pattern).match(header, at)
        return match.group() if match else ""

    def parts(self, names: Sequence[str]) -> list[str]:
        """The part that each terminal of a header belongs to."""
        found: list[str] = []
        for name in names:
            candidates = [part for part, below in self._fields if name in below]
            last = found[-1] if found else ""
            found.append(last if last in candidates else self.first(name, candidates))
        return found

    def first(self, name: str, candidates: Sequence[str]) -> str:
        """The part of a terminal that does not go on with the one before it."""
        if candidates:
            return candidates[0]
        return BODY_START if name in self._grammar.rules.openers else START


def _fields(grammar: Grammar) -> Iterator[tuple[str, set[str]]]:
    """The parts and the terminals that stand under them, in the order of the bindings."""
    for rule, field in grammar.rules.meaning.fields.items():
        below = {symbol.name for symbol in grammar.rules.below(rule)}
        yield _PART_OF_FIELD.get(field, field), below
