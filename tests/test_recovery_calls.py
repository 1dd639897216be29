"""Tool calls: which may be dispatched, and that damage makes no new ones."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from recovery_inputs import encoded

import harmony_grammar as hg
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import recovery_safety

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOLS = {"f": SCHEMA, "browser.open": None, "python": None}


def called(
    body: str,
    end: str = "<|call|>",
    header: str = "<|channel|>commentary to=functions.f",
    **how: Any,
) -> hg.ToolCall:
    text = f"{header}<|message|>{body}{end}"
    (call,) = hg.recover(text).tool_calls(**how)
    (from_ids,) = hg.recover(encoded(text)).tool_calls(**how)
    assert (call.status, call.name, call.parsed) == (
        from_ids.status,
        from_ids.name,
        from_ids.parsed,
    )
    return call


def test_a_call_that_is_ready() -> None:
    call = called('{"a": 1}', tools=TOOLS)
    assert call.ready
    assert (call.name, call.arguments, call.parsed) == ("functions.f", '{"a": 1}', {"a": 1})
    assert call.message.recipient == "functions.f"
    assert call.suggestion is None


@pytest.mark.parametrize(
    ("body", "end", "status"),
    [
        ('{"a": 1}', "", "ready"),
        ('{"a": 1', "", "truncated"),
        ('{"a": 1', "<|call|>", "invalid_arguments"),
        ("", "<|call|>", "invalid_arguments"),
        ("", "", "truncated"),
        ("12", "", "truncated"),
        ("12", "<|call|>", "ready"),
        ("true", "", "ready"),
        ('{"a": NaN}', "<|call|>", "invalid_arguments"),
        ("[" * 100_000, "<|call|>", "invalid_arguments"),
        ('{"a": 1}', "<|end|>", "ready"),
        ('{"a": 1}', "<|end|><|start|>assistant", "ambiguous"),
        ("[1]", "<|end|>", "ambiguous"),
        ('{"a": 1}', "<|start|>", "ambiguous"),
        ('{"a": "<|constrain|>"}', "<|call|>", "ambiguous"),
    ],
)
def test_statuses_without_tools(body: str, end: str, status: str) -> None:
    assert called(body, end).status == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("<|channel|>commentary?? to=functions.f", "ready"),
        ("<|channel|>commentary to=functions.f to=functions.f", "ready"),
        (" to=functions.f<|channel|>commentary<|channel|>commentary json", "ready"),
        ("<|channel|>commentaryto=functions.f", "ready"),
        ("<|start|>assistantto=functions.f", "ready"),
        ("<|channel|>analysis<|message|>x<|start|>assistant to=functions.f", "ready"),
        ("<|channel|>analysis<|message|>x<|channel|>commentary to=functions.f", "ready"),
        ("<|channel|>analysis<|message|>x<|end|> to=functions.f", "ready"),
        ("x<|end|> to=functions.f", "ready"),
        ("<|channel|>commentary to=functions .f", "ambiguous"),
        ("<|channel|>commentary to=functions.f to=functions.g", "ambiguous"),
        ("<|channel|>comment to=functions.f", "ambiguous"),
        ("<|channel|>analysis to=functions.f<|channel|>commentary", "ambiguous"),
    ],
)
def test_statuses_of_mended_headers(header: str, status: str) -> None:
    assert called("{}", header=header).status == status


def test_several_recipients_name_nobody() -> None:
    call = called("{}", header=" to=functions.f to=functions.g")
    assert call.name is None
    assert call.message.recipient is None


def test_arguments_against_a_schema() -> None:
    call = called('{"a": "x"}', tools=TOOLS)
    assert call.status == "invalid_arguments"
    assert call.suggestion == "$.a: 'x' is not of type 'integer'"
    assert called("{}", tools=TOOLS).status == "invalid_arguments"
    assert called("nothing", tools=TOOLS).suggestion == "the arguments are not valid JSON"


def test_a_schema_that_refers_to_itself_is_not_fetched() -> None:
    reference = {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "null"}}}
    assert called('{"a": null}', tools={"f": reference}).ready
    assert called('{"a": 1}', tools={"f": reference}).status == "invalid_arguments"


def test_a_schema_that_is_none() -> None:
    with pytest.raises(ValueError, match="the schema of a tool is none"):
        called("{}", tools={"f": {"type": 7}})
    elsewhere = {"$ref": "https://example.com/schema.json"}
    with pytest.raises(ValueError, match="refers to what is not in it"):
        called("{}", tools={"f": elsewhere})


def test_arguments_that_nest_too_deeply() -> None:
    schema = {"additionalProperties": {"$ref": "#"}}
    deep = '{"a":' * 400 + "1" + "}" * 400
    assert called(deep, tools={"f": schema}).status == "invalid_arguments"


def test_schemas_need_jsonschema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert called("{}", tools=["f"]).ready
    with pytest.raises(ImportError, match="needs jsonschema"):
        called("{}", tools=TOOLS)


def test_unknown_tools_get_a_suggestion_and_no_substitute() -> None:
    call = called("{}", header="<|channel|>commentary to=functions.ff", tools=TOOLS)
    assert (call.status, call.name, call.suggestion) == (
        "unknown_tool",
        "functions.ff",
        "functions.f",
    )
    assert called("{}", header=" to=zzzzzz.q", tools=TOOLS).suggestion is None


@pytest.mark.parametrize(
    "tools",
    [
        ["f"],
        ["functions.f"],
        [ToolDescription.new("f", "a tool", SCHEMA)],
        [ToolNamespaceConfig(name="functions", tools=[ToolDescription.new("f", "a tool", SCHEMA)])],
        [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        [{"type": "function", "name": "f", "parameters": SCHEMA}],
    ],
)
def test_ways_to_name_tools(tools: list[Any]) -> None:
    assert called('{"a": 1}', tools=tools).ready
    assert called("{}", header=" to=browser.open", tools=tools).status == "unknown_tool"


def test_calls_on_analysis() -> None:
    header = "<|channel|>analysis to=functions.f"
    assert called("{}", header=header).ready
    assert called("{}", header=header, analysis_calls="reject").status == "ambiguous"
    browser = "<|channel|>analysis to=browser.open"
    assert called("{}", header=browser, analysis_calls="reject").ready
    with pytest.raises(ValueError, match="analysis_calls"):
        called("{}", analysis_calls="maybe")


def test_a_namespace_without_tools_is_a_tool() -> None:
    python = [ToolNamespaceConfig(name="python", tools=[])]
    assert called("print(1)", header=" to=python", tools=python).ready


def test_code_is_no_json() -> None:
    header = "<|channel|>analysis to=python code"
    call = called("print(1)", header=header, tools=TOOLS)
    assert (call.status, call.parsed) == ("ready", None)
    assert called("print(1)", "", header=header).status == "truncated"
    assert called("print(1)", header=" to=python json").status == "invalid_arguments"


def test_only_the_assistant_calls() -> None:
    text = "<|start|>user to=functions.f<|message|>{}<|end|>"
    assert hg.recover(text, "conversation").tool_calls() == ()
    assert hg.recover("<|channel|>final<|message|>{}<|call|>").tool_calls() == ()


def test_no_call_beyond_the_end_of_the_turn() -> None:
    call = "<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    assert len(hg.recover(call + "<|start|>assistant" + call).tool_calls()) == 1


@pytest.mark.parametrize("start", ["completion", "conversation"])
def test_damage_invents_no_call(start: Any) -> None:
    rng = random.Random(7)  # noqa: S311  no secret
    for case in recovery_safety.cases(rng, start, 500):
        assert not recovery_safety.fresh_calls(case, start)["invented"], case


@pytest.mark.parametrize("name", ["calendar.respondToEvent", "python", "f"])
def test_a_function_has_one_recipient_everywhere(name: str) -> None:
    tool = {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    recipient = f"functions.{name}"
    text = f"<|channel|>commentary to={recipient} <|constrain|>json<|message|>{{}}<|call|>"
    for tools in ([tool], [hg.ToolDescription(name, "", {"type": "object"})]):
        (found,) = hg.recover(text).tool_calls(tools)
        assert (found.name, found.status) == (recipient, "ready")
        assert hg.Constraint(tools).tool_names == (recipient,)
    content = hg.DeveloperContent().with_function_tools([hg.ToolDescription(name, "", None)])
    declared = hg.render(hg.Message.from_role_and_content(hg.Role.DEVELOPER, content))
    prompt = f"{declared}<|start|>user<|message|>Hi<|end|><|start|>assistant"
    assert hg.Constraint.from_prompt(prompt).tool_names == (recipient,)
    codes = [found.code for found in hg.check(prompt + text).diagnostics]
    assert "undeclared-tool" not in codes
