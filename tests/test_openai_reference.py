"""Prompts are, id by id, what openai_harmony makes of the messages that OpenAI's guide asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from conversion_differences import DOCUMENT, REFERENCE, Row, ours, outcome, table
from conversion_programs import DATE, reference
from hypothesis import given, settings
from strategies_requests import chats

from harmony_grammar import openai as hgo

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no types

FEW = settings(max_examples=500 if os.environ.get("HARMONY_DEEP") else 50)
LEVELS = {"minimal": "low", "none": "low", "max": "high"}


def as_reference(request: dict[str, Any]) -> dict[str, Any]:
    """The request in the words that the reference has.

    It knows three efforts, and writes a function without arguments as the guide does only if
    nothing is said of them.
    """
    made = dict(request)
    if "tools" in made:
        made["tools"] = [
            {**tool, "function": {**tool["function"], "parameters": _taken(tool["function"])}}
            for tool in made["tools"]
        ]
    if "reasoning_effort" in made:
        made["reasoning_effort"] = LEVELS.get(made["reasoning_effort"], made["reasoning_effort"])
    return made


def _taken(function: dict[str, Any]) -> Any:
    schema = function.get("parameters")
    return schema if schema and schema["properties"] else None


@FEW
@given(chats())
def test_prompts_of_chats(reference_encoding: HarmonyEncoding, request: dict[str, Any]) -> None:
    prepared = hgo.from_chat(request, date=DATE, alias_reserved=False)
    assert prepared.ids == reference(reference_encoding)(as_reference(request))


@FEW
@given(chats())
def test_prompts_of_items(reference_encoding: HarmonyEncoding, request: dict[str, Any]) -> None:
    """The same conversation as a request of Responses."""
    whole = hgo.from_chat(request, alias_reserved=False, keep_reasoning="all").conversation
    items = hgo.to_responses(whole)
    prepared = hgo.from_responses(items, date=DATE, alias_reserved=False)
    assert prepared.ids == reference(reference_encoding)(as_reference(request))


def test_every_step_of_a_long_conversation(reference_encoding: HarmonyEncoding) -> None:
    """What is dropped changes with each message; a user may speak while a call waits."""
    function = {"name": "now", "description": "Tells the time."}
    call = {"type": "function", "function": {"name": "now", "arguments": "{}"}}
    ask = {"role": "user", "content": "Hi"}
    answer = {"role": "assistant", "reasoning": "So.", "content": "Hello."}
    messages: list[dict[str, Any]] = [{"role": "system", "content": "A"}]
    for number in range(3):
        calls = {"role": "assistant", "reasoning": "Hm.", "content": "I look.",
                 "tool_calls": [{**call, "id": f"c{number}"}]}  # fmt: skip
        result = {"role": "tool", "tool_call_id": f"c{number}", "content": "Nine."}
        messages += [ask, calls, result, ask, *([answer] if number != 1 else []), ask]
    messages.insert(8, {"role": "developer", "content": "B"})
    for end in range(2, len(messages) + 1):
        request = {
            "messages": messages[:end],
            "tools": [{"type": "function", "function": function}],
        }
        prepared = hgo.from_chat(request, date=DATE)
        assert prepared.ids == reference(reference_encoding)(request)


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.what)
def test_each_row_is_a_difference(reference_encoding: HarmonyEncoding, row: Row) -> None:
    theirs = outcome(reference(reference_encoding, own_drop=True), row.request, reference_encoding)
    assert theirs != outcome(ours, row.request, reference_encoding)


def test_the_document_says_what_happens(reference_encoding: HarmonyEncoding) -> None:
    section = table(
        "openai_harmony", reference(reference_encoding, own_drop=True), reference_encoding
    )
    assert section in DOCUMENT.read_text("utf-8")
