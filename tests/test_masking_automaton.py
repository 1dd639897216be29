"""The parts that masks are made of, each against a plain way to the same answer."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from masking_walks import set_bits, small_vocabulary

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.automata import NO, Dfa, byte_ranges
from harmony_grammar.grammar.patterns import compile_pattern
from harmony_grammar.masking.text_bodies import free_text
from harmony_grammar.masking.token_table import TokenTable, table_of
from harmony_grammar.vocabulary import Vocabulary

codes = st.integers(0, 0x10FFFF)
PATTERNS = ["", "a", "a*b", "(ab|a)+c?", "[a-f]{2,3}", "é|漢+", r"[^\s:<>|]+", r"(.|\n)+", "[à-ÿ]x"]


@cache
def text_machine() -> Dfa:
    rules = Rules.default()
    automaton = rules.automaton("TEXT")
    assert automaton is not None
    return Dfa.of([[automaton], []])


@cache
def table() -> TokenTable:
    return table_of(Vocabulary.default())


def run(machine: Dfa, data: bytes) -> int:
    """The state behind some bytes; `NO` if there is none."""
    state = 0
    for byte in data:
        state = machine.rows[state].get(byte, NO)
        if state == NO:
            return NO
    return state


@given(codes, codes, codes)
def test_ranges_of_bytes_are_the_encodings(one: int, other: int, probe: int) -> None:
    low, high = sorted((one, other))
    found = list(byte_ranges(low, high))
    for code in {low, high, probe, (low + high) // 2} - set(range(0xD800, 0xE000)):
        encoded = chr(code).encode()
        holding = [
            product
            for product in found
            if len(product) == len(encoded)
            and all(a <= byte <= b for (a, b), byte in zip(product, encoded, strict=True))
        ]
        assert len(holding) == (low <= code <= high)


def test_surrogates_have_no_encoding() -> None:
    assert list(byte_ranges(0xD800, 0xDFFF)) == []


@pytest.mark.parametrize("pattern", PATTERNS)
@given(st.text("abcdefé漢àx :\n", max_size=6))
def test_a_machine_matches_what_its_pattern_matches(pattern: str, text: str) -> None:
    machine = Dfa.of([[compile_pattern(pattern)]])
    assert machine.matches(text.encode()) == bool(re.fullmatch(pattern, text))


@given(st.binary(max_size=6) | st.lists(st.sampled_from(range(0x80, 0x100)), max_size=5).map(bytes))
def test_text_is_valid_utf8(data: bytes) -> None:
    try:
        data.decode("utf-8")
        valid = True
    except UnicodeDecodeError:
        valid = False
    assert text_machine().matches(data) == valid


def test_text_has_a_state_for_each_way_to_be_amid_a_character() -> None:
    assert len(text_machine().rows) == 8
    assert [len(tail) for tail in text_machine().tails] == [0, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_tails_lead_to_acceptance(pattern: str) -> None:
    machine = Dfa.of([[compile_pattern(pattern)]])
    for state, tail in enumerate(machine.tails):
        at = state
        for byte in tail:
            at = machine.rows[at][byte]
        assert machine.accepts[at] != NO


def test_names_know_which_they_are() -> None:
    names = {"functions.a": 1, "functions.ab": 2, "browser.é": 3}
    machine = Dfa.of_names(names)
    for name, number in names.items():
        assert machine.accepts[run(machine, name.encode())] == number
    assert machine.accepts[run(machine, b"functions.")] == NO
    assert machine.accepted(run(machine, b"browser")) == 3


def test_a_mask_has_the_tokens_that_stay_in_the_language() -> None:
    # Every token of the real vocabulary, from every state of text, by decoding.
    free = free_text(text_machine(), table())
    starts = {run(text_machine(), head): head for head in (b"", b"\xc3", b"\xe6\xbc", b"\xf0\x9f")}
    for state, head in starts.items():
        legal = set()
        for token, piece in table().pieces.items():
            tail = head + piece
            try:
                tail.decode()
                legal.add(token)
            except UnicodeDecodeError as error:
                if error.reason == "unexpected end of data":
                    legal.add(token)
        assert set(set_bits(free.mask(state, ()).row)) == legal
    assert len(legal) < len(table().pieces)


@given(st.lists(st.binary(min_size=1, max_size=20), unique=True, max_size=30))
def test_a_walk_over_any_vocabulary_finds_what_a_scan_finds(pieces: list[bytes]) -> None:
    small = table_of(small_vocabulary(pieces))
    free = free_text(text_machine(), small)
    for state in range(8):
        after = free.after(state)
        for token, piece in small.pieces.items():
            at = state
            for byte in piece:
                at = NO if at == NO else text_machine().rows[at].get(byte, NO)
            assert after[token] == (free.dead if at == NO else at)


@given(st.lists(st.binary(min_size=1, max_size=6), unique=True, min_size=1, max_size=8), st.data())
def test_the_least_number_of_ids(pieces: list[bytes], data: st.DataObject) -> None:
    small = TokenTable({piece: i for i, piece in enumerate(pieces)}, {}, len(pieces), lambda _: [])
    parts = data.draw(st.lists(st.sampled_from(pieces), max_size=4))
    text = b"".join(parts)
    # All ways to cut the text, by brute force.
    ways = {0: 0}
    for end in range(1, len(text) + 1):
        found = [ways[b] + 1 for b in list(ways) if text[b:end] in pieces]
        if found:
            ways[end] = min(found)
    assert small.least(text) == ways[len(text)] <= len(parts)
    assert small.least(text + b"\0" * 99) > len(text) + 99 or b"\0" in b"".join(pieces)


def test_needs_are_how_many_ids_end_a_character() -> None:
    free = free_text(text_machine(), table())
    assert free.needs == (0, 1, 1, 1, 1, 2, 2, 2)
    assert set_bits(free.mask(0, [200007], -1).row) == [200007]
    assert set(set_bits(free.mask(0, (), 0).row)) == {
        token for token, piece in table().pieces.items() if text_machine().matches(piece)
    }


def test_masks_are_shared_and_read_only() -> None:
    free = free_text(text_machine(), table())
    mask = free.mask(0, [200007])
    assert free_text(text_machine(), table()) is free
    assert free.mask(0, frozenset([200007])) is mask
    assert table().mask([3, 5]) is table().mask([5, 3])
    with pytest.raises(ValueError, match="read-only"):
        mask.row[0] = 0


def test_a_body_with_too_many_states_is_refused() -> None:
    machine = Dfa.of([[compile_pattern("a{300}")]])
    with pytest.raises(GrammarError, match="at most 255 states, not 301"):
        free_text(machine, table())
