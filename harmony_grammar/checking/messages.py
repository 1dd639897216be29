"""Warnings about sentences: what the grammar allows and a reader should still know.

Each rule is a small function of one message and what came before it. They stand in one table,
by the role of the message's author, and none of them changes the verdict.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from harmony_grammar.errors import Span
from harmony_grammar.nodes import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.nodes import CustomRole, Message

__all__ = ["MESSAGE_RULES", "Context", "Finding", "findings"]

_FUNCTIONS: Final = "functions."
_JSON: Final = "json"
_CODE: Final = "code"
_USUAL_TYPES: Final = frozenset({_JSON, _CODE, "text"})


class Finding(NamedTuple):
    """A warning, before its place is worked out.

    Attributes:
        code: the stable name of the finding.
        message: what is unusual, in the format's words.
        span: where, in the units of the input.
        hint: what to do about it.
    """

    code: str
    message: str
    span: Span
    hint: str


@dataclass(slots=True)
class Context:
    """What is known when a message is looked at.

    Attributes:
        rules: the grammar.
        analysis: the channel of reasoning.
        closing: the token that ends a generation.
        last: whether it is the last message.
        earlier_turn: whether an answer and a new turn come after it.
        channel_required: whether the system message requires channels.
        open_calls: the recipients of calls that have no result yet.
    """

    rules: Rules
    analysis: str
    closing: str
    last: bool = False
    earlier_turn: bool = False
    channel_required: bool = False
    open_calls: list[str] = field(default_factory=list)


def call_on_analysis(message: Message, context: Context) -> Finding | None:
    """A function is called on the channel of reasoning."""
    if not (message.recipient or "").startswith(_FUNCTIONS):
        return None
    if message.channel != context.analysis:
        return None
    return _in_header(
        message,
        "call-on-analysis",
        f"`{message.recipient}` is called on the {message.channel} channel",
        f"calls of functions belong on {context.rules.calls_channel}",
    )


def code_that_is_json(message: Message, _: Context) -> Finding | None:
    """A body declared as code is JSON."""
    if message.content_type is None or message.content_type.name != _CODE:
        return None
    if not isinstance(_json(message.text), (dict, list)):
        return None
    hint = f"declare the content type `{_JSON}`"
    return _in_body(message, "code-is-json", "the body is JSON but its type is code", hint)


def json_that_is_none(message: Message, _: Context) -> Finding | None:
    """A body constrained to JSON is not JSON."""
    kind = message.content_type
    if kind is None or not kind.constrained or kind.name.lower() != _JSON:
        return None
    if _json(message.text) is not _NOT_JSON:
        return None
    hint = "mend the body, or declare another content type"
    return _in_body(message, "invalid-json", "the body is constrained to JSON but is none", hint)


def unusual_type(message: Message, _: Context) -> Finding | None:
    """A content type in unusual capitals."""
    kind = message.content_type
    if kind is None or kind.name in _USUAL_TYPES or kind.name.lower() not in _USUAL_TYPES:
        return None
    hint = f"write `{kind.name.lower()}`"
    return _in_header(message, "unusual-type", f"the content type is spelled `{kind.name}`", hint)


def adjacent_marker(message: Message, context: Context) -> Finding | None:
    """No space before the constrain marker."""
    symbols = message.header.symbols if message.header else ()
    if "CONSTRAIN" not in symbols or symbols[symbols.index("CONSTRAIN") - 1] == "_SPACE":
        return None
    marker = context.rules.words("CONSTRAIN")
    return _in_header(
        message, "adjacent-constrain", f"there is no space before {marker}", "put one there"
    )


def return_in_history(message: Message, context: Context) -> Finding | None:
    """A return that is not the very end."""
    if context.last or message.terminator != context.closing:
        return None
    return Finding(
        "return-in-history",
        f"`{message.terminator}` ends a message that is not the last",
        message.terminator_span or _whole(message),
        f"in history a message ends in {context.rules.words('END')}",
    )


def missing_channel(message: Message, context: Context) -> Finding | None:
    """No channel, where the system message requires one."""
    if message.channel is not None or not context.channel_required:
        return None
    return _in_header(
        message,
        "missing-channel",
        "the message has no channel, and the system message requires one",
        f"the channels are {', '.join(context.rules.channels)}",
    )


def kept_reasoning(message: Message, context: Context) -> Finding | None:
    """Reasoning of an earlier turn."""
    if not context.earlier_turn or message.recipient is not None:
        return None
    if message.channel != context.analysis:
        return None
    return _in_header(
        message,
        "kept-reasoning",
        "reasoning of an earlier turn is kept",
        "drop the reasoning that comes before an earlier answer",
    )


def tool_without_channel(message: Message, context: Context) -> Finding | None:
    """A tool result with no channel."""
    if message.channel is not None:
        return None
    return _in_header(
        message,
        "tool-without-channel",
        f"the message of the tool `{message.author.name}` has no channel",
        f"give it the channel of the call, usually {context.rules.calls_channel}",
    )


def tool_without_recipient(message: Message, context: Context) -> Finding | None:
    """A tool result addressed to nobody."""
    if message.recipient is not None:
        return None
    addressed = f"{context.rules.literal('_TO')}{context.rules.opening_role}"
    return _in_header(
        message,
        "tool-without-recipient",
        f"the message of the tool `{message.author.name}` has no recipient",
        f"write `{addressed}` after the name",
    )


def result_without_call(message: Message, context: Context) -> Finding | None:
    """A tool result that nothing asked for."""
    if message.author.name in context.open_calls:
        context.open_calls.remove(message.author.name)
        return None
    return _in_header(
        message,
        "result-without-call",
        f"no call of `{message.author.name}` comes before this result of it",
        "put the call before it, or remove the result",
    )


_ANY: Final = (unusual_type, adjacent_marker)

# The rules for the messages of each role; those of other roles are as those of a user.
MESSAGE_RULES: Final[
    Mapping[Role | CustomRole, Sequence[Callable[[Message, Context], Finding | None]]]
] = MappingProxyType(
    {
        Role.ASSISTANT: (
            call_on_analysis,
            code_that_is_json,
            json_that_is_none,
            return_in_history,
            missing_channel,
            kept_reasoning,
            *_ANY,
        ),
        Role.TOOL: (tool_without_channel, tool_without_recipient, result_without_call, *_ANY),
        Role.USER: _ANY,
    }
)


def findings(
    rules: Rules, messages: Sequence[Message], required: Callable[[str], bool]
) -> Iterator[Finding]:
    """Look at each message in turn.

    Args:
        rules: the grammar.
        messages: the messages, as they were read.
        required: whether the body of a system message requires channels.
    """
    context = Context(rules, rules.literal("ANALYSIS"), rules.literal("RETURN"))
    turn_over = _last_turn(rules, messages)
    for index, message in enumerate(messages):
        role = message.author.role
        context.last = index == len(messages) - 1
        context.earlier_turn = index < turn_over
        for rule in MESSAGE_RULES.get(role, _ANY):
            found = rule(message, context)
            if found is not None:
                yield found
        if role is Role.SYSTEM:
            context.channel_required = required(message.text)
        elif role is Role.ASSISTANT and message.recipient is not None:
            context.open_calls.append(message.recipient)


def _last_turn(rules: Rules, messages: Sequence[Message]) -> int:
    """The index of the last answer that a later turn follows; 0 if there is none."""
    final, later = rules.literal("FINAL"), False
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].channel == final and later:
            return index
        later = later or messages[index].author.role is Role.USER
    return 0


class _NotJson:
    """What `_json` returns for text that is no JSON."""


_NOT_JSON: Final = _NotJson()


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _whole(message: Message) -> Span:
    return message.span or Span(0, 0)


def _in_header(message: Message, code: str, said: str, hint: str) -> Finding:
    return Finding(code, said, message.header_span or _whole(message), hint)


def _in_body(message: Message, code: str, said: str, hint: str) -> Finding:
    return Finding(code, said, message.body_span or _whole(message), hint)
