"""A program written for the reference, with its import changed: it runs, and its types hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harmony_grammar import (
    Conversation,
    DeveloperContent,
    HarmonyEncodingName,
    HarmonyError,
    Message,
    RenderConversationConfig,
    Role,
    StreamableParser,
    StreamState,
    SystemContent,
    load_harmony_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def prompt() -> list[int]:
    """The ids of a conversation, ready for the model to go on with."""
    enc = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    convo = Conversation.from_messages(
        [
            Message.from_role_and_content(
                Role.SYSTEM,
                SystemContent.new(),
            ),
            Message.from_role_and_content(
                Role.DEVELOPER,
                DeveloperContent.new().with_instructions("Talk like a pirate!"),
            ),
            Message.from_role_and_content(Role.USER, "Arrr, how be you?"),
        ]
    )
    return enc.render_conversation_for_completion(
        convo, Role.ASSISTANT, config=RenderConversationConfig(auto_drop_analysis=True)
    )


def answer(completion: Iterable[int]) -> str:
    """The text of the last message that the model wrote."""
    enc = load_harmony_encoding("HarmonyGptOss")
    parsed = enc.parse_messages_from_completion_tokens(list(completion), role=Role.ASSISTANT)
    return parsed[-1].text


def streamed(completion: Iterable[int]) -> list[tuple[str | None, str]]:
    """The channel and the text of each id that adds text."""
    enc = load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    stream, told = StreamableParser(enc, role=Role.ASSISTANT), list[tuple[str | None, str]]()
    for token in completion:
        stream.process(token)
        delta: str | None = stream.last_content_delta
        if stream.state is StreamState.CONTENT and delta is not None:
            told.append((stream.current_channel, delta))
    try:
        stream.process_eos()
    except HarmonyError as error:
        told.append((None, str(error)))
    return told
