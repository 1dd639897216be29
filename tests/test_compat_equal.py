"""Equal to the reference: the same ids out, the same messages in, the same stream."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

import openai_harmony  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import oss_harmony
from strategies_conversations import conversations, messages, plain, plain_messages

from harmony_grammar import (
    Conversation,
    HarmonyEncoding,
    HarmonyError,
    Message,
    RenderConversationConfig,
    RenderOptions,
    Role,
    StreamableParser,
    TextContent,
    load_harmony_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harmony_grammar import Content

EXAMPLES = int(os.environ.get("HARMONY_EXAMPLES", "500"))
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
few = settings(max_examples=EXAMPLES // 5, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


class Peers(NamedTuple):
    """An implementation, and ours as it is in its place."""

    module: Any
    encoding: Any
    ours: HarmonyEncoding


@pytest.fixture(scope="module", params=["openai-harmony", "oss-harmony"])
def peers(request: pytest.FixtureRequest, reference_encoding: Any) -> Peers:
    if request.param == "openai-harmony":
        return Peers(openai_harmony, reference_encoding, load_harmony_encoding("HarmonyGptOss"))
    module = oss_harmony()
    if module is None:
        pytest.skip("oss-harmony is not there: see tests/peers.py")
    ours = load_harmony_encoding("HarmonyGptOss", spelling="oss")
    return Peers(module, module.load_harmony_encoding("HarmonyGptOss"), ours)


def their_content(module: Any, content: Content) -> Any:
    """The reference's object with the same fields, those that are None included."""
    kind = getattr(module, type(content).__name__)
    if isinstance(content, TextContent):
        return kind(text=content.text)
    return kind(**dataclasses.asdict(content))  # type: ignore[call-overload]  # all are


def their_message(module: Any, message: Message) -> Any:
    author = module.Author(role=message.author.role.value, name=message.author.name)
    return module.Message(
        author=author,
        content=[their_content(module, piece) for piece in message.content],
        channel=message.channel,
        recipient=message.recipient,
        content_type=message.content_type and str(message.content_type),
    )


def theirs(module: Any, conversation: Conversation) -> Any:
    return module.Conversation.from_messages([their_message(module, m) for m in conversation])


def wire(parsed: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(message.to_json()) for message in parsed]


@many
@given(
    conversation=conversations(messages(rich=True)), drop=st.booleans(), role=st.sampled_from(Role)
)
def test_both_render_the_same_ids(
    peers: Peers,
    conversation: Conversation,
    role: Role,
    *,
    drop: bool,
) -> None:
    module, reference_encoding, encoding = peers
    config = RenderConversationConfig(auto_drop_analysis=drop)
    their_config = module.RenderConversationConfig(auto_drop_analysis=drop)
    their_role = module.Role(role.value)
    same = theirs(module, conversation)
    history = reference_encoding.render_conversation(same, their_config)
    prompt = reference_encoding.render_conversation_for_completion(same, their_role, their_config)
    training = reference_encoding.render_conversation_for_training(same, their_config)
    assert encoding.render_conversation(conversation, config) == history
    assert encoding.render_conversation_for_completion(conversation, role, config) == prompt
    assert encoding.render_conversation_for_training(conversation, config) == training
    options = RenderOptions(conversation_has_function_tools=drop)
    their_options = module.RenderOptions(conversation_has_function_tools=drop)
    for message, their in zip(conversation, same, strict=True):
        assert encoding.render(message, options) == reference_encoding.render(their, their_options)


@many
@given(conversation=conversations())
def test_ids_parse_back_to_what_was_written(peers: Peers, conversation: Conversation) -> None:
    _, reference_encoding, encoding = peers
    config = RenderConversationConfig(auto_drop_analysis=False)
    ids = encoding.render_conversation(conversation, config)
    parsed = encoding.parse_messages_from_completion_tokens(ids)
    if encoding.spelling != "oss":  # which constrains every content type
        assert [m.canonical() for m in parsed] == [joined(m) for m in conversation]
    assert encoding.render_conversation(Conversation.from_messages(parsed), config) == ids
    shared = Conversation.from_messages([plain(m) for m in conversation])
    ids = encoding.render_conversation_for_training(shared)
    expected = wire(reference_encoding.parse_messages_from_completion_tokens(ids))
    assert wire(encoding.parse_messages_from_completion_tokens(ids)) == expected


