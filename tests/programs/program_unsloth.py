"""unsloth_zoo: its encoding of conversations.

The module patches transformers as it is imported, and needs unsloth and a GPU for that; the
function is taken out of its text, and nothing but it runs.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from program_talks import ASK, EMPTY, FUNCTION

if TYPE_CHECKING:
    from collections.abc import Iterator

TURNS = [
    ASK,
    {"role": "assistant", "thinking": "R", "tool_calls": [{"name": "now", "arguments": "{}"}]},
    {"role": "tool", "name": "now", "content": "9"},
    {"role": "assistant", "thinking": "S", "content": "Nine."},
]


def encode_conversations_with_harmony() -> Any:
    (folder,) = find_spec("unsloth_zoo").submodule_search_locations  # type: ignore[union-attr,misc]
    text = Path(folder, "temporary_patches", "gpt_oss.py").read_text("utf-8")
    wanted: list[ast.stmt] = [
        node
        for node in ast.parse(text).body
        if (isinstance(node, ast.FunctionDef) and "harmony" in node.name)
        or (isinstance(node, ast.Assign) and "_HARMONY_SYMBOLS" in ast.unparse(node.targets[0]))
    ]
    names: dict[str, Any] = {"encoding": None}
    code = compile(ast.Module(wanted, []), "gpt_oss.py", "exec")
    exec(code, names)  # noqa: S102  it is the program that is run
    return names["encode_conversations_with_harmony"]


def scenarios() -> Iterator[tuple[str, Any]]:
    import_module("openai_harmony")
    encode = encode_conversations_with_harmony()
    tools = [{"function": FUNCTION}, {"function": EMPTY}]
    for name, messages in {"question": TURNS[:1], "result": TURNS[:3], "answer": TURNS}.items():
        for prompt in (True, False):
            for effort, more in {
                "low": {},
                "medium": {"developer_instructions": "Be brief."},
                "high": {"developer_instructions": "Be brief.", "tool_calls": tools},
            }.items():
                yield (
                    f"{name}, {effort}, prompt {prompt}",
                    lambda m=messages, e=effort, p=prompt, k=more: encode(
                        m, e, add_generation_prompt=p, **k
                    ),
                )
