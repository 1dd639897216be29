"""Text that has lost its special tokens: what is read back, what is not, and what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recovery_inputs import GRAMMAR, PATTERN, encoded

import harmony_grammar as hg
from harmony_grammar import DiagnosticCode as Code
from harmony_grammar.strategies import sentences
from harmony_grammar.streaming.recovery import Recovery

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

CALLS = "analysisHm.assistantcommentary to=functions.f json{}assistantfinalDone."
CAUSE = "skip_special_tokens=False"
UNCLEAR = (
    "analysisWe need to think",
    'commentary to=functions.f json{"a": 1}',
    "systemYou are ChatGPT.userHiassistantanalysisHm.assistantfinalHello",
    "Okay.assistantfinalHello",
)


def read(
    source: str | list[int], *, stripped: bool = True
) -> list[tuple[str | None, str | None, str]]:
    found = hg.recover(source, stripped=stripped).messages
    return [(message.channel, message.recipient, message.text) for message in found]


def closed(stream: hg.StreamParser, text: str) -> list[hg.Message]:
    for char in text:
        stream.feed(char)
    verdict = stream.close()
    assert isinstance(verdict, Recovery)
    return list(verdict.messages)


def test_calls_are_ambiguous() -> None:
    recovery = hg.recover(CALLS)
    (call,) = recovery.tool_calls(["f"])
    assert (call.name, call.status, call.parsed) == ("functions.f", "ambiguous", {})
    cut = hg.recover("analysisHm.assistantcommentary to=functions.f json{")
    assert [call.status for call in cut.tool_calls()] == ["ambiguous"]
    assert {repair.code for repair in recovery.repairs} == {Code.STRIPPED_TOKENS}
    assert recovery.repairs[1].assumed == (
        "<|start|>assistant<|channel|>commentary to=functions.f json<|message|>"
    )


def test_it_can_be_turned_off() -> None:
    whole = [("final", None, CALLS)]
    assert read(CALLS, stripped=False) == whole
    assert [m.text for m in GRAMMAR.recover(CALLS, stripped=False).messages] == [CALLS]
    streams = (
        hg.StreamParser(recover=True, stripped=False),
        GRAMMAR.stream(recover=True, stripped=False),
    )
    for stream in streams:
        assert [message.text for message in closed(stream, CALLS)] == [CALLS]


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_not_clear_is_only_told(text: str) -> None:
    assert read(text) == [("final", None, text)]
    starts: tuple[Start, ...] = ("completion", "conversation")
    for start in starts:
        assert CAUSE in str(hg.check(text, start).diagnostics[-1].hint)
        assert CAUSE in str(hg.recover(text, start).diagnostics[0].hint)


@pytest.mark.parametrize("text", ["Hello", "The assistant is final.", "Analysis: none."])
def test_other_text_is_not_suspected(text: str) -> None:
    assert read(text) == [("final", None, text)]
    assert CAUSE not in str(hg.check(text, "completion").diagnostics[-1].hint)
    assert CAUSE not in str(hg.recover(text).diagnostics[0].hint)


def test_a_special_token_anywhere_rules_it_out() -> None:
    text = "analysisHm.assistantfinalDone."
    assert read(text + "<|return|>") == [("final", None, text)]


@given(sentences(GRAMMAR, "completion"))
def test_streams_and_ids_are_read_alike(text: str) -> None:
    lost = PATTERN.sub("", text)
    assert closed(hg.StreamParser(recover=True), lost) == list(hg.recover(lost).messages)
    assert read(encoded(lost)) == read(lost)


def test_many_beginnings_take_no_time() -> None:
    text = "analysis" + "assistant to=" * 20_000
    assert read(text) == [("final", None, text)]


@given(st.lists(st.sampled_from(["analysis", "commentary", "final"]), min_size=2, max_size=5))
def test_answers_come_back(channels: list[str]) -> None:
    text = "assistant".join(f"{channel}Text {i}." for i, channel in enumerate(channels))
    assert read(text) == [(channel, None, f"Text {i}.") for i, channel in enumerate(channels)]
