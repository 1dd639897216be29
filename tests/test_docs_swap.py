"""The swap test of the documents: they are those of the grammar that they are made from."""

from __future__ import annotations

import functools

import pytest
from test_swap import CHANGES, GRAMMARS, TEXT

import harmony_grammar as hg
from harmony_grammar.docs import Format
from harmony_grammar.docs.catalogue import translated
from harmony_grammar.docs.files import files
from harmony_grammar.docs.reference import reference

OWN = files(hg.Grammar.default(), Format.MARKDOWN)


@functools.cache
def made(change: str) -> dict[str, str]:
    return files(GRAMMARS[change], Format.MARKDOWN)


@pytest.mark.parametrize("change", CHANGES)
def test_the_rules_follow(change: str) -> None:
    assert made(change)["rules.md"] != OWN["rules.md"]
    assert made(change)["grammar.ebnf"] != OWN["grammar.ebnf"]


def test_a_new_channel_appears() -> None:
    pages = made("a new channel")
    assert "`analysis`, `critique`, `commentary`" in pages["cheat-sheet.md"].replace(
        "`analysis`, `commentary`, `critique`", "`analysis`, `critique`, `commentary`"
    )
    assert 'working_channel ::= "critique" | "analysis" | "commentary"' in pages["rules.md"]
    assert "critique" in pages["diagrams/rule-working_channel.svg"]
    assert "<code>critique</code>" in pages["tokens.md"]
    assert "critique" not in "".join(OWN.values())


def test_a_renamed_terminator_appears() -> None:
    pages = made("a renamed terminator")
    new = "&lt;|reserved_200013|&gt;"
    assert "`<|reserved_200013|>` ends a message and not the gen" in pages["cheat-sheet.md"]
    assert "| 200013 |" in pages["tokens.md"]
    assert new in pages["diagrams/completion.svg"]
    assert "<|reserved_200013|>" in pages["errors.md"]
    assert "&lt;|end|" not in pages["diagrams/completion.svg"]


def test_an_order_that_is_gone_is_gone_from_the_pages() -> None:
    call = made("recipient after channel only")["rules.md"].split("## `call`")[1]
    assert "call ::= call_channel recipient content_type?" in call
    assert "**This example does not come from the rule.**" in call.split("\n## ")[0]


@pytest.mark.parametrize("change", CHANGES)
def test_the_examples_of_codes_follow(change: str) -> None:
    grammar = GRAMMARS[change]
    text = "<|start|>user<|message|>the end is final<|end|>"
    grammar.parse(translated(grammar, text))
    assert "unknown-channel" in made(change)["errors.md"]


def test_words_are_exchanged_whole() -> None:
    grammar = GRAMMARS["a renamed channel"]
    assert translated(grammar, "<|channel|>final finalx") == "<|channel|>answer finalx"
    renamed = GRAMMARS["a renamed terminator"]
    assert translated(renamed, [200006, 1428, 200008, 200007]) == [200006, 1428, 200008, 200013]


def test_a_token_without_an_id_is_documented() -> None:
    grammar = hg.Grammar.from_text(TEXT.replace('"<|end|>"', '"<|stop|>"'))
    pages = files(grammar, Format.MARKDOWN)
    assert "&#124;stop&#124;&gt;</code> | none |" in pages["tokens.md"]


def test_a_rule_that_contains_itself_is_one_part() -> None:
    text = TEXT.replace("body: TEXT?  -> body", 'body: TEXT?  -> body\nnest: "(" nest? ")"')
    text = text.replace("plain: channel content_type?", "plain: nest | channel content_type?")
    grammar = hg.Grammar.from_text(text)
    (box,) = [box for box in reference(grammar).completion.boxes if box.label == "nest"]
    assert box.kind == "rule"
    assert 'nest ::= "(" nest? ")"' in files(grammar, Format.MARKDOWN)["rules.md"]
