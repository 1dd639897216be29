"""The bodies of messages: ours are the reference's, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai_harmony as reference  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies_contents import developer_contents, parameters, system_contents

from harmony_grammar.bodies.sections import (
    body_text,
    developer_text,
    has_function_tools,
    system_text,
    tools_section,
)
from harmony_grammar.bodies.typescript import json_text, typescript
from harmony_grammar.errors import RenderError
from harmony_grammar.grammar import Rules
from harmony_grammar.tree import Content, Message, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.tree.tools import ToolDescription, ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

_many = settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def reference_content(content: Content) -> Any:
    """The reference's object with the same fields, those that are None included."""
    data = content.to_dict()
    kind = getattr(reference, type(content).__name__)
    return kind(**{name: data.get(name) for name in kind.model_fields})


def reference_message(role: Role, content: Content) -> reference.Message:
    """The reference's message with one content."""
    author = reference.Role(role.value)
    return reference.Message.from_role_and_content(author, reference_content(content))


def reference_body(
    encoding: reference.HarmonyEncoding,
    role: Role,
    content: Content,
    *,
    function_tools: bool = False,
) -> str:
    """What the reference renders as the body of a message with one content."""
    message = reference_message(role, content)
    options = reference.RenderOptions(conversation_has_function_tools=function_tools)
    text: str = encoding.decode(encoding.render(message, options))
    head, tail = f"<|start|>{role.value}<|message|>", "<|end|>"
    assert text.startswith(head)
    assert text.endswith(tail)
    return text[len(head) : -len(tail)]


def with_tool(schema: dict[str, Any] | None) -> DeveloperContent:
    return DeveloperContent.new().with_function_tools([ToolDescription("f", "", schema)])


def reference_type(encoding: reference.HarmonyEncoding, schema: dict[str, Any]) -> str:
    """The type that the reference writes for what a tool takes."""
    body = reference_body(encoding, Role.DEVELOPER, with_tool(schema))
    head = "# Tools\n\n## functions\n\nnamespace functions {\n\ntype f = (_: "
    tail = ") => any;\n\n} // namespace functions"
    assert body.startswith(head)
    assert body.endswith(tail)
    return body[len(head) : -len(tail)]


@_many
@given(content=developer_contents())
def test_developer_content(
    reference_encoding: reference.HarmonyEncoding, content: DeveloperContent
) -> None:
    assert developer_text(content) == reference_body(reference_encoding, Role.DEVELOPER, content)


@_many
@given(content=system_contents(), function_tools=st.booleans())
def test_system_content(
    reference_encoding: reference.HarmonyEncoding, *, content: SystemContent, function_tools: bool
) -> None:
    expected = reference_body(
        reference_encoding, Role.SYSTEM, content, function_tools=function_tools
    )
    assert system_text(content, function_tools=function_tools) == expected


@_many
@given(schema=parameters())
def test_parameters(
    reference_encoding: reference.HarmonyEncoding, schema: dict[str, Any] | None
) -> None:
    content = with_tool(schema)
    assert developer_text(content) == reference_body(reference_encoding, Role.DEVELOPER, content)


