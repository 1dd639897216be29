"""The linter: each rule by its own examples, and which rules are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import harmony_grammar as hg
from harmony_grammar.checking.declared import declared_tools
from harmony_grammar.checking.lint_rules import LINT_RULES

if TYPE_CHECKING:
    from harmony_grammar.checking.codes import Example

EXAMPLES = {code.value: code.example for code in LINT_RULES}


def good(example: Example) -> str | list[int]:
    assert example.good is not None
    return example.good


def codes(source: str | list[int], lint: hg.Lint | None = None) -> list[str]:
    return [d.code for d in hg.check(source, lint=lint).diagnostics]


def test_every_rule_has_its_examples_and_its_sentence() -> None:
    assert list(LINT_RULES) == [code for code in hg.DiagnosticCode if code.kind == "warning"]
    for code, example in EXAMPLES.items():
        assert example.good
        assert hg.DiagnosticCode(code).meaning.endswith(".")
        assert "\n" not in hg.DiagnosticCode(code).meaning


@pytest.mark.parametrize(("code", "example"), EXAMPLES.items())
def test_a_rule_speaks_of_the_bad_example_only(code: str, example: Example) -> None:
    assert codes(good(example)) == []
    report = hg.check(example.bad)
    (finding,) = report.diagnostics
    assert finding.code == code
    assert finding.severity is hg.DiagnosticCode(code).severity
    assert finding.message
    assert finding.hint
    assert report.ok
    assert hg.parse(example.bad)


@pytest.mark.parametrize(("code", "example"), EXAMPLES.items())
def test_text_and_ids_are_told_the_same(code: str, example: Example) -> None:
    if isinstance(example.bad, str):
        assert codes(hg.encode(hg.parse(example.bad))) == [code]
    else:
        with pytest.raises(hg.RenderError):  # what only ids can hold
            hg.render(hg.parse(example.bad))


@pytest.mark.parametrize(("code", "example"), EXAMPLES.items())
def test_rules_can_be_chosen(code: str, example: Example) -> None:
    assert codes(example.bad, hg.Lint(ignore=frozenset({code}))) == []
    assert codes(example.bad, hg.Lint(select=frozenset({code}))) == [code]
    assert codes(example.bad, hg.Lint(select=frozenset())) == []


def test_a_finding_may_be_made_an_error() -> None:
    lint = hg.Lint(severities={"unusual-type": hg.Severity.ERROR})
    report = hg.check(EXAMPLES["unusual-type"].bad, lint=lint)
    assert report.status == "complete"
    assert not report.ok
    assert report.diagnostics[0].severity is hg.Severity.ERROR


@pytest.mark.parametrize("option", ["select", "ignore"])
def test_an_unknown_rule_is_refused(option: str) -> None:
    chosen: Any = {option: frozenset({"call-on-final"})}
    with pytest.raises(ValueError, match="no lint rule 'call-on-final': the rules are call-on-an"):
        hg.Lint(**chosen)


def test_findings_come_before_the_error() -> None:
    bad = EXAMPLES["unusual-type"].bad
    assert isinstance(bad, str)
    assert codes(bad + "<|start|>") == ["unusual-type", "truncated-header"]


@pytest.mark.parametrize(
    ("body", "tools"),
    [
        ("Be brief.", None),
        ("# Tools", set()),
        ("# Tools\n\n## functions\n\ntype f = () => any;\n\ntype g = (_: {\n}) => any;",
         {"functions.f", "functions.g"}),
        ("# Tools\n\n## python\n\nUse it.", {"python"}),
        (
            "# Tools\n\n## browser\n\ntype open = () => any;\n\n## python\n\nUse it.",
            {"browser.open", "python"},
        ),
    ],
)  # fmt: skip
def test_tools_are_read_from_a_prompt(body: str, tools: set[str] | None) -> None:
    assert declared_tools(body) == tools


def test_the_tools_that_the_package_renders_are_read() -> None:
    system = hg.SystemContent.new().with_browser_tool().with_python_tool()
    developer = hg.DeveloperContent.new().with_function_tools(
        [hg.ToolDescription.new("get_weather", "Look.", {"type": "object", "properties": {}})]
    )
    written = hg.render(
        hg.Conversation(
            (
                hg.Message.from_role_and_content(hg.Role.SYSTEM, system),
                hg.Message.from_role_and_content(hg.Role.DEVELOPER, developer),
            )
        )
    )
    found = [declared_tools(message.text) for message in hg.parse(written)]
    builtin = {"browser.search", "browser.open", "browser.find", "python"}
    assert found == [builtin, {"functions.get_weather"}]
    call = "<|start|>assistant<|channel|>commentary to=functions.get_wether<|message|>{}<|call|>"
    (finding,) = hg.check(written + call).diagnostics
    assert (finding.code, finding.hint) == (
        "undeclared-tool",
        "did you mean `functions.get_weather`?",
    )


@pytest.mark.parametrize(
    "disguise", ["&lt;|end|&gt;", "&#60;|end", "\\u003c|end", "\uff1c\uff5cend"]
)
def test_disguises_are_seen_through(disguise: str) -> None:
    assert codes(f"<|start|>user<|message|>{disguise}<|end|>") == ["disguised-text"]
