"""What is unusual but no error: one table of transcripts and the warnings they get."""

from __future__ import annotations

import pytest

import harmony_grammar as hg
from harmony_grammar.checking.messages import MESSAGE_RULES

USER = "<|start|>user<|message|>Hi<|end|>"
CALL = (
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
)
RESULT = "<|start|>functions.f to=assistant<|channel|>commentary<|message|>5<|end|>"
THINK = "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|>"
ANSWER = "<|start|>assistant<|channel|>final<|message|>Five.<|end|>"
REQUIRED = (
    "<|start|>system<|message|># Valid channels: analysis, commentary, final. "
    "Channel must be included for every message.<|end|>"
)

GOOD = {
    "call and result": USER + THINK + CALL + RESULT + ANSWER,
    "two calls": CALL + RESULT + CALL + RESULT,
    "reasoning of this turn": USER + ANSWER + USER + THINK + ANSWER,
    "channels where required": REQUIRED + USER + THINK + ANSWER,
    "a return at the end": USER + ANSWER.replace("<|end|>", "<|return|>"),
    "code that is code": CALL.replace("<|constrain|>json", "code").replace("{}", "print(1)"),
}

BAD = {
    "call-on-analysis": CALL.replace("commentary", "analysis"),
    "code-is-json": CALL.replace("<|constrain|>json", "code"),
    "invalid-json": CALL.replace("{}", "{"),
    "unusual-type": CALL.replace("json", "JSON"),
    "adjacent-constrain": CALL.replace(" <|constrain|>", "<|constrain|>"),
    "return-in-history": ANSWER.replace("<|end|>", "<|return|>") + USER,
    "missing-channel": REQUIRED + "<|start|>assistant<|message|>Hi<|end|>",
    "kept-reasoning": USER + THINK + ANSWER + USER + ANSWER,
    "tool-without-channel": CALL + "<|start|>functions.f to=assistant<|message|>5<|end|>",
    "tool-without-recipient": CALL + "<|start|>functions.f<|channel|>commentary<|message|>5<|end|>",
    "result-without-call": CALL + RESULT + RESULT,
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_usual_gets_no_warning(name: str) -> None:
    assert hg.check(GOOD[name]).diagnostics == ()


@pytest.mark.parametrize("code", BAD)
def test_what_is_unusual_gets_one(code: str) -> None:
    report = hg.check(BAD[code])
    assert report.ok
    assert [d.code for d in report.diagnostics] == [code]
    (warning,) = report.diagnostics
    assert warning.severity is hg.Severity.WARNING
    assert warning.hint
    assert hg.parse(BAD[code])
    ids = hg.encode(hg.parse(BAD[code]))
    assert [d.code for d in hg.check(ids).diagnostics] == [code]


def test_every_rule_has_its_example() -> None:
    rules = {rule for rules in MESSAGE_RULES.values() for rule in rules}
    assert len(rules) == len(BAD)


def test_warnings_come_with_an_error() -> None:
    report = hg.check(BAD["unusual-type"] + "<|start|>")
    assert [d.code for d in report.diagnostics] == ["unusual-type", "truncated-header"]
