"""Recovery and streaming follow a changed grammar, with no line of Python changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recovery_inputs import cuts, starts
from test_recovery_laws import covers
from test_swap import CHANGES, GRAMMARS

from harmony_grammar.strategies import damaged, sentences, tokenisations

if TYPE_CHECKING:
    from harmony_grammar.tree import Start

_few = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("change", CHANGES)
@_few
@given(data=st.data(), start=starts())
def test_sentences_follow(change: str, data: st.DataObject, start: Start) -> None:
    grammar = GRAMMARS[change]
    text = data.draw(sentences(grammar, start))
    for source in (text, data.draw(tokenisations(text, grammar))):
        recovery, tree = grammar.recover(source, start), grammar.parse(source, start)
        assert list(recovery.messages) == tree.messages
        assert recovery.pending == tree.open_message
        assert not recovery.repairs


@pytest.mark.parametrize("change", CHANGES)
@_few
@given(data=st.data(), start=starts())
def test_damaged_sentences_follow(change: str, data: st.DataObject, start: Start) -> None:
    grammar = GRAMMARS[change]
    text = data.draw(damaged(grammar, start))
    recovery = grammar.recover(text, start)
    assert covers(recovery, len(text))
    assert recovery.status == grammar.check(text, start).status
    stream = grammar.stream(start, recover=True)
    for begin, end in cuts(text, data):
        stream.feed(text[begin:end])
    assert stream.close() == recovery
    ids = grammar.encode(recovery.conversation)
    again = grammar.recover(ids, recovery.conversation.start)
    assert again.messages == recovery.messages


@pytest.mark.parametrize("change", CHANGES)
def test_stripped_tokens_follow(change: str) -> None:
    grammar = GRAMMARS[change]
    meaning, role = grammar.rules.meaning, grammar.rules.opening_role
    marker = grammar.rules.literal(meaning.recipient_marker)
    text = f"{meaning.reasoning}Hm.{role}{meaning.preamble}{marker}functions.f json{{}}"
    recovery = grammar.recover(f"{text}{role}{meaning.answer}Done")
    assert [(m.channel, m.recipient, m.text) for m in recovery.messages] == [
        (meaning.reasoning, None, "Hm."),
        (meaning.preamble, "functions.f", "{}"),
        (meaning.answer, None, "Done"),
    ]
    assert [call.status for call in recovery.tool_calls()] == ["ambiguous"]
