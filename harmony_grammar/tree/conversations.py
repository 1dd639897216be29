"""Conversations."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from harmony_grammar.tree.authors import expect
from harmony_grammar.tree.messages import Message, OpenMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Self

__all__ = ["Conversation", "Start"]

Start: TypeAlias = Literal["conversation", "prompt", "completion"]
"""Where a text begins and ends: whole messages, an open header at the end, or one at the start."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order, and for a prompt the open message after them.

    Attributes:
        messages: the whole messages.
        open_message: what the model is to go on with; only in a prompt.
        start: how the text begins and ends; no part of equality.
    """

    messages: tuple[Message, ...] = ()
    open_message: OpenMessage | None = None
    start: Start = field(default="conversation", compare=False, kw_only=True)

    def __post_init__(self) -> None:
        expect((list, tuple), "Conversation.messages", self.messages)
        object.__setattr__(self, "messages", tuple(self.messages))
        for message in self.messages:
            expect(Message, "an item of Conversation.messages", message)
        expect(OpenMessage, "Conversation.open_message", self.open_message, optional=True)
        if self.open_message is not None:
            object.__setattr__(self, "start", "prompt")

    @classmethod
    def from_messages(cls, messages: Iterable[Message]) -> Self:
        """A conversation of these messages."""
        return cls(tuple(messages))

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def canonical(self) -> Self:
        """The normal form: the same messages without the memory of how they were written."""
        return replace(
            self,
            messages=tuple(message.canonical() for message in self.messages),
            open_message=self.open_message and self.open_message.canonical(),
        )

    def to_dict(self) -> dict[str, Any]:
        """The conversation as wire JSON data."""
        data: dict[str, Any] = {"messages": [message.to_dict() for message in self.messages]}
        if self.open_message is not None:
            data["open_message"] = self.open_message.to_dict()
        return data

    def to_json(self) -> str:
        """The conversation as wire JSON."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The conversation that wire JSON data describes."""
        raw = data.get("open_message")
        return cls(
            tuple(Message.from_dict(message) for message in data["messages"]),
            None if raw is None else OpenMessage.from_dict(raw),
        )

    @classmethod
    def from_json(cls, payload: str) -> Self:
        """The conversation that wire JSON describes."""
        return cls.from_dict(json.loads(payload))
