"""What a `StreamParser` tells: small objects, in the order in which things become certain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harmony_grammar.checking.codes import Repair
    from harmony_grammar.tree import Author, ContentType, Message

__all__ = [
    "ArgumentsDelta",
    "Event",
    "HeaderCompleted",
    "MessageEnded",
    "MessageStarted",
    "Repaired",
    "TextDelta",
    "TurnEnded",
    "arguments_delta",
    "text_delta",
]


@dataclass(frozen=True, slots=True)
class MessageStarted:
    """A message has begun.

    Attributes:
        index: the message's place among all, from 0.
        author: who speaks.
        at: where it begins, in characters or indices of ids.
    """

    index: int
    author: Author
    at: int


@dataclass(frozen=True, slots=True)
class HeaderCompleted:
    """The header of a message is complete: what follows is its body.

    Attributes:
        index: the message's place.
        channel: the channel it is on.
        recipient: whom it is addressed to.
        content_type: what its body is.
        extras: the fields that a grammar of one's own adds to headers, by its rule.
    """

    index: int
    channel: str | None
    recipient: str | None
    content_type: ContentType | None
    extras: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A body goes on. The deltas of a message, joined, are its text.

    Attributes:
        index: the message's place.
        text: the next piece of its text, never empty.
    """

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """The body of a call goes on.

    Attributes:
        index: the message's place.
        text: the next piece of the arguments, never empty.
    """

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """A message is complete, or the input ended inside it.

    Attributes:
        index: the message's place.
        message: the message.
    """

    index: int
    message: Message


@dataclass(frozen=True, slots=True)
class Repaired:
    """Something was mended; only when recovering.

    Attributes:
        repair: what, where, and what was read instead.
    """

    repair: Repair


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The model has ended its turn, by a call or because it is done.

    Attributes:
        terminator: the token that says so.
        at: where the turn ended, behind that token.
    """

    terminator: str
    at: int


Event: TypeAlias = (
    MessageStarted
    | HeaderCompleted
    | TextDelta
    | ArgumentsDelta
    | MessageEnded
    | Repaired
    | TurnEnded
)

# There is a delta for nearly every id, so their slots are filled directly.
_new: Final = object.__new__


def _slot(kind: type, name: str) -> Callable[[Any, Any], None]:
    setter: Callable[[Any, Any], None] = vars(kind)[name].__set__
    return setter


_set_text_index: Final = _slot(TextDelta, "index")
_set_text: Final = _slot(TextDelta, "text")
_set_arguments_index: Final = _slot(ArgumentsDelta, "index")
_set_arguments: Final = _slot(ArgumentsDelta, "text")


def text_delta(index: int, text: str) -> TextDelta:
    """A `TextDelta`."""
    delta = _new(TextDelta)
    _set_text_index(delta, index)
    _set_text(delta, text)
    return delta


def arguments_delta(index: int, text: str) -> ArgumentsDelta:
    """An `ArgumentsDelta`."""
    delta = _new(ArgumentsDelta)
    _set_arguments_index(delta, index)
    _set_arguments(delta, text)
    return delta
