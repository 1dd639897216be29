"""The swap test: change the grammar text, and everything that is derived from it follows.

Nothing in the package may know a word or an order that stands in the grammar; so each change
here is one to the text alone.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harmony_grammar as hg
from harmony_grammar.docs.reference import rules_of
from harmony_grammar.strategies import damaged, sentences, tokenisations

TEXT = hg.Grammar.default().text

CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "a new channel": (
        ("working_channel: ANALYSIS ", "working_channel: CRITIQUE | ANALYSIS "),
        ('FINAL: "final"', 'CRITIQUE: "critique"  // a channel name\nFINAL: "final"'),
    ),
    "recipient after channel only": (
        ("call: recipient call_channel? content_type?  -> spelled_openai\n    | ", "call: "),
    ),
    "channel behind the recipient only": (
        ("    | call_channel recipient content_type?   -> spelled_model\n", ""),
    ),
    "a new role": (
        ("role: SYSTEM ", "role: CRITIC | SYSTEM "),
        ('USER: "user"', 'CRITIC: "critic"  // a role\nUSER: "user"'),
    ),
    "a renamed terminator": (('END: "<|end|>"', 'END: "<|reserved_200013|>"'),),
    "another recipient marker": (('_TO: " to="', '_TO: " for "'),),
    "a renamed channel": (('FINAL: "final"', 'FINAL: "answer"'),),
    "other titles": (
        ('_TOOLS: "# Tools"', '_TOOLS: "# What you can call"'),
        ('_INSTRUCTIONS: "# Instructions"', '_INSTRUCTIONS: "# What to do"'),
        ('_FORMATS: "# Response Formats"', '_FORMATS: "# How to answer"'),
        ('_HEADING: "## "', '_HEADING: "== "'),
        ('_NAMESPACE: "namespace"', '_NAMESPACE: "module"'),
        ('_REASONING: "Reasoning: "', '_REASONING: "Effort: "'),
        ('_CUTOFF: "Knowledge cutoff: "', '_CUTOFF: "Knows until "'),
        ('HIGH: "high"', 'HIGH: "much"'),
    ),
}


def swapped(change: str) -> hg.Grammar:
    text = TEXT
    for old, new in CHANGES[change]:
        assert old in text, old
        text = text.replace(old, new)
    return hg.Grammar.from_text(text)


GRAMMARS = {change: swapped(change) for change in CHANGES}


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=25)
@given(data=st.data())
def test_parser_and_renderer_follow(change: str, data: st.DataObject) -> None:
    grammar = GRAMMARS[change]
    text = data.draw(sentences(grammar, "conversation"))
    tree = grammar.parse(text)
    assert grammar.render(tree) == text
    assert grammar.parse(grammar.render(tree.canonical(), spelling="model")) == tree
    ids = data.draw(tokenisations(text, grammar))
    assert grammar.parse(ids) == tree
    assert grammar.encode(grammar.parse(ids)) == ids


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=25)
@given(data=st.data())
def test_verdicts_follow(change: str, data: st.DataObject) -> None:
    grammar = GRAMMARS[change]
    text = data.draw(damaged(grammar, "completion"))
    report = grammar.check(text, "completion")
    if report.ok:
        assert grammar.render(report.conversation) == text


def test_a_new_channel_is_read_written_and_told() -> None:
    grammar = GRAMMARS["a new channel"]
    text = "<|start|>assistant<|channel|>critique<|message|>Weak.<|end|>"
    (message,) = grammar.parse(text)
    assert message.channel == "critique"
    assert grammar.render(message.canonical()) == text
    assert hg.check(text).status == "malformed"
    (error,) = grammar.check("<|start|>assistant<|channel|>critik<|message|>").diagnostics
    assert "`critique`" in error.expected
    assert error.hint == "did you mean `critique`?"


def test_a_new_role_is_one_of_its_own() -> None:
    grammar = GRAMMARS["a new role"]
    text = "<|start|>critic<|message|>Weak.<|end|>"
    (message,) = grammar.parse(text)
    assert message.author == hg.Author(hg.CustomRole("critic"))
    assert grammar.render(message.canonical()) == text
    with pytest.raises(hg.RenderError, match="no role 'critic'"):
        hg.render(message)


def test_an_order_that_is_gone_is_neither_read_nor_written() -> None:
    first = "<|start|>assistant to=functions.f<|channel|>commentary<|message|>{}<|call|>"
    behind = "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    grammar = GRAMMARS["recipient after channel only"]
    assert grammar.check(first).status == "malformed"
    assert grammar.render(hg.parse(first), spelling="openai") == behind
    grammar = GRAMMARS["channel behind the recipient only"]
    assert grammar.check(behind).status == "malformed"
    assert grammar.render(hg.parse(behind), spelling="model") == first


def test_a_renamed_terminator_is_an_ordinary_text_elsewhere() -> None:
    grammar = GRAMMARS["a renamed terminator"]
    text = "<|start|>user<|message|>spell <|end|> freely<|reserved_200013|>"
    assert grammar.parse(text).messages[0].text == "spell <|end|> freely"
    assert grammar.encode(grammar.parse(text))[-1] == 200013


def test_what_a_grammar_cannot_write_is_refused() -> None:
    grammar = hg.Grammar.from_text(re.sub(r"(message: )opening _spoken .*\n +\| ", r"\1", TEXT))
    answer = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "Hi").with_channel("final")
    with pytest.raises(hg.RenderError, match="no message of the format has role 'assistant'"):
        grammar.render(answer)


def prompt_with_tools() -> hg.Conversation:
    system = hg.SystemContent.new().with_reasoning_effort(hg.ReasoningEffort.HIGH)
    tool = hg.ToolDescription("buy", "Buys it.", {"type": "object", "properties": {"a": {}}})
    developer = (
        hg.DeveloperContent.new()
        .with_instructions("Be kind.")
        .with_function_tools([tool])
        .with_response_format("list", {"type": "array"})
    )
    call = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "{}").with_channel("commentary")
    return hg.Conversation(
        [
            hg.Message.from_role_and_content(hg.Role.SYSTEM, system),
            hg.Message.from_role_and_content(hg.Role.DEVELOPER, developer),
            call.with_recipient("functions.sell").with_content_type("json"),
        ]
    )


def test_other_titles_of_bodies_are_read_written_checked_and_told() -> None:
    grammar, conversation = GRAMMARS["other titles"], prompt_with_tools()
    text = grammar.render(conversation)
    for word in ("# What you can call", "# What to do", "# How to answer", "module functions {"):
        assert word in text
    assert "Knows until 2024-06\n\nEffort: much\n" in text
    assert "# Tools" not in text
    assert grammar.parse(text, bodies=True) == conversation
    assert hg.parse(text, bodies=True) != conversation
    assert "undeclared-tool" in [found.code for found in grammar.check(text).diagnostics]
    assert "undeclared-tool" not in [found.code for found in hg.check(text).diagnostics]
    told = {rule.name: rule.ebnf for rule in rules_of(grammar)}
    assert told["tools"].startswith('tools ::= "# What you can call"')
