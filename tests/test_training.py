"""Rows as ids with labels: what is learnt, held to a slow and plain reading of the ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies_requests import ASK, TOOLS, chats, said

import harmony_grammar as hg
from harmony_grammar import openai as hgo
from harmony_grammar.training import IGNORED, Example, encode, encode_turns, pack

GRAMMAR = hg.Grammar.default()
MEANING = GRAMMAR.rules.meaning
CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
ROW: dict[str, Any] = {
    "messages": [
        ASK,
        {"role": "assistant", "reasoning": "R1", "content": "A1"},
        ASK,
        {"role": "assistant", "reasoning": "R2", "content": "I look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Nine."},
        {"role": "assistant", "reasoning": "R3", "content": "A2"},
    ],
    "tools": TOOLS,
}


def text(example: Example, *, learnt: bool = False) -> str:
    ids = [
        token
        for token, label in zip(example.input_ids, example.labels, strict=True)
        if not learnt or label != IGNORED
    ]
    return b"".join(map(GRAMMAR.vocabulary.piece, ids)).decode("utf-8", "replace")


def learnt(example: Example) -> list[str]:
    """The stretches of ids that are learnt, as text."""
    out: list[list[int]] = []
    before = IGNORED
    for label in example.labels:
        if label != IGNORED and before == IGNORED:
            out.append([])
        if label != IGNORED:
            out[-1].append(label)
        before = label
    return [b"".join(map(GRAMMAR.vocabulary.piece, ids)).decode() for ids in out]


def test_the_last_turn_is_learnt_with_its_reasoning() -> None:
    example = encode(ROW)
    assert "R1" not in text(example)
    assert "A1<|end|>" in text(example)
    assert learnt(example) == [
        (
            "<|channel|>analysis<|message|>R2<|end|><|start|>assistant<|channel|>commentary"
            "<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.now "
            "<|constrain|>json<|message|>{}<|call|>"
        ),
        (
            "<|channel|>analysis<|message|>R3<|end|><|start|>assistant<|channel|>final<|message|>"
            "A2<|return|>"
        ),
    ]


def test_all_turns_are_learnt_with_all_reasoning() -> None:
    example = encode(ROW, learn="all_turns")
    # An answer that more follows ends as a message, which the model does not write.
    assert learnt(example)[0] == (
        "<|channel|>analysis<|message|>R1<|end|><|start|>assistant<|channel|>final<|message|>A1"
    )
    assert len(learnt(example)) == 3
    final = encode(ROW, learn=[MEANING.answer], headers=False)
    assert learnt(final) == ["A1", "A2<|return|>"]
    with pytest.raises(ValueError, match="last_turn or all_turns"):
        encode(ROW, learn="everything")


def test_each_turn_is_an_example_as_the_model_would_have_seen_it() -> None:
    first, second = encode_turns(ROW)
    assert text(first).endswith("A1<|return|>")
    assert learnt(first)[0].startswith("<|channel|>analysis<|message|>R1")
    assert second.labels == encode(ROW).labels


@pytest.mark.parametrize("key", ["weight", "train"])
def test_weights_of_messages(key: str) -> None:
    messages = [dict(message) for message in ROW["messages"]]
    messages[3][key] = 0 if key == "weight" else False
    example = encode({**ROW, "messages": messages})
    assert [piece[-12:] for piece in learnt(example)] == ["A2<|return|>"]
    assert example.notes == ()
    messages[5]["weight"] = 0.5
    assert set(encode({**ROW, "messages": messages}).weights) == {0.0, 0.5}
    messages[5]["weight"] = "much"
    with pytest.raises(hgo.ConversionError, match="a weight is a number"):
        encode({**ROW, "messages": messages})


def test_a_row_that_is_too_long_is_cut_at_a_message() -> None:
    whole = encode(ROW)
    cut = encode(ROW, max_length=len(whole.input_ids) - 1)
    assert cut.truncated
    assert not whole.truncated
    assert text(whole).startswith(text(cut))
    assert text(cut).endswith("R3<|end|>")
    assert [note.code.value for note in cut.notes] == ["too-long"]


def test_rows_of_other_forms() -> None:
    prepared = hgo.from_chat(ROW, keep_reasoning="all", generation_prompt=False, spelling="model")
    same = encode(ROW, learn="all_turns")
    for row in (
        prepared.text,
        prepared.ids,
        {"text": prepared.text},
        {"input_ids": prepared.ids},
        {"prompt": ROW["messages"][:3], "completion": ROW["messages"][3:], "tools": TOOLS},
        hgo.to_responses(prepared.conversation),
    ):
        assert encode(row, learn="all_turns").labels == same.labels
    with pytest.raises(hgo.ConversionError, match="a row is"):
        encode({"n": 1})


@given(chats(), said())
def test_what_is_learnt_is_what_the_model_says(request: dict[str, Any], answer: str) -> None:
    """Held to a plain reading: parse the ids again, and look at who speaks where."""
    messages = [*request["messages"], {"role": "assistant", "content": answer}]
    row = {**request, "messages": messages}
    for learn in ("last_turn", "all_turns"):
        example = encode(row, learn=learn)
        tree = hg.parse(example.input_ids)
        expected = [False] * len(example.input_ids)
        last = len(tree) - 1
        answers = [i for i, m in enumerate(tree) if m.channel == MEANING.answer]
        begin = answers[-2] + 1 if learn == "last_turn" and len(answers) > 1 else 0
        for index, message in enumerate(tree):
            start, _, end, stop = message.offsets or (0, 0, 0, 0)
            assert set(example.message_ids[start:stop]) == {example.message_ids[start]}
            if message.author.role != MEANING.model_role or index < begin:
                continue
            goes_on = index > 0 and tree.messages[index - 1].author.role == MEANING.model_role
            start += 0 if goes_on else 2
            stop = end if message.channel == MEANING.answer and index < last else stop
            expected[start:stop] = [True] * (stop - start)
        assert [label != IGNORED for label in example.labels] == expected
        assert example.assistant_masks == [int(one) for one in expected]
        assert [bool(weight) for weight in example.weights] == expected
        for token, label in zip(example.input_ids, example.labels, strict=True):
            assert label in (IGNORED, token)


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(40, 90))
def test_packing_keeps_everything_and_fits(lengths: list[int], room: int) -> None:
    examples = [
        Example([n] * n, [n] * n, [1] * n, [0] * n, [1.0] * n, truncated=False, notes=())
        for n in lengths
    ]
    rows = pack(examples, room)
    assert sorted(n for row in rows for n in row.lengths) == sorted(lengths)
    for row in rows:
        assert sum(row.lengths) == len(row.input_ids) == len(row.position_ids) <= room
        assert row.position_ids == [place for n in row.lengths for place in range(n)]
    with pytest.raises(ValueError, match="an example has 50 ids"):
        pack([Example([1] * 50, [1] * 50, [], [], [], truncated=False, notes=())], 40)


def test_a_channel_that_there_is_not_is_told() -> None:
    with pytest.raises(ValueError, match="there is no channel 'finall' to learn"):
        encode(ROW, learn=["finall"])


def test_weight_and_train_both_hold() -> None:
    messages = [dict(message) for message in ROW["messages"]]
    messages[5] |= {"weight": 1, "train": False}
    assert not any(
        piece.endswith("A2<|return|>") for piece in learnt(encode({"messages": messages}))
    )


def test_texts_of_other_data_sets_are_no_requests() -> None:
    with pytest.raises(hgo.ConversionError, match="a row is"):
        encode({"instruction": "Add.", "input": "1 + 1", "output": "2"})
