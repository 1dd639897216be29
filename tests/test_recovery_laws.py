"""The laws of recovery, over sentences, damaged sentences, soups of structure and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from recovery_inputs import (
    GRAMMAR,
    PATTERN,
    SPECIALS,
    encoded,
    started_ids,
    started_texts,
    starts,
)

import harmony_grammar as hg
from harmony_grammar.strategies import sentences, tokenisations

if TYPE_CHECKING:
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.tree import Start

_laws = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def parts(recovery: Recovery) -> list[tuple[int, int]]:
    """All spans that a recovery accounts for, in order."""
    spans = [message.span for message in recovery.messages]
    opened = recovery.pending.offsets if recovery.pending else None
    others = [
        *recovery.trivia,
        recovery.overrun.span if recovery.overrun else None,
        (opened[0], opened[2]) if opened else None,
    ]
    return sorted((span[0], span[1]) for span in (*spans, *others) if span and span[0] < span[1])


def covers(recovery: Recovery, length: int) -> bool:
    """Whether the spans cover the input exactly, without overlap."""
    spans = parts(recovery)
    edges = [0, *(end for _, end in spans)]
    return edges[:-1] == [begin for begin, _ in spans] and edges[-1] == length


def same_again(recovery: Recovery, source: str | list[int]) -> None:
    """Recovering a rendering of a recovered conversation changes nothing."""
    conversation = recovery.conversation
    again = hg.recover(source, conversation.start)
    assert again.messages == recovery.messages
    if conversation.open_message is not None:
        assert again.pending == recovery.pending


@_laws
@given(started_texts())
def test_text_is_covered(given_text: tuple[str, Start]) -> None:
    text, start = given_text
    recovery = hg.recover(text, start)
    assert covers(recovery, len(text))
    assert recovery.status == hg.check(text, start).status
    assert (recovery.status == "malformed") <= bool(recovery.diagnostics)


@_laws
@given(started_ids())
@example(([200008, 200008, 200002, 199998, 199999], "completion"))  # padding behind an overrun
def test_ids_are_covered(given_ids: tuple[list[int], Start]) -> None:
    ids, start = given_ids
    recovery = hg.recover(ids, start)
    assert covers(recovery, len(ids))
    assert recovery.status == hg.check(ids, start).status
    assert (recovery.status == "malformed") <= bool(recovery.diagnostics)


@_laws
@given(st.data(), starts())
def test_a_sentence_recovers_to_its_parse(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    ids = data.draw(tokenisations(text, GRAMMAR))
    for source in (text, ids):
        recovery, tree = hg.recover(source, start), hg.parse(source, start)
        assert list(recovery.messages) == tree.messages
        assert [m.offsets for m in recovery.messages] == [m.offsets for m in tree.messages]
        assert recovery.pending == tree.open_message
        assert not recovery.diagnostics
        assert not recovery.trivia
        assert recovery.overrun is None
        assert recovery.ok


@_laws
@given(started_texts())
def test_recovering_a_text_rendering_changes_nothing(given_text: tuple[str, Start]) -> None:
    recovery = hg.recover(*given_text)
    texts = [message.text for message in recovery.messages]
    texts.append(recovery.pending.text if recovery.pending else "")
    assume(not any(PATTERN.search(text) for text in texts))
    same_again(recovery, hg.render(recovery.conversation))


@_laws
@given(started_ids())
def test_recovering_an_encoding_changes_nothing(given_ids: tuple[list[int], Start]) -> None:
    recovery = hg.recover(*given_ids)
    same_again(recovery, hg.encode(recovery.conversation))


@_laws
@given(started_texts())
def test_ids_recover_as_their_text_does(given_text: tuple[str, Start]) -> None:
    text, start = given_text
    text = text.encode("utf-8", "replace").decode()
    # Text may end inside the spelling of a special token; ids may not.
    assume(not any(text.endswith(s[:n]) for s in SPECIALS for n in range(1, len(s))))
    from_text, from_ids = hg.recover(text, start), hg.recover(encoded(text), start)
    assert from_ids.messages == from_text.messages
    assert from_ids.status == from_text.status
    assert sorted(r.code for r in from_ids.repairs) == sorted(r.code for r in from_text.repairs)


@_laws
@given(st.text() | st.lists(st.integers()), starts())
def test_nothing_raises(source: str | list[int], start: Start) -> None:
    recovery = hg.recover(source, start)
    assert covers(recovery, len(source))
    assert all(call.status != "ready" for call in recovery.tool_calls())
    assert all(str(diagnostic) for diagnostic in recovery.diagnostics)
