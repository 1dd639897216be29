"""The linter: each rule by its own examples, and which rules are looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import harmony_grammar as hg
from harmony_grammar.checking.declared import declared_tools
from harmony_grammar.checking.lint import LINT_RULES

if TYPE_CHECKING:
    from harmony_grammar.checking.codes import CodeExample

EXAMPLES = {code.value: code.example for code in LINT_RULES}


def good(example: CodeExample) -> str | list[int]:
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
def test_a_rule_speaks_of_the_bad_example_only(code: str, example: CodeExample) -> None:
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
def test_text_and_ids_are_told_the_same(code: str, example: CodeExample) -> None:
    if isinstance(example.bad, str):
        assert codes(hg.encode(hg.parse(example.bad))) == [code]
    else:
        with pytest.raises(hg.RenderError):  # what only ids can hold
            hg.render(hg.parse(example.bad))


@pytest.mark.parametrize(("code", "example"), EXAMPLES.items())
def test_rules_can_be_chosen(code: str, example: CodeExample) -> None:
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
            [
                hg.Message.from_role_and_content(hg.Role.SYSTEM, system),
                hg.Message.from_role_and_content(hg.Role.DEVELOPER, developer),
            ]
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


# --- grammars of one's own ---

RESPELLED = {
    "system": "sys",
    "developer": "dev",
    "user": "human",
    "assistant": "model",
    "analysis": "thoughts",
    "commentary": "notes",
    "final": "answer",
}
_WORD = re.compile(rf"\b({'|'.join(RESPELLED)})\b")


def respelled(text: str) -> str:
    """A text with each role and each channel spelled as `OTHER` spells it."""
    return _WORD.sub(lambda found: RESPELLED[found[0]], text)


def with_changes(*changes: tuple[str, str]) -> hg.Grammar:
    text = hg.Grammar.default().text
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return hg.Grammar.from_text(text)


OTHER = with_changes(*((f': "{word}"', f': "{other}"') for word, other in RESPELLED.items()))
CRITIC = with_changes(
    ("role: SYSTEM ", "role: CRITIC | SYSTEM "),
    ('USER: "user"', 'CRITIC: "critic"  // a role\nUSER: "user"'),
)


@pytest.mark.parametrize(("code", "example"), EXAMPLES.items())
def test_every_rule_follows_the_words_of_the_grammar(code: str, example: CodeExample) -> None:
    def translated(source: str | list[int]) -> str | list[int]:
        if isinstance(source, str):
            return respelled(source)
        return OTHER.encode(hg.parse(source).canonical())  # the roles are the same

    report = OTHER.check(translated(example.bad))
    assert [found.code for found in report.diagnostics] == [code]
    assert OTHER.check(translated(good(example))).diagnostics == ()


def test_hints_are_given_in_the_words_of_the_grammar() -> None:
    (found,) = OTHER.check(respelled(str(EXAMPLES["tool-without-recipient"].bad))).diagnostics
    assert found.hint == "write ` to=model` after the name"
    (found,) = OTHER.check(respelled(str(EXAMPLES["call-on-analysis"].bad))).diagnostics
    assert found.hint == "calls of functions belong on notes"


@pytest.mark.parametrize(("body", "code"), [("&lt;|end|&gt;", "disguised-text"), ("Weak.", None)])
def test_a_role_that_the_grammar_adds_is_one_from_outside(body: str, code: str | None) -> None:
    report = CRITIC.check(f"<|start|>critic<|message|>{body}<|end|>")
    assert [found.code for found in report.diagnostics] == ([code] if code else [])


def test_what_a_role_that_the_grammar_adds_says_is_no_new_turn() -> None:
    reasoned = str(EXAMPLES["kept-reasoning"].bad)
    assert [found.code for found in CRITIC.check(reasoned).diagnostics] == ["kept-reasoning"]
    *before, last = reasoned.rpartition("<|start|>user")
    criticised = "".join(before[:1]) + "<|start|>critic" + last
    assert CRITIC.check(criticised).diagnostics == ()