def joined(message: Message) -> Message:
    """The message with its texts as one piece, as it is read."""
    return dataclasses.replace(message, content=[TextContent(message.text)])


@few
@given(message=plain_messages())
def test_both_parse_what_follows_an_opening(peers: Peers, message: Message) -> None:
    module, reference_encoding, encoding = peers
    role = message.author.role
    if not isinstance(role, Role) or role is Role.TOOL:
        return
    opening = encoding.render_conversation_for_completion(Conversation(), role)
    ids = encoding.render(message)[len(opening) :]
    their_role = module.Role(role.value)
    expected = wire(reference_encoding.parse_messages_from_completion_tokens(ids, their_role))
    parsed = encoding.parse_messages_from_completion_tokens(ids, role)
    assert wire(parsed) == expected
    assert encoding.render(parsed[0]) == opening + ids


def outcome(run: Callable[[], list[Any]]) -> object:
    """The messages, with where they were, or that there is an error."""
    try:
        return [(m.to_json(), m.offsets, m.terminator) for m in run()]
    except HarmonyError as error:
        return type(error)


@few
@given(conversation=conversations(most=2), damage=st.lists(st.integers(0, 10**9), max_size=3))
def test_a_stream_equals_the_whole_for_every_prefix(
    encoding: HarmonyEncoding, conversation: Conversation, damage: list[int]
) -> None:
    ids = encoding.render_conversation(conversation)[:90]
    for place in damage:  # shuffles an id to another place
        if ids:
            ids.insert(place % len(ids), ids.pop(place // 7 % len(ids)))
    for end in range(len(ids) + 1):
        prefix = ids[:end]

        def stream(prefix: list[int] = prefix) -> list[Message]:
            parser = StreamableParser(encoding, None)
            for token in prefix:
                parser.process(token)
            return parser.process_eos().messages

        def whole(prefix: list[int] = prefix) -> list[Message]:
            return encoding.parse_messages_from_completion_tokens(prefix)

        assert outcome(stream) == outcome(whole)


def seen(parser: Any) -> dict[str, Any]:
    role = parser.current_role
    return {
        "content": parser.current_content,
        "role": role and role.value,
        "channel": parser.current_channel,
        "recipient": parser.current_recipient,
        "content_type": parser.current_content_type,
        "delta": parser.last_content_delta,
        "state": parser.state.value,
        "data": parser.state_data,
        "tokens": parser.tokens,
        "messages": wire(parser.messages),
    }


@few
@given(conversation=conversations(plain_messages(), most=2))
def test_both_streams_say_the_same_after_every_id(peers: Peers, conversation: Conversation) -> None:
    module, reference_encoding, encoding = peers
    ours = StreamableParser(encoding, None)
    theirs = module.StreamableParser(reference_encoding, None)
    for token in encoding.render_conversation(conversation)[:150]:
        assert seen(ours.process(token)) == seen(theirs.process(token))
    if ours.state.value != "Header":
        assert seen(ours.process_eos()) == seen(theirs.process_eos())


@few
@given(conversation=conversations(most=3), cuts=st.lists(st.integers(1, 40), max_size=12))
def test_ids_taken_together_equal_ids_taken_one_by_one(
    encoding: HarmonyEncoding, conversation: Conversation, cuts: list[int]
) -> None:
    ids = encoding.render_conversation(conversation)
    one, many_ids, at = StreamableParser(encoding, None), StreamableParser(encoding, None), 0
    for cut in cuts:
        for token in ids[at : at + cut]:
            one.process(token)
        many_ids.process_many(ids[at : at + cut])
        at += cut
        assert seen(one) == seen(many_ids)
