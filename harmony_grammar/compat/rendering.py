"""Rendering conversations: what a caller may choose, what is dropped, and where everything is.

A policy of dropping is a function from the messages to the index before which reasoning is
dropped; 0 drops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

from harmony_grammar.errors import RenderError, Span
from harmony_grammar.tree import Role
from harmony_grammar.writing.forms import require_spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.grammar import Rules
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.tree import Message
    from harmony_grammar.writing.forms import Spelling
    from harmony_grammar.writing.renderer import Offsets

__all__ = [
    "DropPolicy",
    "RenderConversationConfig",
    "RenderOptions",
    "Rendering",
    "TokenSpans",
    "is_answer",
    "kept",
    "kept_for_training",
]

DropPolicy: TypeAlias = Literal["openai", "last-final", "none"]
"""Which reasoning of earlier turns is left out of a prompt; see `RenderConversationConfig`."""


@dataclass(frozen=True, slots=True)
class RenderConversationConfig:
    """How a conversation is rendered.

    Attributes:
        auto_drop_analysis: whether reasoning is dropped at all.
        drop_policy: which reasoning is dropped then. `"openai"`, as the reference does: if the
            last assistant message is an answer, all reasoning before the first answer.
            `"last-final"`, as vLLM does: all reasoning before the assistant's last answer.
            `"none"`: nothing.
        spelling: how the header of a message is written that was not parsed: `"openai"` puts the
            recipient first, as the reference does, `"model"` the channel, `"oss"` does as
            oss-harmony does; None for what the encoding has.
        schema_style: how what tools take is written: `"compatible"` as the reference does,
            `"faithful"` so that it means what its schema does; see `tool_type`.

    Raises:
        RenderError: if there is no such policy or spelling.
    """

    auto_drop_analysis: bool = True
    drop_policy: DropPolicy = "openai"
    spelling: Spelling | None = None
    schema_style: Style = "compatible"

    def __post_init__(self) -> None:
        if self.drop_policy not in get_args(DropPolicy):
            known = ", ".join(get_args(DropPolicy))
            raise RenderError(f"there is no policy {self.drop_policy!r}: the policies are {known}")
        if self.spelling is not None:
            require_spelling(self.spelling)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What one message needs to know of its conversation.

    Attributes:
        conversation_has_function_tools: whether a developer message declares function tools,
            which the system message then mentions.
        schema_style: as for `RenderConversationConfig`.
    """

    conversation_has_function_tools: bool = False
    schema_style: Style = "compatible"


# --- what is dropped ---


def openai(rules: Rules, messages: Sequence[Message]) -> int:
    """The first answer, if the model's last message is an answer; as the reference does."""
    answer, model = rules.meaning.answer, rules.meaning.model_role
    last = next((m for m in reversed(messages) if m.author.role == model), None)
    if last is None or last.channel != answer:
        return 0
    return next(index for index, m in enumerate(messages) if m.channel == answer)


def last_final(rules: Rules, messages: Sequence[Message]) -> int:
    """The model's last answer, as vLLM does."""
    for index in range(len(messages) - 1, -1, -1):
        if is_answer(rules, messages[index]):
            return index
    return 0


def nothing(_: Rules, __: Sequence[Message]) -> int:
    """No reasoning is dropped."""
    return 0


POLICIES: Final[Mapping[str, Callable[[Rules, Sequence[Message]], int]]] = MappingProxyType(
    {"openai": openai, "last-final": last_final, "none": nothing}
)


def kept(
    rules: Rules, messages: Sequence[Message], config: RenderConversationConfig
) -> Sequence[Message]:
    """The messages that a configuration keeps."""
    if not config.auto_drop_analysis:
        return messages
    return _without_reasoning(rules, messages, POLICIES[config.drop_policy](rules, messages))


def kept_for_training(
    rules: Rules, messages: Sequence[Message], config: RenderConversationConfig | None
) -> Sequence[Message]:
    """The messages to train on.

    Without a configuration, what is kept is what the reference keeps, and the reasoning of the
    last answer too, which is what there is to learn.
    """
    if config is not None:
        return kept(rules, messages, config)
    end = min(openai(rules, messages), _turn_of(rules, messages, last_final(rules, messages)))
    return _without_reasoning(rules, messages, end)


def is_answer(rules: Rules, message: Message) -> bool:
    """Whether a message is one of the model's answers."""
    return message.channel == rules.meaning.answer and _is_models(rules, message)


def _is_models(rules: Rules, message: Message) -> bool:
    return message.author.role == rules.meaning.model_role


def _turn_of(rules: Rules, messages: Sequence[Message], index: int) -> int:
    """Where the turn of a message begins; the model speaks in it, and the tools that it calls."""
    while index:
        before = messages[index - 1]
        if before.author.role is not Role.TOOL and not _is_models(rules, before):
            break
        index -= 1
    return index


def _without_reasoning(rules: Rules, messages: Sequence[Message], end: int) -> Sequence[Message]:
    """The messages without the reasoning before an index."""
    if not end:
        return messages
    reasoning = rules.meaning.is_reasoning
    return [m for m in messages[:end] if not reasoning(m.channel)] + list(messages[end:])


# --- where everything is ---


class TokenSpans(NamedTuple):
    """Where a message is among the ids that it was rendered to.

    Attributes:
        message: the message.
        opening: its start token and, if it is the assistant's, the role: what a prompt ends in.
        header: from the start token through the token that opens the body.
        body: between header and terminator.
        terminator: the terminator.
    """

    message: Message
    opening: Span
    header: Span
    body: Span
    terminator: Span

    @property
    def span(self) -> Span:
        """Where the whole message is."""
        return Span(self.header.start, self.terminator.end)

    @classmethod
    def at(cls, message: Message, offsets: Offsets, opening: int) -> TokenSpans:
        """The spans between the places where the parts of a message begin and end.

        Args:
            message: the message.
            offsets: where its header, its body and its terminator begin and where it ends.
            opening: how many ids its opening has.
        """
        start, body, end, stop = offsets
        parts = (Span(start, start + opening), Span(start, body), Span(body, end), Span(end, stop))
        return cls(message, *parts)


class Rendering(NamedTuple):
    """A rendered conversation.

    Attributes:
        ids: its ids.
        spans: where each of its messages is, without those that were dropped.
    """

    ids: list[int]
    spans: list[TokenSpans]
