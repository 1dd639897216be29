"""Which reasoning of a conversation is dropped before it is rendered.

Each policy is a function from the messages to the index before which reasoning is dropped; 0
drops nothing.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harmony_grammar.tree import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harmony_grammar.compat.config import RenderConversationConfig
    from harmony_grammar.grammar import Rules
    from harmony_grammar.tree import Message

__all__ = ["POLICIES", "kept", "kept_for_training"]

# Who speaks in the turn of an answer: the assistant and the tools that it calls.
_TURN: Final = frozenset({Role.ASSISTANT, Role.TOOL})


def openai(rules: Rules, messages: Sequence[Message]) -> int:
    """The first answer, if the assistant's last message is an answer; as the reference does."""
    answer = rules.meaning.answer
    speaking = (m for m in reversed(messages) if m.author.role is Role.ASSISTANT)
    last = next(speaking, None)
    if last is None or last.channel != answer:
        return 0
    return next(index for index, m in enumerate(messages) if m.channel == answer)


def last_final(rules: Rules, messages: Sequence[Message]) -> int:
    """The assistant's last answer, as vLLM does."""
    answer = rules.meaning.answer
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.author.role is Role.ASSISTANT and message.channel == answer:
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
    end = min(openai(rules, messages), _turn_of(messages, last_final(rules, messages)))
    return _without_reasoning(rules, messages, end)


def _turn_of(messages: Sequence[Message], index: int) -> int:
    """Where the turn of a message begins."""
    while index and messages[index - 1].author.role in _TURN:
        index -= 1
    return index


def _without_reasoning(rules: Rules, messages: Sequence[Message], end: int) -> Sequence[Message]:
    """The messages without the reasoning before an index."""
    if not end:
        return messages
    reasoning = rules.meaning.is_reasoning
    return [m for m in messages[:end] if not reasoning(m.channel)] + list(messages[end:])
