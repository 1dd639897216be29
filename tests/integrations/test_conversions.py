"""Prompts of other programs are ours, id by id, where they are right; a document has the rest."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if any(find_spec(name) is None for name in ("vllm", "trl", "gpt_oss", "openai_harmony")):
    pytest.skip("vllm, trl and gpt_oss are there in a host of their own", allow_module_level=True)

from conversion_differences import DOCUMENT, TABLES, document, ours, outcome, programs
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies_requests import chats

if TYPE_CHECKING:
    from conversion_programs import Prompt

SERVER = "the server of OpenAI's gpt-oss"
TEMPLATE = "Hugging Face's chat template"
LEVELS = ("low", "medium", "high")
TYPES = st.one_of(
    st.sampled_from(["string", "number", "integer", "boolean"]).map(lambda t: {"type": t}),
    st.sampled_from(["string", "number"]).map(lambda t: {"type": "array", "items": {"type": t}}),
    st.just({"type": "string", "enum": ["red", "dark blue"]}),
    st.just({"type": "string", "description": "Where."}),
)


@pytest.fixture(scope="module")
def known(reference_encoding: Any) -> dict[str, Prompt | None]:
    return programs(reference_encoding)


def test_the_document_says_what_happens(known: Any, reference_encoding: Any) -> None:
    assert DOCUMENT.read_text("utf-8") == document(known, reference_encoding)


@pytest.mark.parametrize(
    ("title", "index"), [(title, i) for title, rows in TABLES.items() for i in range(len(rows))]
)
def test_each_row_is_a_difference(
    known: Any, reference_encoding: Any, title: str, index: int
) -> None:
    request = TABLES[title][index].request
    theirs = outcome(known[title], request, reference_encoding)
    assert theirs != outcome(ours, request, reference_encoding)


@st.composite
def functions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A function whose declaration everybody writes alike."""
    fields = draw(st.dictionaries(st.sampled_from(["a", "b", "city"]), TYPES, min_size=1))
    schema = {
        "type": "object",
        "properties": fields,
        "required": draw(st.lists(st.sampled_from(sorted(fields)), unique=True)),
    }
    return {
        "type": "function",
        "function": {"name": name, "description": "Does it.", "parameters": schema},
    }


@st.composite
def common(draw: st.DrawFn, *, tools: bool = True) -> dict[str, Any]:
    """Requests that nobody writes in a way of their own: one instruction, no text beside calls."""
    request = draw(chats())
    assume("<|" not in json.dumps(request))
    names = [tool["function"]["name"] for tool in request.pop("tools", ())]
    if request.get("reasoning_effort") not in LEVELS:
        request["reasoning_effort"] = draw(st.sampled_from(LEVELS))
    messages = request["messages"]
    while messages[1]["role"] in ("system", "developer") if len(messages) > 1 else False:
        messages.pop(0)
    if not messages[0]["content"].strip():
        messages.pop(0)
    for message in messages:
        if message.get("tool_calls"):
            message["content"] = None
    if names and tools:
        request["tools"] = [draw(functions(name)) for name in names]
    assume(bool(messages))
    return request


@given(common())
def test_vllm(known: Any, request: dict[str, Any]) -> None:
    assert known["vLLM"](request) == ours(request)


@given(common())
def test_the_responses_of_vllm(known: Any, request: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"reasoning": {"effort": request["reasoning_effort"]}, "input": []}
    asked["tools"] = [{"type": "function", **tool["function"]} for tool in request.get("tools", ())]
    for message in request["messages"]:
        if message.get("reasoning"):
            parts = [{"type": "reasoning_text", "text": message["reasoning"]}]
            asked["input"].append({"type": "reasoning", "summary": [], "content": parts})
        for call in message.get("tool_calls", ()):
            item = {"type": "function_call", "call_id": call["id"], **call["function"]}
            asked["input"].append(item)
        if message["role"] == "tool":
            output = {"call_id": message["tool_call_id"], "output": message["content"]}
            asked["input"].append({"type": "function_call_output", **output})
        elif message["content"]:
            asked["input"].append({"role": message["role"], "content": message["content"]})
    assert known["vLLM's Responses"](asked) == ours(asked)


@given(common())
def test_the_template(known: Any, request: dict[str, Any]) -> None:
    """But for a second call, blank lines behind instructions alone, and quoted results."""
    messages = request["messages"]
    if "tools" not in request and messages[0]["role"] != "user":
        messages.pop(0)
    kept: set[str] = set()
    for message in messages:
        calls = message.get("tool_calls", [])
        del calls[1:]
        for call in calls:
            kept.add(call["id"])
            arguments = json.loads(call["function"]["arguments"] or "{}")
            call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
    messages[:] = [m for m in messages if m["role"] != "tool" or m["tool_call_id"] in kept]
    quoted = [
        {**m, "content": json.dumps(m["content"], ensure_ascii=False)} if m["role"] == "tool" else m
        for m in messages
    ]
    assert known[TEMPLATE](request) == ours({**request, "messages": quoted})


@given(common())
def test_the_server(known: Any, request: dict[str, Any]) -> None:
    """Calls have no content type there."""
    messages = request["messages"]
    asked: dict[str, Any] = {"reasoning": {"effort": request["reasoning_effort"]}}
    if messages[0]["role"] != "user":
        asked["instructions"] = messages.pop(0)["content"]
    asked["tools"] = [
        {"type": "function", "strict": False, **tool["function"]}
        for tool in request.get("tools", ())
    ]
    asked["input"] = [
        {"type": "message", "role": m["role"], "content": m["content"]}
        for m in messages
        if m["role"] in ("user", "assistant") and m["content"]
    ]
    assert known[SERVER](asked) == ours(asked)
