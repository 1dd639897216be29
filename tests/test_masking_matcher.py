"""A matcher: what it answers, and that what it refuses changes nothing."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from masking_walks import set_bits, walk

from harmony_grammar.errors import ConstraintViolation
from harmony_grammar.masking import Constraint, Matcher

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    {"name": "g"},
]
THOUGHT = "<|channel|>analysis<|message|>Hm é.<|end|><|start|>assistant"
CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 12}<|call|>'
ANSWER = "<|channel|>final<|message|>漢字<|return|>"


@cache
def constraint(**options: Any) -> Constraint:
    return Constraint(TOOLS, **options)


def ids(text: str) -> list[int]:
    return constraint().encode(text)


def state(matcher: Matcher) -> tuple[bytes, tuple[str, ...], bool]:
    return matcher.mask().tobytes(), matcher.expected(), matcher.is_finished


@pytest.mark.parametrize("options", [{}, {"max_tokens": 300, "max_reasoning_tokens": 100}])
@pytest.mark.parametrize("text", [THOUGHT + CALL, THOUGHT + ANSWER])
def test_rolling_back_is_as_if_it_had_never_been(text: str, options: dict[str, int]) -> None:
    matcher = constraint(**options).matcher()
    states = [state(matcher)]
    for token in ids(text):
        matcher.accept(token)
        states.append(state(matcher))
    assert matcher.is_complete
    for back in (0, 1, 3, 2, 5):
        matcher.rollback(back)
        del states[len(states) - back :]
        assert state(matcher) == states[-1]
        assert len(matcher) == len(states) - 1
    matcher.accept_all(ids(text)[len(matcher) :])
    assert matcher.is_finished
    with pytest.raises(ValueError, match="so not 999 back"):
        matcher.rollback(999)
    with pytest.raises(ValueError, match="back"):
        matcher.rollback(-1)


@pytest.mark.parametrize("text", [THOUGHT + CALL, THOUGHT + ANSWER])
def test_an_illegal_id_leaves_the_matcher_as_it_was(text: str) -> None:
    matcher = constraint().matcher()
    rng = random.Random(0)  # noqa: S311  a repeatable choice
    for token in ids(text):
        before = state(matcher)
        legal = set(set_bits(matcher.mask()))
        for illegal in [*rng.sample(range(-3, 201_200), 10), 200_002, 200_012, 199_999, 1 << 40]:
            if illegal not in legal:
                assert not matcher.allows(illegal)
                with pytest.raises(ConstraintViolation):
                    matcher.accept(illegal)
        assert state(matcher) == before
        assert token in legal
        matcher.accept(token)
    with pytest.raises(ConstraintViolation, match="the completion has ended"):
        matcher.accept(13225)


def test_all_or_none() -> None:
    matcher = constraint().matcher()
    before = state(matcher)
    with pytest.raises(ConstraintViolation, match=r"at index 2 of the ids: .*<\|end\|>"):
        matcher.accept_all([*ids("<|channel|>final<|end|>")])
    assert state(matcher) == before
    assert len(matcher) == 0
    assert matcher


def test_a_copy_goes_its_own_way() -> None:
    head = ids('<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n')
    one = constraint().matcher()
    one.accept_all(head)
    before = state(one)
    two = one.copy()
    one.accept_all(ids('": 1}<|call|>'))
    assert state(two) == before
    two.accept_all(ids('": 7'))
    two.rollback(1)
    two.accept_all(ids("7, "))
    assert one.is_finished
    one.rollback(2)
    assert "JSON arguments" in one.expected()
    two.rollback(len(two))
    assert state(two) == state(constraint().matcher())


def test_a_branch_in_a_body_does_not_disturb_the_other() -> None:
    one = constraint().matcher(CALL.partition("12")[0])
    two = one.copy()
    fresh = constraint().matcher(CALL.partition("12")[0] + "4")
    for token in ids("12"):
        one.accept(token)
        two.accept_all(ids("4")[:1] if len(two) == 0 else [])
    assert state(two) == state(fresh)


def test_the_mask_has_the_form_of_the_convention() -> None:
    row = constraint().matcher().mask()
    assert row.dtype == np.int32
    assert row.shape == (6284,) == (constraint().words,)
    assert set_bits(row) == [200_005]
    assert row is constraint().matcher().mask()
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1


@pytest.mark.parametrize("dtype", [np.float32, "V4", np.int64, np.uint8])
def test_a_bitmask_of_anything_but_words_is_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match="must have 32-bit integers"):
        Constraint().matcher().fill(np.zeros((1, 6290), dtype))


@pytest.mark.parametrize("dtype", [np.int32, np.uint32])
def test_a_row_is_filled_and_no_other(dtype: Any) -> None:
    matcher = constraint().matcher()
    bitmask = np.full((3, 6290), 7, dtype)
    for token in ids(THOUGHT + CALL):
        bitmask[:] = 7
        matcher.fill(bitmask, 1)
        assert np.array_equal(bitmask[1, :6284].view(np.int32), matcher.mask())
        assert (bitmask[[0, 2]] == 7).all()
        assert (bitmask[1, 6284:] == 7).all()
        matcher.accept(token)
    single = np.zeros(6284, dtype)
    matcher.rollback(len(matcher))
    matcher.fill(single)
    assert np.array_equal(single.view(np.int32), matcher.mask())


@pytest.mark.parametrize(
    ("bitmask", "row", "error"),
    [
        (np.zeros((2, 6283), np.int32), 0, ValueError),
        (np.zeros((2, 6284), np.int64), 0, ValueError),
        (np.zeros((1, 1, 6284), np.int32), 0, ValueError),
        (np.zeros((6284, 2), np.int32).T, 0, ValueError),
        (np.frombuffer(bytes(6284 * 4), np.int32), 0, ValueError),
        (np.zeros((2, 6284), np.int32), 2, IndexError),
        (np.zeros((2, 6284), np.int32), -1, IndexError),
    ],
)
def test_a_bitmask_of_another_form_is_refused(
    bitmask: Any, row: int, error: type[Exception]
) -> None:
    with pytest.raises(error, match="bitmask"):
        constraint().matcher().fill(bitmask, row)


def test_the_key_stays_while_the_mask_does() -> None:
    matcher = constraint().matcher("<|channel|>final<|message|>")
    key, mask = matcher.mask_key, matcher.mask()
    for token in ids("Hello there, this is a text."):
        matcher.accept(token)
        assert matcher.mask_key == key
        assert matcher.mask() is mask
    matcher.accept(ids("\N{PILE OF POO}x")[0])
    assert (matcher.mask_key == key) == np.array_equal(matcher.mask(), mask)


def test_equal_keys_mean_equal_masks() -> None:
    masks: dict[object, bytes] = {}
    for options in ({}, {"max_tokens": 60}, {"spelling": "any"}):
        for seed in range(10):
            rng = random.Random(seed)  # noqa: S311  a repeatable walk
            taken, _ = walk(constraint(**options), rng, most=60)
            matcher = constraint(**options).matcher()
            for token in taken:
                key = matcher.mask_key
                assert matcher.mask_key == key
                assert masks.setdefault(key, matcher.mask().tobytes()) == matcher.mask().tobytes()
                matcher.accept(token)
    assert len(masks) > 20


@pytest.mark.parametrize(
    ("options", "head", "forced"),
    [
        ({}, "", "<|channel|>"),
        ({"reasoning": "require"}, "", "<|channel|>analysis<|message|>"),
        ({"reasoning": "forbid", "preambles": False, "tool_choice": "g"}, "",
         "<|channel|>commentary to=functions.g <|constrain|>json<|message|>"),
        ({}, "<|channel|>final<|message|>Hi", ""),
        ({}, "<|channel|>analysis<|message|>Hi<|end|>", "<|start|>assistant<|channel|>"),
        ({}, " to=functions.g", "<|channel|>commentary <|constrain|>json<|message|>"),
    ],
)  # fmt: skip
def test_what_must_come(options: dict[str, Any], head: str, forced: str) -> None:
    matcher = constraint(**options).matcher(head)
    assert matcher.forced()[: len(ids(forced))] == ids(forced)
    assert len(matcher) == 0
    if forced:
        matcher.accept_all(matcher.forced())
    else:
        assert matcher.forced() == []


def test_what_is_forced_can_be_taken_at_any_point() -> None:
    for seed in range(30):
        rng = random.Random(seed)  # noqa: S311  a repeatable walk
        bound = constraint(max_tokens=40)
        taken, _ = walk(bound, rng, most=rng.randrange(40))
        matcher = bound.matcher()
        matcher.accept_all(taken)
        matcher.accept_all(matcher.forced())


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", ("`<|channel|>`",)),
        ("<|channel|>", ("`analysis`", "`commentary`", "`final`")),
        ("<|channel|>commentary", ("` to=`", "`<|message|>`")),
        ("<|channel|>commentary to=", ("`functions.f` or `functions.g`",)),
        ("<|channel|>final<|message|>", ("`<|return|>`", "text")),
        ("<|channel|>commentary to=functions.f <|constrain|>json<|message|>", ("JSON arguments",)),
        (CALL.removesuffix("<|call|>"), ("JSON arguments", "`<|call|>`")),
        (CALL, ()),
    ],
)
def test_what_may_come_in_words(head: str, expected: tuple[str, ...]) -> None:
    assert constraint().matcher(head).expected() == tuple(sorted(expected))


@pytest.mark.parametrize(
    ("options", "head", "token", "explanation"),
    [
        ({}, "", 13225, ("'Hello' (13225) may not come here: a header is open, where 'Hello' does "
         "not fit; expected: `<|channel|>`")),
        ({}, "<|channel|>", 17196, "'final' (17196) may come here"),
        ({}, "<|channel|>final<|message|>x", 200012, ("<|call|> (200012) may not come here: a text "
         "is open; expected: `<|return|>`, text")),
        ({}, "<|channel|>final<|message|>", 999_999,
         "999999 is no id of the vocabulary, which has 201088"),
        ({}, CALL, 200007, ("<|end|> (200007) may not come here: the completion has ended; "
         "expected: nothing")),
        ({"max_reasoning_tokens": 0, "reasoning": "allow"}, "<|channel|>analysis<|message|>", 13225,
         ("'Hello' (13225) may not come here: 0 ids of reasoning are left; "
         "expected: `<|end|>`, text")),
    ],
)  # fmt: skip
def test_why_an_id_may_not_come(
    options: dict[str, Any], head: str, token: int, explanation: str
) -> None:
    assert constraint(**options).matcher(head).explain(token) == explanation


def test_a_spent_budget_leaves_one_way() -> None:
    matcher = constraint(tool_choice="none", max_tokens=4).matcher("<|channel|>final<|message|>")
    matcher.accept_all(ids("one two three"))
    assert matcher.explain(13225) == (
        "'Hello' (13225) may not come here: 1 ids are left; expected: `<|return|>`, text"
    )
    assert matcher.forced() == [200_002]


def test_a_token_that_begins_well_is_told_how_far_it_fits() -> None:
    token = constraint().encode("finally")[0]
    text = constraint().matcher("<|channel|>").explain(token)
    assert "where 'ly' does not fit behind 'final'" in text


def test_an_incomplete_character_is_told() -> None:
    half = constraint().vocabulary.encoding.encode_single_token(b"\xc3")
    matcher = constraint().matcher("<|channel|>final<|message|>")
    matcher.accept(half)
    assert "a character of the text is incomplete" in matcher.explain(200002)
    assert matcher.expected() == ("text",)


# --- batches ---


def test_a_batch_fills_every_row() -> None:
    batch = constraint().batch(["", "<|channel|>final<|message|>", CALL])
    bitmask = np.zeros((3, constraint().words), np.int32)
    batch.fill(bitmask)
    for row, matcher in enumerate(batch):
        assert np.array_equal(bitmask[row], matcher.mask())
    assert len(batch) == 3
    assert not batch.is_finished
    assert batch[2].is_finished


def test_a_batch_goes_on_row_by_row() -> None:
    texts = [ids(THOUGHT + CALL), ids(ANSWER), ids(THOUGHT + ANSWER)]
    batch = constraint().batch([""] * 3)
    bitmask = np.zeros((3, constraint().words), np.int32)
    for index in range(max(map(len, texts))):
        batch.fill(bitmask)
        for row, matcher in enumerate(batch):
            assert np.array_equal(bitmask[row], matcher.mask())
        batch.accept([text[index] if index < len(text) else 0 for text in texts])
    assert batch.is_finished


def test_a_batch_takes_all_or_none() -> None:
    batch = constraint().batch(["", ""])
    with pytest.raises(ConstraintViolation):
        batch.accept([200_005, 13225])
    assert [len(matcher) for matcher in batch] == [0, 0]
    with pytest.raises(ValueError, match=r"shorter|zip"):
        batch.accept([200_005])
    assert [len(matcher) for matcher in batch] == [0, 0]


def test_beams_are_chosen_and_copied() -> None:
    batch = constraint().batch(["<|channel|>", "<|channel|>final"])
    bitmask = np.zeros((3, constraint().words), np.int32)
    batch.fill(bitmask)
    batch.keep([1, 1, 0])
    batch.accept([200_008, 200_008, *ids("analysis")])
    batch.accept([*ids("x"), 200_002, 200_008])
    assert [matcher.is_finished for matcher in batch] == [False, True, False]
    batch.fill(bitmask)
    for row, matcher in enumerate(batch):
        assert np.array_equal(bitmask[row], matcher.mask())


def test_an_untouched_row_is_not_written_again_unless_asked() -> None:
    batch = constraint().batch(["<|channel|>final<|message|>"])
    bitmask = np.zeros((1, constraint().words), np.int32)
    batch.fill(bitmask)
    bitmask[:] = 0
    batch.fill(bitmask)
    assert not bitmask.any()
    batch.forget()
    batch.fill(bitmask)
    assert np.array_equal(bitmask[0], batch[0].mask())
