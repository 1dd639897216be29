"""Terminals as automata: they match what `re` matches, and scan by the longest match."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import overlap
from harmony_grammar.grammar.patterns import compile_literal, compile_pattern
from harmony_grammar.grammar.scanner import Candidate, Scan, Scanner

letters = st.sampled_from("abc")
classes = st.sampled_from(
    ["[ab]", "[^a]", "[a-c]", "[^b-c]", r"\w", r"[\w.-]", ".", r"\.", r"\x61"]
)
atoms = st.one_of(letters, classes)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(
            inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?"])
        ).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@given(patterns, st.text("abc.d\n", max_size=6))
def test_a_pattern_matches_what_re_matches(pattern: str, text: str) -> None:
    # Before Python 3.11, `re` reads a count without a lower bound as text.
    same = pattern.replace("{,2}", "{0,2}")
    assert compile_pattern(pattern).matches(text) == bool(re.fullmatch(same, text))


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_fixed_text_matches_itself(text: str, other: str) -> None:
    assert compile_literal(text).matches(text)
    assert compile_literal(text).matches(other) == (text == other)


@given(patterns, patterns)
def test_an_overlap_is_matched_by_both(one: str, other: str) -> None:
    both = overlap(compile_pattern(one), compile_pattern(other))
    if both is not None:
        assert compile_pattern(one).matches(both)
        assert compile_pattern(other).matches(both)


@given(patterns, patterns, st.text("abc.d\n", max_size=4))
def test_without_an_overlap_nothing_is_matched_by_both(one: str, other: str, text: str) -> None:
    left, right = compile_pattern(one), compile_pattern(other)
    if left.matches(text) and right.matches(text):
        assert overlap(left, right) is not None


def test_the_dot_leaves_newlines_out_unless_told() -> None:
    assert not compile_pattern(".").matches("\n")
    assert compile_pattern(".", "s").matches("\n")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\u00e9+", "éé", True),
        (r"\U0001F642", "🙂", True),
        (r"\S\s\D\d", "a 5"[::2] + "x", False),
        (r"\S\s\D\d", "a x5", True),
        (r"[\]\-]", "]", True),
        (r"[-a]", "-", True),
        (r"\W", "é", False),
        ("[^\\s:]+", "a\u00a0b", False),
        ("a{0}b", "b", True),
        ("(a|b){2,3}", "abab", False),
    ],
)
def test_escapes_and_classes(pattern: str, text: str, *, matches: bool) -> None:
    assert compile_pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=a)", "lookaround"),
        ("(?P<x>a)", "named group"),
        ("^a", r"`\^`"),
        ("a**", r"`\*`"),
        (r"\bword", r"escape `\\b`"),
        (r"(a)\1", r"escape `\\1`"),
        ("(a", "unfinished group"),
        ("a)", "unbalanced"),
        ("[a", "unfinished"),
        ("a\\", "unfinished"),
        (r"\xzz", "hexadecimal"),
        ("a{2,1}", "count"),
        ("a{5000}", "count"),
    ],
)
def test_what_is_not_regular_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(GrammarError, match=said):
        compile_pattern(pattern)


def test_flags_are_refused() -> None:
    with pytest.raises(GrammarError, match="only `s` is supported"):
        compile_pattern("a", "i")


WORDS = Scanner(
    [
        Candidate("NAME", compile_pattern("[a-z]+").recognizer, fixed=False),
        Candidate("PATH", compile_pattern(r"[a-z]+(\.[a-z]+)+").recognizer, fixed=False),
        Candidate("USER", compile_literal("user").recognizer, fixed=True),
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user", Scan("USER", 4, 4)),
        ("users", Scan("NAME", 5, 5)),
        ("use", Scan("NAME", 3, 3)),
        ("user.x", Scan("PATH", 6, 6)),
        ("user. ", Scan("USER", 4, 5)),
        ("user to", Scan("USER", 4, 4)),
        (" user", Scan(None, 0, 0)),
        ("", Scan(None, 0, 0)),
    ],
)
def test_the_longest_match_wins_and_a_fixed_word_wins_a_tie(text: str, found: Scan) -> None:
    assert WORDS.scan(text, 0) == found


def test_a_scanner_remembers_a_bounded_number_of_characters() -> None:
    anything = Scanner([Candidate("ANY", compile_pattern("[^\\s]").recognizer, fixed=False)])
    for code in range(0x4E00, 0x4E00 + 3000):
        assert anything.scan(chr(code), 0).end == 1
    assert len(anything._root.edges) <= 1024  # noqa: SLF001  the bound is not public


@pytest.mark.parametrize("letter", "dsw")
def test_a_category_is_what_the_standard_library_has(letter: str) -> None:
    automaton = compile_pattern(f"\\{letter}")
    codes = range(sys.maxunicode + 1)
    known = {m.start() for m in re.finditer(f"\\{letter}", "".join(map(chr, codes)))}
    ((ranges, _),) = next(edges for edges in automaton.edges if edges)
    assert {code for low, high in ranges for code in range(low, high + 1)} == known
