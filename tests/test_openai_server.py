"""The server of the examples, asked by OpenAI's own client."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
import uvicorn
from strategies_requests import TOOLS, WEATHER

import harmony_grammar as hg
from harmony_grammar.masking.matcher import random_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import server as example

GRAMMAR = hg.Grammar.default()
THINK = "<|channel|>analysis<|message|>I think.<|end|><|start|>assistant"
ANSWER = f"{THINK}<|channel|>final<|message|>It is 3.<|return|>"
HEADER = "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
CALL = HEADER + '{"city": "O"}<|call|>'
FLAT = [{"type": "function", **tool["function"]} for tool in TOOLS]
ENDLESS = "endless"
MODEL = "gpt-oss"
STOPPED = threading.Event()  # set when an endless completion is given up


def ids_of(text: str) -> list[int]:
    return GRAMMAR.renderer.marked_ids(text)


def sample(prompt: list[int], constraint: Any, asked: dict[str, Any]) -> Iterator[int]:
    """What the request asks for in its field `user`, or what its results lead to."""
    script = asked.get("user")
    if script == "random":
        yield from random_completion(constraint, random.Random(asked.get("seed", 0)))  # noqa: S311  no secret
    elif script == "fail":
        yield from ids_of(THINK)
        raise OSError("out of memory")
    elif script == "misfit":
        yield constraint.matcher().accept(0)  # an error of this package's, and no fault of a client
    elif script == ENDLESS:
        try:
            yield from ids_of(THINK + "<|channel|>final<|message|>")
            while True:
                time.sleep(0.005)
                yield ids_of(" more")[0]
        finally:
            STOPPED.set()
    elif script is not None:
        yield from ids_of(script)
    else:
        yield from ids_of(_next_step(prompt))


def _next_step(prompt: list[int]) -> str:
    """Two calls one after the other, two at once, then the answer."""
    results = sum(m.author.role is hg.Role.TOOL for m in hg.parse(prompt, "prompt").messages)
    call = HEADER + '{"city": "City%d"}<|call|>'
    if results < 2:
        return THINK + call % results
    if results == 2:
        return f"{call % 2}<|start|>assistant{call % 3}"
    return ANSWER


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = example.Server(sample, MODEL, at_once=8, waiting=64, most=2000).app
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", ws="none")
    runner = uvicorn.Server(config)
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    while not runner.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/v1"
    runner.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def chat(client: Any, **asked: Any) -> Any:
    messages = asked.pop("messages", [{"role": "user", "content": "Weather?"}])
    return client.chat.completions.create(model=MODEL, messages=messages, **asked)


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError, match="there is no model"):
        client.models.retrieve("other")


def test_chat(client: Any) -> None:
    whole = chat(client, user=ANSWER)
    choice = whole.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("It is 3.", "stop")
    assert choice.message.reasoning == "I think."
    assert whole.usage.completion_tokens == len(ids_of(ANSWER))
    chunks = list(chat(client, user=ANSWER, stream=True, stream_options={"include_usage": True}))
    said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(said) == "It is 3."
    assert len(said) > 3
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def test_responses(client: Any) -> None:
    whole = client.responses.create(model=MODEL, input="Weather?", user=ANSWER)
    assert (whole.output_text, whole.status) == ("It is 3.", "completed")
    events = list(client.responses.create(model=MODEL, input="Weather?", user=ANSWER, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].response.output_text == "It is 3."
    following = client.responses.create(
        model=MODEL, input="And?", user=ANSWER, previous_response_id=whole.id
    )
    assert following.usage.input_tokens > whole.usage.input_tokens
    assert whole.store
    with pytest.raises(openai.NotFoundError, match="no response"):
        client.responses.create(model=MODEL, input="And?", previous_response_id="resp_0")


def test_the_streams_of_the_clients_helpers(client: Any) -> None:
    """They fold chunks and events themselves, and are strict about them."""
    call = HEADER + '{"city": "Oslo"}<|call|>'
    messages: Any = [{"role": "user", "content": "Weather?"}]
    tools: Any = TOOLS
    with client.chat.completions.stream(
        model=MODEL, messages=messages, tools=tools, user=THINK + call
    ) as stream:
        stream.until_done()
        made = stream.get_final_completion().choices[0]
    assert made.finish_reason == "tool_calls"
    assert made.message.tool_calls
    assert json.loads(made.message.tool_calls[0].function.arguments) == {"city": "Oslo"}
    flat: Any = FLAT
    with client.responses.stream(model=MODEL, input="Hi", tools=flat, user=THINK + call) as events:
        events.until_done()
        response = events.get_final_response()
    assert [item.type for item in response.output] == ["reasoning", "function_call"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop_in_a_chat(client: Any, *, streamed: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "Weather?"}]
    cities = []
    for _ in range(4):
        if streamed:
            with client.chat.completions.stream(
                model=MODEL,
                messages=messages,
                tools=TOOLS,
            ) as stream:
                stream.until_done()
                message: Any = stream.get_final_completion().choices[0].message
        else:
            message = chat(client, messages=messages, tools=TOOLS).choices[0].message
        messages.append(message.to_dict())
        if not message.tool_calls:
            break
        for call in reversed(message.tool_calls):  # in any order
            cities.append(json.loads(call.function.arguments)["city"])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "{}"})
    assert message.content == "It is 3."
    assert cities == ["City0", "City1", "City3", "City2"]


def test_a_tool_loop_in_responses(client: Any) -> None:
    tools: Any = FLAT
    response = client.responses.create(model=MODEL, input="Weather?", tools=tools)
    turns = 1
    while calls := [item for item in response.output if item.type == "function_call"]:
        results: Any = [
            {"type": "function_call_output", "call_id": call.call_id, "output": "{}"}
            for call in calls
        ]
        response = client.responses.create(
            model=MODEL, input=results, tools=tools, previous_response_id=response.id
        )
        turns += 1
    assert (response.output_text, turns) == ("It is 3.", 4)


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(3))
def test_what_is_asked_for_holds_for_a_model_that_knows_nothing(client: Any, seed: int) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    asked = {"user": "random", "seed": seed}
    said = chat(client, response_format=form, **asked).choices[0].message.content
    assert set(json.loads(said)) == {"name", "age"}
    forced = {"type": "function", "function": {"name": "get_weather"}}
    for choice in ("required", forced):
        message = chat(client, tools=[WEATHER], tool_choice=choice, **asked).choices[0].message
        assert "city" in json.loads(message.tool_calls[0].function.arguments)
    message = chat(client, tools=[WEATHER], tool_choice="none", **asked).choices[0].message
    assert not message.tool_calls
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [forced]},
    }
    message = chat(client, tools=TOOLS, tool_choice=allowed, **asked).choices[0].message
    assert message.tool_calls[0].function.name == "get_weather"
    auto = chat(client, tools=TOOLS, tool_choice="auto", **asked).choices[0]
    assert (auto.finish_reason == "tool_calls") == bool(auto.message.tool_calls)


def test_a_budget_cuts(client: Any) -> None:
    choice = chat(client, user=ENDLESS, max_completion_tokens=12).choices[0]
    assert choice.finish_reason == "length"
    response = client.responses.create(model=MODEL, input="Hi", user=ENDLESS, max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == "max_output_tokens"
    # A call that is cut is none, or is said to be incomplete.
    tools: Any = FLAT
    most = len(ids_of(HEADER)) + 2
    cut = chat(client, user=CALL, tools=TOOLS, max_tokens=most).choices[0]
    assert (cut.finish_reason, cut.message.tool_calls) == ("length", None)
    response = client.responses.create(
        model=MODEL, input="Hi", user=CALL, tools=tools, max_output_tokens=most
    )
    assert [item.status for item in response.output] == ["incomplete"]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"messages": [{"role": "cook", "content": ""}]}, "messages.0.role"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": ["\n"]}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": 3}, "modalities"),
    ],
)
def test_errors_have_the_form_of_the_api(client: Any, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, **asked)
    assert caught.value.param == param


def test_what_this_server_cannot_do_is_refused(client: Any) -> None:
    for asked in ({"tools": [{"type": "web_search"}]}, {"background": True}, {"include": 3}):
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=MODEL, input="Hi", **asked)
    with pytest.raises(openai.NotFoundError) as caught:
        client.get("/nowhere", cast_to=object)
    assert "Not Found" in str(caught.value)
    with pytest.raises(openai.BadRequestError, match="not JSON"):
        client.post("/responses", content=b"{", cast_to=object)


def test_what_is_not_stored_is_not_gone_on_with(client: Any) -> None:
    asked = {"model": MODEL, "input": "Hi", "user": ANSWER}
    first, second = (client.responses.create(**asked) for _ in range(2))
    assert first.id != second.id  # the same question twice may have two answers
    unknown = client.responses.create(**asked, store=False)
    with pytest.raises(openai.NotFoundError, match="no response"):
        client.responses.create(**asked, previous_response_id=unknown.id)
    *_, last = client.responses.create(**asked, stream=True)
    client.responses.create(**asked, previous_response_id=last.response.id)


@pytest.mark.parametrize("script", ["fail", "misfit"])
def test_a_model_that_fails_at_once(client: Any, script: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        chat(client, user=script)
    assert caught.value.code == "server_error"


def test_a_model_that_fails(client: Any) -> None:
    with pytest.raises(openai.APIError, match="the model failed"):
        list(chat(client, user="fail", stream=True))
    events = list(client.responses.create(model=MODEL, input="Hi", user="fail", stream=True))
    assert events[-1].type == "response.failed"


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_that_goes_away_stops_the_model(client: Any, api: str, *, streamed: bool) -> None:
    STOPPED.clear()
    impatient = client.with_options(timeout=None if streamed else openai.Timeout(10, read=0.5))
    asked = {"user": ENDLESS, "stream": streamed}
    with nullcontext() if streamed else pytest.raises(openai.APITimeoutError):
        if api == "chat":
            stream = chat(impatient, **asked)
        else:
            stream = impatient.responses.create(model=MODEL, input="Hi", **asked)
        next(iter(stream))
        stream.close()
    assert STOPPED.wait(timeout=10)


def test_a_client_that_goes_away_makes_room() -> None:
    """Whenever it goes, even before anything was sent, its place is free again."""
    served = example.Server(sample, MODEL, at_once=1, waiting=0)
    body = json.dumps({"model": MODEL, "messages": [], "user": ENDLESS, "stream": True}).encode()
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}

    async def left(after: int) -> None:
        """Ask, and go away after so many messages of the server's."""
        sent = 0
        gone = asyncio.Event()
        asked = iter([{"type": "http.request", "body": body}])

        async def receive() -> Any:
            for message in asked:
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_: Any) -> None:
            nonlocal sent
            sent += 1
            if sent >= after:
                gone.set()
                await asyncio.sleep(1)

        await served.app(scope, receive, send)

    async def all_of_them() -> None:
        for after in (1, 2, 5):
            await asyncio.wait_for(left(after), timeout=10)
            assert served.room == 1

    asyncio.run(all_of_them())


