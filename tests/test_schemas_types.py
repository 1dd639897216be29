"""Types between JSON Schema and TypeScript: each form once, and where it is used."""

from __future__ import annotations

from typing import Any

import pytest

import harmony_grammar as hg
from harmony_grammar.bodies import read_body, read_type
from harmony_grammar.bodies.sections import developer_text
from harmony_grammar.bodies.typescript import typescript
from harmony_grammar.schemas.dialects import lenient, standard
from harmony_grammar.schemas.to_schema import schema_of
from harmony_grammar.schemas.type_text import type_text
from harmony_grammar.schemas.types import Object, Tuple, Union, Word

STRING = {"type": "string"}
NUMBER = {"type": "number"}
NULL = {"type": "null"}


def field(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}, "required": ["a"]}


# --- To TypeScript, faithfully ---

FAITHFUL: list[tuple[Any, str]] = [
    ({}, "any"),
    (True, "any"),
    (False, "never"),
    ({"not": {}}, "never"),
    (STRING, "string"),
    ({"type": "integer"}, "integer"),
    ({"type": ["integer", "number", "null"]}, "number | null"),
    ({"type": ["string", "array", "object"]}, "Array<any> | string | {\n}"),
    ({"const": None}, "null"),
    ({"const": [1, {"a": True}]}, "[1, {\na: true,\n[key: string]: never,\n}]"),
    ({"enum": ["a", 2, None]}, '"a" | 2 | null'),
    ({"type": "string", "enum": ["a", 2]}, '"a"'),
    ({"type": "string", "enum": [2]}, "never"),
    ({"enum": [1, 2, 3], "const": 2}, "2"),
    ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
    ({"type": "array", "items": STRING, "nullable": True}, "string[] | null"),
    ({"anyOf": [{"enum": ["a"]}, {"type": "array", "items": STRING}]}, 'string[] | "a"'),
    ({"type": "array", "items": False}, "[]"),
    (
        {"type": "array", "prefixItems": [STRING, NUMBER], "minItems": 2, "items": False},
        "[string, number]",
    ),
    (
        {"type": "array", "prefixItems": [STRING], "minItems": 1, "items": {"enum": [1, 2]}},
        "[string, ...(1 | 2)[]]",
    ),
    ({"allOf": [field(STRING)]}, "{\na: string,\n}"),
    (
        {"allOf": [field(STRING), {"type": "object", "properties": {"b": NUMBER}}]},
        "{\na: string,\nb?: number,\n}",
    ),
    ({"allOf": [field(STRING), field(NUMBER)]}, "{\na: string,\n} & {\na: number,\n}"),
    ({"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, "(1 | 2) & (2 | 3)"),
    ({"anyOf": [{}, STRING]}, "any"),
    ({"anyOf": [STRING, False]}, "string"),
    ({"anyOf": [{"type": "integer"}, NUMBER]}, "number"),
    ({"oneOf": [{"type": "integer"}, NUMBER]}, "(\n | number // integer\n | number\n)"),
    (
        field({"minimum": 1, "type": "number", "default": 2}),
        "{\na: number, // minimum: 1, default: 2\n}",
    ),
    (
        field({"anyOf": [{"type": "string", "minLength": 1}, NULL]}),
        "{\na: string | null, // minLength: 1\n}",
    ),
    (
        field({"anyOf": [{"type": "string", "minLength": 3}, {"type": "string", "pattern": "x"}]}),
        '{\na:\n | string // minLength: 3\n | string // pattern: "x"\n, // any of\n}',
    ),
    (
        {"type": "number", "minimum": 1, "exclusiveMinimum": True},
        "(\n | number // minimum: 1, exclusiveMinimum: 1\n)",
    ),
    ({"type": "string", "minLength": 2.0}, "(\n | string // minLength: 2\n)"),
    (field({"title": "A", "type": "string"}), "{\na: string,\n}"),
    (field({"title": "The first", "type": "string"}), "{\n// The first\n//\na: string,\n}"),
    (field({"description": "One.\n\nTwo."}), "{\n// One.\n// Two.\na: any,\n}"),
    (field({"examples": ["x", 2]}), '{\n// Examples:\n// - "x"\n// - 2\na: any,\n}'),
    ({"description": "All.", "type": "object"}, "// All.\n{\n}"),
    ({"description": "Some.", "type": "array", "items": STRING}, "(\n // Some.\n | string[]\n)"),
    (
        {"type": "object", "additionalProperties": {"type": "integer", "description": "Each."}},
        "{\n// Each.\n[key: string]: number, // integer\n}",
    ),
    ({"type": "object", "unevaluatedProperties": False}, "{\n[key: string]: never,\n}"),
    ({"type": "object", "required": ["b"]}, "{\nb: any,\n}"),
    (
        {"type": "object", "propertyNames": {"enum": ["a", "b", 1]}, "required": ["b"]},
        "{\na?: any,\nb: any,\n[key: string]: never,\n}",
    ),
    ({"type": "object", "properties": {"two words": {}}}, '{\n"two words"?: any,\n}'),
    ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": STRING}}, "string"),
    (
        {"$ref": "#/$defs/S", "$defs": {"S": {"type": "string", "minLength": 2}}, "minLength": 3},
        "(\n | (\n    | string // minLength: 2\n   ) // minLength: 3\n)",
    ),
    (
        {"enum": [[1], [1, 2]], "items": NUMBER, "maxItems": 1},
        "([1] | [1, 2]) & (\n | number[] // maxItems: 1\n)",
    ),
    ({"enum": [[1], "a", 2], "items": NUMBER}, '"a" | 2 | [1] & number[]'),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "text"), FAITHFUL)
def test_a_schema_is_written_faithfully(schema: Any, text: str) -> None:
    assert hg.tool_type(schema, "faithful") == hg.ToolType(text, {}, ())
    assert type_text(read_type(text, style="faithful")) == text


@pytest.mark.parametrize(
    ("schema", "text", "losses"),
    [
        (
            {"type": "object", "patternProperties": {"^x": {}}, "additionalProperties": False},
            "{\n}",
            ["/patternProperties cannot be said in a type and is left out"],
        ),
        (
            field({"not": {"type": "string"}}),
            "{\na: any,\n}",
            ["/properties/a/not cannot be said in a type and is left out"],
        ),
        (
            {"$ref": "other.json"},
            "any",
            ["/$ref refers to nothing within the schema and is taken for any"],
        ),
        ({"type": "word"}, "any", ["/type is no type of JSON Schema and is taken for any"]),
        ({"anyOf": []}, "any", ["/anyOf is no list of schemas and is left out"]),
        ({"anyOf": [3]}, "any", ["/anyOf/0 is no schema and is taken for any"]),
        (3, "any", ["the schema is no schema and is taken for any"]),
        (
            {"type": "string", "minLength": "x"},
            "string",
            ["/minLength is no bound of JSON Schema and is left out"],
        ),
        (
            {"properties": {"a": STRING}},
            "{\na?: string,\n}",
            ["the schema has no type and is taken for object"],
        ),
        (
            {"oneOf": [{"type": "array", "contains": NUMBER}, {"type": "array", "items": NULL}]},
            "(\n | (Array<any> | null[]) // any of\n)",
            [
                "/oneOf/0/contains cannot be said in a type and is left out",
                "/oneOf has alternatives that are not kept whole: several may fit",
            ],
        ),
    ],
)
def test_what_is_not_kept_is_told(schema: Any, text: str, losses: list[str]) -> None:
    found = hg.tool_type(schema, "faithful")
    assert [str(loss) for loss in found.diagnostics] == losses
    if "any of" not in text:
        assert found.text == text


@pytest.mark.parametrize("schema", [{"if": {}}, {"propertyNames": True}, {"not": False}])
def test_what_says_nothing_is_not_missed(schema: dict[str, Any]) -> None:
    assert hg.tool_type(schema, "faithful") == hg.ToolType("any", {}, ())


def test_the_compatible_style_reports_nothing() -> None:
    schema = {"anyOf": [STRING, NULL]}
    assert hg.tool_type(schema) == hg.ToolType("any", {}, ())


def test_a_schema_may_be_too_deep() -> None:
    schema: dict[str, Any] = {}
    for _ in range(2000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(hg.RenderError, match="nested too deeply"):
        hg.tool_type(schema, "faithful")


def test_a_style_that_is_none_is_refused() -> None:
    style: Any = "typescript"
    with pytest.raises(hg.RenderError, match="no style 'typescript' of schemas: the styles"):
        hg.tool_type({}, style)


def test_types_that_nobody_reads_are_written_safely() -> None:
    assert type_text(Word("a b; type evil = any")) == "any"
    assert type_text(Union(())) == "never"
    assert type_text(Tuple(())) == "[]"
    assert type_text(Object((), above=("a\nb", ""))) == "// a\n// b\n//\n{\n}"


# --- Definitions ---

TREE = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"inner": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        }
    },
}


