"""The record of a recovery: the messages, repairs and events so far, and the message being read.

All of it are immutable values in slots. A list is a chain of pairs, the newest item outermost,
so adding to it leaves every earlier state as it was: a snapshot is a tuple of the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from harmony_grammar.checking.codes import DiagnosticCode, Repair
from harmony_grammar.errors import Span
from harmony_grammar.reading.headers import Fields
from harmony_grammar.streaming.events import (
    HeaderCompleted,
    MessageEnded,
    MessageStarted,
    Repaired,
    arguments_delta,
    text_delta,
)
from harmony_grammar.tree import Message
from harmony_grammar.tree.build import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from harmony_grammar.grammar import Rules
    from harmony_grammar.inputs import Kind
    from harmony_grammar.reading.headers import Header
    from harmony_grammar.streaming.events import Event
    from harmony_grammar.tree import TextContent

__all__ = ["Chain", "Current", "FaultError", "Held", "Record", "unchain"]

Chain: TypeAlias = "tuple[Chain, Any] | None"
"""A list as pairs: what comes before, and the last item."""


class FaultError(Exception):
    """Strict reading met what recovery would mend.

    Attributes:
        stop: how far the input had been read, once that is known.
    """

    stop: int = 0


class Current(NamedTuple):
    """The message whose body is being read.

    Attributes:
        header: its header, if the grammar accepts it.
        fields: its fields.
        start: where it begins.
        body: where its body begins.
    """

    header: Header | None
    fields: Fields
    start: int
    body: int


class Held(NamedTuple):
    """Text without a header, whose channel depends on what follows.

    Attributes:
        content: the text.
        offsets: where it stands.
        terminator: what ended it.
    """

    content: TextContent
    offsets: tuple[int, int, int, int]
    terminator: str


def unchain(chain: Chain) -> list[Any]:
    """The items of a chain, the oldest first."""
    items = []
    while chain is not None:
        chain, item = chain
        items.append(item)
    items.reverse()
    return items


_MOST_FOUND: Final = 120  # characters of what was found that a repair shows

_STATE: Final = (
    "body",
    "count",
    "current",
    "held",
    "malformed",
    "marked",
    "messages",
    "repairs",
    "told",
    "trivia",
)


class Record:
    """What has been read and told of one input.

    Args:
        rules: the grammar.
        kind: the kind of input.

    Attributes:
        strict: whether a mistake raises `FaultError` instead of being mended.
        events: what is to be told; whoever tells it empties it.
        current, body, marked: the message being read, its body so far, and whether special
            tokens stand in it.
        messages, repairs, trivia: chains of what was found; `count` messages.
        told: makes its deltas.
        held: text without a header whose channel is not known yet.
        malformed: whether strict reading would have stopped by now.
    """

    __slots__ = (*_STATE, "events", "kind", "rules", "strict")

    body: Chain
    count: int
    current: Current
    held: Held | None
    malformed: bool
    marked: bool
    messages: Chain
    repairs: Chain
    told: Callable[[int, str], Event]
    trivia: Chain

    def __init__(self, rules: Rules, kind: Kind) -> None:
        self.rules = rules
        self.kind = kind
        self.strict = False
        self.events: list[Event] = []
        self.count = 0
        self.body = self.messages = self.repairs = self.trivia = self.held = None
        self.malformed = self.marked = False
        fields = Fields(rules.meaning.model_role, None, None, None, None)
        self.current = Current(None, fields, 0, 0)
        self.told = text_delta

    def state(self) -> tuple[Any, ...]:
        """Everything, as one value."""
        return tuple(getattr(self, name) for name in _STATE)

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back (or forward) to a state."""
        for name, value in zip(_STATE, state, strict=True):
            setattr(self, name, value)

    # --- repairs and what is no message ---

    def repair(self, code: DiagnosticCode, span: tuple[int, int], found: str, assumed: str) -> None:
        """Mend what strict reading refuses.

        Raises:
            FaultError: if reading is strict.
        """
        if self.strict:
            raise FaultError
        self.malformed = True
        self.note(code, span, found, assumed)

    def note(self, code: DiagnosticCode, span: tuple[int, int], found: str, assumed: str) -> None:
        """Report something that strict reading does not refuse: that the input ends."""
        if not self.strict:
            shown = found if len(found) <= _MOST_FOUND else found[:_MOST_FOUND] + "…"
            repair = Repair(code, Span(*span), shown, assumed)
            self.repairs = (self.repairs, repair)
            self.events.append(Repaired(repair))

    def skip(self, begin: int, end: int) -> None:
        """Count a range as trivia."""
        self.trivia = (self.trivia, Span(begin, end))

    # --- messages ---

    def is_call(self, fields: Fields) -> bool:
        """Whether a message with these fields calls something."""
        return fields.recipient is not None and fields.role == self.rules.meaning.model_role

    def begin_message(self, header: Header | None, fields: Fields, begin: int, body: int) -> None:
        """Tell of a message whose header is complete."""
        self.release(self.rules.meaning.reasoning)
        self.current = Current(header, fields, begin, body)
        self.told = arguments_delta if self.is_call(fields) else text_delta
        self.body, self.marked = None, False
        self.events.append(MessageStarted(self.count, fields.author, begin))
        self.events.append(HeaderCompleted(self.count, *fields[2:5], dict(fields.extras)))

    def delta(self, text: str) -> None:
        """Tell of text in the body."""
        if text:
            self.events.append(self.told(self.count, text))

    def content(self) -> TextContent:
        """The body so far."""
        return self.kind.content(self.kind.join(unchain(self.body)), marked=self.marked)

    def end_message(self, end: int, stop: int, terminator: str | None) -> TextContent:
        """Tell that the message is complete, and return its content."""
        content = self.content()
        header, fields, begin, body = self.current
        self.add(header, fields, content, (begin, body, end, stop), terminator)
        self.body = None
        return content

    def add(
        self,
        header: Header | None,
        fields: Fields,
        content: TextContent,
        offsets: tuple[int, int, int, int],
        terminator: str | None,
    ) -> None:
        """Enter a whole message, and tell that it is one."""
        if header is not None and terminator is not None:
            node = message(header, content, terminator, offsets)
        else:
            _, _, channel, recipient, kind, extras = fields
            node = Message(
                fields.author,
                [content],
                channel,
                recipient,
                kind,
                extras=dict(extras),
                header=None if header is None else header.spelling,
                terminator=terminator,
                offsets=offsets,
            )
        self.messages = (self.messages, node)
        self.events.append(MessageEnded(self.count, node))
        self.count += 1

    def tell(
        self,
        fields: Fields,
        content: TextContent,
        offsets: tuple[int, int, int, int],
        terminator: str | None,
    ) -> None:
        """Enter a message that was understood only when it was over."""
        self.begin_message(None, fields, offsets[0], offsets[1])
        self.delta(content.text)
        self.add(None, fields, content, offsets, terminator)

    # --- text without a header ---

    def release(self, channel: str) -> None:
        """Tell of text without a header, now that its channel is known."""
        if self.held is None:
            return
        (content, offsets, terminator), self.held = self.held, None
        fields = Fields(self.rules.meaning.model_role, None, channel, None, None)
        found = content.text
        self.repair(DiagnosticCode.HEADERLESS, (offsets[0], offsets[2]), found, channel)
        self.tell(fields, content, offsets, terminator or None)
