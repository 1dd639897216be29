"""Stock Lark as a witness: it reads the grammar without any of our code, and the same fields."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Tree
from lark.exceptions import LarkError
from strategies_schemas import schemas

import harmony_grammar as hg
from harmony_grammar.schemas.to_types import types_of
from harmony_grammar.schemas.type_text import type_text
from harmony_grammar.strategies import damaged, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAMMAR = hg.Grammar.default()
FIELDS = ("name", "tool", "recipient", "channel", "content_type", "body")
ROLES = ("system", "developer", "user", "assistant")


@cache
def stock(start: str) -> Lark:
    return Lark(GRAMMAR.to_lark(start), parser="lalr")


def text_of(tree: Tree[Any]) -> str:
    return "".join(str(token) for token in tree.scan_values(lambda _: True))


def read(tree: Tree[Any]) -> Iterator[dict[str, str]]:
    """The fields of each message of a tree, by the labels of the grammar."""
    for message in tree.iter_subtrees_topdown():  # type: ignore[no-untyped-call]  # so in Lark
        if message.data in ("message", "open_message"):
            parts = {str(part.data): part for part in message.iter_subtrees()}
            fields = {name: text_of(parts[name]) for name in FIELDS if name in parts}
            role = next((text_of(parts[name]) for name in ROLES if name in parts), None)
            yield fields if role is None else {**fields, "role": role}


def ours(message: hg.Message | hg.OpenMessage) -> dict[str, str]:
    said = GRAMMAR.rules.meaning.spelled(message)
    return said | ({} if message.content is None else {"body": message.text})


@settings(max_examples=100)
@given(st.sampled_from(("conversation", "prompt")), st.data())
def test_stock_lark_reads_the_same_fields(start: Any, data: st.DataObject) -> None:
    text = data.draw(sentences(GRAMMAR, start))
    tree = GRAMMAR.parse(text, start)
    if any(_declares(message) for message in tree):
        return  # which channels a system message declares is beyond Lark
    messages = [*tree, *([tree.open_message] if tree.open_message else [])]
    assert list(read(stock(start).parse(text))) == list(map(ours, messages))


def _declares(message: hg.Message) -> bool:
    return message.channel is not None and message.channel not in GRAMMAR.channels


@settings(max_examples=100)
@given(damaged(GRAMMAR, "conversation"))
def test_what_stock_lark_refuses_is_no_sentence(text: str) -> None:
    report = hg.check(text)
    plain = all(m.header is None or m.header.text == m.header.usual for m in report.conversation)
    try:
        stock("conversation").parse(text)
    except LarkError:
        known = any(_declares(message) for message in report.conversation)
        assert report.status != "complete" or known or not plain
    else:
        # Beyond the grammar is only that the assistant does not address itself.
        codes = {found.code for found in report.diagnostics}
        assert report.status == "complete" or "self-recipient" in codes


def test_declared_channels_can_be_given() -> None:
    text = "<|start|>assistant<|channel|>critique<|message|>Weak.<|end|>"
    with pytest.raises(LarkError):
        stock("conversation").parse(text)
    told = Lark(GRAMMAR.to_lark(declared=["critique"]), parser="lalr")
    (message,) = read(told.parse(text))
    assert message["channel"] == "critique"


@settings(max_examples=50)
@given(schemas())
def test_stock_lark_reads_types(schema: Any) -> None:
    text = type_text(types_of(schema).type)
    if "\n" not in text or "//" not in text:
        stock("tool_type").parse(text)


@pytest.mark.parametrize("start", GRAMMAR.rules.meaning.starts)
def test_lark_loads_every_start(start: str) -> None:
    assert stock(start).options.start == ["start"]


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(hg.GrammarError, match="start must be one of conversation"):
        GRAMMAR.to_lark("nothing")
