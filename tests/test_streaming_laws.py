"""The laws of streaming: how an input is cut changes nothing, and nothing is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recovery_inputs import GRAMMAR, cuts, started_ids, started_texts, starts

import harmony_grammar as hg
from harmony_grammar import (
    ArgumentsDelta,
    Event,
    HarmonySyntaxError,
    HeaderCompleted,
    MessageEnded,
    MessageStarted,
    StreamParser,
    TextDelta,
    TurnEnded,
)
from harmony_grammar.strategies import sentences, tokenisations

if TYPE_CHECKING:
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.tree import Start

_laws = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def streamed(
    source: str | list[int], start: Start, pieces: list[tuple[int, int]], *, recover: bool = True
) -> tuple[list[Event], Report | Recovery]:
    parser = StreamParser(start, recover=recover)
    events = [event for begin, end in pieces for event in parser.feed(source[begin:end])]
    events += parser.finish()
    return events, parser.close()


def joined(events: list[Event]) -> list[Event]:
    """Events with adjacent deltas made one."""
    out: list[Event] = []
    for event in events:
        last = out[-1] if out else None
        if isinstance(event, (TextDelta, ArgumentsDelta)) and type(last) is type(event):
            out[-1] = replace(event, text=last.text + event.text)
        else:
            out.append(event)
    return out


def places(result: Report | Recovery) -> list[object]:
    return [message.offsets for message in result.conversation.messages]


def messages_told(events: list[Event]) -> None:
    """Each message is told in order: that it starts, its header, its text, and that it ends."""
    texts: dict[int, str] = {}
    for event in events:
        if isinstance(event, MessageStarted):
            assert event.index == len(texts)
            texts[event.index] = ""
        elif isinstance(event, (TextDelta, ArgumentsDelta)):
            assert event.text
            texts[event.index] += event.text
        elif isinstance(event, MessageEnded):
            assert texts[event.index] == event.message.text


@_laws
@given(st.data(), started_texts() | started_ids())
def test_cutting_changes_nothing(
    data: st.DataObject, given_input: tuple[str | list[int], Start]
) -> None:
    source, start = given_input
    whole, result = streamed(source, start, [(0, len(source))])
    events, again = streamed(source, start, cuts(source, data))
    single, last = streamed(source, start, [(at, at + 1) for at in range(len(source))])
    assert joined(events) == joined(whole) == joined(single)
    assert again == result == last == hg.recover(source, start)
    assert places(again) == places(result) == places(hg.recover(source, start))
    messages_told(events)
    ended = [event.message for event in events if isinstance(event, MessageEnded)]
    assert ended == list(hg.recover(source, start).messages)


@_laws
@given(st.data(), started_texts() | started_ids())
def test_strict_streams_judge_as_check_does(
    data: st.DataObject, given_input: tuple[str | list[int], Start]
) -> None:
    source, start = given_input
    report = hg.check(source, start)
    if report.status != "malformed":
        events, result = streamed(source, start, cuts(source, data), recover=False)
        assert result == report
        messages_told(events)
        return
    with pytest.raises(HarmonySyntaxError) as caught:
        streamed(source, start, cuts(source, data), recover=False)
    wanted, got = report.diagnostics[-1], caught.value.diagnostic
    assert replace(got, excerpt=None) == replace(wanted, excerpt=None)


@_laws
@given(st.data(), starts())
def test_sentences_are_told_alike(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    ids = data.draw(tokenisations(text, GRAMMAR))
    source: str | list[int] = text if data.draw(st.booleans()) else ids
    pieces = cuts(source, data)
    strict, _ = streamed(source, start, pieces, recover=False)
    mended, _ = streamed(source, start, pieces)
    assert strict == mended
    messages = [event.message for event in strict if isinstance(event, MessageEnded)]
    assert messages == list(hg.parse(source, start).messages)


@_laws
@given(st.data(), started_texts() | started_ids())
def test_going_back_is_as_if_nothing_had_happened(
    data: st.DataObject, given_input: tuple[str | list[int], Start]
) -> None:
    source, start = given_input
    at = data.draw(st.integers(0, len(source)))
    parser = StreamParser(start, recover=True)
    first = parser.feed(source[:at])
    before = parser.snapshot()
    parser.feed(source[:3])
    parser.finish()
    later = parser.snapshot()
    parser.restore(before)
    rest = [*parser.feed(source[at:]), *parser.finish()]
    whole, result = streamed(source, start, [(0, at), (at, len(source))])
    assert [*first, *rest] == whole
    assert parser.close() == result
    parser.restore(later)
    draft = source[:at] + source[:3]  # type: ignore[operator]
    assert parser.close() == hg.recover(draft, start)


def test_what_is_told_of_a_call() -> None:
    parser = StreamParser()
    text = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>'
    events = parser.feed(text)
    assert [type(event) for event in events] == [
        MessageStarted,
        HeaderCompleted,
        ArgumentsDelta,
        MessageEnded,
        TurnEnded,
    ]
    assert events[1] == HeaderCompleted(
        0, "commentary", "functions.f", hg.ContentType("<|constrain|>json")
    )
    assert events[4] == TurnEnded("<|call|>", len(text))