@_many
@given(number=st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers(reference_encoding: reference.HarmonyEncoding, number: float) -> None:
    schema = _property(default=[number])
    assert typescript(schema) == reference_type(reference_encoding, schema)


@settings(_many, max_examples=100)
@given(contents=st.lists(system_contents() | developer_contents(), max_size=3))
def test_whole_conversations(
    reference_encoding: reference.HarmonyEncoding, contents: list[Content]
) -> None:
    roles = [Role.SYSTEM if isinstance(c, SystemContent) else Role.DEVELOPER for c in contents]
    theirs = [reference_message(role, c) for role, c in zip(roles, contents, strict=True)]
    conversation = reference.Conversation.from_messages(theirs)
    expected = reference_encoding.decode(reference_encoding.render_conversation(conversation))
    declared = has_function_tools(map(Message.from_role_and_content, roles, contents))
    bodies = (body_text(content, function_tools=declared) for content in contents)
    ours = (
        f"<|start|>{role.value}<|message|>{body}<|end|>"
        for role, body in zip(roles, bodies, strict=True)
    )
    assert "".join(ours) == expected


def _property(**keywords: object) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": keywords}}


def _nested(levels: int, schema: dict[str, Any]) -> dict[str, Any]:
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


_ONE = {"type": "string", "description": "one", "default": "1"}
_ENUM = {"type": "string", "enum": ['"', "b"], "default": '"'}

TYPES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "any"),
    "string": ({"type": "string"}, "string"),
    "integer": ({"type": "integer"}, "number"),
    "number": ({"type": "number"}, "number"),
    "boolean": ({"type": "boolean"}, "boolean"),
    "unknown type": ({"type": "strange"}, "any"),
    "reference": ({"$ref": "#/x"}, "any"),
    "anyOf": ({"anyOf": [{"type": "string"}]}, "any"),
    "constant": ({"const": 1}, "any"),
    "untyped enum": ({"enum": ["a"]}, "any"),
    "type that is an object": ({"type": {}}, "any"),
    "nullable at the top": ({"type": "string", "nullable": True}, "string"),
    "list of types": ({"type": ["integer", "strange", 1, "null"]}, "number | strange | null"),
    "empty list of types": ({"type": []}, "any"),
    "list of no types": ({"type": [1]}, "any"),
    "enum": (_ENUM, '""" | "b"'),
    "enum of few strings": ({"type": "string", "enum": [1, "a", None]}, '"a"'),
    "enum of no strings": ({"type": "string", "enum": [1]}, "string"),
    "empty enum": ({"type": "string", "enum": []}, "string"),
    "enum of integers": ({"type": "integer", "enum": [1, 2]}, "number"),
    "array": ({"type": "array", "items": {"type": "string"}}, "string[]"),
    "array of anything": ({"type": "array"}, "Array<any>"),
    "array of true": ({"type": "array", "items": True}, "any[]"),
    "array of an enum": ({"type": "array", "items": _ENUM}, '""" | "b"[]'),
    "deep array": (_nested(30, {"type": "string"}), "string" + 30 * "[]"),
    "object": ({"type": "object"}, "{\n}"),
    "properties that are no object": ({"type": "object", "properties": []}, "{\n}"),
    "described object": ({"type": "object", "description": "d"}, "// d\n{\n}"),
    "property": (_property(type="string"), "{\na?: string,\n}"),
    "property that is true": ({"type": "object", "properties": {"a": True}}, "{\na?: any,\n}"),
    "required property": ({**_property(), "required": ["a", 1]}, "{\na: any,\n}"),
    "required that is no list": ({**_property(), "required": "a"}, "{\na?: any,\n}"),
    "nullable property": (_property(type="string", nullable=True), "{\na?: string | null,\n}"),
    "nullable with the word": (
        _property(type="string", enum=["nullify"], nullable=True),
        '{\na?: "nullify",\n}',
    ),
    "nullable that is not true": (_property(type="string", nullable=1), "{\na?: string,\n}"),
    "comments": (
        _property(title="T", description="d\ne", examples=["x", 1]),
        '{\n// T\n//\n// d\ne\n// Examples:\n// - "x"\na?: any,\n}',
    ),
    "examples without strings": (_property(examples=[1]), "{\n// Examples:\na?: any,\n}"),
    "no examples": (_property(examples=[]), "{\na?: any,\n}"),
    "default": (_property(default="x\n"), '{\na?: any, // default: "x\n"\n}'),
    "default of an enum": (_property(**_ENUM), '{\na?: """ | "b", // default: "\n}'),
    "default that is null": (_property(default=None), "{\na?: any, // default: null\n}"),
    "default that is an object": (
        _property(default={"b": [1.0, True], "a": 'q"'}),
        '{\na?: any, // default: {"b":[1.0,true],"a":"q\\""}\n}',
    ),
    "nested object": (
        _property(type="object", description="d", properties={"b": {"type": "string"}}),
        "{\n// d\na?:     // d\n{\n    b?: string,\n    },\n}",
    ),
    "oneOf": (
        {"oneOf": [{**_ONE, "nullable": True}, _ENUM, {}]},
        '\n | string | null // one default: "1"\n | """ | "b" // default: "\\""\n | any',
    ),
    "empty oneOf": ({"oneOf": []}, ""),
    "oneOf that is no list": ({"oneOf": {}, "type": "string"}, "string"),
    "oneOf in oneOf": ({"oneOf": [{"oneOf": [{}]}]}, "\n | \n    | any"),
    "property with oneOf": (
        _property(oneOf=[_ONE, _ENUM], title="T", description="d", default=1),
        (
            '{\n// T\n//\n// d\n// default: 1\na?:\n | string // default: "1"\n'
            ' | """ | "b" // default: "\n,\n}'
        ),
    ),
    "property described like its first variant": (
        _property(oneOf=[_ONE, _ONE], description="one"),
        '{\na?:\n | string // default: "1"\n | string // default: "1"\n,\n}',
    ),
    "property described like its second variant": (
        _property(oneOf=[{}, _ONE, {"description": "two"}], description="one"),
        '{\n// one\na?:\n | any\n | string // default: "1"\n | any // two\n,\n}',
    ),
    "property with variants described": (
        _property(oneOf=[_ONE]),
        '{\na?:\n | string // one default: "1"\n,\n}',
    ),
    "property with an empty description": (
        _property(oneOf=[_ONE], description=""),
        '{\n// \na?:\n | string // default: "1"\n,\n}',
    ),
    "property with an empty oneOf": (
        _property(oneOf=[], description="d"),
        "{\n// d\na?:\n,\n}",
    ),
    "property with a oneOf that is no list": (
        _property(oneOf=None, description="d", default=1),
        "{\na?: any,\n}",
    ),
    "object in oneOf": (
        _property(oneOf=[_property(type="array", items={"oneOf": [{}]})]),
        "{\na?:\n | {\n   a?: \n        | any[],\n   }\n,\n}",
    ),
}


