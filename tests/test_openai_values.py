"""A value of any kind in any place of a request makes a prompt or an error of ours."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

import harmony_grammar as hg
from harmony_grammar import openai as hgo

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
GRAMMAR = {"syntax": "lark", "definition": "a"}
CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}], "name": "bob"},
        {
            "role": "assistant",
            "content": "c",
            "reasoning": "r",
            "reasoning_details": [{"type": "reasoning.text", "text": "r"}],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "i"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        {"role": "function", "name": "f", "content": "x"},
        {"role": "assistant", "content": "c", "refusal": "no", "function_call": {"name": "f"}},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "strict": True, "parameters": SCHEMA},
        },
        {
            "type": "custom",
            "custom": {"name": "g", "format": {"type": "grammar", "grammar": GRAMMAR}},
        },
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    },
    "reasoning": {"effort": "low", "max_tokens": 3},
    "max_tokens": 99,
    "modalities": ["text"],
}
RESPONSES: dict[str, Any] = {
    "model": "m",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {
            "type": "reasoning",
            "id": "r",
            "summary": [{"type": "summary_text", "text": "x"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
        },
        {
            "type": "message",
            "role": "assistant",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "o", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": "y"}],
        },
        {"type": "code_interpreter_call", "code": "1", "outputs": [{"type": "logs", "logs": "2"}]},
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "i"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": "z"},
        {"type": "mcp_call", "id": "e", "server_label": "l", "name": "f", "arguments": "{}"},
        {"type": "item_reference", "id": "p"},
    ],
    "instructions": "i",
    "tools": [
        {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True},
        {"type": "custom", "name": "g", "format": {"type": "text"}},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "h"}]},
        {"type": "mcp", "server_label": "l", "allowed_tools": ["f"]},
        {"type": "web_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}],
    },
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
    "reasoning": {"effort": "low", "summary": "auto", "context": "auto"},
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 99,
}
PREVIOUS = [{"type": "message", "id": "p", "role": "user", "content": "before"}]
OPTIONS = hgo.Options(mcp_tools={"l": [{"name": "f", "inputSchema": SCHEMA}]}, user_names=True)
VALUES: list[Any] = [None, 3, True, [], {}, [[3]], {"type": []}, "\ud800"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is something in a request."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else ()
    for key, below in enumerate(value) if isinstance(value, list) else inside:
        yield from places(below, (*path, key))


def changed(request: Any, path: tuple[Any, ...], value: Any) -> Any:
    whole = copy.deepcopy(request)
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return whole


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("api", ["chat", "responses", "previous"])
def test_any_value_anywhere(api: str, value: Any) -> None:
    whole = {"chat": CHAT, "responses": RESPONSES, "previous": PREVIOUS}[api]
    for path in places(whole):
        asked = changed(whole, path, value)
        try:
            if api == "chat":
                prepared = hgo.from_chat(asked, OPTIONS)
            elif api == "responses":
                prepared = hgo.from_responses(asked, OPTIONS, previous=PREVIOUS)
            else:
                prepared = hgo.from_responses(RESPONSES, OPTIONS, previous=asked)
            assert prepared.length
        except hg.HarmonyError:
            continue


def test_a_request_that_is_as_it_should_be_is_read() -> None:
    assert hgo.from_chat(CHAT, OPTIONS).constraint().matcher().expected()
    assert (
        hgo.from_responses(RESPONSES, OPTIONS, previous=PREVIOUS).constraint().matcher().expected()
    )


def test_an_id_may_be_a_number() -> None:
    function = {"name": "f", "arguments": "{}"}
    call = {"id": 7, "type": "function", "function": function}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "7", "content": "x"},
    ]
    assert hgo.from_chat(messages).calls["7"].name == "functions.f"
