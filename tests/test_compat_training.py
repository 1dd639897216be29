"""Training: the loss mask, the spans, and what they take of memory."""

from __future__ import annotations

import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_conversations import CHANNELS, conversations

from harmony_grammar import (
    Author,
    Conversation,
    HarmonyEncoding,
    Message,
    RenderConversationConfig,
    Role,
    StreamableParser,
    load_harmony_encoding,
    loss_mask,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEEP = RenderConversationConfig(drop_policy="none")


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


@pytest.fixture(scope="module")
def talk() -> Conversation:
    say = Message.from_role_and_content
    tool = Message.from_author_and_content(Author.new(Role.TOOL, "functions.f"), "12")
    call = say(Role.ASSISTANT, "{}").with_channel("commentary").with_recipient("functions.f")
    return Conversation.from_messages(
        [
            say(Role.USER, "Q"),
            say(Role.ASSISTANT, "R").with_channel("analysis"),
            call,
            tool.with_channel("commentary").with_recipient("assistant"),
            say(Role.ASSISTANT, "A").with_channel("final"),
        ]
    )


@pytest.fixture(scope="module")
def learned(encoding: HarmonyEncoding) -> Callable[..., str]:
    def decode(conversation: Conversation, *arguments: Any, **options: Any) -> str:
        ids = encoding.render_conversation_for_training(conversation, options.get("config"))
        mask = loss_mask(conversation, *arguments, **options)
        assert len(mask) == len(ids)
        return encoding.decode([token for token, learn in zip(ids, mask, strict=True) if learn])

    return decode


def test_what_the_model_writes_is_learned(talk: Conversation, learned: Callable[..., str]) -> None:
    reasoning, call = "<|channel|>analysis<|message|>R<|end|>", "<|start|>assistant to=functions.f"
    rest = "<|channel|>commentary<|message|>{}<|call|>", "<|channel|>final<|message|>A<|return|>"
    assert learned(talk) == reasoning + call + "".join(rest)
    assert learned(talk, headers=False) == "R<|end|>{}<|call|>A<|return|>"
    assert learned(talk, ["final"]) == rest[1]
    assert learned(talk, ("final",), False) == "A<|return|>"  # noqa: FBT003  its place is public
    assert learned(talk, ()) == ""


def test_reasoning_is_dropped_only_when_asked(
    talk: Conversation, learned: Callable[..., str]
) -> None:
    assert "R" in learned(talk)
    assert "R" not in learned(talk, config=RenderConversationConfig())
    assert "R" in learned(talk, config=KEEP)
    twice = Conversation([*talk.messages, *talk.messages])
    assert learned(twice).count("R<|end|>") == 1


def test_messages_without_a_channel_are_learned_when_asked(learned: Callable[..., str]) -> None:
    bare = Conversation([Message.from_role_and_content(Role.ASSISTANT, "A")])
    assert learned(bare) == ""
    assert learned(bare, [None]) == "<|message|>A<|end|>"


@settings(max_examples=100, deadline=None)
@given(
    conversation=conversations(),
    train_on=st.none() | st.sets(st.sampled_from(CHANNELS)),
    headers=st.booleans(),
    config=st.sampled_from((None, KEEP, RenderConversationConfig())),
)
def test_the_mask_fits_the_ids(
    encoding: HarmonyEncoding,
    conversation: Conversation,
    train_on: set[str] | None,
    config: RenderConversationConfig | None,
    *,
    headers: bool,
) -> None:
    ids = encoding.render_conversation_for_training(conversation, config)
    mask = loss_mask(conversation, train_on, headers, config=config)
    assert len(mask) == len(ids)
    for spans in encoding.render_with_spans(conversation, config, training=True).spans:
        message, bodies = spans.message, mask[spans.body.start : spans.span.end]
        spoken = message.author.role is Role.ASSISTANT
        trained = spoken and message.channel in (CHANNELS if train_on is None else train_on)
        assert set(bodies) == {trained}
        assert mask[spans.opening.end : spans.body.start].count(trained and headers) == (
            spans.body.start - spans.opening.end
        )
        assert encoding.decode(ids[slice(*spans.body)]) == message.text
        assert spans.opening.end <= spans.header.end == spans.body.start
        assert spans.terminator.end - spans.terminator.start == 1


def test_a_long_conversation_takes_little_memory(encoding: HarmonyEncoding) -> None:
    body = "".join(f"Paragraph {n} is about the number {n * n}, é and 🦜.\n" for n in range(700))
    roles = (Role.USER, Role.ASSISTANT)
    talk = Conversation.from_messages(
        [Message.from_role_and_content(roles[n % 2], f"{n} {body}") for n in range(300)]
    )
    assert sum(len(message.text.encode()) for message in talk) > 10_000_000
    encoding.parse_messages_from_completion_tokens(encoding.render_conversation(talk)[:50_000])
    tracemalloc.start()
    try:
        ids = encoding.render_conversation(talk)
        messages = encoding.parse_messages_from_completion_tokens(ids)
        stream = StreamableParser(encoding, None).process_many(ids)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(messages) == len(stream.messages) == len(talk)
    # As Python ints: a pointer in a list and an object, for each id.
    assert peak < 6 * len(ids) * (8 + sys.getsizeof(200_000))
