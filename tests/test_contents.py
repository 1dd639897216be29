"""System and developer contents: the reference's interface, defaults and wire JSON."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import openai_harmony as reference  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import HealthCheck, given, settings
from strategies_contents import developer_contents, namespaces, system_contents

import harmony_grammar as ours
from harmony_grammar.tree import Content, Message, Role
from harmony_grammar.tree.contents import (
    ChannelConfig,
    DeveloperContent,
    ReasoningEffort,
    SystemContent,
)
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Callable

_many = settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "default": None}}}


def same_json(ours: object, theirs: object) -> bool:
    """Whether two pieces of wire data are the same text, order of keys included."""
    return json.dumps(ours) == json.dumps(theirs)


# --- Wire JSON ---


@_many
@given(content=system_contents() | developer_contents())
def test_wire_json(content: SystemContent | DeveloperContent) -> None:
    kind = getattr(reference, type(content).__name__)
    data = content.to_dict()
    theirs = kind(**{name: data.get(name) for name in kind.model_fields})
    assert same_json(data, theirs.to_dict())
    assert same_json(type(content).from_dict(data).to_dict(), kind.from_dict(data).to_dict())


@_many
@given(tools=namespaces())
def test_what_was_written_is_read(tools: dict[str, ToolNamespaceConfig] | None) -> None:
    content = DeveloperContent("x", tools)
    assert Content.of_dict(content.to_dict()) == content
    message = Message.from_role_and_content(Role.DEVELOPER, content)
    assert Message.from_json(message.to_json()) == message


def test_what_is_none_is_read_as_the_default() -> None:
    content = SystemContent(model_identity=None)
    assert "model_identity" not in content.to_dict()
    assert SystemContent.from_dict(content.to_dict()) == SystemContent.new()
    theirs = reference.SystemContent(model_identity=None)
    assert reference.SystemContent.from_dict(theirs.to_dict()) == reference.SystemContent.new()


def test_unknown_keys_are_told() -> None:
    with pytest.raises(ours.FieldError, match="DeveloperContent has no field 'more': there are in"):
        DeveloperContent.from_dict({"instructions": "x", "more": 1})
    with pytest.raises(ours.FieldError, match="'instruction': did you mean 'instructions'"):
        DeveloperContent.from_dict({"instruction": "x"})


def test_none_within_parameters_is_kept() -> None:
    schema = {"default": None, "x": [None, {"y": None}]}
    content = DeveloperContent.new().with_function_tools([ToolDescription("f", "d", schema)])
    theirs = reference.DeveloperContent.new().with_function_tools(
        [reference.ToolDescription.new("f", "d", schema)]
    )
    assert content.to_dict() == theirs.to_dict()
    assert content.to_dict()["tools"]["functions"] == {
        "name": "functions",
        "tools": [{"name": "f", "description": "d", "parameters": schema}],
    }


# --- Interface ---


BUILDERS: list[Callable[[Any], Any]] = [
    lambda hg: hg.SystemContent.new(),
    lambda hg: hg.SystemContent.new().with_model_identity("x"),
    lambda hg: hg.SystemContent.new().with_reasoning_effort(hg.ReasoningEffort.HIGH),
    lambda hg: hg.SystemContent.new().with_conversation_start_date("2025-06-28"),
    lambda hg: hg.SystemContent.new().with_knowledge_cutoff("2025-01"),
    lambda hg: hg.SystemContent.new().with_required_channels(["a", "b"]),
    lambda hg: hg.SystemContent.new().with_channel_config(
        hg.ChannelConfig(valid_channels=["a"], channel_required=False)
    ),
    lambda hg: hg.SystemContent.new().with_browser_tool(),
    lambda hg: hg.SystemContent.new().with_python_tool(),
    lambda hg: hg.SystemContent.new().with_python_tool().with_browser_tool().with_python_tool(),
    lambda hg: hg.SystemContent.new().with_tools(hg.ToolNamespaceConfig(name="x", tools=[])),
    lambda hg: hg.SystemContent(reasoning_effort="Low", tools={"x": {"name": "y", "tools": []}}),
    lambda hg: hg.SystemContent(channel_config={"valid_channels": [], "channel_required": True}),
    lambda hg: hg.DeveloperContent.new(),
    lambda hg: hg.DeveloperContent.new().with_instructions("x"),
    lambda hg: hg.DeveloperContent.new().with_tools(hg.ToolNamespaceConfig.browser()),
    lambda hg: hg.DeveloperContent.new().with_function_tools([]),
    lambda hg: hg.DeveloperContent.new().with_function_tools(
        [
            hg.ToolDescription.new("f", "d"),
            hg.ToolDescription.new("g", "e", parameters=_SCHEMA),
            hg.ToolDescription(name="h", description="", parameters={}),
        ]
    ),
]


@pytest.mark.parametrize("build", BUILDERS)
def test_builders(build: Callable[[Any], Any]) -> None:
    assert same_json(build(ours).to_dict(), build(reference).to_dict())


@pytest.mark.parametrize("name", ["browser", "python"])
def test_builtin_tools(name: str) -> None:
    ours = getattr(ToolNamespaceConfig, name)()
    theirs = getattr(reference.ToolNamespaceConfig, name)()
    assert same_json(ours.to_dict(), theirs.model_dump(exclude_none=True))


@pytest.mark.parametrize("build", BUILDERS)
def test_a_builder_changes_its_object_as_the_references_do(build: Callable[[Any], Any]) -> None:
    def changed(side: Any) -> dict[str, Any]:
        made = build(side)
        for config in (
            side.ToolNamespaceConfig(name="x", tools=[]),
            side.ToolNamespaceConfig.python(),
        ):
            assert made.with_tools(config) is made
        return made.to_dict()  # type: ignore[no-any-return]

    assert same_json(changed(ours), changed(reference))


def test_contents_share_nothing() -> None:
    one, other = SystemContent(), SystemContent()
    one.with_python_tool()
    assert one.channel_config is not None
    one.channel_config.valid_channels.append("critique")
    assert other == SystemContent()
    assert SystemContent().tools is None


def test_the_default_channels_are_those_of_the_format() -> None:
    theirs = reference.SystemContent.new().channel_config
    assert SystemContent.new().channel_config == ChannelConfig.require_channels(
        theirs.valid_channels
    )


# --- Values ---


def test_attributes_are_assigned_and_checked() -> None:
    config = ToolNamespaceConfig.python()
    config.name = "shell"
    assert config.to_dict()["name"] == "shell"
    content = SystemContent()
    content.reasoning_effort = "High"  # type: ignore[assignment]  # it is converted
    assert content.reasoning_effort is ours.ReasoningEffort.HIGH
    content.tools = {"x": {"name": "y", "tools": []}}  # type: ignore[dict-item]
    assert content.tools == {"x": ToolNamespaceConfig("y", tools=[])}
    for name, wrong in (("name", None), ("tools", "f"), ("tools", [1]), ("description", 5)):
        before = copy.deepcopy(config)
        with pytest.raises(ours.FieldError, match=f"ToolNamespaceConfig.{name} must be"):
            setattr(config, name, wrong)
        assert config == before
    with pytest.raises(AttributeError):
        config.nome = "x"  # type: ignore[attr-defined]


def test_what_the_caller_changes_later_changes_nothing() -> None:
    schema: dict[str, Any] = {"properties": {"a": {}}}
    tools = [ToolDescription("f", "d", schema)]
    namespace = ToolNamespaceConfig("n", tools=tools)
    configs = {"n": namespace}
    channels = ["a"]
    content = SystemContent(channel_config=ChannelConfig(channels, False), tools=configs)  # noqa: FBT003  positional use is part of the test
    before = copy.deepcopy(content)
    schema["properties"]["a"]["type"] = "string"
    tools.clear()
    configs.clear()
    channels.append("b")
    assert content == before


def test_wire_data_shares_nothing_with_the_object() -> None:
    tool = ToolDescription("f", "d", {"properties": {"a": {}}})
    before = copy.deepcopy(tool)
    tool.to_dict()["parameters"]["properties"].clear()
    assert tool == before


def test_objects_are_values() -> None:
    one = SystemContent.new().with_browser_tool()
    other = SystemContent.from_dict(one.to_dict())
    assert one == other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    assert other.with_python_tool() != one
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  written by the test itself


def test_parameters_are_what_a_reader_of_the_json_gets() -> None:
    schema: Any = {1: (True, None), "a": {None: 1.5}, "1": "last"}
    assert ToolDescription("f", "d", schema).parameters == {"1": "last", "a": {"null": 1.5}}


# --- What is refused ---


def _circle() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    return circle


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


_TOOL = {"name": "f", "description": "d"}

REFUSED: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: ToolDescription(1, ""), TypeError, "ToolDescription.name must be str, not int"),  # type: ignore[arg-type]
    (lambda: ToolDescription("", None), TypeError, "ToolDescription.description must be str"),  # type: ignore[arg-type]
    (
        lambda: ToolDescription("", "", []),  # type: ignore[arg-type]
        TypeError,
        "ToolDescription.parameters must be Mapping or None",
    ),
    (
        lambda: ToolDescription("", "", {"a": {1}}),
        ValueError,
        "ToolDescription.parameters must be JSON: Object of type set is not JSON serializable",
    ),
    (
        lambda: ToolDescription("", "", {"a": float("nan")}),
        ValueError,
        "ToolDescription.parameters must be JSON: Out of range float values",
    ),
    (
        lambda: ToolDescription("", "", _circle()),
        ValueError,
        "ToolDescription.parameters must be JSON: Circular reference detected",
    ),
    (
        lambda: ToolDescription("", "", _deep(129)),
        ValueError,
        "ToolDescription.parameters is nested deeper than 128 levels",
    ),
    (lambda: ToolDescription("", "", _deep(100_000)), ValueError, "ToolDescription.parameters"),
    (
        lambda: ChannelConfig("abc", channel_required=True),  # type: ignore[arg-type]
        TypeError,
        "ChannelConfig.valid_channels must be list or tuple, not str",
    ),
    (
        lambda: ChannelConfig([1], channel_required=True),  # type: ignore[list-item]
        TypeError,
        "an item of ChannelConfig.valid_channels must be str, not int",
    ),
    (
        lambda: ChannelConfig([], channel_required=1),  # type: ignore[arg-type]
        TypeError,
        "ChannelConfig.channel_required must be bool, not int",
    ),
    (
        lambda: ToolNamespaceConfig(1, tools=[]),  # type: ignore[arg-type]
        TypeError,
        "ToolNamespaceConfig.name must be str, not int",
    ),
    (
        lambda: ToolNamespaceConfig("", 1, tools=[]),  # type: ignore[arg-type]
        TypeError,
        "ToolNamespaceConfig.description must be str or None, not int",
    ),
    (
        lambda: ToolNamespaceConfig("", tools=None),  # type: ignore[arg-type]
        TypeError,
        "ToolNamespaceConfig.tools must be list or tuple, not NoneType",
    ),
    (
        lambda: ToolNamespaceConfig("", tools=["f"]),  # type: ignore[list-item]
        TypeError,
        "an item of ToolNamespaceConfig.tools must be ToolDescription, not str",
    ),
    (
        lambda: SystemContent(model_identity=1),  # type: ignore[arg-type]
        TypeError,
        "SystemContent.model_identity must be str or None, not int",
    ),
    (
        lambda: SystemContent(reasoning_effort="low"),  # type: ignore[arg-type]
        ValueError,
        r"Unknown reasoning effort: 'low' \(the efforts are Low, Medium, High\)",
    ),
    (
        lambda: SystemContent(channel_config=["a"]),  # type: ignore[arg-type]
        TypeError,
        "SystemContent.channel_config must be ChannelConfig or None, not list",
    ),
    (
        lambda: SystemContent(tools=[]),  # type: ignore[arg-type]
        TypeError,
        "SystemContent.tools must be Mapping or None, not list",
    ),
    (
        lambda: DeveloperContent(instructions=1),  # type: ignore[arg-type]
        TypeError,
        "DeveloperContent.instructions must be str or None, not int",
    ),
    (
        lambda: DeveloperContent(tools={1: ToolNamespaceConfig.python()}),  # type: ignore[dict-item]
        TypeError,
        "a key of DeveloperContent.tools must be str, not int",
    ),
    (
        lambda: DeveloperContent(tools={"a": "b"}),  # type: ignore[dict-item]
        TypeError,
        r"DeveloperContent.tools\['a'\] must be ToolNamespaceConfig, not str",
    ),
    (
        lambda: DeveloperContent().with_tools("b"),  # type: ignore[arg-type]
        TypeError,
        "ns_config must be ToolNamespaceConfig, not str",
    ),
    (
        lambda: ToolDescription.from_dict({"name": "f"}),
        ValueError,
        "ToolDescription.description is missing in {'name': 'f'}",
    ),
    (
        lambda: DeveloperContent.from_dict({"tools": {"a": {"tools": [_TOOL]}}}),
        ValueError,
        "ToolNamespaceConfig.name is missing in ",
    ),
    (
        lambda: SystemContent.from_dict([]),  # type: ignore[arg-type]
        TypeError,
        "what SystemContent is read from must be Mapping, not list",
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refused(case: int) -> None:
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        make()


def test_the_deepest_parameters_are_accepted() -> None:
    assert ToolDescription("", "", _deep(128)).parameters == _deep(128)


def test_import_is_cheap() -> None:
    code = (
        "import sys, harmony_grammar.tree.contents\n"
        "print(sorted({'numpy', 'tiktoken', 'lark', 'llguidance'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  the command is the test's own
    assert done.stdout.strip() == "[]"


def test_efforts_are_strings() -> None:
    assert [effort.value for effort in ReasoningEffort] == [
        effort.value for effort in reference.ReasoningEffort
    ]
