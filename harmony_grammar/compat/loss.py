"""What training needs besides ids: which of them to learn.

The model is trained on what it writes itself: all of an assistant message but its opening, which
the server writes where a turn begins. Between two messages of one turn the model writes the
opening too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.compat.encoding import (
    HarmonyEncoding,
    HarmonyEncodingName,
    load_harmony_encoding,
)
from harmony_grammar.grammar import given

if TYPE_CHECKING:
    from collections.abc import Collection

    from harmony_grammar.api import Grammar
    from harmony_grammar.compat.rendering import RenderConversationConfig
    from harmony_grammar.tree import Conversation

__all__ = ["loss_mask"]

_DEFAULT: Final = HarmonyEncodingName.HARMONY_GPT_OSS


def loss_mask(  # noqa: PLR0913  one of them is an old name
    conversation: Conversation,
    train_on: Collection[str | None] | None = None,
    headers: bool = True,  # noqa: FBT001, FBT002  its place is part of the interface
    *,
    config: RenderConversationConfig | None = None,
    grammar: Grammar | None = None,
    encoding: HarmonyEncoding | None = None,
) -> list[bool]:
    """Which ids of a rendered conversation the model is to learn.

    Args:
        conversation: the conversation.
        train_on: the channels whose messages are learned; None for all channels of the format.
            None among them stands for messages without a channel.
        headers: whether the headers that the model writes are learned, too. Bodies and
            terminators always are.
        config: how the conversation is rendered. None drops what the reference drops, but never
            the reasoning of the last answer.
        grammar: the grammar; the default one if None.
        encoding: the old name of `grammar`: an encoding with the grammar.

    Returns:
        One bool for each id of `render_conversation_for_training(conversation, config)`.

    Raises:
        RenderError: if the format cannot write the conversation.

    Example:
        >>> from harmony_grammar import Conversation, Message, Role
        >>> hello = Message.from_role_and_content(Role.ASSISTANT, "Hello!").with_channel("final")
        >>> loss_mask(Conversation((hello,)), headers=False)
        [False, False, False, False, False, True, True, True]
    """
    grammar = given(grammar, None if encoding is None else encoding.grammar, "encoding")
    encoding = HarmonyEncoding(grammar) if grammar else load_harmony_encoding(_DEFAULT)
    channels = encoding.grammar.channels if train_on is None else train_on
    rendering = encoding.render_with_spans(conversation, config, training=True)
    mask = [False] * len(rendering.ids)
    model, turn_goes_on = encoding.grammar.rules.meaning.model_role, False
    for spans in rendering.spans:
        spoken = spans.message.author.role == model
        if spoken and spans.message.channel in channels:
            begin = spans.header.start if turn_goes_on else spans.opening.end
            begin = begin if headers else spans.body.start
            mask[begin : spans.span.end] = [True] * (spans.span.end - begin)
        turn_goes_on = spoken
    return mask
