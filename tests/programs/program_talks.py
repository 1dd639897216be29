"""What the programs are given: the same completions and histories for all of them."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, Final

TO: Final = "to=functions.now"
CALL: Final = '<|constrain|>json<|message|>{"zone": "UTC"}<|call|>'
THOUGHT: Final = "<|channel|>analysis<|message|>Think é😀.<|end|><|start|>assistant"

COMPLETIONS: Final = {
    "answer": f"{THOUGHT}<|channel|>final<|message|>Hi, 你好 😀.<|return|>",
    "call": f"{THOUGHT}<|channel|>commentary {TO} {CALL}",
    "call, recipient first": f"{THOUGHT} {TO}<|channel|>commentary {CALL}",
    "call without content type": f"{THOUGHT} {TO}<|channel|>commentary<|message|>{{}}<|call|>",
    "call of another type": f"{THOUGHT} {TO}<|channel|>commentary code<|message|>1<|call|>",
    "call in the reasoning": f"{THOUGHT}<|channel|>analysis {TO} {CALL}",
    "preamble and call": (
        f"{THOUGHT}<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
        f"<|channel|>commentary {TO} {CALL}"
    ),
    "two reasonings": f"{THOUGHT}{THOUGHT}<|channel|>final<|message|>A<|return|>",
    "browser": '<|channel|>analysis to=browser.search code<|message|>{"query": "x"}<|call|>',
    "python": "<|channel|>analysis to=python code<|message|>print(2 + 3)<|call|>",
    "remote tool": f"{THOUGHT}<|channel|>commentary to=files.list {CALL}",
    "empty answer": "<|channel|>final<|message|><|return|>",
    "cut in the answer": f"{THOUGHT}<|channel|>final<|message|>Hi, the",
    "cut in the reasoning": "<|channel|>analysis<|message|>Thin",
    "cut in a call": f"{THOUGHT}<|channel|>commentary {TO} <|constrain|>json<|message|>{{",
    "cut in a header": f"{THOUGHT}<|channel|>fin",
    "cut behind a start": THOUGHT,
    "nothing": "",
    "without a header": "Hello there.",
    "without a header, ended": "Hello there.<|end|>",
    "text between messages": "<|channel|>final<|message|>x<|end|>Hello<|end|>",
    "role again": "assistant<|channel|>final<|message|>Hi<|end|>",
    "final of a type": "<|channel|>final <|constrain|>json<|message|>{}<|return|>",
    "two channels": "<|channel|>analysis<|channel|>final<|message|>Hi<|end|>",
    "unknown channel": "<|channel|>comment<|message|>Hi<|end|>",
    "type with a blank": (
        f"{THOUGHT}<|channel|>commentary {TO} <|constrain|> json<|message|>{{}}<|call|>"
    ),
    "two recipients": f"{THOUGHT} {TO}<|channel|>commentary {TO} {CALL}",
    "not ended": (
        "<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final<|message|>A<|return|>"
    ),
}

PARAMETERS: Final = {
    "type": "object",
    "properties": {
        "zone": {"type": "string", "description": "The zone.", "default": "UTC"},
        "form": {"enum": ["short", "long"]},
        "days": {"type": "array", "items": {"type": "number"}},
    },
    "required": ["zone"],
}
FUNCTION: Final = {"name": "now", "description": "Tells the time.", "parameters": PARAMETERS}
EMPTY: Final = {"name": "ping", "description": "Pings.", "parameters": {}}

CALLED: Final = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "now", "arguments": '{"zone": "UTC"}'},
        }
    ],
}
RESULT: Final = {"role": "tool", "tool_call_id": "c1", "name": "now", "content": "9 o'clock"}
SYSTEM: Final = {"role": "system", "content": "Be brief."}
ASK: Final = {"role": "user", "content": "What time is it? <|end|> 😀"}
CHATS: Final[dict[str, list[dict[str, Any]]]] = {
    "question": [ASK],
    "instructions": [SYSTEM, ASK],
    "call and result": [SYSTEM, ASK, CALLED, RESULT],
    "answered": [SYSTEM, ASK, CALLED, RESULT, {"role": "assistant", "content": "Nine."}, ASK],
    "last word of the assistant": [ASK, {"role": "assistant", "content": "Nine."}],
}


@cache
def encoding() -> Any:
    """The encoding of the module under test, which takes seconds to load."""
    return import_module("openai_harmony").load_harmony_encoding("HarmonyGptOss")


def ids(text: str) -> list[int]:
    """The ids of a text with special tokens, by the module under test."""
    return list(encoding().encode(text, allowed_special="all"))


class Tokenizer:
    """What the programs ask of a tokenizer of transformers."""

    unk_token_id = None
    is_fast = False
    name_or_path = "gpt-oss"

    def __init__(self) -> None:
        self.encoding = encoding()

    def get_vocab(self) -> dict[str, int]:
        return {
            word: ids(word)[0] for word in self.encoding.special_tokens_set if ids(word)[1:] == []
        }

    def convert_tokens_to_ids(self, token: str) -> int:
        return ids(token)[0]

    def encode(self, text: str, **_how: Any) -> list[int]:
        return list(self.encoding.encode(text, disallowed_special=()))

    def decode(self, tokens: Any, **_how: Any) -> str:
        return str(self.encoding.decode(list(tokens)))


_RANDOM = re.compile(r"\b([a-z]+)[_-](?:[0-9a-f]{16,}|[0-9A-Za-z]{22,})\b")


def plain(value: Any) -> Any:  # noqa: PLR0911  one return for each kind
    """A value as JSON, without what is random: identifiers and times."""
    if hasattr(value, "model_dump") and hasattr(value, "author"):
        return plain(value.to_dict())
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if isinstance(value, dict):
        kept = {str(key): plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not key.endswith("created_at")}
    if isinstance(value, (list, tuple)):
        if hasattr(value, "_asdict"):
            return plain(value._asdict())
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return _RANDOM.sub(r"\1_ID", str(value))
    return value if isinstance(value, (int, float, type(None))) else repr(value)
