"""Rendering: what is written for new nodes, what is kept of old ones, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import harmony_grammar as hg

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

ASSISTANT = hg.Author(hg.Role.ASSISTANT)
CALL = hg.Message(
    ASSISTANT,
    [hg.TextContent("{}")],
    "commentary",
    "functions.f",
    "<|constrain|>json",  # type: ignore[arg-type]
)


def said(text: str, channel: str | None = None) -> hg.Message:
    return hg.Message(ASSISTANT, [hg.TextContent(text)], channel)


def test_the_two_spellings_of_a_call() -> None:
    tail = " <|constrain|>json<|message|>{}<|call|>"
    first = "<|start|>assistant to=functions.f<|channel|>commentary" + tail
    behind = "<|start|>assistant<|channel|>commentary to=functions.f" + tail
    assert hg.render(CALL) == hg.render(CALL, spelling="openai") == first
    assert hg.render(CALL, spelling="model") == behind


def test_a_result_names_its_recipient_first_in_both() -> None:
    tool = hg.Author.new(hg.Role.TOOL, "functions.f")
    result = hg.Message(tool, [hg.TextContent("5")], "commentary", "assistant")
    text = "<|start|>functions.f to=assistant<|channel|>commentary<|message|>5<|end|>"
    assert hg.render(result) == hg.render(result, spelling="model") == text


def test_a_changed_message_keeps_its_order() -> None:
    text = "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    (message,) = hg.parse(text)
    assert hg.render(message.with_recipient("functions.g")) == text.replace(".f", ".g")


def test_a_message_whose_call_is_taken_away_ends_anew() -> None:
    (message,) = hg.parse("<|start|>assistant to=f<|channel|>commentary<|message|>{}<|call|>")
    plain = hg.Message(message.author, message.content, message.channel)
    assert hg.render(plain) == "<|start|>assistant<|channel|>commentary<|message|>{}<|end|>"


def test_several_contents_are_joined_in_text_and_encoded_apart() -> None:
    user = hg.Message.from_role_and_content(hg.Role.USER, "Hel").adding_content("lo")
    assert hg.render(user) == "<|start|>user<|message|>Hello<|end|>"
    vocabulary = hg.Vocabulary.default()
    body = hg.encode(user)[3:-1]
    assert body == vocabulary.encode("Hel") + vocabulary.encode("lo")


def test_a_message_without_contents_has_an_empty_body() -> None:
    assert hg.render(hg.Message(hg.Author(hg.Role.USER))) == "<|start|>user<|message|><|end|>"


def test_text_refuses_what_spells_a_token_and_ids_take_it() -> None:
    user = hg.Message.from_role_and_content(hg.Role.USER, "say <|end|>")
    with pytest.raises(hg.RenderError, match=r"<\|end\|> at character 4.*render it to ids"):
        hg.render(user)
    ids = hg.encode(user)
    assert ids.count(200007) == 1
    assert hg.parse(ids).messages == [user]


@pytest.mark.parametrize(
    ("message", "match"),
    [
        (hg.Message(hg.Author(hg.Role.TOOL)), "needs the tool's name"),
        (said("x", "finale"), "no channel 'finale': did you mean 'final'"),
        (said("x", "zzz"), "no channel 'zzz': there are analysis, commentary, final"),
        (replace(CALL, channel="final"), "no message of the format has role 'assistant', channel"),
        (replace(CALL, recipient="functions."), "recipient 'functions.'"),
        (replace(CALL, content_type=hg.ContentType("a b")), "content_type 'a b'"),
        (hg.Message(hg.Author(hg.Role.USER, "a b")), "name 'a b'"),
        (hg.Message(hg.Author(hg.CustomRole("critic"))), "no role 'critic'"),
    ],
)
def test_what_the_format_cannot_write_is_refused(message: hg.Message, match: str) -> None:
    with pytest.raises(hg.RenderError, match=match):
        hg.render(message)
    with pytest.raises(hg.RenderError, match=match):
        hg.encode(message)


@pytest.mark.parametrize(
    ("content", "role"),
    [(hg.SystemContent(), "system"), (hg.DeveloperContent(), "developer")],
)
def test_a_content_belongs_to_its_role(content: hg.Content, role: str) -> None:
    own = hg.Message.from_role_and_content(hg.Role(role), content)
    assert hg.render(own).startswith(f"<|start|>{role}<|message|>")
    with pytest.raises(
        hg.RenderError, match=f"belongs in a {role} message, not in one of the user"
    ):
        hg.render(hg.Message.from_role_and_content(hg.Role.USER, content))


@pytest.mark.parametrize(
    ("messages", "start", "text"),
    [
        ((said("a", "analysis"), said("b", "final")), "completion", "<|return|>"),
        ((said("a", "analysis"), CALL), "completion", "<|call|>"),
        ((said("b", "final"),), "conversation", "<|end|>"),
    ],
)
def test_what_ends_the_last_message(
    messages: tuple[hg.Message, ...], start: Start, text: str
) -> None:
    written = hg.render(hg.Conversation(list(messages), start=start))
    assert written.endswith(text)
    assert hg.parse(written, start).messages == list(messages)


def test_what_is_no_completion_or_prompt_is_refused() -> None:
    user = hg.Message.from_role_and_content(hg.Role.USER, "Hi")
    with pytest.raises(hg.RenderError, match="at least one message"):
        hg.render(hg.Conversation(start="completion"))
    with pytest.raises(hg.RenderError, match="role 'user'"):
        hg.render(hg.Conversation([user], start="completion"))
    with pytest.raises(hg.RenderError, match="functions"):
        hg.render(hg.Conversation([CALL, said("a", "final")], start="completion"))
    with pytest.raises(hg.RenderError, match="ends in an open message"):
        hg.render(hg.Conversation([user], start="prompt"))


@pytest.mark.parametrize(
    "text",
    [
        "<|start|>assistant",
        "<|start|>assistant<|channel|>",
        "<|start|>assistant to=functions.f<|channel|>",
        "<|start|>assistant<|channel|>final",
        "<|start|>assistant<|channel|>final<|message|>",
        "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{",
    ],
)
def test_a_prompt_may_be_open_anywhere(text: str) -> None:
    tree = hg.parse(text, "prompt")
    assert tree.open_message is not None
    assert hg.render(tree) == hg.render(tree.open_message) == text
    ids = hg.encode(tree)
    assert hg.encode(hg.parse(ids, "prompt")) == ids
    assert hg.parse(hg.render(tree.canonical()), "prompt") == tree


def test_a_new_open_message_ends_where_its_fields_do() -> None:
    bare = hg.OpenMessage(ASSISTANT)
    assert hg.render(bare) == "<|start|>assistant"
    assert hg.render(hg.Conversation([], bare)) == "<|start|>assistant"
    addressed = hg.OpenMessage(ASSISTANT, recipient="functions.f")
    assert hg.render(addressed) == "<|start|>assistant to=functions.f"
    begun = hg.OpenMessage(ASSISTANT, [], "final")
    assert hg.render(begun) == "<|start|>assistant<|channel|>final<|message|>"


SYSTEM = "<|start|>system<|message|># Valid channels: analysis, final, critique.<|end|>"
CRITIQUE = "<|start|>assistant<|channel|>critique<|message|>Weak.<|end|>"


def test_a_system_message_declares_channels() -> None:
    tree = hg.parse(SYSTEM + CRITIQUE)
    assert [message.channel for message in tree] == [None, "critique"]
    assert hg.render(tree) == hg.render(tree.canonical()) == SYSTEM + CRITIQUE
    assert hg.render(tree.messages[1]) == CRITIQUE
    assert hg.parse(hg.encode(tree)) == tree
    assert hg.check(CRITIQUE).status == "malformed"
    assert hg.check(SYSTEM + CRITIQUE[:35]).status == "truncated"
    assert hg.check(SYSTEM + SYSTEM.replace(", critique", "") + CRITIQUE).status == "malformed"
    with pytest.raises(hg.RenderError, match="no channel 'critique'"):
        hg.render(tree.messages[1].canonical())


def test_a_system_content_declares_channels() -> None:
    system = hg.SystemContent.new().with_required_channels(["analysis", "critique"])
    tree = hg.Conversation(
        [hg.Message.from_role_and_content(hg.Role.SYSTEM, system), said("Weak.", "critique")]
    )
    assert hg.render(tree).endswith(CRITIQUE)


def test_a_line_of_channels_that_cannot_be_read_declares_none() -> None:
    broken = "<|start|>system<|message|># Valid channels: a b<|end|>"
    assert hg.parse(broken).messages[0].text == "# Valid channels: a b"


def test_invalid_utf8_is_replaced_in_text_and_kept_in_ids() -> None:
    single = hg.Vocabulary.default().encoding.encode_single_token
    ids = [200006, 1428, 200008, single(b"\xf0"), single(b"a"), 200007]
    tree = hg.parse(ids)
    assert tree.messages[0].text == "\ufffda"
    assert hg.encode(tree) == ids
    assert hg.render(tree) == "<|start|>user<|message|>\ufffda<|end|>"


def test_half_a_character_has_no_ids() -> None:
    user = hg.Message.from_role_and_content(hg.Role.USER, "a\ud800")
    assert hg.parse(hg.render(user)).messages == [user]
    with pytest.raises(hg.RenderError, match=r"lone surrogate at character 1 .*errors='replace'"):
        hg.encode(user)


def test_an_encoding_of_ones_own() -> None:
    grammar = hg.Grammar.default().using(hg.Vocabulary.default().encoding)
    text = "<|start|>user<|message|>Hi<|end|>"
    assert grammar.encode(grammar.parse(text)) == hg.encode(hg.parse(text))
    assert grammar.using(grammar.vocabulary).vocabulary is grammar.vocabulary


def test_arrays_of_ids_are_read() -> None:
    numpy = pytest.importorskip("numpy")
    ids = hg.encode(hg.parse("<|start|>user<|message|>Hi<|end|>"))
    for source in (tuple(ids), iter(ids), numpy.array(ids)):
        assert hg.parse(source).messages[0].text == "Hi"


def test_memory_of_headers_is_bounded() -> None:
    grammar = hg.Grammar.from_text(hg.Grammar.default().text)
    for number in range(5000):
        text = f"<|start|>user:n{number}<|message|>x<|end|>"
        assert grammar.render(grammar.parse(text).canonical()) == text
