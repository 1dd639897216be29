"""The logits processor under a real `generate()`, with a model that knows nothing.

The model is as big in its vocabulary as the real one and otherwise tiny, with random weights:
whatever comes out well comes from the mask.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (it is an extra)")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed (it is an extra)"
)

from tiny_gpt_oss import PAD, SIZE, encode, model, padded  # noqa: E402  what is skipped is not loaded

import harmony_grammar as hg  # noqa: E402
from harmony_grammar.errors import ConstraintError, ConstraintViolation  # noqa: E402
from harmony_grammar.integrations.transformers import (  # noqa: E402
    HarmonyLogitsProcessor,
    completion_begin,
    generation_options,
)
from harmony_grammar.masking import Constraint  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 24
ARGUMENTS = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS = [{"name": "f", "parameters": ARGUMENTS}, {"name": "g", "parameters": ARGUMENTS}]
HISTORY = (
    "<|start|>system<|message|>You are.<|end|><|start|>user<|message|>Hi<|end|>"
    '<|start|>assistant<|channel|>commentary to=functions.g <|constrain|>json<|message|>{"n": 1}'
    "<|call|><|start|>functions.g to=assistant<|channel|>commentary<|message|>2<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Two.<|end|><|start|>user<|message|>And?<|end|>"
)
SHORT = "<|start|>user<|message|>Hello<|end|>"
OPENING = "<|start|>assistant"

CASES: dict[str, dict[str, Any]] = {
    "auto": {"tools": TOOLS},
    "required": {"tools": TOOLS, "tool_choice": "required"},
    "none": {"tools": TOOLS, "tool_choice": "none"},
    "a name": {"tools": TOOLS, "tool_choice": "g"},
    "a format": {"response_format": ARGUMENTS},
    "both": {"tools": TOOLS, "response_format": ARGUMENTS},
    "text": {"max_reasoning_tokens": 6},
}
ROUND = 30
# So many rounds of thirty generations a case; a long run asks for more.
ROUNDS = max(1, int(os.environ.get("HARMONY_GENERATIONS", ROUND)) // ROUND)


def prompts(number: int) -> list[str]:
    """A round's prompts; a model that knows nothing says something else to every one."""
    return [
        f"{HISTORY * (n % 2)}<|start|>user<|message|>{'Hello ' * n}{number}<|end|>{OPENING}"
        for n in range(18)
    ]


def ways(number: int) -> list[tuple[dict[str, Any], list[str]]]:
    """A round's ways to generate: greedy, sampling and with beams."""
    every = prompts(number)
    return [
        ({"do_sample": False}, every),
        ({"do_sample": True, "top_k": 0}, every[:6]),
        ({"do_sample": False, "num_beams": 3}, every[8:14]),
    ]


def generate(
    constraint: Constraint | None, prompts: Sequence[str], side: str = "left", **options: Any
) -> list[list[int]]:
    """The completions of some prompts, cut behind the id that ended them."""
    ids, mask = padded(prompts, side)
    processors = transformers.LogitsProcessorList()
    stops = generation_options(constraint or Constraint(TOOLS), PAD)
    if constraint is not None:
        processors.append(HarmonyLogitsProcessor(constraint))
    most = options.pop("max_new_tokens", MOST)
    with torch.no_grad():
        out = model().generate(
            ids,
            attention_mask=mask,
            logits_processor=processors,
            max_new_tokens=most,
            **stops,
            **options,
        )
    rows = []
    for row in out[:, ids.shape[1] :].tolist():
        ends = [i for i, token in enumerate(row) if token in stops["eos_token_id"]]
        rows.append(row[: ends[0] + 1] if ends else row)
    return rows


def verdict(ids: list[int], case: str) -> str:
    """Whether a completion is whole and satisfies its case, or was cut within a schema."""
    report = hg.check(ids, "completion")
    assert report.status in ("complete", "truncated"), report.diagnostics
    if report.status == "truncated":
        assert CASES[case] not in (CASES["none"], CASES["text"])
        matcher = Constraint(**CASES[case]).matcher()
        matcher.accept_all(ids)
        assert any("JSON" in word or "format" in word for word in matcher.expected())
        return "cut"
    last = report.conversation.messages[-1]
    if last.recipient:
        assert case in ("auto", "required", "a name", "both")
        assert last.recipient in (
            ("functions.g",) if case == "a name" else ("functions.f", "functions.g")
        )
        jsonschema.validate(json.loads(last.text), ARGUMENTS)
    else:
        assert case in ("auto", "none", "a format", "both", "text")
        if case in ("a format", "both"):
            jsonschema.validate(json.loads(last.text), ARGUMENTS)
    return "whole"


