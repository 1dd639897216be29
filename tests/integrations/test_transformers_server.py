"""The server of the examples with a model of transformers that knows nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch", reason="torch is not installed (it is an extra)")
pytest.importorskip("transformers", reason="transformers is not installed (it is an extra)")

import httpx2
import openai
from tiny_gpt_oss import model

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "examples"))
from serve_transformers import sampler_of
from server import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MODEL = "tiny"
MOST = 40
NUMBER = {"type": "integer", "minimum": 0, "maximum": 99}
SCHEMA = {
    "type": "object",
    "properties": {"n": NUMBER},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": SCHEMA, "strict": True}}
    for name in ("add", "take")
]
ASKED: Any = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "How many?"}],
    "max_completion_tokens": MOST,
    "seed": 7,
}


def asked_of(ask: Callable[[openai.AsyncOpenAI], Awaitable[Any]], **choices: Any) -> Any:
    """What a client gets of a server in this process."""

    async def answered() -> Any:
        # A model that knows nothing never ends by itself, so the mask sees to it.
        app = Server(sampler_of(model()), MODEL, **{"close_in_time": True, **choices}).app
        web = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
        async with openai.AsyncOpenAI(
            base_url="http://here/v1", api_key="none", max_retries=0, http_client=web
        ) as client:
            return await ask(client)

    return asyncio.run(answered())


def chat(**asked: Any) -> Callable[[openai.AsyncOpenAI], Awaitable[Any]]:
    """Ask for a chat completion."""
    return lambda client: client.chat.completions.create(**asked)


@pytest.mark.parametrize("heat", [0, 1])
def test_a_tool_is_called_as_it_must_be(heat: int) -> None:
    asked = {**ASKED, "tools": TOOLS, "temperature": heat}
    for choice in ("required", {"type": "function", "function": {"name": "take"}}):
        made = asked_of(chat(**asked, tool_choice=choice))
        assert made.choices[0].finish_reason == "tool_calls"
        (call,) = made.choices[0].message.tool_calls
        assert call.function.name in ({"add", "take"} if choice == "required" else {"take"})
        assert 0 <= json.loads(call.function.arguments)["n"] <= 99
        assert made.usage.completion_tokens <= MOST


def test_a_stream_says_what_the_whole_says() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
    asked = {**ASKED, "response_format": form, "top_p": 0.9}

    async def both(client: openai.AsyncOpenAI) -> tuple[str, str]:
        whole: Any = await client.chat.completions.create(**asked)
        said = ""
        stream: Any = await client.chat.completions.create(**asked, stream=True)
        async for chunk in stream:
            said += chunk.choices[0].delta.content or ""
        return whole.choices[0].message.content, said

    whole, streamed = asked_of(both)
    assert whole == streamed
    assert 0 <= json.loads(whole)["n"] <= 99


def test_a_result_is_gone_on_with() -> None:
    flat: Any = [{"type": "function", **tool["function"]} for tool in TOOLS]

    async def loop(client: openai.AsyncOpenAI) -> Any:
        first = await client.responses.create(
            model=MODEL, input="How many?", tools=flat, tool_choice="required",
            max_output_tokens=MOST,
        )  # fmt: skip
        call: Any = first.output[-1]
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "3"}
        return await client.responses.create(
            model=MODEL, input=[result], tools=flat, tool_choice="none",
            previous_response_id=first.id, max_output_tokens=MOST,
        )  # fmt: skip

    response = asked_of(loop)
    assert response.status == "completed"
    assert [item.type for item in response.output][-1] == "message"


def test_a_completion_without_an_end_is_cut() -> None:
    made = asked_of(chat(**ASKED), close_in_time=False)
    assert made.choices[0].finish_reason == "length"
    assert made.usage.completion_tokens == MOST