@pytest.mark.parametrize("name", TYPES)
def test_types(reference_encoding: reference.HarmonyEncoding, name: str) -> None:
    schema, expected = TYPES[name]
    assert typescript(schema) == expected
    assert reference_type(reference_encoding, schema) == expected


NUMBERS: dict[float, str] = {
    0: "0",
    -7: "-7",
    2**64 - 1: "18446744073709551615",
    2**64: "1.8446744073709552e19",
    -(2**63): "-9223372036854775808",
    -(2**63) - 1: "-9.223372036854776e18",
    10**25: "1e25",
    119280194600582280101092185059593047487599194127124069036008507318145541853135184168965299: (
        "1.192801946005823e89"
    ),
    0.1: "0.1",
    1e15: "1000000000000000.0",
    123456.0: "123456.0",
    1e16: "1e16",
    1.5e-5: "0.000015",
    1e-6: "1e-6",
    -1.25e300: "-1.2499999999999999e300",
    5e-324: "5e-324",
    2.7715077941825975e-163: "2.7715077941825978e-163",
}


@pytest.mark.parametrize("number", NUMBERS)
def test_spellings_of_numbers(reference_encoding: reference.HarmonyEncoding, number: float) -> None:
    assert json_text(number) == NUMBERS[number]
    expected = f"{{\na?: any, // default: {NUMBERS[number]}\n}}"
    assert reference_type(reference_encoding, _property(default=number)) == expected


def test_negative_zero() -> None:
    assert json_text([0.0, -0.0]) == "[0.0,-0.0]"


def test_a_number_beyond_floats_cannot_be_written(
    reference_encoding: reference.HarmonyEncoding,
) -> None:
    schema = _property(default=10**400)
    with pytest.raises(RenderError, match="beyond the range of a 64-bit float"):
        typescript(schema)
    with pytest.raises(ValueError, match="number out of range"):
        reference_type(reference_encoding, schema)


