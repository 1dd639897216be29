"""Inputs for recovery: sentences, damaged sentences, soups of structure, and noise."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.strategies import damaged, sentences
from harmony_grammar.tokens import special_pattern
from harmony_grammar.tree import Start

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAMMAR = hg.Grammar.default()
SPECIALS = list(GRAMMAR.rules.specials)
STARTS: tuple[Start, ...] = get_args(Start)
PATTERN = special_pattern(GRAMMAR.rules.specials)

WORDS = [
    *("assistant", "user", "system", "developer", "assistantassistant", "assistantfinal"),
    *("analysis", "commentary", "final", "finalx", "comm", "critique", "functions.f", "bash"),
    *(
        " to=functions.f",
        "to=functions.f",
        " to=functions.g",
        " to=assistant",
        " to=",
        "\u00a0to=b",
    ),
    *(
        " json",
        "json",
        " code",
        "JSON",
        "??",
        ":bob",
        " ",
        "\n",
        "\u2003",
        ".",
        '{"a":1}',
        "{}",
        "7",
    ),
    *("# Valid channels: analysis, critique.", "Hello", "<|", "|>", "<|st", "é", "🙂", "\ud800"),
]


def soups() -> st.SearchStrategy[str]:
    """Special tokens and words of headers in any order."""
    return st.lists(st.sampled_from([*SPECIALS, *SPECIALS, *WORDS]), max_size=16).map("".join)


def texts(start: Start) -> st.SearchStrategy[str]:
    """Anything that a reader of text may be given, whole or not."""
    return st.one_of(
        damaged(GRAMMAR, start),
        soups(),
        sentences(GRAMMAR, start),
        st.text(max_size=20),
    )


def starts() -> st.SearchStrategy[Start]:
    return st.sampled_from(STARTS)


@st.composite
def started_texts(draw: st.DrawFn) -> tuple[str, Start]:
    """A text and the start symbol that it is to be read with."""
    start = draw(starts())
    return draw(texts(start)), start


def encoded(text: str) -> list[int]:
    """The ids of a text: special tokens for their spellings."""
    vocabulary, out = GRAMMAR.vocabulary, []
    for piece in re.split(f"({PATTERN.pattern})", text):
        special = piece in GRAMMAR.rules.specials
        out += [vocabulary.encode_special(piece)] if special else vocabulary.encode(piece)
    return out


def foreign_ids() -> st.SearchStrategy[list[int]]:
    """A few ids of any kind: parts of characters, reserved ones, and what is no id at all."""
    vocabulary = GRAMMAR.vocabulary
    parts = [vocabulary.encoding.encode_single_token(bytes([byte])) for byte in (0xF0, 0x9F, 0x80)]
    odd = [199998, 199999, 200000, 200018, 201087, 201088, -1, -(2**70), 2**31, 2**80]
    single = st.one_of(
        st.sampled_from([*odd, *parts, *parts]),
        st.sampled_from([vocabulary.encode_special(spelling) for spelling in SPECIALS]),
        st.integers(0, 199_997),
    )
    return st.lists(single, max_size=6)


@st.composite
def started_ids(draw: st.DrawFn) -> tuple[list[int], Start]:
    """Ids and the start symbol that they are to be read with."""
    text, start = draw(started_texts())
    ids = encoded(text)
    at = draw(st.integers(0, len(ids)))
    return [*ids[:at], *draw(st.one_of(st.just([]), foreign_ids())), *ids[at:]], start


def cuts(source: Sequence[object], data: st.DataObject) -> list[tuple[int, int]]:
    """Some way to cut an input into pieces."""
    places = data.draw(st.lists(st.integers(0, len(source)), max_size=8).map(sorted))
    edges = [0, *places, len(source)]
    return list(pairwise(edges))
