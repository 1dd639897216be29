"""Streams: characters cut anywhere, unknown ids, refusals, recovery, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_conversations import conversations

from harmony_grammar import (
    Conversation,
    HarmonyEncoding,
    HarmonyError,
    HarmonySyntaxError,
    Role,
    StreamableParser,
    StreamState,
    load_harmony_encoding,
    recover,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "<|start|>assistant<|channel|>final<|message|>"
MARK = "\ufffd"


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


@pytest.fixture(scope="module")
def marked(encoding: HarmonyEncoding) -> Callable[[str], list[int]]:
    return lambda text: encoding.encode(text, allowed_special="all")


@pytest.fixture(scope="module")
def id_of(encoding: HarmonyEncoding) -> dict[bytes, int]:
    return {piece: token for token, piece in encoding.vocabulary.pieces.items()}


def pulled(stream: StreamableParser, ids: list[int]) -> str:
    """The deltas of ids, joined."""
    return "".join(stream.process(token).last_content_delta or "" for token in ids)


_bytes = st.lists(
    st.binary(min_size=1, max_size=3)
    | st.sampled_from(("🦜".encode(), "é".encode(), b"ab", b"\xf0\x9f", b" \xe6", b"\xff"))
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(body=_bytes, cut=st.integers(0, 40))
def test_bytes_become_text_as_python_decodes_them(
    encoding: HarmonyEncoding,
    marked: Callable[[str], list[int]],
    id_of: dict[bytes, int],
    body: bytes,
    cut: int,
) -> None:
    ids = [id_of[body[at : at + 1]] for at in range(len(body))]
    expected = body.decode("utf-8", "replace")
    stream = StreamableParser(encoding, None).process_many(marked(HEADER))
    deltas = pulled(stream, ids[:cut])
    assert deltas == stream.current_content
    assert expected.startswith(deltas.rstrip(MARK))
    deltas += pulled(stream, [*ids[cut:], *marked("<|end|>")])
    many = StreamableParser(encoding, None).process_many([*marked(HEADER), *ids])
    whole = encoding.parse_messages_from_completion_tokens([*marked(HEADER), *ids])
    assert deltas == stream.messages[0].text == whole[0].text == expected
    assert many.process_eos().messages == whole
    assert many.messages[0].content[0] == whole[0].content[0]


def test_nothing_is_lost_after_an_unknown_id(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    ids = [*marked(HEADER), *marked("a"), 4103, 300_000, -1, *marked("b<|end|>")]
    stream = StreamableParser(encoding, None)
    assert pulled(stream, ids) == f"a{MARK * 3}b"
    assert stream.tokens == ids
    assert encoding.parse_messages_from_completion_tokens(ids) == stream.messages
    many = StreamableParser(encoding, None).process_many(ids)
    assert many.messages == stream.messages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hi", "text-between-messages"),
        ("<|end|>", "unexpected-token"),
        ("<|start|>us<|message|>", "unknown-role"),
        ("<|start|>assistant<|channel|>final<|end|>", "missing-message"),
        (HEADER + "Hi<|start|>", "missing-terminator"),
        (HEADER + "Hi<|call|>", "call-without-recipient"),
        (HEADER + "Hi<|endoftext|>", "foreign-token"),
        ("<|start|>assistant<|channel|>oops<|message|>", "unknown-channel"),
    ],
)
def test_a_refused_id_is_not_taken(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]], text: str, code: str
) -> None:
    *before, refused = marked(text)
    stream = StreamableParser(encoding, None).process_many(before)
    state = (stream.state_data, stream.tokens, stream.current_content, stream.messages)
    with pytest.raises(HarmonySyntaxError) as raised:
        stream.process(refused)
    assert state == (stream.state_data, stream.tokens, stream.current_content, stream.messages)
    with pytest.raises(HarmonySyntaxError) as whole:
        encoding.parse_messages_from_completion_tokens([*before, refused])
    assert raised.value.diagnostic == whole.value.diagnostic
    assert raised.value.diagnostic.code == code


def test_a_stream_goes_on_after_its_end(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    stream = StreamableParser(encoding, Role.ASSISTANT)
    stream.process_many(marked("<|channel|>analysis<|message|>Hm")).process_eos()
    assert stream.state is StreamState.EXPECT_START
    stream.process_eos().process_many(marked(HEADER + "Hi<|return|>"))
    assert [message.text for message in stream.messages] == ["Hm", "Hi"]


def test_what_follows_an_opening_is_rendered_as_the_model_wrote_it(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    completion = marked(
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
    )
    stream = StreamableParser(encoding, Role.ASSISTANT).process_many(completion)
    history = encoding.render_conversation(Conversation.from_messages(stream.messages))
    assert history == marked("<|start|>assistant") + completion


def test_ids_of_an_array_and_wrong_ids(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    np = pytest.importorskip("numpy")
    ids = np.array(marked(HEADER + "Hi<|end|>"))
    stream = StreamableParser(encoding, None)
    for token in ids:
        stream.process(token)
    assert stream.messages == encoding.parse_messages_from_completion_tokens(ids)
    with pytest.raises(TypeError):
        stream.process("a")  # type: ignore[arg-type]
    assert stream.tokens == ids.tolist()


# --- not strict ---

_damage = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9) | st.none()), min_size=1, max_size=3
)


@settings(max_examples=100, deadline=None)
@given(conversation=conversations(most=3), damage=_damage, inside=st.booleans())
def test_nothing_is_refused_when_not_strict(
    encoding: HarmonyEncoding, conversation: Conversation, damage: list[Any], *, inside: bool
) -> None:
    ids = encoding.render_conversation(conversation)
    for source, target in damage:  # moves an id elsewhere, or removes it
        token = ids.pop(source % len(ids)) if ids else 200_008
        if target is not None:
            ids.insert(target % (len(ids) + 1), token)
    role = Role.ASSISTANT if inside else None
    stream = StreamableParser(encoding, role, strict=False)
    messages = stream.process_many(ids).process_eos().messages
    parse = encoding.parse_messages_from_completion_tokens
    assert parse(ids, role, strict=False) == messages
    try:
        assert parse(ids, role) == messages
    except HarmonyError:
        recovered = recover(ids, "completion" if inside else "conversation").messages
        assert [m.to_dict() for m in messages] == [m.to_dict() for m in recovered]


def test_a_stream_that_is_not_strict_says_what_it_reads(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    stream = StreamableParser(encoding, Role.ASSISTANT, strict=False)
    stream.process_many(
        marked("<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final")
    )
    assert [message.text for message in stream.messages] == ["Hm"]
    assert stream.state is StreamState.HEADER
    assert pulled(stream, marked("<|message|>Hi")) == "Hi"
    assert (stream.current_channel, stream.current_role) == ("final", Role.ASSISTANT)
    assert (stream.current_content, stream.last_content_delta) == ("Hi", "Hi")
    assert stream.state_data["header"]["channel"] == "final"
    assert stream.process_eos().messages[1].offsets == (4, 9, 10, 10)
    with pytest.raises(HarmonyError, match="has ended"):
        stream.process(200_006)


def test_what_follows_any_opening_is_mended(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    ids = marked("<|message|>Hi<|start|>assistant<|channel|>final<|message|>Ho<|end|>")
    stream = StreamableParser(encoding, Role.USER, strict=False).process_many(ids)
    assert [(m.author.role, m.text) for m in stream.messages] == [
        (Role.USER, "Hi"),
        (Role.ASSISTANT, "Ho"),
    ]
    assert [m.offsets for m in stream.messages] == [(0, 1, 2, 2), (2, 7, 8, 9)]


def test_a_mended_stream_tells_no_text_twice(
    encoding: HarmonyEncoding, marked: Callable[[str], list[int]]
) -> None:
    stream = StreamableParser(encoding, Role.ASSISTANT, strict=False)
    told = pulled(stream, marked("<|channel|>final<|message|>One <|constrain|> two<|end|>"))
    assert told == stream.messages[0].text == "One <|constrain|> two"
