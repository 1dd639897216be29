"""Whatever is public goes through pickle and `deepcopy`, and into another process."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.strategies import damaged, ids, sentences

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT = hg.Grammar.default()
OWN = hg.Grammar.from_text(
    DEFAULT.text.replace("<|start|>", "<|begin|>"), special_tokens={"<|begin|>": 200_006}
)
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}
PREFIX = [200005, 35644, 200008]  # `<|channel|>analysis<|message|>`


def again(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301  our own bytes


COPIES: list[Callable[[Any], Any]] = [again, copy.deepcopy]
few = settings(max_examples=30)
both_copies = pytest.mark.parametrize("copied", COPIES, ids=["pickle", "deepcopy"])


@both_copies
@few
@given(st.data(), sentences())
def test_what_was_read(copied: Callable[[Any], Any], data: st.DataObject, text: str) -> None:
    source = data.draw(st.one_of(st.just(text), ids()))
    tree = hg.parse(source)
    other = copied(tree)
    assert other == tree
    assert hg.encode(other) == hg.encode(tree)
    if isinstance(source, str):
        assert hg.render(other) == source
    other.messages.clear()
    assert tree == hg.parse(source)


@both_copies
@few
@given(damaged())
def test_findings(copied: Callable[[Any], Any], text: str) -> None:
    report, recovery = hg.check(text), hg.recover(text, "conversation")
    assert copied(report) == report
    other = copied(recovery)
    assert other == recovery
    assert other.diagnostics == recovery.diagnostics
    assert other.conversation == recovery.conversation
    assert other.tool_calls() == recovery.tool_calls()


ERRORS: list[Callable[[], object]] = [
    lambda: hg.parse("x"),
    lambda: hg.parse([-1]),
    lambda: hg.Author("x"),  # type: ignore[arg-type]
    lambda: hg.Grammar.from_text("x"),
    lambda: hg.Constraint(tool_choice="x"),
    lambda: hg.Constraint().matcher().accept(0),
    lambda: hg.render(hg.Message(hg.Author(hg.Role.TOOL))),
    lambda: OWN.using(hg.Vocabulary.default()),
]


@both_copies
@pytest.mark.parametrize("fail", ERRORS)
def test_errors(copied: Callable[[Any], Any], fail: Callable[[], object]) -> None:
    with pytest.raises(hg.HarmonyError) as told:
        fail()
    other = copied(told.value)
    assert (type(other), str(other)) == (type(told.value), str(told.value))


@pytest.mark.parametrize(
    "thing",
    [
        DEFAULT,
        DEFAULT.rules,
        hg.Vocabulary.default(),
        hg.load_harmony_encoding("HarmonyGptOss"),
        hg.Grammar.default().using(hg.Vocabulary.default()).rules.meaning.answer,
    ],
)
def test_what_a_process_has_once_is_a_few_bytes(thing: object) -> None:
    assert len(pickle.dumps(thing)) < 100
    assert again(thing) is thing or isinstance(thing, str)
    assert copy.deepcopy(thing) is thing


@both_copies
def test_grammars(copied: Callable[[Any], Any]) -> None:
    text = "<|begin|>user<|message|>Hi<|end|>"
    for grammar in (OWN, DEFAULT.using(hg.Vocabulary.default())):
        other = copied(grammar)
        assert other.text == grammar.text
        assert other.special_tokens == grammar.special_tokens
        assert other.rules is grammar.rules  # a process has each once
    other = copied(OWN)
    assert other.encode(other.parse(text)) == OWN.encode(OWN.parse(text))
    encoding = copied(hg.HarmonyEncoding(OWN, name="mine"))
    assert (encoding.name, encoding.grammar.text) == ("mine", OWN.text)
    assert encoding.render_conversation(OWN.parse(text)) == OWN.encode(OWN.parse(text))
    assert copied(OWN.vocabulary).special_ids == OWN.special_tokens


@both_copies
@pytest.mark.parametrize(
    "constraint",
    [
        hg.Constraint([TOOL], tool_choice="required", reasoning="forbid", max_tokens=100),
        hg.Constraint(response_format={"type": "object"}).behind(PREFIX),
        hg.Constraint.from_prompt(
            "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>analysis"
        ),
        OWN.constraint(),
    ],
)
def test_constraints_and_matchers(copied: Callable[[Any], Any], constraint: Any) -> None:
    other = copied(constraint)
    assert (other.tool_names, other.prefix) == (constraint.tool_names, constraint.prefix)
    matcher = constraint.matcher()
    for _ in range(4):
        token = int(matcher.mask().view("uint32").nonzero()[0][0])
        assert (copied(matcher).mask() == matcher.mask()).all()
        legal = [t for t in range(token << 5, (token << 5) + 32) if matcher.allows(t)]
        matcher.accept(legal[0])
    twin = copied(matcher)
    assert len(twin) == len(matcher)
    twin.rollback(2)
    assert len(matcher) == 4
    matcher.rollback(2)
    assert (twin.mask() == matcher.mask()).all()
    batch = copied(constraint.batch([None, None]))
    assert (batch[1].mask() == constraint.matcher().mask()).all()


@both_copies
@few
@given(st.data(), damaged(start="completion"), st.booleans())
def test_stream_parsers(
    copied: Callable[[Any], Any],
    data: st.DataObject,
    text: str,
    recover: bool,  # noqa: FBT001
) -> None:
    cut = data.draw(st.integers(0, len(text)))
    parser = hg.StreamParser(recover=recover)
    told(parser, text[:cut])
    other = copied(parser)
    assert told(other, text[cut:], close=True) == told(parser, text[cut:], close=True)


def told(parser: hg.StreamParser, text: str, *, close: bool = False) -> object:
    """What a parser says of more text, and of its end."""
    try:
        return parser.feed(text), parser.close() if close else None
    except (hg.HarmonySyntaxError, ValueError) as error:
        return str(error)


@both_copies
@few
@given(st.data(), damaged(start="completion"), st.booleans())
def test_streamable_parsers(
    copied: Callable[[Any], Any],
    data: st.DataObject,
    text: str,
    strict: bool,  # noqa: FBT001
) -> None:
    encoding = hg.load_harmony_encoding("HarmonyGptOss")
    tokens = encoding.encode(text, allowed_special="all")
    cut = data.draw(st.integers(0, len(tokens)))
    parser = hg.StreamableParser(encoding, hg.Role.ASSISTANT, strict=strict)
    with suppress(hg.HarmonyError):
        parser.process_many(tokens[:cut])
    other = copied(parser)
    assert state(other) == state(parser)
    for one in (parser, other):
        with suppress(hg.HarmonyError):
            one.process_many(tokens[cut:]).process_eos()
    assert state(other) == state(parser)
    assert state(copied(other)) == state(parser)


def state(parser: hg.StreamableParser) -> tuple[object, ...]:
    return (
        parser.messages,
        parser.tokens,
        parser.state_data,
        parser.current_content,
        parser.current_role,
        parser.current_channel,
        parser.current_recipient,
        parser.current_content_type,
        parser.last_content_delta,
    )


def test_another_process_reads_them() -> None:
    """What Ray, Spark and process pools send."""
    matcher = OWN.constraint([TOOL]).matcher()
    matcher.accept_all(PREFIX)
    stream = hg.StreamParser(recover=True)
    stream.feed("<|channel|>final<|message|>Hi")
    sent = {
        "grammar": OWN,
        "encoding": hg.load_harmony_encoding("HarmonyGptOss"),
        "recovery": hg.recover("<|channel|>final??<|message|>Hello"),
        "matcher": matcher,
        "stream": stream,
    }
    program = (
        "import pickle, sys\n"
        "got = pickle.load(sys.stdin.buffer)\n"
        "print(got['grammar'].parse('<|begin|>user<|message|>Hi<|end|>').messages[0].text)\n"
        "print(got['encoding'].encode('Hello'))\n"
        "print(got['recovery'].messages[0].channel, got['recovery'].diagnostics[0].code)\n"
        "print(got['matcher'].allows(200007), len(got['matcher']))\n"
        "print(got['stream'].feed('!')[0].text)\n"
    )
    done = subprocess.run(  # noqa: S603  our own interpreter and text
        [sys.executable, "-c", program], check=True, capture_output=True, input=pickle.dumps(sent)
    )
    assert done.stdout.decode().splitlines() == [
        "Hi",
        "[13225]",
        "final channel-junk",
        "True 3",
        "!",
    ]
