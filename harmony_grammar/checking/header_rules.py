"""Lint rules about headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.checking.findings import in_header

if TYPE_CHECKING:
    from harmony_grammar.checking.findings import Context, Said
    from harmony_grammar.tree import Message


_FUNCTIONS: Final = "functions."
_USUAL_TYPES: Final = frozenset({"json", "code", "text"})


def call_on_analysis(message: Message, context: Context) -> Said | None:
    """A function is called on the channel of reasoning."""
    if not (message.recipient or "").startswith(_FUNCTIONS):
        return None
    if message.channel != context.analysis:
        return None
    return in_header(
        message,
        f"`{message.recipient}` is called on the {message.channel} channel",
        f"calls of functions belong on {context.rules.calls_channel}",
    )


def unusual_type(message: Message, _: Context) -> Said | None:
    """A content type in unusual capitals."""
    kind = message.content_type
    if kind is None or kind.name in _USUAL_TYPES or kind.name.lower() not in _USUAL_TYPES:
        return None
    hint = f"write `{kind.name.lower()}`"
    return in_header(message, f"the content type is spelled `{kind.name}`", hint)


def adjacent_marker(message: Message, context: Context) -> Said | None:
    """No space before the constrain marker."""
    symbols = message.header.symbols if message.header else ()
    if "CONSTRAIN" not in symbols or symbols[symbols.index("CONSTRAIN") - 1] == "_SPACE":
        return None
    marker = context.rules.words("CONSTRAIN")
    return in_header(message, f"there is no space before {marker}", "put one there")


def missing_channel(message: Message, context: Context) -> Said | None:
    """No channel, where the system message requires one."""
    if message.channel is not None or not context.channel_required:
        return None
    return in_header(
        message,
        "the message has no channel, and the system message requires one",
        f"the channels are {', '.join(context.rules.channels)}",
    )


def channel_not_allowed(message: Message, context: Context) -> Said | None:
    """A channel is one of those that the system message names."""
    allowed = context.channels
    if message.channel is None or not allowed or message.channel in allowed:
        return None
    return in_header(
        message,
        f"the system message does not allow the channel `{message.channel}`",
        f"it allows {', '.join(allowed)}",
    )


def tool_without_channel(message: Message, context: Context) -> Said | None:
    """A tool result with no channel."""
    if message.channel is not None:
        return None
    return in_header(
        message,
        f"the message of the tool `{message.author.name}` has no channel",
        f"give it the channel of the call, usually {context.rules.calls_channel}",
    )


def tool_without_recipient(message: Message, context: Context) -> Said | None:
    """A tool result addressed to nobody."""
    if message.recipient is not None:
        return None
    addressed = f"{context.rules.literal('_TO')}{context.rules.opening_role}"
    return in_header(
        message,
        f"the message of the tool `{message.author.name}` has no recipient",
        f"write `{addressed}` after the name",
    )
