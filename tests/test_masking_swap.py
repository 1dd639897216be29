"""The swap test for the mask: change the grammar text, and the mask follows."""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path

import pytest
from masking_walks import set_bits, walk

import harmony_grammar as hg
from harmony_grammar import masking
from harmony_grammar.errors import GrammarError
from harmony_grammar.masking import Constraint, Matcher

TEXT = hg.Grammar.default().text
TOOLS = [{"name": "f"}]

CHANGES: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "a new channel": (
        (
            ("| DECLARED_CHANNEL ", "| CRITIQUE\n               | DECLARED_CHANNEL "),
            ('FINAL: "final"', 'CRITIQUE: "critique"  // a channel name\nFINAL: "final"'),
        ),
        ("<|channel|>critique<|message|>Weak.<|end|><|start|>assistant"
        "<|channel|>final<|message|>No.<|return|>"),
    ),
    "the recipient before the channel only": (
        (("    | call_channel recipient content_type?   -> spelled_model\n", ""),),
        " to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>",
    ),
    "a renamed terminator": (
        (('CALL: "<|call|>"', 'CALL: "<|reserved_200013|>"'),),
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|reserved_200013|>",
    ),
    "another recipient marker": (
        (('_TO: " to="', '_TO: " for "'),),
        "<|channel|>commentary for functions.f <|constrain|>json<|message|>{}<|call|>",
    ),
    "a renamed channel": (
        (('FINAL: "final"', 'FINAL: "answer"'),),
        "<|channel|>answer<|message|>Hi<|return|>",
    ),
    "another way to write the content type first": (
        (
            ("content_type: _SPACE CONSTRAIN TYPE        ->", "content_type: _SPACE TYPE ->"),
            ("| _SPACE TYPE                  ->", "| _SPACE CONSTRAIN TYPE ->"),
        ),
        "<|channel|>commentary to=functions.f json<|message|>{}<|call|>",
    ),
    "another opening": (
        (('ASSISTANT: "assistant"', 'ASSISTANT: "model"'),),
        ("<|channel|>analysis<|message|>Hm<|end|><|start|>model"
        "<|channel|>final<|message|>Hi<|return|>"),
    ),
    "a field of one's own": (
        (
            ("call_channel? content_type?  -> spelled_openai",
             "call_channel? call_id? content_type? -> spelled_openai"),
            ("call_channel recipient content_type?   -> spelled_model\n",
             ("call_channel recipient call_id? content_type?  -> spelled_model\n\n"
             "// A call may have an id.\n// Example: ` id=c17`\n// Departure: none.\n"
             'call_id: " id=" SEGMENT\n')),
        ),
        "<|channel|>commentary to=functions.f id=c17 <|constrain|>json<|message|>{}<|call|>",
    ),
    "bodies in ASCII": (
        ((r"TEXT: /(.|\n)+/", "TEXT: /[ -~\\n]+/"),),
        "<|channel|>final<|message|>Hi!\n<|return|>",
    ),
}  # fmt: skip


def swapped(change: str) -> hg.Grammar:
    text = TEXT
    for old, new in CHANGES[change][0]:
        assert old in text, old
        text = text.replace(old, new)
    return hg.Grammar.from_text(text)


GRAMMARS = {change: swapped(change) for change in CHANGES}


# What the grammar as it is allows and the changed one does not.
OLD = {
    "a new channel": "<|channel|>critic",
    "the recipient before the channel only": "<|channel|>commentary to",
    "a renamed terminator":
        "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>",
    "another recipient marker": "<|channel|>commentary to=",
    "a renamed channel": "<|channel|>final",
    "another way to write the content type first":
        "<|channel|>commentary to=functions.f <|constrain|>",
    "another opening": "<|channel|>analysis<|message|><|end|><|start|>assistant",
    "a field of one's own": "<|channel|>commentary to=functions.f id=<|constrain|>",
    "bodies in ASCII": "<|channel|>final<|message|>é",
}  # fmt: skip


def take(grammar: hg.Grammar, text: str) -> Matcher:
    constraint = Constraint(TOOLS, grammar=grammar)
    matcher = constraint.matcher()
    matcher.accept_all(constraint.encode(text))
    return matcher


@pytest.mark.parametrize("change", CHANGES)
def test_the_mask_allows_the_new_and_no_longer_the_old(change: str) -> None:
    text = CHANGES[change][1]
    assert take(GRAMMARS[change], text).is_finished
    with pytest.raises(hg.ConstraintViolation):
        take(GRAMMARS[change], OLD[change])
    if change != "bodies in ASCII":  # these are texts of the old grammar as well
        with pytest.raises(hg.ConstraintViolation):
            take(hg.Grammar.default(), text)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(4))
def test_every_walk_parses_in_the_changed_grammar(change: str, seed: int) -> None:
    grammar = GRAMMARS[change]
    rng = random.Random(seed)  # noqa: S311  a repeatable walk
    ids, done = walk(Constraint(TOOLS, grammar=grammar), rng)
    assert grammar.check(ids, "completion").status == ("complete" if done else "truncated")