def test_fifty_at_once(url: str) -> None:
    async def all_of_them() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as many:
            one = many.chat.completions.create
            asked: Any = [{"role": "user", "content": "Hi"}]
            return await asyncio.gather(
                *(one(model=MODEL, messages=asked, user=ANSWER) for _ in range(50))
            )

    assert {made.choices[0].message.content for made in asyncio.run(all_of_them())} == {"It is 3."}


def test_a_full_queue_says_so() -> None:
    async def asked() -> tuple[int, int]:
        import httpx2  # noqa: PLC0415  the client of OpenAI's is built on it

        app = example.Server(sample, MODEL, at_once=1, waiting=0).app
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as web:
            body = {"model": MODEL, "messages": [], "user": ENDLESS, "max_tokens": 60}
            first = asyncio.create_task(web.post("/v1/chat/completions", json=body))
            await asyncio.sleep(0.1)
            second = await web.post("/v1/chat/completions", json=body)
            return (await first).status_code, second.status_code

    assert asyncio.run(asked()) == (200, 429)


DAMAGED = {
    "cut": (HEADER + '{"city": "O', "stop", False),
    "not JSON": (HEADER + "Oslo<|call|>", "tool_calls", True),
    "undeclared": (HEADER.replace("get_weather", "rm") + "{}<|call|>", "stop", False),
    "uninvited": ("<|channel|>analysis to=python<|message|>1<|call|>", "stop", False),
    # What was dropped may be a piece of a name, so it is not certain whom the model calls.
    "header": (CALL.replace("commentary", "commentaryjson"), "stop", False),
    "channel twice": (CALL.replace(" <|c", "<|channel|>commentary <|c"), "tool_calls", True),
    "ended as a message": (HEADER + '{"city": "O"}<|end|>', "tool_calls", True),
    "text behind": (HEADER + '{"city": "O"}<|call|>more', "tool_calls", True),
    "reasoning alone": ("<|channel|>analysis<|message|>Hm.<|return|>", "stop", False),
    "look-alikes": ("<|channel|>final<|message|><|sep|><|return|>", "stop", False),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_completions_come_through(client: Any, name: str) -> None:
    text, reason, called = DAMAGED[name]
    choice = chat(client, user=text, tools=TOOLS).choices[0]
    assert (choice.finish_reason, bool(choice.message.tool_calls)) == (reason, called)
    tools: Any = FLAT
    response = client.responses.create(model=MODEL, input="Hi", tools=tools, user=text)
    whole = [i for i in response.output if i.type == "function_call" and i.status == "completed"]
    assert bool(whole) == called
