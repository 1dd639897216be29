"""What a lint rule sees, and what it says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from harmony_grammar.errors import Span

if TYPE_CHECKING:
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import CustomRole, Message, Role

__all__ = ["Context", "Finding", "Said", "ValidChannels", "in_body", "in_header"]


class ValidChannels(NamedTuple):
    """The channels that a system message allows.

    Attributes:
        channels: their names; empty if it names none.
        required: whether each message must have one.
    """

    channels: tuple[str, ...] = ()
    required: bool = False


class Said(NamedTuple):
    """What a rule says of a message.

    Attributes:
        message: what is unusual, in the format's words.
        span: where, in the units of the input.
        hint: what to do about it.
    """

    message: str
    span: Span
    hint: str


class Finding(NamedTuple):
    """What a rule says, and which rule it is.

    Attributes:
        code: the rule.
        said: what it says.
    """

    code: str
    said: Said


@dataclass(slots=True)
class Context:
    """What is known when a message is looked at.

    Attributes:
        rules: the grammar.
        analysis: the channel of reasoning.
        closing: the token that ends a generation.
        first: whether it is the first message.
        last: whether it is the last message.
        earlier_turn: whether an answer and a new turn come after it.
        systems: how many system messages came before.
        channels: the channels that the system message allows; empty if it names none.
        channel_required: whether the system message requires channels.
        tools: the tools that were declared; None before any declaration.
        bodies: the bodies that declare them, each with its role.
        formats: the bodies that may declare response formats, each with its role.
        open_calls: how often each tool was called and has not answered.
        answered: the tools that answered.
    """

    rules: Rules
    analysis: str
    closing: str
    first: bool = True
    last: bool = False
    earlier_turn: bool = False
    systems: int = 0
    channels: tuple[str, ...] = ()
    channel_required: bool = False
    tools: set[str] | None = None
    bodies: list[tuple[Role | CustomRole, str]] = field(default_factory=list)
    formats: list[tuple[Role | CustomRole, str]] = field(default_factory=list)
    open_calls: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)


def _whole(message: Message) -> Span:
    return message.span or Span(0, 0)


def in_header(message: Message, said: str, hint: str) -> Said:
    """Something about a header."""
    return Said(said, message.header_span or _whole(message), hint)


def in_body(message: Message, said: str, hint: str) -> Said:
    """Something about a body."""
    return Said(said, message.body_span or _whole(message), hint)
