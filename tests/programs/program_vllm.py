"""vLLM: prompts of Chat and of Responses, its parser of completions, its items and its events."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from program_talks import ASK, CHATS, COMPLETIONS, EMPTY, FUNCTION, Tokenizer, ids, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = [{"type": "function", "function": FUNCTION}, {"type": "function", "function": EMPTY}]
ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "input_text", "text": "Which?"}]},
    {
        "type": "reasoning",
        "id": "r",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "R"}],
    },
    {"type": "function_call", "id": "f", "call_id": "c1", "name": "now", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "9"},
    {"role": "assistant", "content": "Nine."},
    {"role": "developer", "content": "Be brief."},
]


def scenarios() -> Iterator[tuple[str, Any]]:
    yield from prompts()
    yield from completions()


def prompts() -> Iterator[tuple[str, Any]]:
    chat = import_module("vllm.entrypoints.openai.chat_completion.protocol")
    utils = import_module("vllm.entrypoints.openai.parser.harmony_utils")
    responses = import_module("vllm.entrypoints.openai.responses.harmony")
    protocol = import_module("vllm.entrypoints.openai.responses.protocol")
    calls = import_module("openai.types.responses")

    def prompt(messages: list[dict[str, Any]], tools: Any = None, **more: Any) -> Any:
        asked = chat.ChatCompletionRequest(model="m", messages=messages, tools=tools, **more)
        told, rest = utils.extract_instructions_from_messages(asked.messages)
        preamble = utils.build_harmony_preamble(
            instructions=told, tools=asked.tools, reasoning_effort=asked.reasoning_effort
        )
        return utils.render_for_completion(
            preamble + utils.parse_chat_inputs_to_harmony_messages(rest)
        )

    for name, messages in CHATS.items():
        yield f"prompt: {name}", lambda messages=messages: prompt(messages)
        yield f"prompt with tools: {name}", lambda messages=messages: prompt(messages, TOOLS)
    for effort in ("low", "medium", "high"):
        yield f"effort {effort}", lambda effort=effort: prompt([ASK], reasoning_effort=effort)

    def inputs() -> Any:
        before = [
            calls.ResponseFunctionToolCall(
                type="function_call", **{k: v for k, v in ITEMS[2].items() if k != "type"}
            )
        ]
        made = [responses.response_input_to_harmony(item, before) for item in ITEMS]
        dumped = plain(made)
        return [dumped, utils.render_for_completion([utils.get_system_message(), *made])]

    yield "items to messages to ids", inputs

    def previous() -> Any:
        request = protocol.ResponsesRequest(
            input="Hi",
            previous_input_messages=[
                *CHATS["answered"],
                {"author": {"role": "user"}, "content": [{"type": "text", "text": "Again"}]},
                utils.get_user_message("And again"),
            ],
        )
        kept = request.model_dump(mode="json")["previous_input_messages"]
        return [kept[-1], responses.construct_harmony_previous_input_messages(request)]

    yield "previous messages of a request", previous


def completions() -> Iterator[tuple[str, Any]]:
    chat = import_module("vllm.entrypoints.openai.chat_completion.protocol")
    utils = import_module("vllm.entrypoints.openai.parser.harmony_utils")
    responses = import_module("vllm.entrypoints.openai.responses.harmony")
    events = import_module("vllm.entrypoints.openai.responses.streaming_events")
    context = import_module("vllm.entrypoints.openai.responses.context")
    parsers: Any = import_module("vllm.parser.harmony")

    def new_parser() -> Any:
        kinds = {
            "reasoning_parser_cls": parsers.GptOssReasoningParser,
            "tool_parser_cls": parsers.GptOssToolParser,
        }
        return type("Both", (parsers.HarmonyParser,), kinds)(Tokenizer())

    request = chat.ChatCompletionRequest(model="m", messages=[ASK])

    def whole(text: str) -> Any:
        parser = new_parser()
        return [
            parser.parse("", request, model_output_token_ids=ids(text)),
            parser.count_reasoning_tokens(ids(text)),
        ]

    def deltas(text: str, size: int) -> Any:
        parser, tokens = new_parser(), ids(text)
        starts = range(0, max(len(tokens), 1), size)
        return [
            parser.parse_delta(
                "", tokens[at : at + size], request, finished=at + size >= len(tokens)
            )
            for at in starts
        ]

    def items(text: str) -> Any:
        parser = new_parser()
        segments = parser.process_chunk(ids(text)).segments + parser.flush()
        done = [s.completed_message for s in segments if s.completed_message is not None]
        made = [
            responses.harmony_to_response_output(message, frozenset({"now"})) for message in done
        ]
        return [made, [message.to_dict() for message in done]]

    def streamed(text: str) -> Any:
        state, sent = events.StreamingState(), []
        parser = new_parser()
        for token in ids(text):
            for segment in parser.process_chunk([token]).segments:
                if segment.completed_message is None:
                    sent += events.emit_content_delta_events(segment, state, frozenset({"now"}))
                else:
                    sent += events.emit_previous_item_done_events(
                        segment.completed_message, state, frozenset({"now"})
                    )
                    state.reset_for_new_item()
        return sent

    def turn(text: str) -> Any:
        """A turn of the server's tool loop: what was sampled, a result, the next prompt."""
        messages = [utils.get_system_message(), utils.get_user_message("Hi")]
        made = context.HarmonyContext(messages, ["python"], frozenset({"now"}), new_parser())
        output = SimpleNamespace(token_ids=ids(text), finish_reason="stop")
        made.append_output(
            SimpleNamespace(
                outputs=[output],
                finished=True,
                prompt_token_ids=[1],
                num_cached_tokens=0,
                kv_transfer_params=None,
                ec_transfer_params=None,
                num_cache_creation_tokens=0,
            )
        )
        harmony = import_module("openai_harmony")
        author = harmony.Author(role=harmony.Role.TOOL, name="python")
        content = [harmony.TextContent(text="5")]
        made.append_tool_output(
            [
                harmony.Message(
                    author=author, content=content, channel="analysis", recipient="assistant"
                )
            ]
        )
        return [made.need_builtin_tool_call(), made.messages, made.render_for_completion()]

    for name, text in COMPLETIONS.items():
        yield f"parse: {name}", lambda text=text: whole(text)
        yield f"deltas: {name}", lambda text=text: deltas(text, 1)
        yield f"deltas of five: {name}", lambda text=text: deltas(text, 5)
        yield f"items: {name}", lambda text=text: items(text)
        yield f"events: {name}", lambda text=text: streamed(text)
        yield f"turn: {name}", lambda text=text: turn(text)
