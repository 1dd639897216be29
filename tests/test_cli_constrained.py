"""The commands that show and try a constraint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {"n": {"type": "integer"}},
                "required": ["n"],
            },
        },
    }
]
CALL = '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>'


@pytest.fixture
def tools(tmp_path: Path) -> str:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps(TOOLS), encoding="utf-8")
    return str(path)


def run(*words: str, given: str = "") -> Any:
    return CliRunner().invoke(build(), list(words), input=given)


def test_next_says_what_may_come(tools: str) -> None:
    result = run("next", "--tools", tools, given="<|channel|>")
    assert result.exit_code == 0
    assert "expected: `analysis`, `commentary`, `final`" in result.output
    assert "   17196  final" in result.output
    only = run("next", "--tools", tools, "--tool-choice", "f", "--no-preambles", given="")
    assert "forced:   <|channel|>" in only.output
    assert "ids:      1\n" in only.output


def test_next_lists_no_more_than_it_is_told() -> None:
    result = run("next", "--limit", "3", given="<|channel|>final<|message|>")
    assert "and 199675 more" in result.output
    data = json.loads(
        run("next", "--limit", "3", "--format", "json", given="<|channel|>final<|message|>").output
    )
    assert data["count"] == 199_678
    assert [row["id"] for row in data["ids"]] == [0, 1, 2]
    assert data["expected"] == ["`<|return|>`", "text"]


def test_next_behind_a_whole_completion(tools: str) -> None:
    result = run("next", "--tools", tools, given=CALL)
    assert "nothing: it is complete" in result.output


def test_next_refuses_a_prefix_that_is_against_the_constraint() -> None:
    result = run("next", given="<|channel|>final<|call|>")
    assert result.exit_code == 2
    assert "prefix: at index 2" in result.output


def test_samples_are_sentences_and_repeatable(tools: str) -> None:
    words = ("sample", "--tools", tools, "--count", "5", "--seed", "7", "--format", "json")
    one, other = run(*words), run(*words)
    assert one.output == other.output
    for item in json.loads(one.output):
        assert hg.check(item["ids"], "completion").status in ("complete", "truncated")
    lines = run("sample", "--count", "4", "--max-tokens", "12").output.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert hg.check(json.loads(line), "completion").ok
    assert run("sample", "--seed", "1").output != run("sample", "--seed", "2").output


@pytest.mark.parametrize(
    ("text", "options", "status"),
    [
        (CALL, [], "complete"),
        (CALL, ["--spelling", "model"], "complete"),
        (CALL, ["--tool-choice", "none"], "refused"),
        (CALL.replace("1", '"x"'), [], "refused"),
        (CALL[:-8], [], "truncated"),
        ("<|channel|>final<|message|>Hi<|return|>", [], "complete"),
        ("<|channel|>final<|message|>Hi<|return|>", ["--tool-choice", "required"], "refused"),
        ("<|channel|>final json<|message|>Hi<|return|>", [], "complete"),
        ("<|channel|>final json<|message|>Hi<|return|>", ["--spelling", "model"], "refused"),
        ("<|channel|>final<|message|>Hi<|return|>", ["--reasoning", "require"], "refused"),
        ("<|channel|>analysis to=python<|message|>1<|call|>", ["--builtin-tool", "python"],
         "complete"),
        ("<|channel|>analysis<|message|>a b c", ["--max-reasoning-tokens", "2"], "refused"),
    ],
)  # fmt: skip
def test_validate(tools: str, text: str, options: list[str], status: str) -> None:
    result = run("validate-completion", "--tools", tools, *options, given=text)
    assert result.output.startswith(status)
    assert result.exit_code == (0 if status == "complete" else 1)
    data = json.loads(
        run(
            "validate-completion", "--tools", tools, *options, "--format", "json", given=text
        ).output
    )
    assert data["status"] == status


def test_validate_says_where_it_leaves_the_constraint(tools: str) -> None:
    text = CALL.replace("functions.f", "functions.g")
    result = run("validate-completion", "--tools", tools, given=text)
    assert "refused at id 6" in result.output
    assert "where 'g' does not fit behind '.'; expected: `functions.f`" in result.output
    assert 'behind: "<|channel|>commentary to=functions"' in result.output


def test_validate_takes_ids_and_a_response_format(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "regex", "pattern": "[ab]+"}), encoding="utf-8")
    ids = hg.Grammar.default().vocabulary.encode("abba")
    given = json.dumps([200005, 17196, 200008, *ids, 200002])
    result = run("validate-completion", "--response-format", str(schema), given=given)
    assert result.output.startswith(f"complete: all {len(ids) + 4} ids")


def test_a_contradiction_and_a_bad_file_are_misuse(tmp_path: Path) -> None:
    result = run("next", "--tool-choice", "required", given="")
    assert result.exit_code == 2
    assert "tool_choice: a call is required" in result.output
    bad = tmp_path / "tools.json"
    bad.write_text("{", encoding="utf-8")
    result = run("next", "--tools", str(bad), given="")
    assert result.exit_code == 2
    assert "this is no JSON" in result.output


# --- prompts ---

DECLARING = """<|start|>developer<|message|># Instructions