def large() -> dict[str, Any]:
    """A definition that is used twice and too large to be written twice."""
    many = {"type": "object", "properties": {f"p{i}": STRING for i in range(60)}}
    both = {"a": {"$ref": "#/$defs/Many"}, "b": {"$ref": "#/$defs/Pair"}}
    pair = {"type": "array", "items": {"$ref": "#/$defs/Many"}}
    return {"type": "object", "properties": both, "$defs": {"Many": many, "Pair": pair}}


def test_definitions_are_written_where_they_are_used_if_that_is_short() -> None:
    assert list(hg.tool_type(TREE, "faithful").definitions) == ["Tree"]
    found = hg.tool_type(large(), "faithful")
    assert found.text == "{\na?: Many,\nb?: Many[],\n}"
    assert list(found.definitions) == ["Many"]


@pytest.mark.parametrize(
    ("name", "word"), [("string", "string_2"), ("a b[c]", "a_b_c_"), ("3d", "_3d"), ("", "Type")]
)
def test_a_definition_has_a_name_that_is_a_word(name: str, word: str) -> None:
    inner = {"type": "object", "properties": {"a": {"$ref": f"#/$defs/{name}"}}}
    schema = {"$ref": f"#/$defs/{name}", "$defs": {name: inner}}
    assert list(hg.tool_type(schema, "faithful").definitions) == [word]


