"""How conversations are rendered: what a caller may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from harmony_grammar.errors import RenderError

if TYPE_CHECKING:
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.writing.forms import Spelling

__all__ = ["DropPolicy", "RenderConversationConfig", "RenderOptions"]

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
            recipient first, as the reference does, `"model"` the channel.
        schema_style: how what tools take is written: `"compatible"` as the reference does,
            `"faithful"` so that it means what its schema does; see `tool_type`.

    Raises:
        RenderError: if there is no such policy.
    """

    auto_drop_analysis: bool = True
    drop_policy: DropPolicy = "openai"
    spelling: Spelling = "openai"
    schema_style: Style = "compatible"

    def __post_init__(self) -> None:
        if self.drop_policy not in get_args(DropPolicy):
            known = ", ".join(get_args(DropPolicy))
            raise RenderError(f"there is no policy {self.drop_policy!r}: the policies are {known}")


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
