"""Declarations that cannot be read are told, and what is written oddly but clearly is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.bodies import OFF_TEMPLATE, read_body
from harmony_grammar.checking.declared import is_plain
from harmony_grammar.cli.app import build
from harmony_grammar.errors import ConstraintError
from harmony_grammar.tree import Role
from harmony_grammar.tree.contents import DeveloperContent

HEAD = "# Tools\n\n## functions\n\nnamespace functions {\n\n"
END = "\n\n} // namespace functions"
TOOL = (
    "// Lists things.\ntype f = (_: {\n// What to find.\n%s\n"
    "// How many.\nlimit?: number,\n}) => any;"
)


def prompt(block: str) -> str:
    return (
        f"<|start|>developer<|message|>{HEAD}{block}{END}<|end|>"
        "<|start|>user<|message|>Hi<|end|><|start|>assistant"
    )


def parameters(block: str) -> Any:
    content = read_body(HEAD + block + END, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    (tool,) = (content.tools or {})["functions"].tools
    return tool.parameters


# Names with brackets, spaces, angles, colons and quotes, and types of every kind behind them.
FIELDS = (
    "filter[bundleId]: string,",
    "filter[bundleId]?: string[],",
    "first name: string,",
    "<id>: number | null,",
    'xml:lang: "en" | "de",',
    "it's: boolean, // default: true",
    "two words: {\nx: string,\n},",
    "two words: \n   string,",
    "filter[a]: Array<any>,",
    "filter[a]: { b: string, },",
    "a b: any;",
    "`tick`: Thing,",
)
TOOLS = (
    "// Makes a share.\ntype My Share = string;",
    "// Makes a share.\ntype Create CIFS Share = (_: {\nshare: string,\n}) => any;",
    "// Makes a share.\ntype f(x) = () => any;",
    "// Makes a share.\ntype a:b = (_: any) => any;",
    "// Makes a share.\ntype <f> = (_: {\nshare: string,\n}) => any;",
    '// Makes a share.\ntype "f" = (_: {\nshare: string,\n}) => any;',
)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_never_disappears(field: str) -> None:
    block = TOOL % field
    (found,) = read_body(HEAD + block + END, Role.DEVELOPER).diagnostics
    assert (found.code, found.line, found.column) == (OFF_TEMPLATE, 10, 1)
    require_told(block, 10)


def test_a_field_without_a_comma_never_disappears() -> None:
    block = "// Lists things.\ntype f = (_: {\n// What.\nfilter[a]: string\n}) => any;"
    require_told(block, 10)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("before", ["", "// Good.\ntype good = () => any;\n\n"])
def test_a_tool_never_disappears(tool: str, before: str) -> None:
    require_told(before + tool, 8 + before.count("\n"))


def require_told(block: str, line: int) -> None:
    """Everything that reads prompts says that the block cannot be read, and where."""
    text = prompt(block)
    (found,) = hg.check(text, "prompt").diagnostics
    assert (found.code, found.line) == (hg.DiagnosticCode.OFF_TEMPLATE, line)
    ids = hg.Grammar.default().vocabulary.encode_marked(text, hg.Grammar.default().rules.specials)
    (found,) = hg.check(ids, "prompt").diagnostics
    assert f"line {line} of the body" in found.message
    with pytest.raises(ConstraintError, match=rf"cannot be read, .* line {line}, column 1"):
        hg.Constraint.from_prompt(text)


@pytest.mark.parametrize("block", [TOOL % FIELDS[0], TOOLS[0]])
def test_the_commands_say_so(block: str, tmp_path: Path) -> None:
    file = tmp_path / "prompt.harmony"
    file.write_text(prompt(block), encoding="utf-8")
    for command in ("tools", "check"):
        result = CliRunner().invoke(build(), [command, str(file)])
        assert "[off-template]" in result.output
        assert "functions" not in result.stdout.replace(str(file), "").split("\n")[0]


@pytest.mark.parametrize(
    "text",
    [
        "Note: use kilometers.",
        "one of: metric,",
        "The formats are:",
        "e.g. https://example.org, or",
        "type of the thing",
        "and so on",
        "5: that is the most,",
    ],
)
def test_further_lines_of_a_comment_stay_its_own(text: str) -> None:
    found = parameters(TOOL % f"{text}\nq: string,")
    assert found["properties"]["q"] == {
        "type": "string",
        "description": f"What to find.\n{text}",
    }


@pytest.mark.parametrize(
    "lines",
    [
        '{"a": 1,\n"b": "x"}',
        '{\n"name": "x",\n"count": 3,\n}',
        "Args:\n    title: string,\n    done?: boolean,",
        "Note: metric,",
        "SELECT a AS b: string,",
        "type of search = full or partial",
    ],
)
def test_a_description_of_a_tool_may_have_lines_like_fields(lines: str) -> None:
    block = f"// Adds things, such as\n{lines}\ntype f = (_: {{\nq: string,\n}}) => any;"
    content = read_body(HEAD + block + END, Role.DEVELOPER).content
    assert isinstance(content, DeveloperContent)
    (tool,) = (content.tools or {})["functions"].tools
    assert tool.description == f"Adds things, such as\n{lines}"
    assert tool.parameters == {
        "type": "object",
        "properties": {"q": {"type": "string"}},
        "required": ["q"],
    }


def test_an_example_in_json_is_no_field() -> None:
    found = parameters(TOOL % '{"status": "open",\nand so on\nq: string,')
    assert list(found["properties"]) == ["q", "limit"]


def test_comments_of_several_lines_are_told() -> None:
    for block in (
        "/* Does it. */\ntype f = () => any;",
        "/* a\n b: string,\n*/\ntype f = () => any;",
    ):
        assert read_body(HEAD + block + END, Role.DEVELOPER).diagnostics


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ('"celsius" | "fahrenheit"', "celsius", "celsius"),
        ('"a," | "b"', "a,", "a,"),
        ("number", "10", 10),
        ("number", "-0.5", -0.5),
        ("string", '"x"', "x"),
        ("string", '"a, b"', "a, b"),
        ("boolean", "false", False),
        ("string[]", '["a", "b"]', ["a", "b"]),
        ("string | null", "null", None),
    ],
)
def test_the_comma_behind_a_default_is_that_of_the_field(
    kind: str, default: str, value: object
) -> None:
    for comma in ("", ","):
        field = f"q?: {kind}, // default: {default}{comma}"
        found = parameters(TOOL % field)["properties"]["q"]
        assert json.dumps(found["default"]) == json.dumps(value)


def test_what_templates_write_is_seen_without_reading_it() -> None:
    rules = hg.Grammar.default().rules
    for path in sorted((Path(__file__).parent.parent / "examples").glob("*.harmony")):
        for message in hg.recover(path.read_text(encoding="utf-8"), "conversation").messages:
            if message.author.role is Role.DEVELOPER and "namespace functions" in message.text:
                assert is_plain(message.text, rules)
    for tool in TOOLS:
        assert not is_plain(HEAD + tool + END, rules)
    for field in FIELDS:
        assert not is_plain(HEAD + TOOL % field + END, rules)
    for line in ("a: string,", "a?: number | null, // default: 3", "o: {\nb: string[],\n},"):
        assert is_plain(HEAD + TOOL % line + END, rules)
    assert not is_plain(HEAD + TOOL % "o: {\nb: string[]," + END, rules)