def test_a_schema_may_contain_itself() -> None:
    schema = {"title": "A list", "type": "array", "items": {"$ref": "#"}}
    assert hg.tool_type(schema, "faithful")[:2] == ("A_list", {"A_list": "A_list[]"})


def content(*schemas: dict[str, Any] | None) -> hg.DeveloperContent:
    tools = [hg.ToolDescription.new(f"f{i}", "A tool.", s) for i, s in enumerate(schemas)]
    return hg.DeveloperContent.new().with_function_tools(tools)


def test_tools_share_a_definition_or_get_their_own() -> None:
    other = {**TREE, "$defs": {"Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    body = developer_text(content(TREE, None, TREE, other), schema_style="faithful")
    declared = [line for line in body.splitlines() if line.startswith("type ")]
    assert declared == [
        "type Tree = {",
        "type f0 = (_: Tree) => any;",
        "type f1 = () => any;",
        "type f2 = (_: Tree) => any;",
        "type Tree_2 = Tree_2[];",
        "type f3 = (_: Tree_2) => any;",
    ]
    read = read_body(body, hg.Role.DEVELOPER, style="faithful").content
    assert isinstance(read, hg.DeveloperContent)
    tools = (read.tools or {})["functions"].tools
    assert [tool.description for tool in tools] == ["A tool."] * 4
    assert list((tools[3].parameters or {})["$defs"]) == ["Tree_2"]


def test_the_style_can_be_chosen_wherever_tools_are_rendered() -> None:
    schema = field({"enum": [1, 2]})
    message = hg.Message.from_role_and_content(hg.Role.DEVELOPER, content(schema))
    conversation = hg.Conversation.from_messages([message])
    faithful = hg.render(conversation, schema_style="faithful")
    assert "a: 1 | 2,\n" in faithful
    assert hg.render(conversation) == hg.render(conversation, schema_style="compatible")
    assert "a: any,\n" in hg.render(conversation)
    ids = hg.encode(conversation, schema_style="faithful")
    assert ids == hg.encode(hg.parse(faithful))
    encoding = hg.load_harmony_encoding("HarmonyGptOss")
    config = hg.RenderConversationConfig(schema_style="faithful")
    assert encoding.render_conversation(conversation, config) == ids
    options = hg.RenderOptions(schema_style="faithful")
    assert encoding.render(message, options) == ids


# --- To JSON Schema ---


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("any", {}),
        ("unknown", {}),
        ("never", {"not": {}}),
        ("string | number", {"type": ["string", "number"]}),
        ("number | number", {"type": ["number", "integer"]}),
        ("string | null", {"type": ["string", "null"]}),
        ('"a" | "b"', {"type": "string", "enum": ["a", "b"]}),
        ('"a" | "b" | null', {"type": "string", "enum": ["a", "b"], "nullable": True}),
        ('"a" | "b"[]', {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        ("string | null[]", {"type": "array", "items": {"type": ["string", "null"]}}),
        ("string[] | null", {"type": "array", "items": STRING, "nullable": True}),
        ("1 | true | null", {"enum": [1, True, None]}),
        ("3", {"const": 3}),
        ('"a" | "b" | number', {"anyOf": [{"type": "string", "enum": ["a", "b"]}, NUMBER]}),
        ("[string]", {"type": "array", "prefixItems": [STRING], "minItems": 1, "maxItems": 1}),
        ("[]", {"type": "array", "maxItems": 0}),
        ("[...string[]]", {"type": "array", "items": STRING}),
        ("string & any", {"allOf": [STRING, {}]}),
        (
            "{\na: number, // integer, multipleOf: 2\n}",
            field({"type": "integer", "multipleOf": 2}),
        ),
        ("{\na: any, // integer\n}", field({"multipleOf": 1})),
        (
            "{\na: any, // integer, multipleOf: 0.5\n}",
            field({"multipleOf": 0.5, "allOf": [{"multipleOf": 1}]}),
        ),
        ("{\na: string, // minimum: three\n}", field({**STRING, "description": "minimum: three"})),
        ("{\na: string, // default: x\n}", field({**STRING, "default": "x"})),
        ('{\na: string, // default: "x"\n}', field({**STRING, "default": "x"})),
        ('{\na: "1", // default: 1\n}', field({**STRING, "enum": ["1"], "default": "1"})),
        (
            '{\n// A\n//\n// B\n// Examples:\n// - "e"\na: any,\n}',
            field({"title": "A", "description": "B", "examples": ["e"]}),
        ),
        (
            "{\n// Why.\n// default: 3\na:\n | number // one\n | string // two default: 4\n,\n}",
            field(
                {
                    "oneOf": [
                        {**NUMBER, "description": "one"},
                        {**STRING, "description": "two", "default": 4},
                    ],
                    "description": "Why.",
                    "default": 3,
                }
            ),
        ),
    ],
)  # fmt: skip
def test_a_type_is_read_as_a_schema(text: str, schema: dict[str, Any]) -> None:
    assert schema_of(read_type(text)) == schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
        {"type": "array", "items": {"type": ["string", "null"]}},
        {"type": "array", "items": {"type": "array", "items": {"type": ["string", "number"]}}},
        field({"type": "string", "enum": ["a"], "nullable": True, "default": "a"}),
        field({"title": "T", "description": "D", "examples": ["x", "y"], "type": "boolean"}),
        field({"examples": [1], "type": "number", "default": 1.0}),
        field({"description": "A thing.", "type": "object", "properties": {"b": NUMBER}}),
        field(
            {"oneOf": [STRING, {**NUMBER, "default": 3}], "description": "Either.", "default": ""}
        ),
        {"oneOf": [{"type": "string", "description": "One.", "default": "x"}, {"type": "array"}]},
    ],
)
def test_what_the_reference_writes_is_written_again(schema: dict[str, Any]) -> None:
    text = typescript(schema)
    assert typescript(schema_of(read_type(text))) == text


# --- Between kinds of JSON Schema ---


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({**STRING, "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["null"], "nullable": True}, {"type": ["null"]}),
        ({**STRING, "nullable": False}, STRING),
        ({"enum": ["a"], "nullable": True}, {"enum": ["a", None]}),
        (
            {"anyOf": [STRING], "nullable": True, "title": "T"},
            {"title": "T", "anyOf": [{"anyOf": [STRING]}, NULL]},
        ),
        (
            field({"items": {**STRING, "nullable": True}}),
            field({"items": {"type": ["string", "null"]}}),
        ),
    ],
)
def test_null_is_one_of_the_types(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert standard(schema) == expected


def test_alternatives_need_not_exclude_each_other() -> None:
    assert lenient({"oneOf": [{"oneOf": [STRING]}]}) == {"anyOf": [{"anyOf": [STRING]}]}
    assert lenient({"oneOf": [STRING], "anyOf": [NULL]}) == {
        "anyOf": [NULL],
        "allOf": [{"anyOf": [STRING]}],
    }
