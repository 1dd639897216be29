"""The laws of parsing and rendering, over sentences made from the grammar itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.strategies import damaged, sentences, tokenisations
from harmony_grammar.strategies import texts as bodies
from harmony_grammar.tree import Start
from harmony_grammar.writing.forms import Spelling

if TYPE_CHECKING:
    from harmony_grammar.errors import Diagnostic

GRAMMAR = hg.Grammar.default()
STARTS: tuple[Start, ...] = get_args(Start)
SPELLINGS: tuple[Spelling, ...] = get_args(Spelling)

starts = st.sampled_from(STARTS)
spellings = st.sampled_from(SPELLINGS)


@given(st.data(), starts)
def test_text_comes_back_as_it_was(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    tree = hg.parse(text, start)
    assert hg.render(tree) == text


@given(st.data(), starts)
def test_ids_come_back_as_they_were(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    ids = data.draw(tokenisations(text, GRAMMAR))
    tree = hg.parse(ids, start)
    assert hg.encode(tree) == ids
    assert tree == hg.parse(text, start)


@given(st.data(), starts, spellings)
def test_the_normal_form_means_the_same(
    data: st.DataObject, start: Start, spelling: Spelling
) -> None:
    tree = hg.parse(data.draw(sentences(GRAMMAR, start)), start)
    normal = tree.canonical()
    assert normal == tree
    text = hg.render(normal, spelling=spelling)
    meant = [_meaning(message, spelling) for message in tree]
    assert [_meaning(message) for message in hg.parse(text, start)] == meant
    assert hg.render(hg.parse(text, start).canonical(), spelling=spelling) == text
    assert hg.parse(hg.encode(normal, spelling=spelling), start) == hg.parse(text, start)
    if spelling != "oss":
        assert hg.parse(text, start) == tree


@given(st.data(), starts)
def test_spans_cover_the_input(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    tree = hg.parse(text, start)
    at = 0
    for message in tree.messages:
        assert message.offsets is not None
        begin, body, end, stop = message.offsets
        assert begin == at
        assert text[body:end] == message.text
        assert text[end:stop] == message.terminator
        at = stop
    opened = tree.open_message.offsets if tree.open_message else (at, at, len(text))
    assert opened is not None
    assert (opened[0], opened[2]) == (at, len(text))


@given(st.data(), starts)
def test_every_prefix_of_a_sentence_can_still_become_one(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    for end in range(len(text)):
        assert hg.check(text[:end], start).status != "malformed", text[:end]


@given(st.data(), starts)
def test_every_prefix_of_ids_can_still_become_a_sentence(data: st.DataObject, start: Start) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    ids = data.draw(tokenisations(text, GRAMMAR))
    for end in range(len(ids)):
        assert hg.check(ids[:end], start).status != "malformed", ids[:end]


def _error(text: str | list[int], start: Start) -> Diagnostic:
    report = hg.check(text, start)
    (error,) = [d for d in report.diagnostics if d.severity is hg.Severity.ERROR]
    return error


@given(st.data(), starts)
def test_an_error_is_where_nothing_can_follow(data: st.DataObject, start: Start) -> None:
    text = data.draw(damaged(GRAMMAR, start))
    assume(hg.check(text, start).status == "malformed")
    span = _error(text, start).span
    assert hg.check(text[: span.start], start).status != "malformed"
    # Text that ends here may be the beginning of a special token, and then it is not certain yet.
    if GRAMMAR.parser.text_kind.settled(text[: span.end]) == span.end:
        assert hg.check(text[: span.end], start).status == "malformed"


@given(st.data(), starts)
def test_text_and_ids_get_the_same_verdict(data: st.DataObject, start: Start) -> None:
    text = data.draw(damaged(GRAMMAR, start))
    ids = data.draw(tokenisations(text, GRAMMAR))
    by_text, by_ids = hg.check(text, start), hg.check(ids, start)
    # Text may end inside the spelling of a special token; ids are whole.
    assume(by_text.status == by_ids.status or by_text.diagnostics[-1].code != "truncated-header")
    assert by_text.status == by_ids.status
    assert [d.code for d in by_text.diagnostics] == [d.code for d in by_ids.diagnostics]


@given(st.one_of(st.text(), st.text("<|>startendmesgchl :toucmyfi=.{}", max_size=60)), starts)
def test_any_text_gets_a_verdict(text: str, start: Start) -> None:
    report = hg.check(text, start)
    assert report.ok == (report.status == "complete")
    if report.ok:
        assert hg.render(hg.parse(text, start)) == text
    else:
        with pytest.raises(hg.HarmonySyntaxError) as caught:
            hg.parse(text, start)
        assert caught.value.diagnostic in report.diagnostics
        assert caught.value.diagnostic.code in str(caught.value)


tokens = st.one_of(
    st.integers(199_990, 200_020),
    st.sampled_from(sorted(GRAMMAR.rules.special_ids)),
    st.sampled_from(GRAMMAR.vocabulary.encode("assistant user system final analysis to=json")),
    st.integers(-(2**70), 2**70),
    st.integers(0, 201_100),
)


@given(st.lists(tokens, max_size=30), starts)
def test_any_ids_get_a_verdict(ids: list[int], start: Start) -> None:
    report = hg.check(ids, start)
    if report.ok:
        assert hg.encode(hg.parse(ids, start)) == ids
    else:
        with pytest.raises(hg.HarmonySyntaxError):
            hg.parse(ids, start)


names = st.one_of(
    st.none(),
    st.sampled_from(["bob", "functions.f", "python", "assistant", "user", "a b", "", "é", "json"]),
)
contents = st.lists(bodies(GRAMMAR).map(hg.TextContent), max_size=3)
messages = st.builds(
    hg.Message,
    st.builds(hg.Author, st.sampled_from(hg.Role), names),
    contents,
    st.one_of(st.none(), st.sampled_from([*GRAMMAR.channels, "critique", "", "Final"])),
    names,
    st.one_of(
        st.none(), st.sampled_from(["json", "<|constrain|>json", "code", "text/plain", "a b"])
    ),
)


@given(st.lists(messages, max_size=4), starts, spellings)
def test_what_can_be_written_reads_back(
    written: list[hg.Message], start: Start, spelling: Spelling
) -> None:
    tree = hg.Conversation(list(written), start=start)
    try:
        text = hg.render(tree, spelling=spelling)
    except hg.RenderError as error:
        assert str(error)  # noqa: PT017  a tree that cannot be written says so
        return
    again = hg.parse(text, start)
    assert [_meaning(m) for m in again] == [_meaning(m, spelling) for m in written]
    assert hg.parse(hg.encode(tree, spelling=spelling), start) == again


def _meaning(message: hg.Message, spelling: Spelling = "openai") -> tuple[object, ...]:
    """What a message says; as oss-harmony writes it, every content type is a constrained one."""
    kind = message.content_type
    if spelling == "oss" and kind is not None and not kind.constrained:
        kind = hg.ContentType(f"<|constrain|>{kind}")
    return (
        message.author,
        message.text,
        message.channel,
        message.recipient,
        kind,
    )
