"""SGLang: prompts of Responses, items of completions, and both of its tool loops."""

from __future__ import annotations

import asyncio
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from program_talks import COMPLETIONS, EMPTY, FUNCTION, ids

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "input_text", "text": "Which?"}]},
    {
        "type": "reasoning",
        "id": "r",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "R"}],
    },
    {"type": "function_call", "id": "f", "call_id": "c1", "name": "now", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "9"},
    {"role": "assistant", "content": "Nine.", "phase": "final_answer"},
]


class Session:
    """A tool server that answers everything alike."""

    async def call_tool(self, name: str, given: Any) -> Any:
        return SimpleNamespace(content=[SimpleNamespace(text=f"{name} got {given}")])


def scenarios() -> Iterator[tuple[str, Any]]:
    utils = import_module("sglang.srt.entrypoints.harmony_utils")
    contexts = import_module("sglang.srt.entrypoints.context")
    tools = [
        SimpleNamespace(type="function", **FUNCTION),
        SimpleNamespace(type="function", **EMPTY),
    ]
    date = "2026-01-02"

    def opening(effort: str | None = None, **more: Any) -> list[Any]:
        return [
            utils.get_system_message(start_date=date, reasoning_effort=effort, **more),
            utils.get_developer_message("Be brief.", tools),
        ]

    for effort in (None, "low", "medium", "high", "none"):
        yield (
            f"prompt, {effort}",
            lambda effort=effort: utils.render_for_completion(
                [*opening(effort), utils.get_user_message("Hi")]
            ),
        )

    def with_tools() -> Any:
        harmony = import_module("openai_harmony")
        python = harmony.ToolNamespaceConfig(name="python", description="Runs.", tools=[])
        browser = harmony.ToolNamespaceConfig.browser()
        messages = opening(browser_description=browser, python_description=python)
        return [messages, utils.render_for_completion(messages)]

    yield "prompt with built-in tools", with_tools

    def inputs() -> Any:
        made = [utils.parse_response_input(item, ITEMS[:at]) for at, item in enumerate(ITEMS)]
        return [made, utils.render_for_completion([*opening(), *made])]

    yield "items to messages to ids", inputs

    def items(text: str) -> Any:
        parser = utils.get_streamable_parser_for_assistant()
        for token in ids(text):
            parser.process(token)
        made = [utils.parse_output_message(message) for message in parser.messages]
        return [made, utils.parse_remaining_state(parser), parser.messages]

    def loop(kind: str, text: str) -> Any:
        """A turn of a tool loop: what was sampled, the tool's result, the next prompt."""
        context = getattr(contexts, kind)(
            [*opening(), utils.get_user_message("Hi")], {"python": Session(), "browser": Session()}
        )
        if kind == "HarmonyContext":
            context.append_output({"output_ids": ids(text), "meta_info": {"completion_tokens": 9}})
        else:
            for token in ids(text):
                context.append_output({"output_ids": [token], "meta_info": {}})
        seen = [context.need_builtin_tool_call(), list(context.messages)]
        if seen[0]:
            result = asyncio.run(context.call_tool())
            context.append_output(result)
            seen += [result, context.messages, context.render_for_completion()]
        if kind == "StreamingHarmonyContext":
            seen += [context.is_expecting_start(), context.is_assistant_action_turn()]
        return seen

    for name, text in COMPLETIONS.items():
        yield f"items: {name}", lambda text=text: items(text)
        yield f"loop: {name}", lambda text=text: loop("HarmonyContext", text)
        yield f"streaming loop: {name}", lambda text=text: loop("StreamingHarmonyContext", text)