def test_the_deepest_schema_is_written() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(63):
        schema = {"type": "object", "properties": {"a": schema}}
    text = developer_text(with_tool(schema))
    assert text.count("a?: {") == 63


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ""),
        ("a", "// a\n"),
        ("a\n", "// a\n"),
        ("a\n\nb", "// a\n// \n// b\n"),
        ("\n", "// \n"),
        ("a\r\nb\r", "// a\n// b\r\n"),
        ("a\u2028b", "// a\u2028b\n"),
    ],
)
def test_lines_of_descriptions(
    reference_encoding: reference.HarmonyEncoding, text: str, lines: str
) -> None:
    tool = ToolDescription("f", text)
    content = DeveloperContent.new().with_function_tools([tool])
    head = "# Tools\n\n## functions\n\nnamespace functions {\n\n"
    expected = f"{head}{lines}type f = () => any;\n\n}} // namespace functions"
    assert developer_text(content) == expected
    assert reference_body(reference_encoding, Role.DEVELOPER, content) == expected


def test_the_system_message() -> None:
    content = SystemContent.new().with_conversation_start_date("2025-06-28")
    assert system_text(content, function_tools=True) == (
        "You are ChatGPT, a large language model trained by OpenAI.\n"
        "Knowledge cutoff: 2024-06\n"
        "Current date: 2025-06-28\n"
        "\n"
        "Reasoning: medium\n"
        "\n"
        "# Valid channels: analysis, commentary, final. "
        "Channel must be included for every message.\n"
        "Calls to these tools must go to the commentary channel: 'functions'."
    )


def test_the_words_of_another_grammar_are_followed() -> None:
    words = {
        '"# Valid channels: "': '"Channels: "',
        '_CHANNEL_COMMA: ", "': '_CHANNEL_COMMA: "/"',
        '_CHANNEL_STOP: "."': '_CHANNEL_STOP: "!"',
        '" Channel must be included for every message."': '" Always."',
        '"commentary"': '"critique"',
        '"Calls to these tools must go to the "': '"Call on "',
    }
    text = Rules.default().text
    for old, new in words.items():
        text = text.replace(old, new)
    content = SystemContent(None, None, None, None).with_required_channels(["x", "y"])
    assert body_text(content, function_tools=True, rules=Rules.from_text(text)) == (
        "Channels: x/y! Always.\nCall on critique channel: 'functions'."
    )


def test_namespaces_are_sorted_by_key_and_written_by_name() -> None:
    configs = {
        "b": ToolNamespaceConfig("first", tools=[]),
        "a": ToolNamespaceConfig("second", "Plain\nwords.", tools=[]),
    }
    assert tools_section(configs) == "# Tools\n\n## second\n\nPlain\nwords.\n\n## first\n"


def test_a_text_is_its_own_body() -> None:
    assert body_text(TextContent("<|end|>\n")) == "<|end|>\n"


def test_a_content_of_a_kind_of_ones_own_has_no_body() -> None:
    class Picture(Content):
        def to_dict(self) -> dict[str, Any]:
            return {}

        @classmethod
        def from_dict(cls, raw: Mapping[str, Any]) -> Picture:
            raise NotImplementedError

    with pytest.raises(RenderError, match="a content of type Picture has no text in the format"):
        body_text(Picture())


def test_function_tools_are_found() -> None:
    tool = ToolDescription("f", "")
    one = DeveloperContent.new()
    named = {"functions": ToolNamespaceConfig("other", tools=[tool])}
    misnamed = {"other": ToolNamespaceConfig("functions", tools=[tool])}

    def declares(content: Content) -> bool:
        message = Message.from_role_and_content(Role.DEVELOPER, "x").adding_content(content)
        return has_function_tools([message])

    assert declares(one.with_function_tools([tool]))
    assert declares(DeveloperContent(tools=named))
    assert not declares(DeveloperContent(tools=misnamed))
    assert not declares(one.with_function_tools([]))
    assert not declares(one)
    assert not declares(SystemContent(tools=named))
    assert not has_function_tools([])
