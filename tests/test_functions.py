"""Tools as the APIs declare them."""

from __future__ import annotations

from typing import Any

import pytest

import harmony_grammar as hg
from harmony_grammar.tree.functions import function_of

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}},
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        {"name": "f", "description": "d", "inputSchema": SCHEMA, "annotations": {}},
        {"name": "f", "description": "d", "input_schema": SCHEMA, "cache_control": {}},
        hg.ToolDescription("f", "d", SCHEMA),
    ],
)
def test_every_api_declares_the_same_function(tool: Any) -> None:
    assert function_of(tool) == hg.ToolDescription("f", "d", SCHEMA)
    assert hg.Constraint([tool]).tool_names == ("functions.f",)
    text = '<|channel|>commentary to=functions.f<|message|>{"q": 1}<|call|>'
    (call,) = hg.recover(text).tool_calls([tool])
    assert call.status == "invalid_arguments"


def test_what_says_nothing_is_nothing() -> None:
    bare: Any = {
        "name": "f",
        "description": None,
        "parameters": {"properties": [], "required": None},
    }
    assert function_of(bare) == hg.ToolDescription("f", "", {"properties": {}})
    assert function_of({"name": "f", "parameters": None}).parameters is None


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({"description": "d"}, r"tools\[0\].name: a tool needs a name"),
        (
            {"name": "f", "schema": SCHEMA},
            r"\(f\): there are no parameters, and schema is no known",
        ),
        ({"name": "f", "parameters": SCHEMA, "inputSchema": SCHEMA}, "are two schemas; give one"),
        ({"name": "f", "parameters": "x"}, r"\(f\).parameters: a JSON Schema is needed"),
        ({"name": "f", "description": 1}, r"\(f\).description: text is needed"),
    ],
)
def test_what_cannot_be_taken_is_told(tool: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        function_of(tool, "tools[0]")
    with pytest.raises(hg.ConstraintError, match=said):
        hg.Constraint([tool])


TWO = [{"name": "f"}, {"name": "g"}]
NAMED = [{"type": "function", "name": "f"}]
WRAPPED = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize("chat", [False, True])
def test_allowed_tools_are_those_that_may_be_called(mode: str, chat: bool) -> None:  # noqa: FBT001
    choice: dict[str, Any] = {"type": "allowed_tools", "mode": mode, "tools": NAMED}
    if chat:
        choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": WRAPPED}}
    constraint = hg.Constraint(TWO, tool_choice=choice)
    assert constraint.tool_names == ("functions.f",)
    answer = constraint.encode("<|channel|>final<|message|>Hi")
    if mode == "auto":
        constraint.matcher().accept_all(answer)
    else:
        with pytest.raises(hg.ConstraintViolation):
            constraint.matcher().accept_all(answer)


def test_an_unknown_mode_is_told() -> None:
    with pytest.raises(hg.ConstraintError, match=r"tool_choice.mode: auto or required is needed"):
        hg.Constraint(TWO, tool_choice={"type": "allowed_tools", "mode": "any", "tools": NAMED})
