"""Bodies read back: render, read and render again changes nothing, whoever rendered first."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies_bodies import developers, systems
from strategies_contents import developer_contents, system_contents
from test_templates import reference_body

import harmony_grammar as hg
from harmony_grammar.bodies import OFF_TEMPLATE, read_body, read_type
from harmony_grammar.bodies.declaration_lines import DeclarationLines
from harmony_grammar.bodies.sections import body_text, developer_text, reads_bodies
from harmony_grammar.grammar import Rules
from harmony_grammar.grammar.whole_text import TextReader
from harmony_grammar.schemas.types import Array, Field, Literal, Object, Tuple, Union, Variant, Word
from harmony_grammar.tree import Content, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.tree.tools import ResponseFormat

if TYPE_CHECKING:
    import openai_harmony as reference  # type: ignore[import-untyped]  # it ships no types

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.harmony"))

_some = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


def conversation(role: Role, body: str) -> str:
    return f"<|start|>{role.value}<|message|>{body}<|end|>"


# --- Laws ---


@_some
@given(content=developers())
def test_developer_contents_are_read_back(content: DeveloperContent) -> None:
    reading = read_body(developer_text(content), Role.DEVELOPER)
    assert reading == (content, ())
    assert developer_text(replace(content)) == developer_text(content)


@_some
@given(content=systems(), function_tools=st.booleans())
def test_system_contents_are_read_back(*, content: SystemContent, function_tools: bool) -> None:
    body = body_text(content, function_tools=function_tools)
    assert read_body(body, Role.SYSTEM) == (content, ())


@settings(_some, max_examples=100)
@given(content=developers().map(lambda content: replace(content, response_formats=[])) | systems())
def test_what_the_reference_renders_is_read_and_rendered_again(
    reference_encoding: reference.HarmonyEncoding, content: Content
) -> None:
    role = Role.SYSTEM if isinstance(content, SystemContent) else Role.DEVELOPER
    body = reference_body(reference_encoding, role, content)
    read = read_body(body, role).content
    assert read == content
    assert body_text(read.canonical()) == body


@settings(_some, max_examples=300)
@given(content=developer_contents() | system_contents())
def test_any_rendered_body_comes_back_as_it_was(content: Content) -> None:
    role = Role.SYSTEM if isinstance(content, SystemContent) else Role.DEVELOPER
    text = conversation(role, body_text(content))
    assert hg.render(hg.parse(text, bodies=True)) == text


@settings(_some, max_examples=300)
@given(body=st.text(alphabet='# Tols\n/{}:,?|ab"type =(_)>;', max_size=60))
def test_any_body_is_read_or_stays_a_text(body: str) -> None:
    for role in (Role.SYSTEM, Role.DEVELOPER):
        content, diagnostics = read_body(body, role)
        assert isinstance(content, TextContent) == bool(diagnostics)
        text = conversation(role, body)
        assert hg.render(hg.parse(text, bodies=True)) == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_prompt_reads_back(path: Path) -> None:
    text = path.read_text(encoding="utf-8").rstrip("\n")
    start = next(s for s in ("conversation", "prompt", "completion") if hg.check(text, s).ok)
    tree = hg.parse(text, start, bodies=True)  # type: ignore[arg-type]
    assert hg.render(tree) == text
    own = [m for m in tree.messages if m.author.role in {Role.SYSTEM, Role.DEVELOPER}]
    assert not any(isinstance(message.content[0], TextContent) for message in own)
    ids = hg.encode(tree)
    again = hg.parse(ids, start, bodies=True)  # type: ignore[arg-type]
    assert again == tree
    assert hg.encode(again) == ids
    assert hg.parse(hg.render(again.canonical()), start, bodies=True) == tree  # type: ignore[arg-type]


# --- Memory ---


def test_a_content_keeps_the_ids_it_was_read_from() -> None:
    vocabulary = hg.Vocabulary.default()
    body = [i for byte in b"# Instructions\n\nHi" for i in vocabulary.encode(chr(byte))]
    head = hg.encode(hg.parse(conversation(Role.DEVELOPER, "")))
    ids = [*head[:-1], *body, head[-1]]
    tree = hg.parse(ids, bodies=True)
    assert tree.messages[0].content == [DeveloperContent("Hi")]
    assert hg.encode(tree) == ids
    assert hg.encode(tree.canonical()) != ids


def test_a_changed_content_forgets_its_text() -> None:
    text = "# Instructions  \n\n\nBe brief."
    content = read_body(text, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    message = hg.Message.from_role_and_content(Role.DEVELOPER, content)
    assert hg.render(message) == conversation(Role.DEVELOPER, text)
    changed = copy.deepcopy(content).with_instructions("No.")
    other = replace(message, content=[changed])
    assert hg.render(other) == conversation(Role.DEVELOPER, "# Instructions\n\nNo.")
    assert content.canonical() == content
    assert content.to_dict() == {"instructions": "\nBe brief.", "type": "developer_content"}
    assert DeveloperContent.from_dict(content.to_dict()) == content


def test_contents_of_other_messages_stay() -> None:
    text = "<|start|>user<|message|># Instructions\n\nBe brief.<|end|>"
    assert hg.parse(text, bodies=True) == hg.parse(text)
    assert read_body("Hi", Role.USER) == (TextContent("Hi"), ())


# --- How others write ---

CHAT_TEMPLATE = """# Instructions