def test_the_masks_of_a_new_channel() -> None:
    matcher = Constraint(grammar=GRAMMARS["a new channel"]).matcher("<|channel|>")
    critique = GRAMMARS["a new channel"].vocabulary.encode("critique")
    matcher.accept_all(critique)
    assert set_bits(matcher.mask()) == [200_008]
    old = Constraint().matcher("<|channel|>")
    assert old.expected() == ("`analysis`", "`commentary`", "`final`")


def test_a_field_of_ones_own_may_be_anything_that_its_terminal_is() -> None:
    grammar = GRAMMARS["a field of one's own"]
    head = "<|channel|>commentary to=functions."
    tools = [{"name": "f"}, {"name": "g"}]
    constraint = Constraint(tools, grammar=grammar)
    for call_id in ("f", "functions", "any-thing_9"):  # not only the name of a tool
        text = f"{head}g id={call_id} <|constrain|>json<|message|>{{}}<|call|>"
        matcher = constraint.matcher()
        matcher.accept_all(constraint.encode(text))
        assert matcher.is_finished
        tree = grammar.parse(text, "completion")
        assert tree.messages[0].extras == {"call_id": call_id}
        assert grammar.render(tree) == text
    assert constraint.matcher(f"{head}g").expected() == ("` `", "` id=`")


def test_a_prompt_tells_its_tools_whatever_its_roles_are_called() -> None:
    text = TEXT
    for role, word in (("SYSTEM", "sys"), ("DEVELOPER", "dev"), ("ASSISTANT", "model")):
        text, count = re.subn(rf'(?m)^{role}: "\w+"', f'{role}: "{word}"', text)
        assert count == 1
    grammar = hg.Grammar.from_text(text)
    system = hg.SystemContent().with_browser_tool()
    developer = hg.DeveloperContent().with_function_tools([hg.ToolDescription("look", "Looks.")])
    messages = (
        hg.Message.from_role_and_content(hg.Role.SYSTEM, system),
        hg.Message.from_role_and_content(hg.Role.DEVELOPER, developer),
    )
    for talk in (messages, messages[1:]):
        prompt = hg.Conversation(list(talk), hg.OpenMessage(hg.Author(hg.Role.ASSISTANT)))
        for source in (grammar.render(prompt), grammar.encode(prompt)):
            told = Constraint.from_prompt(
                source, grammar=grammar, tool_choice="auto", channels=None
            )
            own = Constraint.from_prompt(hg.render(prompt))
            assert told.tool_names == own.tool_names
            assert told.tool_names[-1] == "functions.look"
            assert (told.matcher().mask() == own.matcher().mask()).all()


def test_a_new_channel_is_reasoning_of_which_a_budget_counts_the_ids() -> None:
    grammar = GRAMMARS["a new channel"]
    constraint = Constraint(grammar=grammar, max_reasoning_tokens=3)
    matcher = constraint.matcher()
    matcher.accept_all(constraint.encode("<|channel|>critique<|message|>a a a"))
    assert set_bits(matcher.mask()) == constraint.encode("<|end|>")
    with pytest.raises(hg.ConstraintViolation):
        Constraint(grammar=grammar, reasoning="forbid").matcher("<|channel|>critique")


def test_the_masks_of_special_tokens_of_ones_own() -> None:
    text = TEXT.replace('"<|call|>"', '"<|done|>"')
    grammar = hg.Grammar.from_text(text, special_tokens={"<|done|>": 201_000})
    constraint = Constraint(TOOLS, grammar=grammar, tool_choice="required")
    assert constraint.stop_ids == (201_000,)
    ids = constraint.encode("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}")
    assert constraint.matcher(ids).forced() == [201_000]


def test_the_masks_of_another_body() -> None:
    matcher = take(GRAMMARS["bodies in ASCII"], "<|channel|>final<|message|>")
    vocabulary = GRAMMARS["bodies in ASCII"].vocabulary
    printable = {*range(0x20, 0x7F), 0x0A}
    legal = {t for t, piece in vocabulary.pieces.items() if printable.issuperset(piece)}
    assert set(set_bits(matcher.mask())) == legal | {200_002}


def test_an_arrangement_that_is_not_regular_is_refused() -> None:
    text = TEXT.replace(
        "completion: (interim opening)* last", "completion: interim opening completion last | last"
    )
    with pytest.raises(GrammarError, match="is not regular"):
        Constraint(grammar=hg.Grammar.from_text(text))


def test_an_arrangement_that_ends_with_itself_is_regular() -> None:
    text = TEXT.replace(
        "completion: (interim opening)* last", "completion: interim opening completion | last"
    )
    grammar = hg.Grammar.from_text(text)
    once = "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant"
    assert take(grammar, once * 3 + "<|channel|>final<|message|>Hi<|return|>").is_finished


def test_no_module_of_the_mask_spells_what_the_grammar_spells() -> None:
    rules = hg.Grammar.default()
    headers = (p for p in rules.rules.source.productions if p.rule not in rules.rules.body_rules)
    used = {symbol.name for production in headers for symbol in production.symbols}
    terminals = (terminal for name, terminal in rules.rules.terminals.items() if name in used)
    words = {t.pattern for t in terminals if t.fixed and len(t.pattern or "") > 2}
    checked = 0
    for path in Path(masking.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                checked += 1
                assert node.value not in words, (path.name, node.lineno)
    assert checked > 100
