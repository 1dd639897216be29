"""In the place of oss-harmony, and with errors where the reference has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.strategies import damaged

NAME = "HarmonyGptOss"
OSS = hg.load_harmony_encoding(NAME, spelling="oss")
OPENAI = hg.load_harmony_encoding(NAME)


def call(channel: str = "commentary") -> hg.Message:
    message = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "{}").with_channel(channel)
    return message.with_recipient("functions.f").with_content_type("json")


def result() -> hg.Message:
    author = hg.Author(hg.Role.TOOL, "functions.f")
    message = hg.Message.from_author_and_content(author, "5").with_channel("commentary")
    return message.with_recipient("assistant")


START = "<|start|>assistant"
CALL = "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
RESULT = "<|start|>functions.f<|channel|>commentary to=assistant<|message|>5<|end|>"
REASONING = " to=functions.f<|channel|>analysis <|constrain|>json<|message|>{}<|call|>"


@pytest.mark.parametrize(
    ("message", "text"),
    [(call(), START + CALL), (result(), RESULT), (call("analysis"), START + REASONING)],
)
def test_what_is_written(message: hg.Message, text: str) -> None:
    talk = hg.Conversation([message])
    config = hg.RenderConversationConfig(spelling="oss")
    assert OSS.decode(OSS.render(message)) == text
    assert OSS.decode(OSS.render_conversation(talk)) == text
    assert OSS.decode(OSS.render_conversation_for_training(talk)) == text
    assert OPENAI.decode(OPENAI.render_conversation(talk, config)) == text
    assert hg.render(message, spelling="oss") == text
    assert message in (call(), result(), call("analysis"))  # which it was given
    openai = hg.RenderConversationConfig(spelling="openai")
    assert OSS.render_conversation(talk, openai) == OPENAI.render_conversation(talk)


def test_what_was_read_is_written_as_it_was() -> None:
    text = "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}<|call|>"
    ids = OSS.encode(text, allowed_special="all")
    (message,) = OSS.parse_messages_from_completion_tokens(ids)
    assert OSS.render(message) == ids
    message.content[0].text = "[]"
    assert OSS.decode(OSS.render(message)) == text.replace("{}", "[]")


FURTHER: dict[str, tuple[str | None, ...]] = {
    "<|channel|>analysis<|channel|>final<|message|>Hi<|end|>": ("analysis", None, None),
    "<|channel|>commentary<|channel|>commentary to=f<|message|>{}<|call|>": (
        *("commentary", "f"),
        None,
    ),
    "<|channel|>commentary to=f<|channel|>commentary json<|message|>{}<|call|>": (
        *("commentary", "f"),
        "json",
    ),
    " to=f<|channel|>commentary<|channel|>final<|message|>{}<|call|>": ("commentary", "f", None),
}


@pytest.mark.parametrize(("text", "fields"), FURTHER.items())
def test_further_channels_are_passed_over(text: str, fields: tuple[str | None, ...]) -> None:
    ids = OSS.encode(text, allowed_special="all")
    (message,) = OSS.parse_messages_from_completion_tokens(ids, hg.Role.ASSISTANT)
    assert (message.channel, message.recipient, message.content_type) == fields
    stream = hg.StreamableParser(OSS, hg.Role.ASSISTANT)
    for token in ids:
        stream.process(token)
    assert stream.messages == [message]
    opening = OSS.render_conversation_for_completion(hg.Conversation(), hg.Role.ASSISTANT)
    assert OSS.render(message) == opening + ids
    with pytest.raises(hg.HarmonySyntaxError, match="second channel"):
        OPENAI.parse_messages_from_completion_tokens(ids, hg.Role.ASSISTANT)


def test_there_are_three_spellings() -> None:
    assert hg.load_harmony_encoding(NAME, spelling="oss") is OSS
    assert (OSS.spelling, OPENAI.spelling) == ("oss", "openai")
    with pytest.raises(hg.RenderError, match="no spelling 'x': there are openai, model, oss"):
        hg.load_harmony_encoding(NAME, spelling="x")  # type: ignore[arg-type]
    with pytest.raises(hg.RenderError, match="no spelling 'x': there are openai, model, oss"):
        hg.RenderConversationConfig(spelling="x")  # type: ignore[arg-type]


# --- errors where the reference has them ---


def fed(text: str, role: hg.Role | None, **options: Any) -> hg.StreamableParser:
    stream = hg.StreamableParser(OPENAI, role, errors="reference", **options)
    for token in OPENAI.encode(text, allowed_special="all"):
        stream.process(token)
    return stream


LATE: dict[str, tuple[hg.Role | None, list[str], bool]] = {
    "Hello<|end|>": (hg.Role.ASSISTANT, [], True),
    "<|channel|>final<|message|>Hi<|return|>more": (hg.Role.ASSISTANT, ["Hi"], True),
    "x<|start|>user<|message|>Hi<|end|>": (None, ["Hi"], True),
    "<|start|>bogus<|message|>Hi<|end|><|start|>user<|message|>ok<|end|>": (None, ["ok"], True),
    "<|channel|>final<|message|>a<|start|>b<|end|>": (hg.Role.ASSISTANT, ["a<|start|>b"], False),
    "<|channel|>final<|message|>a<|channel|>b": (hg.Role.ASSISTANT, ["a<|channel|>b"], False),
    "<|channel|>commentary to=f<|message|>{}<|end|>": (hg.Role.ASSISTANT, ["{}"], False),
    "<|start|>user<|message|>Hi<|call|>": (None, ["Hi"], False),
}


@pytest.mark.parametrize(("text", "outcome"), LATE.items())
def test_nothing_is_told_before_the_end(
    text: str, outcome: tuple[hg.Role | None, list[str], bool]
) -> None:
    role, texts, wrong = outcome
    stream = fed(text, role)
    if wrong:
        with pytest.raises(hg.HarmonySyntaxError):
            stream.process_eos()
    else:
        stream.process_eos()
    assert [message.text for message in stream.messages] == texts


@given(damaged(start="completion"), st.sampled_from([hg.Role.ASSISTANT, None]))
def test_no_id_raises(text: str, role: hg.Role | None) -> None:
    stream = fed(text, role)
    assert stream.tokens == OPENAI.encode(text, allowed_special="all")
    try:
        stream.process_eos()
        strict = hg.StreamableParser(OPENAI, role).process_many(stream.tokens).process_eos()
    except hg.HarmonySyntaxError:
        return  # the reference does not mind all that we do
    assert stream.messages == strict.messages


def test_there_are_two_kinds_of_errors() -> None:
    with pytest.raises(ValueError, match="errors must be one of early, reference, not 'late'"):
        hg.StreamableParser(OPENAI, None, errors="late")  # type: ignore[arg-type]
