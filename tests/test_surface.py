"""The public surface: one keyword for a grammar, a vocabulary of its own, whole docstrings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import harmony_grammar as hg
from harmony_grammar.grammar import Rules

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "<|start|>user<|message|>Hi<|end|>"
ANSWER = hg.Message.from_role_and_content(hg.Role.ASSISTANT, "Hi").with_channel("final")
BEGUN = hg.Grammar.default().text.replace("<|start|>", "<|begin|>")
OWN = hg.Grammar.from_text(hg.Grammar.default().text)

OLD: dict[str, Callable[[dict[str, Any]], object]] = {
    "rules of a constraint": lambda more: hg.Constraint(**more or {"rules": OWN}),
    "rules of a constraint from a prompt": lambda more: hg.Constraint.from_prompt(
        "<|start|>assistant", **more or {"rules": OWN}
    ),
    "recoverer of a stream": lambda more: hg.StreamParser(**more or {"recoverer": OWN.recoverer}),
    "encoding of a loss mask": lambda more: hg.loss_mask(
        hg.Conversation([ANSWER]), **more or {"encoding": hg.HarmonyEncoding(OWN)}
    ),
}


@pytest.mark.parametrize("call", OLD.values(), ids=list(OLD))
def test_old_keywords_warn(call: Callable[[dict[str, Any]], object]) -> None:
    with pytest.warns(DeprecationWarning, match="is now called `grammar=`") as told:
        call({})
    assert {warning.filename for warning in told} == {__file__}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("call", OLD.values(), ids=list(OLD))
def test_grammar_is_the_keyword(call: Callable[[dict[str, Any]], object]) -> None:
    call({"grammar": OWN})


def test_both_keywords_are_refused() -> None:
    with pytest.raises(TypeError, match="`rules` is the old name of `grammar`"):
        hg.Constraint(grammar=OWN, rules=OWN)


@pytest.mark.parametrize("token", [200_006, 201_087, 201_500])
def test_special_tokens_of_ones_own(token: int) -> None:
    grammar = hg.Grammar.from_text(BEGUN, special_tokens={"<|begin|>": token})
    tree = grammar.parse(TEXT.replace("<|start|>", "<|begin|>"))
    ids = [token, 1428, 200008, 12194, 200007]
    assert grammar.encode(tree) == ids
    assert grammar.parse(ids) == tree
    assert grammar.recover(ids, "conversation").messages == tuple(tree.messages)
    encoding = hg.HarmonyEncoding(grammar)
    assert encoding.render_conversation(tree) == ids
    assert encoding.decode(ids) == grammar.render(tree)
    matcher = grammar.constraint().matcher("<|channel|>analysis<|message|>Hm<|end|>")
    assert matcher.allows(token)


def test_special_tokens_that_are_not_given_stay() -> None:
    grammar = hg.Grammar.from_text(BEGUN, special_tokens={"<|begin|>": 200_006})
    assert grammar.special_tokens["<|end|>"] == 200_007
    assert "<|start|>" not in grammar.special_tokens
    assert grammar.vocabulary.piece(200_006) == b"<|begin|>"
    assert grammar.vocabulary.special_ids == grammar.special_tokens


def test_special_tokens_do_not_take_ordinary_ids() -> None:
    with pytest.raises(hg.VocabularyError, match="ordinary token: give it one from 199998 on"):
        hg.Grammar.from_text(BEGUN, special_tokens={"<|begin|>": 13225})


def test_a_grammar_has_rules_and_is_none() -> None:
    grammar = hg.Grammar.default()
    assert isinstance(grammar.rules, Rules)
    assert not isinstance(grammar, Rules)
    assert grammar is hg.Grammar.default()
    assert (grammar.text, grammar.channels) == (grammar.rules.text, grammar.rules.channels)
    assert {name for name in dir(grammar) if not name.startswith("_")} == {
        *("channels", "check", "constraint", "default", "encode", "from_text", "load", "parse"),
        *("parser", "recover", "recoverer", "render", "renderer", "roles", "rules"),
        *("special_tokens", "stream", "text", "to_lark", "using", "vocabulary"),
    }


@pytest.mark.parametrize("name", ["check", "encode", "parse", "recover", "render"])
def test_the_functions_say_what_they_do(name: str) -> None:
    said = getattr(hg, name).__doc__
    assert re.findall(r"^ +(\w+):$", said, re.MULTILINE) == ["Args", "Returns", "Raises", "Example"]