Answer in the user's language.

# Tools

## functions

namespace functions {

// Finds flights
between two cities.
type find_flights = (_: {
// IATA code of the origin
origin: string,
cabin?: "economy" | "business", // default: economy,
stops?: number, // default: 0,
tags?: any[],
legs?: {
from: {BLANK}
                string, to?: {BLANK}
                string}[],
extra?: object,
}) => any;

// No arguments.
type now = () => any;

} // namespace functions""".replace("{BLANK}", "")

BY_HAND = """# Instructions

Help.


# Tools


## functions

// Weather.
namespace functions {
  // Gets it.
  type weather = (args: {
    // Note: a city, not a country
    Options: any city at all
    {"city": 1} is wrong
    city: string,
    unit?: 'c' | 'f';   // of temperature
    "two words": string | null,
    days: (number | "all")[],
    pair: [number, number],
    [key: string]: any
  }) => any;
  type Tree = {
    children: Tree[],
  };
  type plant = (_: Tree) => string
}

"""


def parameters(body: str, name: str) -> dict[str, Any]:
    content, diagnostics = read_body(body, Role.DEVELOPER)
    assert diagnostics == ()
    assert isinstance(content, DeveloperContent)
    tools = (content.tools or {})["functions"].tools
    return next(tool.parameters or {} for tool in tools if tool.name == name)


