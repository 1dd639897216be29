"""renderers: conversations with the source of each id, completions, the bridge to a next turn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from program_talks import (
    ASK,
    CALL,
    CHATS,
    COMPLETIONS,
    EMPTY,
    FUNCTION,
    RESULT,
    THOUGHT,
    Tokenizer,
    ids,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = [{"type": "function", "function": FUNCTION}, {"type": "function", "function": EMPTY}]
REASONED: list[dict[str, Any]] = [
    ASK,
    {**CHATS["call and result"][2], "reasoning_content": "R"},
    RESULT,
    {"role": "assistant", "reasoning_content": "S", "content": "Nine."},
]


def scenarios() -> Iterator[tuple[str, Any]]:
    module = import_module("renderers.gpt_oss")
    config = import_module("renderers.configs").GptOssRendererConfig

    def made(**more: Any) -> Any:
        return module.GptOssRenderer(
            Tokenizer(), config(conversation_start_date="2026-01-02", **more)
        )

    def seen(rendered: Any) -> Any:
        return rendered and vars(rendered)

    for name, messages in {**CHATS, "reasoned": REASONED}.items():
        for how in ({}, {"auto_drop_analysis": False}, {"reasoning_effort": "high"}):
            for prompt in (True, False):
                yield (
                    f"render: {name}, {how}, prompt {prompt}",
                    lambda m=messages, h=how, p=prompt: seen(
                        made(**h).render(m, tools=TOOLS, add_generation_prompt=p)
                    ),
                )
    for name, text in COMPLETIONS.items():
        yield f"parse: {name}", lambda text=text: vars(made().parse_response(ids(text)))

    def bridge(text: str, new: list[dict[str, Any]]) -> Any:
        renderer = made(auto_drop_analysis=False)
        before = renderer.render_ids([ASK], tools=TOOLS, add_generation_prompt=True)
        return seen(renderer.bridge_to_next_turn(before, ids(text), new, tools=TOOLS))

    for name, text in {
        "answer": f"{THOUGHT}<|channel|>final<|message|>Hi<|return|>",
        "call": f"Think<|end|><|start|>assistant<|channel|>commentary to=functions.now {CALL}",
        "cut": "Think",
    }.items():
        for new in ([RESULT], [ASK], [RESULT, ASK]):
            yield f"bridge: {name}, {[m['role'] for m in new]}", lambda t=text, n=new: bridge(t, n)
