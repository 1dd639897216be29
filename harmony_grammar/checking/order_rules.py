"""Lint rules about what comes before and after what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmony_grammar.checking.findings import Said, in_header
from harmony_grammar.errors import Span

if TYPE_CHECKING:
    from harmony_grammar.checking.findings import Context
    from harmony_grammar.tree import Message


def return_in_history(message: Message, context: Context) -> Said | None:
    """A return that is not the very end."""
    if context.last or message.terminator != context.closing:
        return None
    return Said(
        f"`{message.terminator}` ends a message that is not the last",
        message.terminator_span or Span(0, 0),
        f"in history a message ends in {context.rules.words('END')}",
    )


def kept_reasoning(message: Message, context: Context) -> Said | None:
    """Reasoning of an earlier turn."""
    if not context.earlier_turn or message.recipient is not None:
        return None
    if message.channel != context.analysis:
        return None
    return in_header(
        message,
        "reasoning of an earlier turn is kept",
        "drop the reasoning that comes before an earlier answer",
    )


def result_without_call(message: Message, context: Context) -> Said | None:
    """A tool result that nothing asked for."""
    name = message.author.name or ""
    if context.open_calls[name] or name in context.answered:
        return None
    return in_header(
        message,
        f"no call of `{name}` comes before this result of it",
        "put the call before it, or remove the result",
    )


def second_result(message: Message, context: Context) -> Said | None:
    """A call has one result; this one is answered already."""
    name = message.author.name or ""
    if context.open_calls[name] or name not in context.answered:
        return None
    return in_header(
        message,
        f"every call of `{name}` has its result already",
        "keep one result for each call",
    )


def duplicate_system(message: Message, context: Context) -> Said | None:
    """A conversation has one system message."""
    if not context.systems:
        return None
    return in_header(
        message, "a second system message", "keep one, at the beginning of the conversation"
    )


def late_system(message: Message, context: Context) -> Said | None:
    """The system message comes first."""
    if context.first or context.systems:
        return None
    return in_header(
        message,
        "the system message is not the first message",
        "put it at the beginning of the conversation",
    )