def test_the_chat_template_is_read() -> None:
    schema = parameters(CHAT_TEMPLATE, "find_flights")
    fields = schema["properties"]
    assert fields["origin"] == {"type": "string", "description": "IATA code of the origin"}
    assert fields["cabin"]["enum"] == ["economy", "business"]
    assert fields["tags"] == {"type": "array", "items": {}}
    assert fields["legs"]["items"]["required"] == ["from"]
    assert schema["required"] == ["origin"]
    content = read_body(CHAT_TEMPLATE, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    flights, now = (content.tools or {})["functions"].tools
    assert flights.description == "Finds flights\nbetween two cities."
    assert now.parameters is None


def test_what_people_write_is_read() -> None:
    schema = parameters(BY_HAND, "weather")
    fields = schema["properties"]
    assert list(fields) == ["city", "unit", "two words", "days", "pair"]
    assert "any city at all" in fields["city"]["description"]
    assert "is wrong" in fields["city"]["description"]
    assert fields["unit"]["enum"] == ["c", "f"]
    assert schema["additionalProperties"] == {}
    assert parameters(BY_HAND, "plant")["$ref"] == "#/$defs/Tree"


TYPES: dict[str, Any] = {
    "string": Word("string"),
    "Array<any>": Array(None),
    "any[]": Array(Word("any")),
    '"a" | "b"': Union((Variant(Literal("a")), Variant(Literal("b")))),
    "| true // yes\n// no\n| false": Union(
        (Variant(Literal(value=True), ("yes",)), Variant(Literal(value=False), (), ("no",))),
        stacked=True,
    ),
    "[string, ...number[]]": Tuple((Word("string"),), Word("number")),
    "{ type: -1.5e3 }": Object((Field("type", Literal(-1500.0)),)),
    "// d\n{\n}": Object((), above=("d",)),
    '"""': Literal('"'),
    "trueish": Word("trueish"),
}


@pytest.mark.parametrize("text", TYPES)
def test_types_are_read(text: str) -> None:
    assert read_type(text) == TYPES[text]


def test_a_line_that_is_no_field_belongs_to_the_comment_above() -> None:
    kind = read_type("{\n// one\ntype: of thing\n}\nlast\ntype?: string,\n}")
    assert kind == Object(
        (Field("type", Word("string"), required=False, above=("one\ntype: of thing\n}\nlast",)),)
    )


# --- Off the template ---


@pytest.mark.parametrize(
    ("role", "body", "line"),
    [
        (Role.DEVELOPER, "Just words.", 1),
        (
            Role.DEVELOPER,
            "# Tools\n\n## f\n\nnamespace f {\n\ntype g = (_: {\na: b c,\n}) => any;\n\n}",
            8,
        ),
        (Role.SYSTEM, "Reasoning: low\n\nMore words.", 3),
        (Role.DEVELOPER, "# Response Formats\n\n## f\n\n{no json}", 5),
    ],
)
def test_a_body_off_its_template_stays_a_text(role: Role, body: str, line: int) -> None:
    content, (found,) = read_body(body, role)
    assert content == TextContent(body)
    assert (found.code, found.line) == (OFF_TEMPLATE, line)
    assert found.severity is hg.Severity.WARNING
    assert hg.parse(conversation(role, body), bodies=True).messages[0].text == body


def test_a_bad_type_is_told_where() -> None:
    with pytest.raises(hg.HarmonySyntaxError, match="line 2, column 4"):
        read_type("{\na: ?\n}")


def test_too_deep_a_type_is_refused_in_words() -> None:
    deep = "{\na: " * 200 + "any" + ",\n}" * 200
    body = f"# Tools\n\n## f\n\nnamespace f {{\n\ntype g = (_: {deep}) => any;\n\n}}"
    content, (found,) = read_body(body, Role.DEVELOPER)
    assert isinstance(content, TextContent)
    assert "nested deeper than 128 levels" in found.message


# --- Response formats ---


def test_response_formats_are_written_and_read() -> None:
    content = (
        DeveloperContent.new()
        .with_instructions("Answer.")
        .with_response_format("list", {"type": "array"}, "A list.\nOf things.")
        .with_response_format("any", {})
    )
    body = (
        "# Instructions\n\nAnswer.\n\n# Response Formats\n\n"
        '## list\n\n// A list.\n// Of things.\n{"type":"array"}\n\n## any\n\n{}'
    )
    assert developer_text(content) == body
    assert read_body(body, Role.DEVELOPER).content == content
    assert DeveloperContent.from_dict(content.to_dict()) == content
    assert content.with_response_format("any", {"a": 1}).response_formats[1:] == [
        ResponseFormat("any", {"a": 1})
    ]


def test_a_schema_may_have_several_lines() -> None:
    body = '# Response Formats\n\n## f\n\n{\n  "type": "array"\n}\n'
    content = read_body(body, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    assert content.response_formats == [ResponseFormat("f", {"type": "array"})]


def test_tools_may_stand_before_instructions() -> None:
    body = "# Tools\n\n## python\n\nRuns code.\n\n# Instructions\n\nBe brief."
    content = read_body(body, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    assert content.instructions == "Be brief."
    assert list(content.tools or ()) == ["python"]
    text = conversation(Role.DEVELOPER, body)
    assert hg.render(hg.parse(text, bodies=True)) == text
    usual = "# Instructions\n\nBe brief.\n\n# Tools\n\n## python\n\nRuns code."
    assert developer_text(replace(content)) == usual


# --- Work ---


def steps(body: str) -> int:
    """The work of reading a body to its end, also where a comment takes a declaration."""
    rules = Rules.default()
    reader = TextReader(rules, "developer_body", reads_bodies(rules, "compatible"))
    with (
        mock.patch.object(DeclarationLines, "require_no_tool"),
        mock.patch.object(DeclarationLines, "field_in", return_value=None),
    ):
        return reader.read(body).steps


FIELD = "// what it is\nnot a field\na: {{\n// x\nb: string | null,\n}},\n"


@pytest.mark.parametrize(
    "line",
    [
        "Text of the developer.\n",
        "# Tools\n\nText.\n",
        "# Tools\n\n## f\n\nnamespace f {\n\n// x\ntype f = () => any;\n",
        "# Tools\n\n## f\n\nnamespace f {\n// x\ntype f = (_: {\n// y\na: {\nb: {\n",
    ],
)
def test_the_work_grows_with_the_length(line: str) -> None:
    once, twice = (steps(f"# Instructions\n\n{line * count}") for count in (50, 100))
    assert twice < 2.5 * once


def test_many_fields_take_work_in_proportion() -> None:
    def tool(count: int) -> str:
        fields = FIELD.format() * count
        return f"# Tools\n\n## f\n\nnamespace f {{\n\ntype g = (_: {{\n{fields}}}) => any;\n\n}}"

    assert not read_body(tool(3), Role.DEVELOPER).diagnostics
    assert steps(tool(100)) < 2.1 * steps(tool(50))