@pytest.mark.parametrize("case", CASES)
def test_every_generation_is_a_sentence_of_the_constraint(case: str) -> None:
    # Thirty for each case, two hundred and ten in all, in batches of different lengths.
    torch.manual_seed(1)
    constraint = Constraint(**CASES[case], max_tokens=MOST)
    counts = {"whole": 0, "cut": 0}
    for options, batch in (way for number in range(ROUNDS) for way in ways(number)):
        for ids in generate(constraint, batch, **options):
            counts[verdict(ids, case)] += 1
    # A body with a schema is promised no end, but these are all brought to theirs.
    assert counts == {"whole": ROUND * ROUNDS, "cut": 0}


def test_without_the_mask_none_is() -> None:
    torch.manual_seed(2)
    found = generate(None, [SHORT + OPENING] * 12, do_sample=True)
    found += generate(None, prompts(0), do_sample=False)
    assert [ids for ids in found if hg.check(ids, "completion").ok] == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side(side: str) -> None:
    constraint = Constraint(max_tokens=MOST)
    for ids in generate(constraint, [SHORT + OPENING, HISTORY + OPENING], side, do_sample=True):
        assert hg.check(ids, "completion").ok


@pytest.mark.parametrize(
    ("prefill", "start"),
    [
        ("<|channel|>final<|message|>", "<|channel|>final<|message|>"),
        (" to=functions.f", " to=functions.f"),
        ("<|channel|>analysis<|message|>I", "<|channel|>analysis<|message|>I"),
    ],
)
def test_prefilled_prompts(prefill: str, start: str) -> None:
    constraint = Constraint(TOOLS, max_tokens=MOST)
    for ids in generate(constraint, [HISTORY + OPENING + prefill] * 3, do_sample=True):
        report = hg.check([*encode(start), *ids], "completion")
        assert report.status != "malformed", report.diagnostics


def test_an_earlier_answer_arms_nothing() -> None:
    # The format binds this turn's answer; the reasoning before it is free.
    constraint = Constraint(response_format=ARGUMENTS, reasoning="require", max_tokens=MOST)
    (ids,) = generate(constraint, [HISTORY + OPENING], do_sample=False)
    head = encode("<|channel|>analysis<|message|>")
    assert ids[: len(head)] == head
    assert verdict(ids, "a format") in ("whole", "cut")


def test_a_prompt_without_an_opening_is_refused() -> None:
    with pytest.raises(ConstraintError, match="does not end with an open message"):
        generate(Constraint(), [SHORT])
    with pytest.raises(ConstraintViolation, match="prefix"):
        generate(Constraint(), [HISTORY])


def test_where_a_completion_begins() -> None:
    prompt = encode(HISTORY + OPENING)
    assert completion_begin(Constraint(), prompt) == len(prompt)
    assert completion_begin(Constraint(), [*prompt, 200_005]) == len(prompt)
    assert generation_options(Constraint(TOOLS)) == {
        "eos_token_id": [200_002, 200_012],
        "pad_token_id": 200_002,
    }


# --- the processor by itself ---


def scores_of(rows: int, width: int = SIZE) -> Any:
    return torch.zeros((rows, width))


def legal(out: Any, row: int = 0) -> list[int]:
    return torch.isfinite(out[row]).nonzero().flatten().tolist()  # type: ignore[no-any-return]


def test_scores_wider_than_the_vocabulary() -> None:
    out = HarmonyLogitsProcessor(Constraint())(
        torch.tensor([encode(OPENING)]), scores_of(1, SIZE + 77)
    )
    assert legal(out) == [200_005]
    assert out.shape == (1, SIZE + 77)