Be kind.

# Tools

## functions

namespace functions {

// Does f.
type f = (_: {
n: number, // integer
s?: string | null,
}) => any;

} // namespace functions<|end|><|start|>user<|message|>Hi<|end|><|start|>assistant"""


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.harmony"
    path.write_text(DECLARING + "\n", encoding="utf-8")
    return str(path)


def test_next_takes_everything_from_a_prompt(prompt: str, tmp_path: Path) -> None:
    only = run("next", "--prompt", prompt, "--tool-choice", "f", "--no-preambles", "--format=json")
    assert only.exit_code == 0, only.output
    assert json.loads(only.output)["expected"] == ["`<|channel|>`"]
    behind = run("next", "--prompt", prompt, "-", given="<|channel|>commentary to=")
    assert "expected: `functions.f`" in behind.output
    prefilled = tmp_path / "prefilled.json"
    ids = hg.Grammar.default().vocabulary.encode_marked(
        DECLARING + "<|channel|>final<|message|>He", hg.Grammar.default().rules.specials
    )
    prefilled.write_text(json.dumps(ids), encoding="utf-8")
    assert "expected: `<|return|>`, text" in run("next", "--prompt", str(prefilled)).output


def test_completions_of_a_prompt(prompt: str) -> None:
    sampled = run("sample", "--prompt", prompt, "--tool-choice=required", "--count=3")
    assert sampled.exit_code == 0, sampled.output
    for line in sampled.output.splitlines():
        call = hg.parse(json.loads(line), "completion").messages[-1]
        assert call.recipient == "functions.f"
    right = run("validate-completion", "--prompt", prompt, given=CALL)
    assert right.exit_code == 0, right.output
    wrong = run("validate-completion", "--prompt", prompt, given=CALL.replace("1}", "1.5}"))
    assert wrong.exit_code == 1
    assert "refused at id" in wrong.output


def test_a_prompt_that_is_not_open_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "closed.harmony"
    path.write_text("<|start|>user<|message|>Hi<|end|>", encoding="utf-8")
    result = run("next", "--prompt", str(path))
    assert result.exit_code == 2
    assert "append <|start|>assistant" in result.stderr


def test_tools_as_schemas(prompt: str) -> None:
    result = run("tools", prompt)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {
        "functions.f": {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "s": {"type": ["string", "null"]},
            },
            "required": ["n"],
        }
    }
    array = DECLARING.replace("string | null", '"a" | "\\\\n"[]')  # no parentheses, no escapes
    compatible = json.loads(run("tools", given=array).output)["functions.f"]["properties"]["s"]
    assert compatible == {"type": "array", "items": {"type": "string", "enum": ["a", "\\\\n"]}}
    faithful = json.loads(run("tools", "--schema-style", "faithful", given=array).output)
    assert len(faithful["functions.f"]["properties"]["s"]["anyOf"]) == 2


def test_tools_as_the_api_has_them(prompt: str) -> None:
    (tool,) = json.loads(run("tools", "--to", "openai", prompt).output)
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "f"
    assert tool["function"]["description"] == "Does f."
    nothing = "<|start|>user<|message|>Hi<|end|>"
    assert json.loads(run("tools", given=nothing).output) == {}


def test_tools_without_a_type() -> None:
    text = DECLARING.replace("(_: {\nn: number, // integer\ns?: string | null,\n})", "()")
    result = run("tools", given=text.replace("## functions", "## python\n\nRuns.\n\n## functions"))
    empty = {"type": "object", "properties": {}}
    assert json.loads(result.output) == {"python": empty, "functions.f": empty}


def test_tools_that_cannot_be_read_are_findings() -> None:
    result = run("tools", given=DECLARING.replace("=> any;", "=>"))
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {}
    assert "[off-template]" in result.stderr
    broken = run("tools", given=DECLARING.replace("<|end|>", ""))
    assert broken.exit_code == 1
