"""Requests of the APIs, and completions of them: what a client sends and what a model samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from recovery_inputs import texts as any_texts

import harmony_grammar as hg
from harmony_grammar.strategies import damaged, ids, texts, tool_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAMMAR = hg.Grammar.default()
MEANING = GRAMMAR.rules.meaning

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Gets the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
NOW: dict[str, Any] = {"type": "function", "function": {"name": "now", "parameters": None}}
TOOLS = [WEATHER, NOW]
ASK = {"role": "user", "content": "Weather in Oslo?"}
PLAIN: dict[str, Any] = {"messages": [ASK]}
WITH_TOOLS: dict[str, Any] = {"messages": [ASK], "tools": TOOLS}


def said() -> st.SearchStrategy[str]:
    """What somebody says: never empty, as an empty message says nothing in the APIs."""
    return texts()


@st.composite
def turns(draw: st.DrawFn, names: Sequence[str], number: int) -> list[dict[str, Any]]:
    """What the assistant does in one turn: calls with their results, then perhaps an answer."""
    messages: list[dict[str, Any]] = []
    for step in range(draw(st.integers(0, 2)) if names else 0):
        called = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
        calls = [
            {
                "id": f"call_{number}_{step}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": draw(st.sampled_from(ARGUMENTS))},
            }
            for index, name in enumerate(called)
        ]
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": calls}
        if draw(st.booleans()):
            message["reasoning"] = draw(said())
        if draw(st.booleans()):
            message["content"] = draw(said())
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(said())} for call in calls
        ]
    answer = {"role": "assistant", "content": draw(said())}
    if draw(st.booleans()):
        answer["reasoning"] = draw(said())
    messages.append(answer)
    return messages


ARGUMENTS = ["{}", '{"city": "Oslo"}', '{"city":"Zürich","n":1.50}', ""]


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    """Requests of Chat Completions."""
    tools = draw(tool_sets())
    names = [tool.get("function", tool)["name"] for tool in tools]
    leading = draw(st.lists(st.sampled_from(["system", "developer"]), max_size=2))
    messages = [{"role": role, "content": draw(said())} for role in leading]
    for number in range(draw(st.integers(0, 2))):
        messages.append({"role": "user", "content": draw(said())})
        messages += draw(turns(names, number))
    messages.append({"role": "user", "content": draw(said())})
    request: dict[str, Any] = {"messages": messages}
    if tools:
        request["tools"] = [t if "function" in t else {"function": t} for t in tools]
        request["tools"] = [{"type": "function", **t} for t in request["tools"]]
    effort = draw(st.sampled_from([None, "low", "medium", "high", "minimal", "max", "none"]))
    if effort is not None:
        request["reasoning_effort"] = effort
    return request


@st.composite
def completions(draw: st.DrawFn, *, calls: bool = True) -> str:
    """Completions that say something with the two tools of `TOOLS`, as a model spells them."""
    pieces = []
    for _ in range(draw(st.integers(0, 3))):
        channel = draw(st.sampled_from([MEANING.reasoning, MEANING.preamble]))
        pieces.append(f"{_mark('channel')}{channel}{_mark('message')}{draw(said())}{_mark('end')}")
    if calls and draw(st.booleans()):
        name, arguments = draw(
            st.sampled_from([("get_weather", '{"city": "Oslo"}'), ("now", "{}")])
        )
        header = f"{MEANING.preamble} to=functions.{name} {_mark('constrain')}json"
        pieces.append(f"{_mark('channel')}{header}{_mark('message')}{arguments}{_mark('call')}")
    else:
        header = f"{_mark('channel')}{MEANING.answer}{_mark('message')}"
        pieces.append(f"{header}{draw(said())}{_mark('return')}")
    return f"{_mark('start')}{GRAMMAR.rules.opening_role}".join(pieces)


CALLS = [("get_weather", '{"city": "Oslo"}'), ("now", "{}")]


def _mark(name: str) -> str:
    return f"<|{name}|>"


def anything() -> st.SearchStrategy[str | list[int]]:
    """Completions of any kind: sentences, damaged ones, soups, and ids of any kind."""
    return st.one_of(
        completions(),
        damaged(start="completion"),
        any_texts("completion"),
        ids(start="completion"),
        completions().map(lambda text: text[: len(text) * 2 // 3]),
        st.lists(st.integers(199_990, 200_012) | st.integers(0, 3000), max_size=12).filter(_known),
    )


def _known(found: list[int]) -> bool:
    known = set(GRAMMAR.special_tokens.values())
    return all(one < 199_998 or one in known for one in found)


def cuts(draw: st.DrawFn, whole: Any) -> list[Any]:
    """A completion, cut into pieces anywhere."""
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
