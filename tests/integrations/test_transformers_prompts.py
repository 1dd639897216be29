"""A prompt alone holds a model that knows nothing to the tools that the prompt declares."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (it is an extra)")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed (it is an extra)"
)

from tiny_gpt_oss import PAD, encode, model, padded  # noqa: E402  what is skipped is not loaded

import harmony_grammar as hg  # noqa: E402
from harmony_grammar.integrations.transformers import (  # noqa: E402
    HarmonyLogitsProcessor,
    generation_options,
)
from harmony_grammar.tree.tools import FUNCTIONS  # noqa: E402

MOST = 48
SETS = 50
ROWS = 5
LEAVES: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "string", "enum": ["red", "green", "dark blue"]},
    {"type": "string", "description": "A text.\nIt may be long."},
    {"type": "number", "description": "How many.", "default": 3},
]


def schema(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """A schema that the reference's TypeScript can say."""
    kind = rng.randrange(4) if depth else 0
    if kind == 1:
        return {"type": "array", "items": schema(rng, depth - 1)}
    if kind == 2:
        return parameters(rng, depth - 1)
    return rng.choice(LEAVES)


def parameters(rng: random.Random, depth: int = 2) -> dict[str, Any]:
    """A schema of an object."""
    names = rng.sample(["city", "days", "unit", "who", "note_2"], rng.randrange(1, 4))
    closed = {"additionalProperties": False} if rng.random() < 0.5 else {}
    return {
        "type": "object",
        "properties": {name: schema(rng, depth) for name in names},
        "required": [name for name in names if rng.random() < 0.7],
        **closed,
    }


def tool_set(seed: int) -> dict[str, dict[str, Any] | None]:
    """The parameters of some tools, by name."""
    rng = random.Random(seed)  # noqa: S311  no secret
    names = rng.sample(["get_weather", "search", "book", "undo"], rng.randrange(1, 4))
    return {name: parameters(rng) if rng.random() < 0.9 else None for name in names}


def prompt(tools: dict[str, dict[str, Any] | None]) -> str:
    """A prompt that declares tools, as the reference renders it."""
    described = [hg.ToolDescription.new(n, f"Does {n}.", schema) for n, schema in tools.items()]
    make = hg.Message.from_role_and_content
    developer = hg.DeveloperContent.new().with_function_tools(described)
    messages = [
        make(hg.Role.SYSTEM, hg.SystemContent.new()),
        make(hg.Role.DEVELOPER, developer),
        make(hg.Role.USER, "Do it."),
    ]
    return hg.render(hg.Conversation.from_messages(messages)) + "<|start|>assistant"


def generate(prompts: list[str], **options: Any) -> list[list[int]]:
    """The completions of prompts, each held to what its own prompt says."""
    ids, mask = padded(prompts)
    stops = generation_options(pad_token_id=PAD)
    with torch.no_grad():
        out = model().generate(
            ids,
            attention_mask=mask,
            logits_processor=[HarmonyLogitsProcessor.from_prompt(max_tokens=MOST, **options)],
            max_new_tokens=MOST,
            do_sample=True,
            top_k=0,
            **stops,
        )
    rows = []
    for row in out[:, ids.shape[1] :].tolist():
        end = next((i for i, token in enumerate(row) if token in stops["eos_token_id"]), len(row))
        rows.append(row[: end + 1])
    return rows


@pytest.mark.parametrize("choice", ["required", "auto"])
def test_calls_are_what_the_prompt_declares(choice: str) -> None:
    torch.manual_seed(3)
    counts = {"calls": 0, "answers": 0, "cut": 0}
    for first in range(0, SETS, ROWS):
        sets = [tool_set(seed) for seed in range(first, first + ROWS)]
        found = generate([prompt(tools) for tools in sets], tool_choice=choice)
        for tools, ids in zip(sets, found, strict=True):
            counts[verdict(tools, ids)] += 1
    # No body with a schema is promised an end, but nearly all are brought to theirs.
    assert counts["cut"] <= SETS // 10
    assert counts["calls"] >= (SETS - counts["cut"] if choice == "required" else 1)


def verdict(tools: dict[str, dict[str, Any] | None], ids: list[int]) -> str:
    """What a completion is; a call has to be one of a tool that is declared, and as it takes."""
    report = hg.check(ids, "completion")
    assert report.status != "malformed", report.diagnostics
    if report.status == "truncated":
        return "cut"
    last = report.conversation.messages[-1]
    if last.recipient is None:
        return "answers"
    name = last.recipient.removeprefix(f"{FUNCTIONS}.")
    jsonschema.validate(json.loads(last.text), tools[name] or {"type": "object"})
    return "calls"


def test_a_prompt_that_is_prefilled() -> None:
    text = prompt({"f": None}) + "<|channel|>final<|message|>Well,"
    for ids in generate([text, prompt({"g": None})]):
        begin = encode("<|channel|>final<|message|>Well,") if ids[0] != 200_005 else []
        assert hg.check([*begin, *ids], "completion").ok


def test_stops_without_a_constraint() -> None:
    assert generation_options()["eos_token_id"] == [200_002, 200_012]
