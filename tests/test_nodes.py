"""The tree: constructors, builders, wire JSON, and what takes no part in equality."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.tree import HeaderSpelling

PROMPT = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>final<|message|>So"

names = st.one_of(st.none(), st.text(max_size=8))
messages = st.builds(
    hg.Message,
    st.builds(hg.Author, st.sampled_from(hg.Role), names),
    st.lists(st.text().map(hg.TextContent), max_size=3),
    names,
    names,
    names,
)


def reference_message(message: hg.Message) -> Any:
    """The same message as an object of the reference implementation."""
    reference: Any = importlib.import_module("openai_harmony")
    author = reference.Author(
        role=reference.Role(message.author.role.value), name=message.author.name
    )
    return reference.Message(
        author=author,
        content=[
            reference.TextContent(text=piece.text)
            for piece in message.content
            if isinstance(piece, hg.TextContent)
        ],
        channel=message.channel,
        recipient=message.recipient,
        content_type=message.content_type,
    )


@given(messages)
def test_wire_json_is_that_of_the_reference(message: hg.Message) -> None:
    theirs = reference_message(message)
    assert message.to_json() == theirs.to_json()
    assert hg.Message.from_json(theirs.to_json()) == message


@given(st.lists(messages, max_size=3))
def test_a_conversation_goes_through_wire_json(written: list[hg.Message]) -> None:
    conversation = hg.Conversation.from_messages(written)
    assert hg.Conversation.from_json(conversation.to_json()) == conversation
    assert list(conversation) == written
    assert len(conversation) == len(written)


def test_a_prompt_goes_through_wire_json() -> None:
    for text in (PROMPT, PROMPT.removesuffix("<|message|>So"), PROMPT.removesuffix("So")):
        tree = hg.parse(text, "prompt")
        again = hg.Conversation.from_json(tree.to_json())
        assert again == tree
        assert again.start == "prompt"
        assert hg.render(again) == text


def test_a_text_may_stand_for_a_list_of_contents() -> None:
    message = hg.Message.from_dict({"role": "user", "content": "Hi"})
    assert message.content == [hg.TextContent("Hi")]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"role": "nobody", "content": "x"}, "Unknown role: 'nobody'"),
        ({"role": "user", "content": [{"type": "image"}]}, "Unknown content variant"),
        ({"role": "user", "content": [{}]}, "Unknown content variant"),
    ],
)
def test_wire_json_of_no_known_kind_is_refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        hg.Message.from_dict(data)


def test_builders_change_their_object_and_return_it() -> None:
    plain = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "{}")
    built = (
        plain.with_channel("commentary")
        .with_recipient("functions.f")
        .with_content_type("<|constrain|>json")
        .adding_content("\n")
    )
    assert built is plain
    assert built.text == "{}\n"
    assert built.content_type is not None
    assert (built.content_type.name, built.content_type.constrained) == ("json", True)
    built.channel = "final"
    built.content.append(hg.TextContent("x"))
    assert (plain.channel, plain.text) == ("final", "{}\nx")


def test_content_types_know_their_parts() -> None:
    bare = hg.ContentType("json")
    assert (bare.name, bare.constrained) == ("json", False)
    assert hg.ContentType("<|constrain|> json").name == "json"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: hg.TextContent(1), "TextContent.text must be str, not int"),  # type: ignore[arg-type]
        (lambda: hg.Author(1), "Author.role must be str, not int"),  # type: ignore[arg-type]
        (lambda: hg.Author(hg.Role.USER, 1), "Author.name must be str or None"),  # type: ignore[arg-type]
        (lambda: hg.Message("user"), "Message.author must be Author, not str"),  # type: ignore[arg-type]
        (
            lambda: hg.Message(hg.Author(hg.Role.USER), 5),  # type: ignore[arg-type]
            "Message.content must be list or tuple, not int",
        ),
        (
            lambda: hg.Message(hg.Author(hg.Role.USER), [5]),  # type: ignore[list-item]
            "an item of Message.content must be Content, not int",
        ),
        (
            lambda: hg.Message(hg.Author(hg.Role.USER), channel=5),  # type: ignore[arg-type]
            "Message.channel must be str or None, not int",
        ),
        (lambda: hg.Conversation(["x"]), "an item of Conversation.messages must be Message"),  # type: ignore[list-item]
        (lambda: hg.Conversation("x"), "Conversation.messages must be list or tuple"),  # type: ignore[arg-type]
        (lambda: hg.OpenMessage("x"), "OpenMessage.author must be Author"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_type_is_told_by_its_field(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make()


def test_a_role_may_be_given_as_its_word() -> None:
    assert hg.Author("user").role is hg.Role.USER  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Unknown role: 'usr'"):
        hg.Author("usr")  # type: ignore[arg-type]


def test_how_it_was_written_takes_no_part_in_equality() -> None:
    tree = hg.parse(PROMPT, "prompt")
    assert tree.open_message is not None
    assert tree.canonical() == tree
    (message,) = tree
    assert message.header == HeaderSpelling(
        ("_START", "USER", "_MESSAGE"), "<|start|>user<|message|>", None, "<|start|>user<|message|>"
    )
    assert (message.terminator, message.canonical().terminator) == ("<|end|>", None)
    assert message.canonical().offsets is None
    assert tree.open_message.canonical().header is None


def test_spans_name_the_parts_of_a_message() -> None:
    (message,) = hg.parse(PROMPT, "prompt")
    spans = (message.span, message.header_span, message.body_span, message.terminator_span)
    assert spans == ((0, 33), (0, 24), (24, 26), (26, 33))
    assert message.canonical().span is None


def test_a_tree_survives_pickling() -> None:
    tree = hg.parse(PROMPT, "prompt")
    again = pickle.loads(pickle.dumps(tree))  # noqa: S301  our own bytes
    assert again == tree
    assert hg.render(again) == PROMPT