def test_the_mask_is_the_matchers() -> None:
    constraint = Constraint(TOOLS)
    processor = HarmonyLogitsProcessor(constraint)
    text = "<|channel|>analysis<|message|>é.<|end|>" + OPENING + "<|channel|>final<|message|>Hi"
    ids = encode(OPENING)
    matcher = constraint.matcher()
    for token in encode(text):
        out = processor(torch.tensor([ids]), scores_of(1))
        bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
        assert legal(out) == np.flatnonzero(bits).tolist()
        ids = [*ids, token]
        matcher.accept(token)


def test_rows_that_swap_places_are_followed() -> None:
    constraint = Constraint()
    processor = HarmonyLogitsProcessor(constraint)
    base = encode(OPENING)
    one, two = encode("<|channel|>final<|message|>"), encode("<|channel|>analysis<|message|>")
    for length in range(4):
        out = processor(torch.tensor([base + one[:length], base + two[:length]]), scores_of(2))
    assert 200_002 in legal(out, 0)
    assert 200_007 in legal(out, 1)
    swapped = torch.tensor([base + two + [13225], base + one + [13225]])
    out = processor(swapped, scores_of(2))
    assert 200_007 in legal(out, 0)
    assert 200_002 in legal(out, 1)
    both = torch.tensor([base + one + [13225, 13225], base + one + [13225, 200_002]])
    out = processor(both, scores_of(2))
    assert 200_002 in legal(out, 0)
    assert len(legal(out, 1)) == SIZE  # it has ended: whatever fills it up is no matter
    out = processor(torch.tensor([[*row, PAD] for row in both.tolist()[1:]]), scores_of(1))
    assert len(legal(out)) == SIZE


def test_one_processor_serves_one_generation_after_another() -> None:
    constraint = Constraint(TOOLS)
    processor = HarmonyLogitsProcessor(constraint)
    first = encode(SHORT + OPENING)
    processor(torch.tensor([first]), scores_of(1))
    done = first + encode("<|channel|>final<|message|>Hi<|return|>")
    for length in range(len(first) + 1, len(done) + 1):
        processor(torch.tensor([done[:length]]), scores_of(1))
    again = done + encode(SHORT + OPENING)
    assert legal(processor(torch.tensor([again]), scores_of(1))) == [200_005]
    assert legal(processor(torch.tensor([first]), scores_of(1))) == [200_005]
    unlike = encode(HISTORY + OPENING + "<|channel|>")
    assert 17_196 in legal(processor(torch.tensor([unlike]), scores_of(1)))


def test_a_known_length_lets_a_generation_be_joined_late() -> None:
    constraint = Constraint(TOOLS)
    prompt = encode(SHORT + OPENING)
    done = encode("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>")
    processor = HarmonyLogitsProcessor(constraint, prompt_length=len(prompt))
    late = processor(torch.tensor([prompt + done]), scores_of(1))
    assert 17_196 in legal(late)
    early = HarmonyLogitsProcessor(constraint)(torch.tensor([prompt]), scores_of(1))
    assert legal(early) == [200_005]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_scores_of_any_precision_stay_as_they_were_where_legal(dtype: str) -> None:
    scores = torch.randn((1, SIZE)).to(getattr(torch, dtype))
    out = HarmonyLogitsProcessor(Constraint())(torch.tensor([encode(OPENING)]), scores)
    assert out.dtype == scores.dtype
    assert torch.equal(out[0, 200_005], scores[0, 200_005])
    assert torch.isinf(out[0, :200_005]).all()


def shown_in(guide: str) -> dict[str, Any]:
    page = Path(__file__).parents[2] / "docs" / "guides" / guide
    pattern = r"```python title=\"generate.py\"\n(.*?)```"
    (program,) = re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  our own text
    return names


def test_what_the_guide_of_samplers_shows_calls_a_tool() -> None:
    ids = encode(prompts(1)[0])
    inputs = {"input_ids": torch.tensor([ids])}
    made = shown_in("sampler.md")["call"](model(), inputs, TOOLS, max_tokens=40)
    *_, call = hg.parse([int(token) for token in made[0][len(ids) :]], start="completion")
    assert call.recipient in {"functions.f", "functions.g"}


def test_what_the_guide_of_prompts_shows_is_a_completion() -> None:
    ids = encode(prompts(1)[0])
    inputs = {"input_ids": torch.tensor([ids])}
    made = shown_in("prompts.md")["answer"](model(), inputs, max_tokens=40)
    assert hg.parse([int(token) for token in made[0][len(ids) :]], start="completion").messages
