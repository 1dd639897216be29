"""White space in headers that the grammar does not have: read, kept, rendered back, and told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.strategies import sentences

if TYPE_CHECKING:
    import random

    from harmony_grammar.tree import Start

READ = [
    ("<|start|>assistant<|channel|>analysis <|message|>x<|end|>", "conversation"),
    ("<|start|>assistant \n<|channel|>final\t<|message|>x<|return|>", "conversation"),
    ("\n<|channel|>final \n<|message|>x<|return|>", "completion"),
    (
        "<|start|>assistant<|channel|>commentary\nto=f  <|constrain|>json <|message|>{}<|call|>",
        "conversation",
    ),
    (
        "<|start|>assistant  to=functions.f \n<|channel|>commentary json <|message|>{}<|call|>",
        "conversation",
    ),
    ("<|start|>user <|message|>x<|end|>", "conversation"),
]


@pytest.mark.parametrize(("text", "start"), READ)
def test_blanks_are_read_kept_and_told(text: str, start: Start) -> None:
    report = hg.check(text, start)
    assert report.ok
    assert [found.code for found in report.diagnostics] == ["unusual-space"]
    tree = hg.parse(text, start)
    assert hg.render(tree) == text
    ids = hg.encode(tree)
    assert hg.parse(ids, start) == tree
    assert hg.encode(hg.parse(ids, start)) == ids
    usual = hg.render(tree.canonical())
    assert hg.parse(usual, start) == tree
    assert hg.recover(text, start).repairs == ()


@pytest.mark.parametrize(("text", "start"), READ)
def test_each_beginning_is_truncated(text: str, start: Start) -> None:
    for end in range(text.index("<|message|>")):
        assert hg.check(text[:end], start).status in ("truncated", "complete"), text[:end]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("<|start|>assistant<|channel|> final<|message|>x<|return|>", 29),
        ("<|start|> assistant<|message|>x<|return|>", 9),
        ("<|start|>assistant<|channel|>final  json \n x<|message|>b<|return|>", 43),
        ("<|start|>user<|message|>x<|end|> <|start|>user<|message|>x<|end|>", 32),
    ],
)
def test_blanks_elsewhere_are_faults(text: str, at: int) -> None:
    report = hg.check(text)
    assert report.status == "malformed"
    assert report.diagnostics[-1].span.start == at


@given(sentences(hg.Grammar.default(), "conversation"), st.randoms(use_true_random=False))
def test_more_blanks_change_nothing_but_the_spelling(text: str, dice: random.Random) -> None:
    tree = hg.parse(text)
    spaced = re.sub(
        r"(?<=[a-z0-9])(?= to=|<\|message\|>|<\|channel\|>)",
        lambda _: dice.choice(["", " ", "\n", " \t "]),
        "".join(m.header.text for m in tree.messages if m.header),
    )
    headers = re.findall(r"<\|start\|>.*?<\|message\|>", spaced, re.DOTALL)
    for message, header in zip(tree.messages, headers, strict=True):
        whole = header + message.text + (message.terminator or "")
        system = "".join(hg.render(m) for m in tree.messages if m.author.role is hg.Role.SYSTEM)
        read = hg.parse(system + whole)
        assert read.messages[-1] == message
        assert hg.render(read) == system + whole
