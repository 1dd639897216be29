"""`StreamParser`: what it takes, what it holds back, and how it goes back."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

import numpy as np
import pytest
from recovery_inputs import encoded

import harmony_grammar as hg
from harmony_grammar import (
    ArgumentsDelta,
    DiagnosticCode,
    HarmonySyntaxError,
    HeaderCompleted,
    MessageEnded,
    MessageStarted,
    Repaired,
    StreamParser,
    TextDelta,
    TurnEnded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

OPENED = "<|channel|>final<|message|>"
BYTES = [hg.Vocabulary.default().encoding.encode_single_token(bytes([b])) for b in range(256)]


def opened(source: str | list[int] = OPENED, *, recover: bool = False) -> StreamParser:
    parser = StreamParser(recover=recover)
    assert [type(event) for event in parser.feed(source)] == [MessageStarted, HeaderCompleted]
    return parser


def test_a_call_is_told() -> None:
    parser = StreamParser()
    text = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>'
    events = parser.feed(text)
    message = hg.parse(text, "completion").messages[0]
    assert events == [
        MessageStarted(0, hg.Author(hg.Role.ASSISTANT), 0),
        HeaderCompleted(0, "commentary", "functions.f", hg.ContentType("<|constrain|>json")),
        ArgumentsDelta(0, '{"a":1}'),
        MessageEnded(0, message),
        TurnEnded("<|call|>", len(text)),
    ]
    assert parser.finish() == []
    assert parser.close() == hg.check(text, "completion")


@pytest.mark.parametrize("kind", [list, tuple, array, np.array, iter])
def test_ids_of_any_kind(kind: Callable[..., object]) -> None:
    ids = encoded(OPENED + "Hi<|return|>")
    source = array("i", ids) if kind is array else kind(ids)
    parser = StreamParser()
    parser.feed(source)  # type: ignore[arg-type]
    assert parser.close().status == "complete"


def test_single_ids_as_they_are() -> None:
    parser = StreamParser()
    for token in encoded(OPENED + "Hi<|return|>"):
        parser.feed(token)
    assert parser.close().status == "complete"


def test_a_list_that_is_changed_later_changes_nothing() -> None:
    parser = opened(encoded(OPENED))
    ids = encoded("Hello there")
    parser.feed(ids)
    ids.clear()
    report = parser.close()
    assert report.status == "truncated"
    recovering = opened(encoded(OPENED), recover=True)
    recovering.feed(ids := encoded("Hello there"))
    ids.clear()
    assert recovering.close().conversation.messages[0].text == "Hello there"


def test_unfinished_characters_are_held_back() -> None:
    parser = opened(encoded(OPENED))
    smile = [BYTES[byte] for byte in "🙂".encode()]
    assert [parser.feed([token]) for token in smile] == [[], [], [], [TextDelta(0, "🙂")]]
    assert parser.feed(smile[:2]) == []
    assert parser.feed(encoded("x")) == [TextDelta(0, "\ufffdx")]
    assert parser.feed(smile[:1]) == []
    assert parser.feed(encoded("<|return|>"))[0] == TextDelta(0, "\ufffd")


def test_a_token_spelled_in_part_is_held_back() -> None:
    parser = opened()
    assert parser.feed("a <|ret") == [TextDelta(0, "a ")]
    assert parser.feed("ina") == [TextDelta(0, "<|retina")]
    assert parser.feed("<|re") == []
    assert isinstance(parser.feed("turn|>")[0], MessageEnded)


def test_what_is_held_back_is_told_at_the_end() -> None:
    parser = opened(recover=True)
    assert parser.feed("a <|re") == [TextDelta(0, "a ")]
    delta, repaired, ended = parser.finish()
    assert delta == TextDelta(0, "<|re")
    assert isinstance(repaired, Repaired)
    assert isinstance(ended, MessageEnded)
    assert ended.message.text == "a <|re"
    assert parser.finish() == []


def test_what_depends_on_what_follows_waits() -> None:
    parser = StreamParser(recover=True)
    assert parser.feed("Must refuse.") == []
    assert parser.feed("<|end|>") == []
    assert parser.feed("<|start|>assistant<|channel|>final") == []
    events = parser.feed("<|message|>")
    assert isinstance(events[0], Repaired)
    assert events[0].repair.code is DiagnosticCode.HEADERLESS
    assert events[2] == HeaderCompleted(0, "analysis", None, None)
    assert events[3] == TextDelta(0, "Must refuse.")


def test_a_channel_in_a_body_waits() -> None:
    parser = opened(recover=True)
    assert parser.feed("a<|channel|>analysis") == [TextDelta(0, "a")]
    assert [type(event) for event in parser.feed("<|message|>b")] == [
        Repaired,
        MessageEnded,
        MessageStarted,
        HeaderCompleted,
        TextDelta,
    ]


@pytest.mark.parametrize("unit", ["text", "ids"])
def test_strict_streams_raise_what_parse_raises(unit: str) -> None:
    text = OPENED + "a<|call|>"
    source = text if unit == "text" else encoded(text)
    with pytest.raises(HarmonySyntaxError) as wanted:
        hg.parse(source, "completion")
    parser = StreamParser()
    with pytest.raises(HarmonySyntaxError) as caught:
        parser.feed(source)
    assert caught.value.diagnostic == wanted.value.diagnostic
    for again in (lambda: parser.feed("x"), parser.finish, parser.close):
        with pytest.raises(HarmonySyntaxError):
            again()


@pytest.mark.parametrize("rest", ["x", "<|start|>", "\n"])
def test_nothing_follows_the_end_of_a_turn(rest: str) -> None:
    parser = StreamParser()
    parser.feed(OPENED + "<|return|>")
    with pytest.raises(HarmonySyntaxError):
        parser.feed(rest)


def test_a_header_that_no_end_mends_is_told_at_the_end() -> None:
    parser = StreamParser("conversation")
    assert parser.feed("Hi") == []
    with pytest.raises(HarmonySyntaxError):
        parser.close()


def test_what_is_held_back_may_be_wrong() -> None:
    parser = StreamParser()
    assert parser.feed(OPENED + "<|return|>")
    assert parser.feed("<|") == []
    with pytest.raises(HarmonySyntaxError):
        parser.close()


def test_misuse() -> None:
    parser = opened()
    with pytest.raises(TypeError, match="not both"):
        parser.feed([200_007])
    with pytest.raises(TypeError, match="not bytes"):
        StreamParser().feed(b"Hi")
    with pytest.raises(ValueError, match="start must be one of"):
        StreamParser("message")  # type: ignore[arg-type]
    parser.close()
    with pytest.raises(ValueError, match="has been closed"):
        parser.feed("x")


def test_nothing_at_all() -> None:
    assert StreamParser("conversation").close().status == "complete"
    recovery = StreamParser(recover=True).close()
    assert recovery.status == "truncated"
    assert not recovery.conversation.messages
    assert StreamParser(recover=True).feed([]) == []


@pytest.mark.parametrize("unit", ["text", "ids"])
def test_a_draft_is_undone(unit: str) -> None:
    def spelled(text: str) -> str | list[int]:
        return text if unit == "text" else encoded(text)

    parser = opened(spelled(OPENED))
    for word in ("One", " two"):
        parser.feed(spelled(word))
    here = parser.snapshot()
    parser.feed(spelled(" three <|re"))
    parser.feed(spelled("turn|>") if unit == "text" else spelled("<|return|>"))
    there = parser.snapshot()
    parser.restore(here)
    ended = parser.feed(spelled(" 3<|return|>"))[1]
    assert isinstance(ended, MessageEnded)
    assert ended.message.text == "One two 3"
    parser.restore(there)
    assert parser.close().conversation.messages[0].text.startswith("One two three ")
    parser.restore(here)
    assert parser.close().status == "truncated"


def test_an_error_is_undone() -> None:
    parser = opened()
    here = parser.snapshot()
    with pytest.raises(HarmonySyntaxError):
        parser.feed("<|call|>")
    parser.restore(here)
    assert parser.feed("a") == [TextDelta(0, "a")]


def test_a_snapshot_of_nothing() -> None:
    parser = StreamParser()
    here = parser.snapshot()
    parser.feed(OPENED)
    parser.restore(here)
    assert [type(e) for e in parser.feed(encoded(OPENED))] == [MessageStarted, HeaderCompleted]


SOUPS = {
    "channels": "<|channel|>",
    "starts": "<|start|>",
    "junk": "?? ",
    "recipients": " to=a x",
    "roles": "assistant",
    "messages": "<|start|>usr ?<|message|>x",
    "lookahead": "<|channel|>analysis <|constrain|>",
}


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called, which unlike time is the same in every run."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("soup", SOUPS)
def test_work_grows_with_the_input(soup: str) -> None:
    def work(times: int) -> Callable[[], object]:
        ids = encoded("<|start|>user<|message|>") + encoded(SOUPS[soup]) * times

        def run() -> None:
            parser = StreamParser("conversation", recover=True)
            for token in ids:
                parser.feed([token])
            parser.close()
            hg.recover(ids, "conversation")

        return run

    work(50)()
    assert calls_of(work(800)) < 10 * calls_of(work(100))  # eight times the input; 64 if quadratic
