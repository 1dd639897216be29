"""The catalogue of repairs: each has a stable code and a sentence that says what it is."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

    from harmony_grammar.errors import Span

__all__ = ["DiagnosticCode", "Repair"]


class DiagnosticCode(str, Enum):
    """The code of a repair. Where strict reading has a name for the mistake, it is the same.

    Attributes:
        meaning: what the input does that it should not.

    Example:
        >>> DiagnosticCode.HEADERLESS.value
        'headerless'
    """

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:  # noqa: D102  Enum calls it, nobody else
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    def __str__(self) -> str:
        return str(self.value)

    TRUNCATED_HEADER = "truncated-header", "the input ends before the header does"
    TRUNCATED_BODY = "truncated-body", "the input ends before the message does"
    MISSING_MESSAGE = "missing-message", "the header ends before it opens a body"
    EMPTY_HEADER = "empty-header", "a header begins and nothing comes of it"
    MISSING_START = "missing-start", "a message begins without its start token"
    MISSING_ROLE = "missing-role", "the header does not say who speaks"
    MISSING_TERMINATOR = "missing-terminator", "a message begins inside the one before it"
    MISSING_SPACE = "missing-space", "the recipient is not set off by one plain space"
    ODD_HEADER = "odd-header", "the header's fields or spaces are not as the format has them"
    MISSING_CHANNEL_TOKEN = "missing-channel-token", "a channel is named without its token"
    DOUBLED_START = "doubled-start", "the start token stands twice"
    DOUBLED_ROLE = "doubled-role", "the role stands twice"
    DOUBLED_TERMINATOR = "doubled-terminator", "a message ends where none has begun"
    REPEATED_OPENING = "repeated-opening", "the completion repeats the end of its prompt"
    DUPLICATE_CHANNEL = "duplicate-channel", "the header has the same channel again"
    CONFLICTING_CHANNELS = "conflicting-channels", "the header has several channels"
    DUPLICATE_RECIPIENT = "duplicate-recipient", "the header has the same recipient again"
    CONFLICTING_RECIPIENTS = "conflicting-recipients", "the header has several recipients"
    CONFLICTING_TYPES = "conflicting-types", "the header has several content types"
    SELF_RECIPIENT = "self-recipient", "the assistant addresses itself"
    EMPTY_SEGMENT = "empty-segment", "the recipient is no name"
    UNKNOWN_CHANNEL = "unknown-channel", "there is no such channel"
    CHANNEL_JUNK = "channel-junk", "the channel is followed by something else"
    MISSING_TYPE = "missing-type", "nothing is named after the constrain token"
    UNEXPECTED_TEXT = "unexpected-text", "the header has a word that is no field"
    UNEXPECTED_TOKEN = "unexpected-token", "a special token cannot stand there"
    UNKNOWN_ROLE = "unknown-role", "the author is neither a role nor a tool that addresses someone"
    FOREIGN_ROLE = "foreign-role", "a completion speaks as somebody else"
    FINAL_CALL = "final-call", "the header's fields cannot stand together"
    CALL_WITHOUT_RECIPIENT = "call-without-recipient", "the message ends as a call to nobody"
    RECIPIENT_WITHOUT_CALL = "recipient-without-call", "a call does not end as one"
    WRONG_TERMINATOR = "wrong-terminator", "the message ends in the token of another kind"
    STRAY_TOKEN = "stray-token", "a special token stands inside a body"
    TEXT_BETWEEN_MESSAGES = "text-between-messages", "text stands where a message should begin"
    HEADERLESS = "headerless", "text stands without a header"
    OVERRUN = "overrun", "the turn is over, and the input goes on"


class Repair(NamedTuple):
    """One repair.

    Attributes:
        code: which mistake was mended.
        span: where it is, in characters or indices of ids.
        found: the text that stands there, or the beginning of a long one.
        assumed: what was read instead.
    """

    code: DiagnosticCode
    span: Span
    found: str
    assumed: str
